// SPDX-License-Identifier: MIT
// Bytes -> a reader's cursor -> a place in a log. What parses is printed back to the same cursor,
// and wherever it points, a log answers without a hole.
#include <charconv>

#include "bridge/session/event_log.hpp"
#include "fuzz/bytes.hpp"

namespace {

using namespace bridge;
using fuzz::require;

const session::EventLog& sample_log() {
  static const session::EventLog log = [] {
    session::EventLog made;
    for (std::uint64_t seq = 1; seq <= 20; ++seq) {
      session::Event event;
      event.seq = seq;
      event.what = session::ReceiptEvent{"m" + std::to_string(seq), session::Delivery::delivered};
      made.append(std::move(event));
    }
    made.drop_before(6);
    return made;
  }();
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::view_of(data, size);
  const auto cursor = session::parse_cursor(text);
  if (!cursor) return 0;
  require(!cursor->epoch.empty() && cursor->epoch.size() <= 32, "an epoch has 1 to 32 characters");
  require(cursor->epoch.find(':') == std::string::npos, "an epoch holds no colon");
  require(session::parse_cursor(session::to_string(*cursor)) == cursor,
          "a printed cursor is read as itself");

  const session::EventLog& log = sample_log();
  for (const std::string_view epoch :
       {std::string_view(cursor->epoch), std::string_view("other")}) {
    const auto page = log.read(*cursor, epoch);
    const std::uint64_t first = page.recovered ? cursor->seq + 1 : log.first_seq();
    std::uint64_t expected = first;
    for (const auto& event : page.events)
      require(event->event.seq == expected++, "a page has no hole");
    require(expected == log.last_seq() + 1, "a page goes to the end of the log");
    const bool beginning = cursor->epoch == "0" && cursor->seq == 0;
    require(!page.recovered || beginning || cursor->epoch == epoch,
            "another life of the session is not recovered");
  }
  return 0;
}
