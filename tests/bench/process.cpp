// SPDX-License-Identifier: MIT
#include "bench/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace bridge::bench {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<pid_t> with_children(pid_t pid) {
  std::vector<pid_t> all{pid};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string task = "/proc/" + std::to_string(all[i]) + "/task/";
    std::istringstream children(read_file(task + std::to_string(all[i]) + "/children"));
    for (pid_t child = 0; children >> child;) all.push_back(child);
  }
  return all;
}

/// Field n of /proc/<pid>/stat, counted from 1 as in proc(5); the second may hold anything.
double stat_field(const std::string& stat, int n) {
  std::istringstream rest(stat.substr(stat.rfind(')') + 1));
  std::string word;
  for (int field = 3; field <= n; ++field) rest >> word;
  return std::stod(word);
}

void start_child(const std::vector<std::string>& words, const Process::Environment& environment,
                 const Cores& cores, const std::string& folder, const std::string& log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  pin_this_process(cores);
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  for (const char* name : {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* value = getenv(name)) variables.push_back(std::string(name) + "=" + value);
  std::vector<std::string> own(words);
  std::vector<char*> argv, envp;
  for (std::string& word : own) argv.push_back(word.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  execvpe(argv[0], argv.data(), envp.data());
  _exit(127);
}

}  // namespace

const Cores& usable_cores() {
  static const Cores all = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    Cores cores;
    for (int core = 0; core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &set)) cores.push_back(core);
    return cores;
  }();
  return all;
}

void pin_this_process(const Cores& cores) {
  (void)usable_cores();
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

Process::Process(const std::vector<std::string>& words, const Environment& environment,
                 const Cores& cores, const std::string& folder, const std::string& log) {
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) start_child(words, environment, cores, folder, log);
  setpgid(pid_, pid_);
}

Process::~Process() {
  if (!running()) return;
  const auto signal_group = [this](int number) {
    if (kill(-pid_, number) != 0) kill(pid_, number);
  };
  signal_group(SIGTERM);
  const auto deadline = Clock::now() + std::chrono::seconds(3);
  while (running() && Clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (!running()) return;
  signal_group(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Process::running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, nullptr, WNOHANG) != pid_) return true;
  kill(-pid_, SIGKILL);  // what a dead leader has left behind
  pid_ = -1;
  return false;
}

int Process::wait() {
  int status = 0;
  if (pid_ < 0 || waitpid(pid_, &status, 0) != pid_) return -1;
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

CpuTime Process::cpu() const {
  CpuTime time;
  for (const pid_t pid : with_children(pid_)) {
    const std::string folder = "/proc/" + std::to_string(pid);
    const std::string stat = read_file(folder + "/stat");
    if (stat.empty()) continue;
    const auto tick = static_cast<double>(sysconf(_SC_CLK_TCK));
    time.user += stat_field(stat, 14) / tick;
    // That of threads which have ended is in it.
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
      time.seconds += static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
  }
  return time;
}

Memory Process::memory() const {
  Memory memory;
  std::istringstream lines(read_file("/proc/" + std::to_string(pid_) + "/smaps_rollup"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("Rss:")) memory.rss_kib = std::stod(line.substr(4));
    if (line.starts_with("Pss:")) memory.pss_kib = std::stod(line.substr(4));
  }
  return memory;
}

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

}  // namespace bridge::bench
