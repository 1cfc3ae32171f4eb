// SPDX-License-Identifier: MIT
#include "bridge/session/event.hpp"

#include <string_view>
#include <utility>

namespace bridge::session {
namespace {

/// Writes one flat frame. By hand, because every event is rendered on its way to the log and a
/// JSON document made for it cost as much as deciding what to say.
class Frame {
 public:
  explicit Frame(std::string_view type, std::size_t texts = 0) {
    out_.reserve(192 + texts);
    out_.append("{\"type\":\"").append(type).push_back('"');
  }

  Frame& text(std::string_view name, std::string_view value) {
    key(name);
    out_.push_back('"');
    // RFC 8259, 7: what must be escaped, and nothing else.
    for (std::size_t plain = 0; plain < value.size();) {
      std::size_t end = plain;
      while (end < value.size() && !is_special(value[end])) ++end;
      out_.append(value.substr(plain, end - plain));
      if (end < value.size()) escape(value[end]);
      plain = end + 1;
    }
    out_.push_back('"');
    return *this;
  }
  Frame& text_or_null(std::string_view name, std::string_view value) {
    if (!value.empty()) return text(name, value);
    return raw(name, "null");
  }
  Frame& raw(std::string_view name, std::string_view value) {
    key(name);
    out_.append(value);
    return *this;
  }
  std::string take() && {
    out_.push_back('}');
    return std::move(out_);
  }

 private:
  static bool is_special(char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  }
  void key(std::string_view name) { out_.append(",\"").append(name).append("\":"); }
  void escape(char c) {
    static constexpr std::string_view kShort = "\b\f\n\r\t";
    static constexpr std::string_view kNames = "bfnrt";
    static constexpr std::string_view kHexDigits = "0123456789abcdef";
    out_.push_back('\\');
    if (const auto at = kShort.find(c); at != std::string_view::npos) {
      out_.push_back(kNames[at]);
    } else if (c == '"' || c == '\\') {
      out_.push_back(c);
    } else {
      out_.append("u00");
      out_.push_back(kHexDigits[static_cast<unsigned char>(c) >> 4]);
      out_.push_back(kHexDigits[static_cast<unsigned char>(c) & 15]);
    }
  }

  std::string out_;
};

struct Render {
  std::uint64_t seq;

  std::string operator()(const StatusEvent& e) const {
    Frame frame("status");
    frame.text("state", shown(e.state));
    if (e.state == State::queued) frame.text("interaction_number", e.interaction_number);
    if (e.state == State::closed) {
      frame.text("reason", to_string(e.reason));
    } else {
      frame.text_or_null("rep_name", e.rep_name);
    }
    return finish(std::move(frame));
  }
  std::string operator()(const UserMessageEvent& e) const {
    Frame frame("message", e.text.size());
    frame.text("from", "user").text("text", e.text).text("client_message_id", e.client_message_id);
    return finish(std::move(frame));
  }
  std::string operator()(const RepMessageEvent& e) const {
    Frame frame("message", e.text.size());
    frame.text("from", "rep").text_or_null("rep_name", e.rep_name).text("text", e.text);
    if (!e.message_sys_id.empty()) frame.text("id", e.message_sys_id);
    if (!e.sent_at.empty()) frame.text("sent_at", e.sent_at);
    if (e.system) frame.raw("system", "true");
    if (e.late) frame.raw("late", "true");
    return finish(std::move(frame));
  }
  std::string operator()(const ReceiptEvent& e) const {
    Frame frame("receipt");
    frame.text("client_message_id", e.client_message_id).text("status", to_string(e.status));
    return finish(std::move(frame));
  }
  std::string operator()(const NoticeEvent& e) const {
    Frame frame("notice");
    frame.text("notice", to_string(e.notice));
    if (!e.detail.empty()) frame.text("detail", e.detail);
    return finish(std::move(frame));
  }

 private:
  std::string finish(Frame frame) const {
    frame.raw("seq", std::to_string(seq));
    return std::move(frame).take();
  }
};

}  // namespace

std::string_view shown(State state) {
  switch (state) {
    case State::bot:
    case State::opening:
      return "bot";
    case State::queued:
      return "queued";
    case State::live:
      return "live";
    case State::closed:
      return "closed";
  }
  return "bot";
}

std::string_view to_string(State state) {
  return state == State::opening ? "opening" : shown(state);
}

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::agent_ended:
      return "agent_ended";
    case CloseReason::user_ended:
      return "user_ended";
    case CloseReason::abandoned:
      return "abandoned";
    case CloseReason::error:
      return "error";
  }
  return "error";
}

std::string_view to_string(Delivery delivery) {
  switch (delivery) {
    case Delivery::delivered:
      return "delivered";
    case Delivery::failed:
      return "failed";
    case Delivery::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_string(Notice notice) {
  switch (notice) {
    case Notice::joined_queue:
      return "joined_queue";
    case Notice::joined_live:
      return "joined_live";
    case Notice::another_chat:
      return "another_chat";
    case Notice::still_connecting:
      return "still_connecting";
    case Notice::not_connected:
      return "not_connected";
    case Notice::open_unknown:
      return "open_unknown";
    case Notice::chat_over:
      return "chat_over";
    case Notice::too_many:
      return "too_many";
    case Notice::no_files:
      return "no_files";
    case Notice::too_long:
      return "too_long";
    case Notice::not_shown:
      return "not_shown";
  }
  return "unknown";
}

bool shown_to_plain_readers(const Event& event) {
  if (event.carried) return false;
  return std::holds_alternative<StatusEvent>(event.what) ||
         std::holds_alternative<RepMessageEvent>(event.what);
}

std::string render(const Event& event) {
  if (!event.carried) return std::visit(Render{event.seq}, event.what);
  // A reader counts; a place that is missing would look like a loss.
  Frame frame("carried");
  frame.raw("seq", std::to_string(event.seq));
  return std::move(frame).take();
}

std::string render_typing(const std::string& rep_name) {
  Frame frame("typing");
  frame.text_or_null("rep_name", rep_name);
  return std::move(frame).take();
}

}  // namespace bridge::session
