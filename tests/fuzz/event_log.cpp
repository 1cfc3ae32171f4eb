// SPDX-License-Identifier: MIT
// A sequence of operations on a session's event log, beside a plain list that does the same the
// slow way: seq goes up by one, the bounds hold, and no reader ever sees a hole that it is not told
// of.
#include <algorithm>

#include "bridge/session/event_log.hpp"
#include "fuzz/bytes.hpp"

namespace {

using namespace bridge;
using fuzz::require;
using session::Event;
using session::EventLog;

class Model {
 public:
  void append(std::string text, Time now) {
    Event event;
    event.seq = ++last_;
    event.at = now;
    event.what = session::UserMessageEvent{std::move(text), "m" + std::to_string(last_)};
    kept_.push_back(event);
    log_.append(std::move(event));
    check();
  }

  void trim(const session::LogLimits& limits, Time now) {
    log_.trim(limits, now);
    if (!kept_.empty()) {
      require(log_.size() > 0, "trimming keeps the newest event");
      const bool within = log_.size() <= limits.max_events && log_.bytes() <= limits.max_bytes;
      require(within || log_.size() == 1, "trimming brings the log within its bounds");
    }
    forget(log_.first_seq());
    check();
  }

  void drop_before(std::uint64_t seq) {
    log_.drop_before(seq);
    forget(seq);
    check();
  }

  void read(const session::Cursor& after) const {
    const EventLog::Page page = log_.read(after, kEpoch);
    const bool beginning = after.epoch == "0" && after.seq == 0;
    std::vector<std::uint64_t> missed;  // what came after the cursor and is not kept any more
    for (std::uint64_t seq = after.seq + 1; seq <= last_ && seq < first() && seq != 0; ++seq)
      missed.push_back(seq);
    const bool known = (beginning || after.epoch == kEpoch) && after.seq <= last_;
    require(page.recovered == (known && missed.empty()), "recovered says whether there is a hole");
    std::size_t expected = 0;
    if (page.recovered)
      while (expected < kept_.size() && kept_[expected].seq <= after.seq) ++expected;
    require(page.events.size() == kept_.size() - expected, "a page is the rest of the log");
    for (const auto& event : page.events)
      require(event->event == kept_[expected++], "a page is the rest of the log, in order");
  }

  void find(std::uint64_t seq) const {
    const auto found = log_.find(seq);
    const auto kept = std::find_if(kept_.begin(), kept_.end(),
                                   [&](const Event& event) { return event.seq == seq; });
    require((found != nullptr) == (kept != kept_.end()), "find finds what is kept");
    require(!found || found->event == *kept, "find finds the right event");
  }

  std::uint64_t last() const { return last_; }
  static constexpr const char* kEpoch = "e1";

 private:
  std::uint64_t first() const { return kept_.empty() ? last_ + 1 : kept_.front().seq; }
  void forget(std::uint64_t seq) {
    std::erase_if(kept_, [&](const Event& event) { return event.seq < seq; });
  }
  void check() const {
    require(log_.last_seq() == last_, "last_seq is the last one appended");
    require(log_.first_seq() == first(), "first_seq is the first one kept");
    require(log_.size() == kept_.size(), "size counts what is kept");
    std::size_t bytes = 0;
    for (const Event& event : kept_) bytes += session::render(event).size();
    require(log_.bytes() == bytes, "bytes counts what is kept");
  }

  EventLog log_;
  std::vector<Event> kept_;
  std::uint64_t last_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes in(data, size);
  Model model;
  Time now{Millis(1'700'000'000'000)};
  static constexpr const char* kEpochs[] = {Model::kEpoch, "0", "e2", ""};
  for (int steps = 0; steps < 300 && !in.empty(); ++steps) {
    switch (in.below(6)) {
      case 0:
      case 1:
        model.append(in.text(40), now);
        break;
      case 2: {
        session::LogLimits limits;
        limits.max_events = in.below(20);
        limits.max_bytes = in.below(256) * 16;
        limits.max_age = std::chrono::seconds(in.below(100));
        model.trim(limits, now);
        break;
      }
      case 3:
        model.drop_before(in.below(2) == 0 ? in.byte() : model.last() + in.below(3));
        break;
      case 4: {
        session::Cursor after;
        after.epoch = in.one_of(kEpochs);
        const std::uint64_t at = in.byte();
        after.seq = at == 255 ? UINT64_MAX : at == 254 ? model.last() : at;
        model.read(after);
        model.find(after.seq);
        break;
      }
      default:
        now += std::chrono::seconds(in.byte());
    }
  }
  model.read({"0", 0});
  return 0;
}
