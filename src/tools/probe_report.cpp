// SPDX-License-Identifier: MIT
#include "tools/probe_report.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iomanip>

namespace bridge::tools {
namespace {

namespace json = boost::json;

std::int64_t milliseconds_since(std::chrono::steady_clock::time_point when) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               when)
      .count();
}

}  // namespace

ProbeReport::ProbeReport(std::ostream& out, std::string url, bool as_json)
    : out_(out), url_(std::move(url)), json_(as_json), began_(std::chrono::steady_clock::now()) {}

void ProbeReport::hide(std::string secret) { secret_ = std::move(secret); }

void ProbeReport::set_interaction(std::string number) { interaction_ = clean(number); }

void ProbeReport::begin(std::string_view step) {
  Step next;
  next.name = step;
  steps_.push_back(std::move(next));
  step_began_ = std::chrono::steady_clock::now();
  running_ = true;
}

void ProbeReport::passed(std::string_view detail) { end(true, detail); }

void ProbeReport::failed(std::string_view reason) {
  ++failures_;
  end(false, reason);
}

void ProbeReport::end(bool ok, std::string_view detail) {
  running_ = false;
  Step& step = steps_.back();
  step.ok = ok;
  step.milliseconds = milliseconds_since(step_began_);
  step.detail = clean(detail);
  if (json_) return;
  out_ << std::left << std::setw(14) << step.name << std::setw(8) << (ok ? "ok" : "FAILED")
       << std::right << std::setw(7) << step.milliseconds << " ms";
  if (!step.detail.empty()) out_ << "  " << step.detail;
  out_ << std::endl;  // a person waits for each line
}

void ProbeReport::note(std::string_view text) {
  notes_.push_back(clean(text));
  if (!json_) out_ << "note: " << notes_.back() << std::endl;
}

void ProbeReport::finish() {
  if (json_) {
    out_ << as_json() << std::endl;
    return;
  }
  const double seconds = static_cast<double>(milliseconds_since(began_)) / 1000;
  out_ << "probe: " << (all_passed() ? "passed" : "FAILED");
  if (!interaction_.empty()) out_ << ", " << interaction_;
  out_ << ", " << std::fixed << std::setprecision(1) << seconds << " s" << std::endl;
}

std::string ProbeReport::clean(std::string_view text) const {
  std::string shown;
  for (const char c : text)
    shown.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  if (secret_.empty()) return shown;
  for (auto at = shown.find(secret_); at != std::string::npos; at = shown.find(secret_, at))
    shown.replace(at, secret_.size(), "...");
  return shown;
}

std::string ProbeReport::as_json() const {
  json::array steps;
  std::string failed;
  for (const Step& step : steps_) {
    json::object row{{"step", step.name}, {"ok", step.ok}, {"ms", step.milliseconds}};
    if (!step.detail.empty()) row["detail"] = step.detail;
    steps.push_back(std::move(row));
    if (!step.ok && failed.empty()) failed = step.name;
  }
  json::object report{{"passed", all_passed()}, {"url", url_}, {"ms", milliseconds_since(began_)}};
  if (!failed.empty()) report["failed_step"] = failed;
  if (!interaction_.empty()) report["interaction_number"] = interaction_;
  report["steps"] = std::move(steps);
  if (!notes_.empty()) report["notes"] = json::array(notes_.begin(), notes_.end());
  return json::serialize(report);
}

}  // namespace bridge::tools
