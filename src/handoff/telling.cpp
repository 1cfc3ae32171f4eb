// SPDX-License-Identifier: MIT
#include "handoff/telling.hpp"

#include <algorithm>

#include "bridge/session/speech.hpp"

namespace bridge::handoff {

using session::Event;
using session::Told;

namespace {

constexpr std::size_t kMaxActivities = 100;
constexpr std::size_t kMaxBytes = 512 * 1024;
constexpr std::size_t kMaxQuote = 60;

/// The beginning of what that message said, cut between characters.
std::string quote_of(const Entry& entry, const std::string& client_message_id, std::uint64_t seq) {
  for (; seq >= entry.log.first_seq() && seq > 0; --seq) {
    const auto event = entry.log.find(seq);
    if (!event) break;
    const auto* said = std::get_if<session::UserMessageEvent>(&event->event.what);
    if (!said || said->client_message_id != client_message_id) continue;
    if (said->text.size() <= kMaxQuote) return said->text;
    std::size_t end = kMaxQuote;
    while (end > 0 && (static_cast<unsigned char>(said->text[end]) & 0xC0) == 0x80) --end;
    return said->text.substr(0, end) + "…";
  }
  return "…";
}

/// Whether there is a chat when this event happens, as far as the conversation knows.
bool said_in_chat(const Entry& entry, std::uint64_t seq) {
  for (; seq >= entry.log.first_seq() && seq > 0; --seq) {
    const auto event = entry.log.find(seq);
    if (!event) break;
    const auto* status = std::get_if<session::StatusEvent>(&event->event.what);
    if (status) return status->state != session::State::closed;
  }
  return false;
}

/// The number of the interaction that the chat before this event had.
std::string ticket_of(const Entry& entry, std::uint64_t seq) {
  for (; seq >= entry.log.first_seq() && seq > 0; --seq) {
    const auto event = entry.log.find(seq);
    if (!event) break;
    const auto* status = std::get_if<session::StatusEvent>(&event->event.what);
    if (status && status->state == session::State::queued) return status->interaction_number;
  }
  return entry.state->chat.interaction_number;
}

session::Known known_of(const Entry& entry, const Event& event) {
  session::Known known;
  if (const auto* receipt = std::get_if<session::ReceiptEvent>(&event.what)) {
    known.quote = quote_of(entry, receipt->client_message_id, event.seq);
    // A chat that was never opened is told as that, and not as a message that went astray.
    known.covered = receipt->client_message_id.starts_with(session::kOpeningMessage) &&
                    !said_in_chat(entry, event.seq);
  }
  const auto* status = std::get_if<session::StatusEvent>(&event.what);
  if (status && status->state == session::State::closed) known.ticket = ticket_of(entry, event.seq);
  return known;
}

}  // namespace

Telling next_telling(const Entry& entry, const Told& told) {
  const session::ActivityAddress& address = entry.state->surface->address;
  const std::uint64_t last = entry.log.last_seq();
  Telling telling;
  telling.from = telling.upto = told;
  if (told.seq < last && entry.log.first_seq() > told.seq + 1) {
    telling.activities.push_back(session::speak_gap(address));
    telling.from.parts = 0;
    telling.upto = Told{entry.log.first_seq() - 1, 0, told.voice};
    return telling;
  }
  for (std::uint64_t seq = told.seq + 1; seq <= last; ++seq) {
    const auto logged = entry.log.find(seq);
    if (!logged) continue;
    session::Spoken spoken =
        session::speak(logged->event, address, telling.upto.voice, known_of(entry, logged->event));
    telling.upto = Told{seq, 0, std::move(spoken.voice)};
    telling.activities = std::move(spoken.activities);
    telling.of_notice = std::holds_alternative<session::NoticeEvent>(logged->event.what);
    if (!telling.activities.empty()) break;
    telling.from = telling.upto;
  }
  return telling;
}

Telling whole_telling(const Entry& entry, const Told& told, std::uint64_t last) {
  Telling whole;
  whole.from = whole.upto = told;
  std::size_t bytes = 0;
  while (whole.upto.seq < last && whole.activities.size() < kMaxActivities && bytes < kMaxBytes) {
    Telling next = next_telling(entry, whole.upto);
    if (next.upto.seq > last || next.upto.seq == whole.upto.seq) break;
    // Of the first event some parts may have been told already.
    const auto done = static_cast<std::size_t>(next.from.parts);
    for (std::size_t i = std::min(done, next.activities.size()); i < next.activities.size(); ++i) {
      bytes += next.activities[i].size();
      whole.activities.push_back(std::move(next.activities[i]));
    }
    whole.upto = std::move(next.upto);
  }
  return whole;
}

}  // namespace bridge::handoff
