// SPDX-License-Identifier: MIT
#include "sandbox/copilot/event_stream.hpp"

namespace bridge::sandbox::copilot {
namespace {

/// Collects the fields of one block after the other.
class Reader {
 public:
  explicit Reader(EventStream& out) : out_(out) {}

  void line(std::string_view text) {
    if (text.empty()) return dispatch();
    if (text.front() == ':') return;  // a comment, sent to keep the connection alive
    open_ = true;
    const auto colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    std::string_view value =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") {
      if (has_event_) problem("a block has two event fields");
      has_event_ = true;
      block_.event = value;
    } else if (name == "data") {
      if (has_data_) block_.data += '\n';
      has_data_ = true;
      block_.data.append(value);
    } else if (name != "id" && name != "retry") {
      problem("unknown field \"" + std::string(name.substr(0, 40)) + "\"");
    }
  }

  void finish(std::string_view rest) {
    if (!rest.empty()) {
      problem("the last line is not ended");
      line(rest);
    }
    if (open_) problem("the last block is not ended by a blank line");
  }

 private:
  void problem(std::string text) { out_.problems.push_back(std::move(text)); }

  void dispatch() {
    if (open_ && !has_event_) problem("a block has no event field");
    if (open_ && !has_data_) problem("a block has no data field");
    if (has_event_ && has_data_) out_.blocks.push_back(std::move(block_));
    block_ = {};
    open_ = has_event_ = has_data_ = false;
  }

  EventStream& out_;
  StreamBlock block_;
  bool open_ = false;
  bool has_event_ = false;
  bool has_data_ = false;
};

}  // namespace

EventStream parse_event_stream(std::string_view body) {
  EventStream out;
  Reader reader(out);
  while (!body.empty()) {
    const auto end = body.find_first_of("\r\n");
    if (end == std::string_view::npos) break;
    reader.line(body.substr(0, end));
    const bool both = body[end] == '\r' && end + 1 < body.size() && body[end + 1] == '\n';
    body.remove_prefix(end + (both ? 2 : 1));
  }
  reader.finish(body);
  return out;
}

}  // namespace bridge::sandbox::copilot
