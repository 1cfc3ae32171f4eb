// SPDX-License-Identifier: MIT
// Events as a person reads them in a conversation that is only text: who speaks is said when it
// changes, the agent's words are escaped for Markdown and split to size, and the bridge's own lines
// come from one table of languages. Pure; the result is Activity protocol JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bridge/session/event.hpp"
#include "bridge/session/surface.hpp"

namespace bridge::session {

/// Teams takes 28,000 bytes of UTF-16 text in one message, and no channel of ours takes less.
inline constexpr std::size_t kMaxTextUnits = 14'000;

/// Whether there is anything to say about it at all; `speak` may still say nothing.
bool is_spoken(const Event& event);

/// The activities that tell this event, in order, and the voice in which they leave things.
struct Spoken {
  std::vector<std::string> activities;
  Voice voice;
};
struct Known {
  std::string quote;     ///< of a receipt: what the message said
  bool covered = false;  ///< of a receipt: what became of the chat says it all
  std::string ticket;    ///< of a close: the interaction's number
};
Spoken speak(const Event& event, const ActivityAddress& address, const Voice& voice,
             const Known& known);
/// What stands where events are no longer kept.
std::string speak_gap(const ActivityAddress& address);
/// The agent is typing: transient.
std::string speak_typing(const ActivityAddress& address);

/// Text that Markdown shows as it is. Addresses of the web stay whole, so that they stay links.
std::string escape_markdown(std::string_view text);
/// Parts whose escaped form has at most `limit` UTF-16 units each, cut between characters, at a
/// line end or a space where there is one nearby.
std::vector<std::string> split_text(std::string_view text, std::size_t limit);

/// Whether somebody whose chat is over asks for another one.
bool asks_for_a_person(std::string_view text);
/// Whether somebody ends the chat by saying just that, where there is no button for it.
bool asks_to_leave(std::string_view text);

}  // namespace bridge::session
