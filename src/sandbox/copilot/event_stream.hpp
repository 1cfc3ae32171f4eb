// SPDX-License-Identifier: MIT
// Reads the body of a turn that was asked for as a stream (WHATWG HTML, server-sent events), and is
// stricter than a browser: whatever a careful sender would not write is a problem.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bridge::sandbox::copilot {

struct StreamBlock {
  std::string event;
  std::string data;
};

struct EventStream {
  /// In order; also those before and after what is wrong.
  std::vector<StreamBlock> blocks;
  std::vector<std::string> problems;
};

/// Lines end with CRLF, LF or CR.
EventStream parse_event_stream(std::string_view body);

}  // namespace bridge::sandbox::copilot
