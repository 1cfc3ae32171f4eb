// SPDX-License-Identifier: MIT
// Measures the bridge beside the peers of this machine and prints Markdown. tests/bench/run.sh
// builds and calls it; docs/performance.md explains it.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <thread>

#include "bench/chats.hpp"
#include "bench/floor.hpp"
#include "bench/instance.hpp"
#include "bench/load.hpp"
#include "bench/report.hpp"
#include "bench/servers.hpp"
#include "bench/store.hpp"
#include "bridge/stores/sqlite_store.hpp"

namespace bridge::bench {
namespace {

constexpr std::size_t kWebhookChats = 100;
constexpr std::size_t kMaxNewSessions = 40'000;  // they stay, and memory is finite

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)) {
    std::string name = (std::filesystem::temp_directory_path() / "bridge-bench-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  ~Bench() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Figures run();
  /// Whether everything that was measured worked.
  static bool is_sound(const Figures& figures);

 private:
  bool wants(const std::string& name) const {
    return options_.only.empty() || options_.only == name;
  }
  void say(const std::string& what) const { std::fprintf(stderr, "bench: %s\n", what.c_str()); }
  Extent extent() const { return {100'000'000, options_.seconds}; }
  Running bridge() const { return start_bridge(options_, instance_.url(), instance_.ca_file()); }
  /// With its sessions in a file.
  Running durable_bridge(const std::string& file) const {
    Options options = options_;
    options.settings["BRIDGE_STORE"] = "sqlite:" + folder_ + "/" + file;
    return start_bridge(options, instance_.url(), instance_.ca_file());
  }

  void add(const std::string& what, const std::string& server, Running& running,
           const NextRequest& next, Extent extent) {
    say(what + ", " + server);
    figures_.requests.push_back(
        {what, server,
         run_closed(*running.process, running.port, options_.connections, next, extent)});
  }
  void same_request(const std::string& what, const std::string& server, Running& running,
                    const std::string& request, Extent extent) {
    add(
        what, server, running, [&](std::size_t, std::string& into) { into = request; }, extent);
  }

  void measure_requests(const std::string& server, const std::function<Running()>& start);
  void measure_healthz();
  void measure_sockets();
  void measure_latency();
  void measure_start();
  void measure_commits();
  void measure_stored_start();
  void measure_binary();

  Options options_;
  std::string folder_;
  Instance instance_;
  Figures figures_;
};

Figures Bench::run() {
  measure_healthz();
  measure_requests("bridge", [this] { return bridge(); });
  if (stores::has_sqlite())
    measure_requests("bridge, SQLite", [this, n = 0]() mutable {
      return durable_bridge("requests-" + std::to_string(++n) + ".db");
    });
  if (!options_.python_bridge.empty())
    measure_requests("python", [this] {
      return std::move(*start_python(options_, instance_.url(), instance_.ca_file()));
    });
  if (wants("latency")) measure_latency();
  if (wants("sockets")) measure_sockets();
  if (wants("start")) measure_start();
  if (wants("commits") && stores::has_sqlite()) measure_commits();
  if (wants("stored") && stores::has_sqlite()) measure_stored_start();
  if (wants("binary")) measure_binary();
  return figures_;
}

void Bench::measure_healthz() {
  if (!wants("healthz")) return;
  const std::string request = get_request("/healthz");
  if (options_.peers) {
    Running floor = start_floor(options_);
    same_request("GET /healthz", "floor", floor, request, extent());
    std::optional<Running> nginx = start_nginx(folder_);
    if (nginx) same_request("GET /healthz", "nginx", *nginx, request, extent());
  }
  Running ours = bridge();
  same_request("GET /healthz", "bridge", ours, request, extent());
  if (options_.python_bridge.empty()) return;
  std::optional<Running> python = start_python(options_, instance_.url(), instance_.ca_file());
  if (python) same_request("GET /healthz", "python", *python, request, extent());
}

void Bench::measure_requests(const std::string& server, const std::function<Running()>& start) {
  if (wants("init")) {
    Running running = start();
    same_request("POST init-session", server, running, init_request(),
                 {kMaxNewSessions, options_.seconds});
  }
  if (wants("poll")) {
    Running running = start();
    Connection setup;
    setup.open(running.port);
    std::vector<std::string> requests;
    for (std::size_t i = 0; i < options_.connections; ++i)
      requests.push_back(poll_request(open_live_chat(setup)));
    add(
        "GET poll", server, running, [&](std::size_t i, std::string& into) { into = requests[i]; },
        extent());
  }
  if (wants("webhook")) {
    Running running = start();
    Connection setup;
    setup.open(running.port);
    std::vector<Chat> chats;
    while (chats.size() < kWebhookChats) chats.push_back(open_live_chat(setup));
    std::size_t n = 0;
    add(
        "POST webhook", server, running,
        [&](std::size_t, std::string& into) {
          into = webhook_request(chats[n++ % kWebhookChats], "Have you tried another printer?");
        },
        extent());
  }
  if (wants("message")) {
    Running running = start();
    Connection setup;
    setup.open(running.port);
    std::vector<std::string> requests;
    for (std::size_t i = 0; i < options_.connections; ++i)
      requests.push_back(message_request(open_live_chat(setup)));
    const std::uint64_t before = instance_.handshakes();
    add(
        "POST user-message", server, running,
        [&](std::size_t i, std::string& into) { into = requests[i]; }, extent());
    figures_.notes.push_back("TLS handshakes of " + server + " during user-message: " +
                             std::to_string(instance_.handshakes() - before) + ".");
  }
}

void Bench::measure_latency() {
  say("webhook to frame");
  Running running = bridge();
  Connection setup;
  setup.open(running.port);
  std::vector<Chat> chats;
  std::vector<Connection> sockets;
  while (chats.size() < kWebhookChats) {
    chats.push_back(open_live_chat(setup));
    sockets.push_back(open_socket(chats.back(), running.port, 1));
  }
  const auto next = [&](std::size_t n, std::string& into) {
    into = webhook_request(chats[n % kWebhookChats], "t=" + std::to_string(n) + "; Have you?");
  };
  figures_.flat_out =
      run_flat_out(running.port, options_.connections, sockets, next, options_.seconds / 2);
  const double rate = std::max(50.0, figures_.flat_out / 2);
  figures_.latency =
      run_open(running.port, 4 * options_.connections, sockets, next, rate, options_.seconds);
}

void Bench::measure_sockets() {
  say("memory of " + std::to_string(options_.sockets) + " WebSockets");
  Running running = bridge();
  Connection setup;
  setup.open(running.port);
  SocketFigures figures;
  figures.count = options_.sockets;
  figures.before = running.process->memory();
  std::vector<Chat> chats;
  while (chats.size() < options_.sockets) chats.push_back(open_session(setup));
  figures.with_sessions = running.process->memory();
  std::vector<Connection> sockets;
  for (const Chat& chat : chats)
    sockets.push_back(
        open_socket(chat, running.port, 1 + static_cast<unsigned>(sockets.size() / 100)));
  // What was needed for the handshakes is given back within a moment.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  figures.with_sockets = running.process->memory();
  figures_.sockets = figures;
}

void Bench::measure_start() {
  say("start");
  for (int i = 0; i < 7; ++i) figures_.start_ms.push_back(bridge().start_ms);
}

void Bench::measure_commits() {
  for (const std::size_t at_once : {1u, 64u}) {
    say("commits to SQLite, " + std::to_string(at_once) + " at once");
    figures_.commits.push_back(bench::measure_commits(folder_, at_once, options_.seconds));
  }
}

void Bench::measure_stored_start() {
  say("start with " + std::to_string(options_.stored) + " stored sessions");
  // By a process of its own: a fork copies what this one would have grown by, and that would count
  // as the bridge's start.
  Process filling({options_.self, "--fill-store", folder_ + "/stored.db", "--sessions",
                   std::to_string(options_.stored)},
                  {}, usable_cores());
  if (filling.wait() != 0) throw std::runtime_error("the store could not be filled");
  figures_.stored = options_.stored;
  // The threads that read need somewhere to run, and who asks must not wait for one of them.
  options_.cores = usable_cores();
  pin_this_process(usable_cores());
  for (int i = 0; i < 15; ++i) {
    const Running running = durable_bridge("stored.db");
    figures_.stored_start_ms.push_back(running.start_ms);
    figures_.stored_start_cpu_ms.push_back(running.start_cpu_ms);
  }
  options_.cores.clear();
  pin_this_process({usable_cores().back()});
}

void Bench::measure_binary() {
  const std::string stripped = folder_ + "/stripped";
  const std::string command = "strip -o '" + stripped + "' '" + options_.bridge + "'";
  if (std::system(command.c_str()) != 0) return;
  figures_.binary_mib =
      static_cast<double>(std::filesystem::file_size(stripped)) / (1024.0 * 1024.0);
}

bool Bench::is_sound(const Figures& figures) {
  for (const Figures::Row& row : figures.requests)
    if (row.result.failed > 0 || row.result.requests == 0) return false;
  return !figures.latency || figures.latency->arrived == figures.latency->sent;
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int usage() {
  std::fprintf(stderr,
               "bench --bridge PROGRAM [--seconds S] [--sockets N] [--only NAME] [--no-peers]\n"
               "      [--python-bridge FOLDER] [--python PROGRAM] [--host-folder FOLDER]\n"
               "      [--sessions N] [--set NAME=VALUE]... [--smoke]\n"
               "NAME: healthz, init, poll, webhook, message, latency, sockets, start, commits,\n"
               "      stored, binary\n");
  return 64;
}

int run(int argc, char** argv) {
  Options options;
  std::string to_fill;
  options.self = std::filesystem::canonical("/proc/self/exe").string();
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--no-peers") {
      options.peers = false;
    } else if (name == "--smoke") {
      options.seconds = 0.1;
      options.sockets = 40;
      options.stored = 200;
      options.peers = false;
    } else if (i + 1 == argc) {
      return usage();
    } else if (const std::string value = argv[++i]; name == "--serve-floor") {
      return serve_floor(static_cast<std::uint16_t>(std::stoi(value)));
    } else if (name == "--fill-store") {
      to_fill = value;
    } else if (name == "--sessions") {
      options.stored = std::stoul(value);
    } else if (name == "--bridge") {
      options.bridge = value;
    } else if (name == "--seconds") {
      options.seconds = std::stod(value);
    } else if (name == "--sockets") {
      options.sockets = std::stoul(value);
    } else if (name == "--only") {
      options.only = value;
    } else if (name == "--python-bridge") {
      options.python_bridge = value;
    } else if (name == "--python") {
      options.python = value;
    } else if (name == "--host-folder") {
      options.host_folder = value;
    } else if (name == "--set" && value.find('=') != std::string::npos) {
      options.settings[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
    } else {
      return usage();
    }
  }
  if (!to_fill.empty()) {
    fill_store(to_fill, options.stored);
    return 0;
  }
  if (options.bridge.empty()) return usage();
  raise_descriptor_limit();
  pin_this_process({usable_cores().back()});
  const Figures figures = Bench(std::move(options)).run();
  std::fputs(markdown(figures).c_str(), stdout);
  return Bench::is_sound(figures) ? 0 : 1;
}

}  // namespace
}  // namespace bridge::bench

int main(int argc, char** argv) {
  try {
    return bridge::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}
