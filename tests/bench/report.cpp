// SPDX-License-Identifier: MIT
#include "bench/report.hpp"

#include <algorithm>
#include <cstdio>

namespace bridge::bench {
namespace {

std::string number(double value, int decimals = 1) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string thousands(double value) {
  std::string digits = number(value, 0);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

void request_table(const Figures& figures, std::string& out) {
  out +=
      "| request | server | CPU us/request | of it in user space | requests/s measured | core busy "
      "| requests/s of a full core |\n|---|---|---:|---:|---:|---:|---:|\n";
  for (const auto& [what, server, r] : figures.requests) {
    out += "| " + what + " | " + server + " | " + number(r.cpu_us) + " | " + number(r.user_us) +
           " | " + thousands(r.per_second()) + " | " + number(r.core_busy * 100, 0) + " % | " +
           thousands(r.full_core()) + " |\n";
    if (r.failed > 0)
      out += "| | | " + std::to_string(r.failed) + " of these were not answered 200 | | | | |\n";
  }
}

class Aims {
 public:
  explicit Aims(std::string& out) : out_(out) {
    out_ += "\n| what | aim | measured | |\n|---|---|---:|---|\n";
  }
  void at_most(const std::string& what, double aim, double is, const std::string& unit,
               int decimals = 1) {
    line(what, "at most " + number(aim, aim < 10 && aim != static_cast<int>(aim) ? 1 : 0) + unit,
         number(is, decimals) + unit, is <= aim);
  }
  void at_least(const std::string& what, double aim, double is, const std::string& unit) {
    line(what, "at least " + number(aim, aim < 1 ? 1 : 0) + unit,
         number(is, is < 10 ? 2 : 1) + unit, is >= aim);
  }

 private:
  void line(const std::string& what, const std::string& aim, const std::string& is, bool met) {
    out_ += "| " + what + " | " + aim + " | " + is + " | " + (met ? "met" : "**not met**") + " |\n";
  }
  std::string& out_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void aims(const Figures& figures, std::string& out) {
  Aims aims(out);
  const auto cpu = [&](const std::string& what, const std::string& server) {
    const LoadResult* found = figures.find(what, server);
    return found ? found->cpu_us : 0;
  };
  const double healthz = cpu("GET /healthz", "bridge");
  for (const auto& [peer, aim] : {std::pair("nginx", 0.8), std::pair("floor", 0.0)})
    if (healthz > 0 && cpu("GET /healthz", peer) > 0)
      aims.at_least("`/healthz`, requests of a full core against " + std::string(peer), aim,
                    cpu("GET /healthz", peer) / healthz, " of it");
  for (const auto& [what, aim] : {std::pair("GET poll", 12.0), std::pair("POST init-session", 15.0),
                                  std::pair("POST webhook", 15.0)})
    if (cpu(what, "bridge") > 0) aims.at_most(what, aim, cpu(what, "bridge"), " us of CPU");
  for (const char* what : {"GET /healthz", "POST init-session", "GET poll", "POST webhook"})
    if (cpu(what, "bridge") > 0 && cpu(what, "python") > 0)
      aims.at_least(std::string(what) + " against the Python bridge", 10,
                    cpu(what, "python") / cpu(what, "bridge"), " times the requests");
  const char* const sending = "POST user-message";
  if (cpu(sending, "bridge") > 0 && cpu(sending, "python") > 0)
    aims.at_least(std::string(sending) + " over TLS against the Python bridge", 25,
                  cpu(sending, "python") / cpu(sending, "bridge"), " times the requests");
  if (figures.latency) {
    aims.at_most("webhook to frame, p50", 150, figures.latency->quantile(0.5), " us", 0);
    aims.at_most("webhook to frame, p99", 1000, figures.latency->quantile(0.99), " us", 0);
  }
  if (figures.sockets) {
    const SocketFigures& s = *figures.sockets;
    const auto count = static_cast<double>(s.count);
    aims.at_most("memory of an idle chat with its WebSocket", 8,
                 (s.with_sockets.pss_kib - s.before.pss_kib) / count, " KiB", 2);
    aims.at_most("the program with " + thousands(count) + " of them", 128,
                 s.with_sockets.rss_kib / 1024, " MiB");
  }
  if (!figures.start_ms.empty())
    aims.at_most("start to ready, empty store", 200, median(figures.start_ms), " ms");
  if (!figures.stored_start_ms.empty()) {
    const std::string what =
        "start to ready, " + thousands(static_cast<double>(figures.stored)) + " stored sessions";
    aims.at_most(what, 200, median(figures.stored_start_ms), " ms");
    aims.at_most(what + ", CPU of all threads", 200, median(figures.stored_start_cpu_ms), " ms");
  }
  if (figures.binary_mib > 0) aims.at_most("binary, stripped", 10, figures.binary_mib, " MiB");
}

void details(const Figures& figures, std::string& out) {
  if (figures.sockets) {
    const SocketFigures& s = *figures.sockets;
    const auto per = [&](double after, double before) {
      return number((after - before) / static_cast<double>(s.count), 2) + " KiB";
    };
    out += "\n| memory, " + thousands(static_cast<double>(s.count)) +
           " sessions | RSS | PSS |\n|---|---:|---:|\n| the program without sessions | " +
           number(s.before.rss_kib / 1024) + " MiB | " + number(s.before.pss_kib / 1024) +
           " MiB |\n| a session more | " + per(s.with_sessions.rss_kib, s.before.rss_kib) + " | " +
           per(s.with_sessions.pss_kib, s.before.pss_kib) + " |\n| a WebSocket more | " +
           per(s.with_sockets.rss_kib, s.with_sessions.rss_kib) + " | " +
           per(s.with_sockets.pss_kib, s.with_sessions.pss_kib) +
           " |\n| the program with all of them | " + number(s.with_sockets.rss_kib / 1024) +
           " MiB | " + number(s.with_sockets.pss_kib / 1024) + " MiB |\n";
  }
  if (figures.latency) {
    const LatencyResult& l = *figures.latency;
    out += "\n| webhook to frame | |\n|---|---:|\n| most that was carried, sockets read | " +
           thousands(figures.flat_out) + "/s |\n| rate of this run | " + thousands(l.rate) +
           "/s |\n| sent, arrived | " + thousands(static_cast<double>(l.sent)) + ", " +
           thousands(static_cast<double>(l.arrived)) + " |\n";
    for (const auto& [name, q] : {std::pair("p50", 0.5), std::pair("p99", 0.99),
                                  std::pair("p99.9", 0.999), std::pair("max", 1.0)})
      out += std::string("| ") + name + " | " + number(l.quantile(q), 0) + " us |\n";
  }
  if (!figures.commits.empty()) {
    out +=
        "\n| commits to SQLite, at once | commits/s | p50 | p99 | max "
        "|\n|---:|---:|---:|---:|---:|\n";
    for (const CommitFigures& c : figures.commits)
      out += "| " + std::to_string(c.at_once) + " | " + thousands(c.per_second) + " | " +
             number(c.quantile(0.5) / 1000, 2) + " ms | " + number(c.quantile(0.99) / 1000, 2) +
             " ms | " + number(c.quantile(1) / 1000, 2) + " ms |\n";
  }
  for (const std::string& note : figures.notes) out += "\n" + note + "\n";
}

}  // namespace

const LoadResult* Figures::find(const std::string& what, const std::string& server) const {
  for (const Row& row : requests)
    if (row.what == what && row.server == server) return &row.result;
  return nullptr;
}

std::string markdown(const Figures& figures) {
  std::string out;
  if (!figures.requests.empty()) request_table(figures, out);
  aims(figures, out);
  details(figures, out);
  return out;
}

}  // namespace bridge::bench
