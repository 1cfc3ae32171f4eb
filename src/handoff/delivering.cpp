// SPDX-License-Identifier: MIT
// Events on their way to a service URL: one event at a time, its parts in order, each posted once
// unless nobody can tell whether it arrived. The session decides what an outcome means.
#include "bridge/session/speech.hpp"
#include "handoff/effects.hpp"
#include "handoff/telling.hpp"

namespace bridge::handoff {
namespace {

session::Delivered outcome_of(Posted posted) {
  switch (posted) {
    case Posted::delivered:
      return session::Delivered::yes;
    case Posted::expired:
      return session::Delivered::expired;
    case Posted::retry:
      return session::Delivered::retry;
    case Posted::refused:
      return session::Delivered::refused;
  }
  return session::Delivered::refused;
}

constexpr std::chrono::seconds kTypingPause{3};  // how long a client shows it

}  // namespace

Task<> Effects::deliver(EntryPtr entry, session::Deliver effect) {
  if (!entry->state->surface) co_return;
  const Telling telling = next_telling(*entry, effect.after);
  session::DeliveryAnswered answer;
  answer.post = effect.post;
  answer.generation = effect.generation;
  answer.told = telling.from;
  answer.of_notice = telling.of_notice;
  const int parts = static_cast<int>(telling.activities.size());
  for (int part = telling.from.parts; part < parts; ++part) {
    // A turn may have brought a fresh URL since.
    const session::SurfacePtr surface = entry->state->surface;
    // Given up, or another conversation's by now.
    if (!surface || surface->posts != effect.post || !surface->posting) co_return;
    answer.generation = surface->generation;
    auto posted = co_await ports_.delivery.post(surface->address.service_url,
                                                telling.activities[static_cast<std::size_t>(part)],
                                                untraced(), in(options_.post_deadline));
    if (posted.what == Posted::delivered) continue;
    answer.outcome = outcome_of(posted.what);
    answer.retry_after = posted.retry_after;
    answer.told.parts = part;
    ports_.logger.warning(
        "activity_not_delivered",
        {{"session", entry->id}, {"reason", posted.error_id}, {"hint", posted.hint}});
    co_return co_await report(entry, std::move(answer));
  }
  answer.told = telling.upto;
  co_await report(entry, std::move(answer));
}

void Effects::tell_typing(const EntryPtr& entry) {
  const session::SurfacePtr& surface = entry->state->surface;
  if (!surface || surface->address.service_url.empty()) return;
  // Behind words that are still on their way it would be old news.
  const bool words_first = surface->posting || surface->waits_for_turn ||
                           !surface->open_turns.empty() ||
                           surface->told.seq < entry->state->last_seq;
  const Time now = ports_.time.now();
  const bool just_told = now >= entry->typing_told && now < entry->typing_told + kTypingPause;
  if (words_first || just_told) return;
  entry->typing_told = now;
  tasks_.spawn("post_typing", post_typing(entry));
}

Task<> Effects::post_typing(EntryPtr entry) {
  const session::SurfacePtr surface = entry->state->surface;
  if (!surface) co_return;
  // Transient: whether it arrives matters to nobody in a moment.
  (void)co_await ports_.delivery.post(surface->address.service_url,
                                      session::speak_typing(surface->address), Trace(),
                                      in(options_.touch_deadline));
}

}  // namespace bridge::handoff
