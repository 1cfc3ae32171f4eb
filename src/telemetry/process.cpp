// SPDX-License-Identifier: MIT
#include "bridge/telemetry/process.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "telemetry/help.hpp"
#include "telemetry/number.hpp"

namespace bridge::telemetry {
namespace {

void add(std::string& text, std::string_view name, std::string_view type, double value) {
  text.append("# HELP ").append(name).append(" ").append(help_of(name)).append("\n");
  text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  text.append(name).append(" ").append(prometheus_number(value)).append("\n");
}

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The fields of /proc/self/stat behind the name, which may hold blanks: proc(5) calls the first
/// of them 3.
std::optional<std::array<double, 50>> stat_fields() {
  const std::string text = read_file("/proc/self/stat");
  const auto name_ends = text.rfind(')');
  if (name_ends == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_ends + 1));
  std::string state;
  fields >> state;
  std::array<double, 50> values{};
  for (std::size_t i = 4; i < values.size() && fields >> values[i]; ++i) {
  }
  return values;
}

/// When the machine was started, in seconds since 1970; 0 if it does not say.
double boot_time() {
  static const double time = [] {
    std::ifstream file("/proc/stat");
    std::string word;
    double value = 0;
    while (file >> word)
      if (word == "btime" && file >> value) return value;
    return 0.0;
  }();
  return time;
}

std::optional<double> open_descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (!folder) return std::nullopt;
  double count = 0;
  while (const dirent* entry = ::readdir(folder))
    if (entry->d_name[0] != '.') ++count;
  ::closedir(folder);
  return count - 1;  // the one that this took
}

}  // namespace

std::string process_metrics_text() {
  std::string text;
  if (const auto stat = stat_fields()) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    if (boot_time() > 0)
      add(text, "process_start_time_seconds", "gauge", boot_time() + (*stat)[22] / ticks);
    add(text, "process_cpu_seconds_total", "counter", ((*stat)[14] + (*stat)[15]) / ticks);
    add(text, "process_virtual_memory_bytes", "gauge", (*stat)[23]);
    add(text, "process_resident_memory_bytes", "gauge", (*stat)[24] * page);
  }
  if (const auto open = open_descriptors()) add(text, "process_open_fds", "gauge", *open);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    add(text, "process_max_fds", "gauge", static_cast<double>(limit.rlim_cur));
  return text;
}

}  // namespace bridge::telemetry
