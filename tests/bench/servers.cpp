// SPDX-License-Identifier: MIT
#include "bench/servers.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "bench/connection.hpp"
#include "bench/instance.hpp"

namespace bridge::bench {
namespace {

Cores server_cores() { return {usable_cores().front()}; }

Running wait_until_ready(std::unique_ptr<Process> process, std::uint16_t port,
                         const std::string& path, Clock::time_point start) {
  Running running(std::move(process), port);
  const std::string request = get_request(path);
  const auto deadline = start + std::chrono::seconds(30);
  while (Clock::now() < deadline && running.process->running()) {
    try {
      Connection connection;
      connection.open(port);
      (void)connection.ask(request);
      running.start_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
      running.start_cpu_ms = running.process->cpu().seconds * 1000;
      return running;
    } catch (const std::runtime_error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  throw std::runtime_error("no answer to GET " + path);
}

Process::Environment common(const std::string& instance_url) {
  return {{"SN_INSTANCE", instance_url},
          {"SN_USER", kAccountName},
          {"SN_PASSWORD", "bench-password"},
          {"SN_BRIDGE_API_BASE", "/api/x_bench/intranet_bridge"},
          {"SN_DEFAULT_USER_SYS_ID", std::string(32, '1')},
          {"SN_DEFAULT_QUEUE_SYS_ID", std::string(32, '2')},
          {"SN_DEFAULT_CHANNEL_SYS_ID", std::string(32, '3')},
          {"SN_WEBHOOK_SECRET", kWebhookSecret}};
}

}  // namespace

Running start_bridge(const Options& options, const std::string& instance_url,
                     const std::string& ca_file) {
  const std::uint16_t port = free_port();
  Process::Environment environment = common(instance_url);
  environment["SN_CA_FILE"] = ca_file;
  environment["PORT"] = std::to_string(port);
  environment["BRIDGE_HOST"] = "127.0.0.1";
  environment["RATE_LIMIT"] = "off";
  environment["MAX_SESSIONS"] = "1000000";
  environment["LOG_FORMAT"] = "json";
  for (const auto& [name, value] : options.settings) environment[name] = value;
  const auto start = Clock::now();
  auto process =
      std::make_unique<Process>(std::vector<std::string>{options.bridge, "serve"}, environment,
                                options.cores.empty() ? server_cores() : options.cores);
  return wait_until_ready(std::move(process), port, "/readyz", start);
}

Running start_floor(const Options& options) {
  const std::uint16_t port = free_port();
  const auto start = Clock::now();
  auto process = std::make_unique<Process>(
      std::vector<std::string>{options.self, "--serve-floor", std::to_string(port)},
      Process::Environment(), server_cores());
  return wait_until_ready(std::move(process), port, "/", start);
}

std::optional<Running> start_nginx(const std::string& folder) {
  std::string program;
  for (const char* path : {"/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"})
    if (std::filesystem::exists(path)) program = path;
  if (program.empty()) return std::nullopt;
  const std::uint16_t port = free_port();
  std::ofstream file(folder + "/nginx.conf");
  file << "daemon off; master_process off; worker_processes 1; pid " << folder
       << "/nginx.pid; error_log " << folder << "/nginx.log; events { worker_connections 1024; }\n"
       << "http { access_log off; keepalive_requests 100000000;";
  for (const char* name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    file << " " << name << "_temp_path " << folder << "/" << name << ";";
  file << "\n server { listen 127.0.0.1:" << port
       << "; location / { default_type application/json; return 200 '{\"status\":\"ok\"}'; } } }\n";
  file.close();
  const auto start = Clock::now();
  auto process = std::make_unique<Process>(
      std::vector<std::string>{program, "-p", folder, "-c", folder + "/nginx.conf"},
      Process::Environment(), server_cores());
  return wait_until_ready(std::move(process), port, "/", start);
}

std::optional<Running> start_python(const Options& options, const std::string& instance_url,
                                    const std::string& ca_file) {
  if (options.python_bridge.empty()) return std::nullopt;
  const std::uint16_t port = free_port();
  Process::Environment environment = common(instance_url);
  environment["REQUESTS_CA_BUNDLE"] = ca_file;
  environment["PYTHONPATH"] = options.host_folder + ":" + options.python_bridge;
  environment["PYTHONDONTWRITEBYTECODE"] = "1";
  const auto start = Clock::now();
  // As its own Dockerfile starts it.
  auto process = std::make_unique<Process>(
      std::vector<std::string>{options.python, "-m", "gunicorn", "-k",
                               "geventwebsocket.gunicorn.workers.GeventWebSocketWorker", "-w", "1",
                               "-b", "127.0.0.1:" + std::to_string(port), "--timeout", "120",
                               "--log-level", "warning", "old_bridge_host:app"},
      environment, server_cores(), options.python_bridge);
  return wait_until_ready(std::move(process), port, "/healthz", start);
}

}  // namespace bridge::bench
