// SPDX-License-Identifier: MIT
// The bridge's own lines, in every language it has.
#pragma once

#include <string>
#include <string_view>

namespace bridge::session {

enum class Line {
  queued,           ///< {}: ticket
  queued_nameless,  ///< without a ticket number
  joined_queue,     ///< {}: ticket
  joined_live,      ///< {}: name
  agent_joined,     ///< {}: name
  somebody_joined,
  agent_ended,  ///< {}: ticket, as in those that follow
  user_ended,
  abandoned,
  cut_off,
  another_chat,
  still_connecting,
  not_connected,
  open_unknown,
  chat_over,  ///< {}: ticket
  too_many,
  no_files,
  too_long,  ///< {}: how many characters
  not_shown,
  not_delivered,      ///< {}: what was said
  delivery_unknown,   ///< {}: what was said
  earlier_forgotten,  ///< events that are no longer kept
  late,               ///< stands before a message that is not in its place
};

/// In the language of `locale` (BCP 47), or English; `{}` is replaced with `detail`, which must be
/// escaped for Markdown already.
std::string line(Line which, std::string_view locale, std::string_view detail = {});

}  // namespace bridge::session
