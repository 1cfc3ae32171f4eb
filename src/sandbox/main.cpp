// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <csignal>
#include <iostream>

#include "bridge/telemetry/logging.hpp"
#include "sandbox/command_line.hpp"
#include "sandbox/servicenow/seed.hpp"

using namespace bridge;

int main(int argc, char** argv) {
  const auto line = sandbox::parse_command_line({argv + 1, argv + argc});
  if (!line) {
    std::cerr << "handoff-sandbox: " << line.error().context() << "; see --help\n";
    return 64;
  }
  if (line->action == sandbox::CommandLine::Action::help) {
    std::cout << sandbox::usage();
    return 0;
  }
  const auto& options = line->options;
  if (line->action == sandbox::CommandLine::Action::print_env) {
    const std::string scheme = options.tls_certificate_file.empty() ? "http://" : "https://";
    std::cout << sandbox::environment_for_bridge(
        options.servicenow, scheme + options.host + ":" + std::to_string(options.port));
    return 0;
  }

  // Before any thread is made, so that only this one takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto logger = telemetry::make_logger(telemetry::LogOptions(), "sandbox");
  sandbox::Sandbox server(options, *logger);
  if (auto started = server.start(); !started) {
    std::cerr << "handoff-sandbox: " << started.error().to_string() << "\n";
    return 1;
  }
  std::cout << "handoff-sandbox listening on " << server.url() << std::endl;
  int received = 0;
  sigwait(&signals, &received);
  server.stop();
  return 0;
}
