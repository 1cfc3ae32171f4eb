// SPDX-License-Identifier: MIT
#include "bridge/telemetry/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <map>

#include "telemetry/log_line.hpp"

namespace bridge::telemetry {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      break;
  }
  return spdlog::level::off;
}

/// Decides per event name whether a line is one too many.
class RepeatLimit {
 public:
  RepeatLimit(std::size_t limit, std::chrono::seconds window) : limit_(limit), window_(window) {}

  struct Verdict {
    bool write = true;
    std::uint64_t suppressed = 0;  ///< left out before this one
  };

  Verdict judge(std::string_view event, Time now) {
    if (limit_ == 0) return {};
    auto at = events_.find(event);
    if (at == events_.end()) {
      // Event names are literals in our code, so this bound is never met by honest callers.
      if (events_.size() >= kMaxEvents) return {};
      at = events_.emplace(std::string(event), Window{now, 0, 0}).first;
    }
    Window& window = at->second;
    Verdict verdict;
    if (now - window.start >= window_) {
      verdict.suppressed = window.suppressed;
      window = Window{now, 0, 0};
    }
    if (window.written < limit_) {
      ++window.written;
      return verdict;
    }
    ++window.suppressed;
    return {false, 0};
  }

 private:
  static constexpr std::size_t kMaxEvents = 1000;
  struct Window {
    Time start;
    std::size_t written = 0;
    std::uint64_t suppressed = 0;
  };
  std::size_t limit_;
  std::chrono::seconds window_;
  std::map<std::string, Window, std::less<>> events_;
};

class SpdlogLogger final : public Logger {
 public:
  SpdlogLogger(const LogOptions& options, std::string name)
      : options_(options),
        name_(std::move(name)),
        limit_(options.repeat_limit, options.repeat_window),
        logger_(name_, make_sink(options)) {
    // Our lines are complete: spdlog's patterns do not escape, so all it adds is the colour.
    const char* const pattern = options.format == LogFormat::json ? "%v" : "%^%v%$";
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
    logger_.set_level(to_spdlog(options.level));
    logger_.flush_on(spdlog::level::warn);
  }

  bool enabled(Level level) const override {
    return level != Level::off && level >= options_.level;
  }

  void write(Level level, std::string_view event, std::span<const Field> fields) override {
    const Time now = options_.now ? options_.now() : SystemTime().now();
    std::uint64_t suppressed = 0;
    if (level >= Level::warning) {
      const RepeatLimit::Verdict verdict = limit_.judge(event, now);
      if (!verdict.write) return;
      suppressed = verdict.suppressed;
    }
    const LogLine line{now, level, name_, event, fields, suppressed};
    text_.clear();
    if (options_.format == LogFormat::json)
      append_as_json(text_, line);
    else
      append_as_text(text_, line);
    logger_.log(to_spdlog(level), spdlog::string_view_t(text_.data(), text_.size()));
  }

 private:
  static spdlog::sink_ptr make_sink(const LogOptions& options) {
    if (options.stream) return std::make_shared<spdlog::sinks::ostream_sink_st>(*options.stream);
    return std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  }

  LogOptions options_;
  std::string name_;
  RepeatLimit limit_;
  std::string text_;  ///< of the last line; its memory is used again
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<Logger> make_logger(const LogOptions& options, std::string name) {
  return std::make_unique<SpdlogLogger>(options, std::move(name));
}

}  // namespace bridge::telemetry
