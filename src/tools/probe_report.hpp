// SPDX-License-Identifier: MIT
// What the probe found, step by step: lines as they happen, or one JSON object at the end. Texts
// that came from the other side are cleaned before they are shown: no control characters, and never
// the session's token.
#pragma once

#include <chrono>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace bridge::tools {

class ProbeReport {
 public:
  ProbeReport(std::ostream& out, std::string url, bool as_json);

  /// Never shown from now on, wherever it turns up.
  void hide(std::string secret);
  void set_interaction(std::string number);

  void begin(std::string_view step);
  bool is_running() const { return running_; }
  /// Both end the step that was begun.
  void passed(std::string_view detail = {});
  void failed(std::string_view reason);
  /// Something that the reader should know and that is no step.
  void note(std::string_view text);
  /// The sum.
  void finish();

  bool all_passed() const { return !steps_.empty() && failures_ == 0; }

 private:
  struct Step {
    std::string name;
    bool ok = false;
    std::int64_t milliseconds = 0;
    std::string detail;
  };

  void end(bool ok, std::string_view detail);
  std::string clean(std::string_view text) const;
  std::string as_json() const;

  std::ostream& out_;
  std::string url_;
  bool json_;
  std::string secret_;
  std::string interaction_;
  std::vector<Step> steps_;
  std::vector<std::string> notes_;
  std::size_t failures_ = 0;
  bool running_ = false;
  std::chrono::steady_clock::time_point began_, step_began_;
};

}  // namespace bridge::tools
