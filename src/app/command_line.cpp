// SPDX-License-Identifier: MIT
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>

#include "bridge/app/app.hpp"
#include "bridge/config/documentation.hpp"
#include "bridge/config/environment.hpp"
#include "bridge/stores/sqlite_store.hpp"
#include "bridge/tools/health.hpp"
#include "bridge/tools/probe.hpp"

namespace bridge::app {
namespace {

constexpr int kExitUsage = 64;  // sysexits.h, EX_USAGE
/// For what is still posted when everything has been stopped.
constexpr std::chrono::seconds kLastWork{2};

class CommandLine {
 public:
  std::string command = "serve";
  std::string env_file;
  bool help = false;
  bool print_config = false;
  stores::Erasure erasure;  ///< of `forget`
  std::string complaint;    ///< empty if it was understood
};

CommandLine parse(const std::vector<std::string>& arguments) {
  CommandLine line;
  bool have_command = false;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--help" || word == "-h") {
      line.help = true;
    } else if (word == "--version") {
      line.command = "version";
    } else if (word == "--print-config") {
      line.print_config = true;
    } else if (word == "--env-file" && i + 1 < arguments.size()) {
      line.env_file = arguments[++i];
    } else if (word.starts_with("--env-file=")) {
      line.env_file = word.substr(11);
    } else if (word == "--session" && i + 1 < arguments.size()) {
      line.erasure.session = arguments[++i];
    } else if (word.starts_with("--session=")) {
      line.erasure.session = word.substr(10);
    } else if (word == "--user" && i + 1 < arguments.size()) {
      line.erasure.user = arguments[++i];
    } else if (word.starts_with("--user=")) {
      line.erasure.user = word.substr(7);
    } else if (word.starts_with("-")) {
      line.complaint = "unknown option " + word;
    } else if (have_command) {
      line.complaint = "one command is enough; " + word + " is another";
    } else {
      line.command = word;
      have_command = true;
    }
  }
  if (line.command != "serve" && line.command != "check-config" && line.command != "version" &&
      line.command != "health" && line.command != "forget")
    line.complaint = "unknown command " + line.command;
  const bool names_one = line.erasure.session.empty() != line.erasure.user.empty();
  const bool names_any = !line.erasure.session.empty() || !line.erasure.user.empty();
  if (line.complaint.empty() && line.command == "forget" && !line.help && !names_one)
    line.complaint = "forget needs --session ID or --user WHO, one of them";
  if (line.complaint.empty() && line.command != "forget" && names_any)
    line.complaint = "--session and --user belong to forget";
  return line;
}

void print_help() {
  std::cout
      << "handoff-bridge carries a chat from a Copilot Studio assistant to a live agent in "
         "ServiceNow.\n\n"
         "  handoff-bridge [serve]        serve until SIGTERM\n"
         "  handoff-bridge check-config   say what is wrong with the configuration, or that "
         "nothing is\n"
         "  handoff-bridge probe --url U  one timed handoff against a running bridge; see probe "
         "--help\n"
         "  handoff-bridge forget --session ID | --user WHO\n"
         "                                erase one session, or all of a person (e-mail, Direct "
         "Line user\n"
         "                                or user id of a conversation), from BRIDGE_STORE and the "
         "process\n"
         "                                that serves from it\n"
         "  handoff-bridge health         ask the bridge on this machine whether it is alive\n"
         "  handoff-bridge version        print the version\n\n"
         "  --env-file FILE               read NAME=value lines; the environment goes before them\n"
         "  --print-config                print the configuration in force, secrets masked\n\n"
      << config::help_text();
}

/// The configuration, or an exit code after having said why there is none.
std::variant<config::Config, int> configure(const CommandLine& line, config::Purpose purpose) {
  config::EnvMap file;
  if (!line.env_file.empty()) {
    auto read = config::read_env_file(line.env_file);
    if (auto* problems = std::get_if<std::vector<config::ConfigProblem>>(&read)) {
      std::cerr << config::describe(*problems);
      return config::kExitConfig;
    }
    file = std::get<config::EnvMap>(std::move(read));
  }
  std::vector<std::string> names = config::process_variable_names();
  for (const auto& [name, value] : file) names.push_back(name);
  auto loaded = config::load_config(config::layered(config::process_environment(), std::move(file)),
                                    names, purpose);
  if (auto* problems = std::get_if<std::vector<config::ConfigProblem>>(&loaded)) {
    std::cerr << config::describe(*problems);
    return config::kExitConfig;
  }
  return std::get<config::Config>(std::move(loaded));
}

