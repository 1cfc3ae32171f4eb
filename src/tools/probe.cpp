// SPDX-License-Identifier: MIT
#include "bridge/tools/probe.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>

#include "bridge/core/exception.hpp"
#include "tools/visit.hpp"

namespace bridge::tools {
namespace {

constexpr int kExitUsage = 64;  // sysexits.h, EX_USAGE

int run(const ProbeOptions& options, std::ostream& out, std::ostream& err) {
  asio::io_context context(1);
  NullLogger silent;
  net::ClientOptions calls;
  calls.allow_http = true;  // the command line has judged the address
  calls.ca_file = options.ca_file;
  calls.ca_setting = "--ca-file";
  auto client = net::make_http_client(context.get_executor(), calls, silent);
  if (!client) {
    err << "handoff-bridge: " << client.error().to_string() << "; " << client.error().hint()
        << '\n';
    return 1;
  }
  ProbeReport report(out, options.url, options.json);
  Visit visit(**client, options, report);

  asio::cancellation_signal cancel;
  asio::signal_set signals(context, SIGINT, SIGTERM);
  int caught = 0;
  signals.async_wait([&](const boost::system::error_code& failed, int number) {
    if (failed) return;
    caught = number;
    cancel.emit(asio::cancellation_type::terminal);
    // Whoever asks twice does not want to wait for the clean-up.
    signals.async_wait([](const boost::system::error_code& again_failed, int again) {
      if (!again_failed) std::_Exit(128 + again);
    });
  });

  bool done = false;
  std::exception_ptr thrown;
  const auto finished = [&](std::exception_ptr error) {
    done = true;
    thrown = error;
  };
  // The pool of kept connections has timers of its own: the context never runs dry in time.
  asio::co_spawn(context, visit.play(), asio::bind_cancellation_slot(cancel.slot(), finished));
  while (!done) context.run_one();
  if (thrown && report.is_running())
    report.failed(caught ? "interrupted" : "a bug of the probe: " + describe(thrown));

  done = false;
  thrown = nullptr;
  asio::co_spawn(context, visit.clean_up(), finished);
  while (!done) context.run_one();
  if (thrown && report.is_running()) report.failed("a bug of the probe: " + describe(thrown));

  (*client)->close();
  report.finish();
  if (caught) return 128 + caught;
  return report.all_passed() ? 0 : 1;
}

}  // namespace

std::string_view probe_help() {
  return "handoff-bridge probe --url URL [options]\n"
         "Opens a session at a running bridge, asks for a person, sends a message, reads it back "
         "and\n"
         "ends the chat; prints each step with its time. In ServiceNow that is one real "
         "interaction.\n\n"
         "  --url URL        where the bridge is\n"
         "  --expect-agent   wait until somebody has accepted the chat and has written\n"
         "  --timeout TIME   how long each step may take (30s)\n"
         "  --json           one JSON object instead of lines\n"
         "  --ca-file FILE   certificates (PEM) to trust besides the system's\n"
         "  --allow-http     http:// to another machine than this one\n\n"
         "Exits with 0 if all steps passed, 1 if one failed, 64 for a wrong command line.\n";
}

int probe(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  const ProbeOptions options = parse_probe_options(words);
  if (options.help) {
    out << probe_help();
    return 0;
  }
  if (!options.complaint.empty()) {
    err << "handoff-bridge: " << options.complaint << "; see handoff-bridge probe --help\n";
    return kExitUsage;
  }
  return run(options, out, err);
}

}  // namespace bridge::tools
