// SPDX-License-Identifier: MIT
// `handoff-bridge probe`: one handoff from end to end against a running bridge, as a page would do
// it, each step timed. It needs no configuration and no secret. In ServiceNow it makes one real
// interaction, which it ends again, also when a step fails or somebody presses Ctrl-C.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace bridge::tools {

std::string_view probe_help();

/// `words` are those behind "probe". The report goes to `out`, complaints about the command line to
/// `err`. Takes SIGINT and SIGTERM while it runs; a second one leaves without cleaning up.
/// Returns the exit code: 0 passed, 1 a step failed, 64 wrong command line, 128 + signal.
int probe(const std::vector<std::string>& words, std::ostream& out, std::ostream& err);

}  // namespace bridge::tools