/// Returns the exit code.
int report(const Error& error) {
  std::cerr << "handoff-bridge: " << error.to_string() << '\n';
  if (!error.hint().empty()) std::cerr << error.hint() << '\n';
  return 1;
}

Task<> serve_until_told(App& app, Millis grace, int& exit_code) {
  const auto executor = co_await asio::this_coro::executor;
  asio::signal_set signals(executor, SIGTERM, SIGINT);
  auto started = co_await app.start();
  if (!started) {
    exit_code = report(started.error());
    co_await app.stop(in(grace));
    co_return;
  }
  bool lost = false;
  app.when_store_is_lost([&] {
    lost = true;
    signals.cancel();
  });
  if (!lost) co_await signals.async_wait(as_result);
  app.when_store_is_lost(nullptr);
  if (app.store_error()) exit_code = report(*app.store_error());
  // A second signal leaves at once.
  signals.async_wait([](const boost::system::error_code& failed, int) {
    if (!failed) std::_Exit(1);
  });
  co_await app.stop(in(grace));
}

int serve(config::Config config, const std::string& program) {
  // A file at its limit (ulimit -f, a quota) is a failed write and not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  asio::io_context context(1);
  const Millis grace = config.connections.shutdown_grace;
  auto app = App::create(context.get_executor(), std::move(config), program);
  if (!app) return report(app.error());
  int exit_code = 0;
  std::exception_ptr thrown;
  asio::co_spawn(context, serve_until_told(**app, grace, exit_code), [&](std::exception_ptr error) {
    thrown = error;
    context.stop();
  });
  context.run();
  context.restart();
  context.run_for(kLastWork);
  // Something does not let go. Everything has been stopped and said; the platform is not made to
  // wait for it.
  if (!context.stopped() && !thrown) std::_Exit(exit_code);
  if (thrown) std::rethrow_exception(thrown);
  return exit_code;
}

/// How long the process that serves may take to say that it is there, and to be done: it ends chats
/// in ServiceNow first.
constexpr std::chrono::seconds kForgetPatience{3};
constexpr std::chrono::seconds kForgetLimit{60};

int forget(const config::Config& config, const stores::Erasure& which) {
  if (config.sqlite_path.empty()) {
    std::cerr << "handoff-bridge: BRIDGE_STORE is " << config.store
              << ", so nothing is kept outside the process that serves; a restart of it forgets "
                 "everything\n";
    return 1;
  }
  const auto erased =
      stores::erase_from_sqlite(config.sqlite_path, which, kForgetPatience, kForgetLimit);
  if (!erased) return report(erased.error());
  std::cout << "erased " << *erased << (*erased == 1 ? " session" : " sessions") << '\n';
  return 0;
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() > 1 && arguments[1] == "probe")  // has a command line of its own
    return tools::probe({arguments.begin() + 2, arguments.end()}, std::cout, std::cerr);
  const CommandLine line = parse(arguments);
  if (!line.complaint.empty()) {
    std::cerr << "handoff-bridge: " << line.complaint << "; see handoff-bridge --help\n";
    return kExitUsage;
  }
  if (line.help) {
    print_help();
    return 0;
  }
  if (line.command == "version") {
    std::cout << "handoff-bridge " << BRIDGE_VERSION << '\n';
    return 0;
  }
  const bool serves = line.command != "health" && line.command != "forget";
  auto configured = configure(line, serves ? config::Purpose::serve : config::Purpose::tools);
  if (const int* code = std::get_if<int>(&configured)) return *code;
  config::Config config = std::get<config::Config>(std::move(configured));
  if (line.print_config) {
    std::cout << config::print_config(config);
    return 0;
  }
  if (line.command == "forget") return forget(config, line.erasure);
  if (line.command == "health") return tools::health(config, std::cerr);
  if (line.command == "check-config") {
    for (const config::ConfigWarning& warning : config.warnings)
      std::cout << "warning: " << warning.variable << ": " << warning.text << '\n';
    std::cout << "The configuration is sound.\n";
    return 0;
  }
  return serve(std::move(config), arguments.empty() ? std::string() : arguments.front());
}

}  // namespace bridge::app
