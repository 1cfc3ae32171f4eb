// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/ledger.hpp"

namespace bridge::sandbox {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::size_t sequence_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte >= 0xC2 && byte < 0xE0) return 2;
  if (byte >= 0xE0 && byte < 0xF0) return 3;
  if (byte >= 0xF0 && byte < 0xF5) return 4;
  return 0;
}

}  // namespace

std::string cut_utf8(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && is_continuation(text[bytes])) --bytes;
  text.resize(bytes);
  return text;
}

std::string printable_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text[i]);
    bool whole = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; whole && k < length; ++k) whole = is_continuation(text[i + k]);
    if (whole) {
      out.append(text.substr(i, length));
      i += length;
    } else {
      out.push_back('?');
      ++i;
    }
  }
  return out;
}

void Ledger::add(Call call) {
  call.request = printable_utf8(cut_utf8(std::move(call.request), kMaxBody));
  call.path = printable_utf8(cut_utf8(std::move(call.path), 500));
  const std::lock_guard guard(mutex_);
  call.id = next_id_++;
  calls_.push_back(std::move(call));
  if (calls_.size() > kMaxCalls) calls_.pop_front();
}

std::vector<Call> Ledger::calls(std::uint64_t after_id) const {
  const std::lock_guard guard(mutex_);
  std::vector<Call> wanted;
  for (const Call& call : calls_)
    if (call.id > after_id) wanted.push_back(call);
  return wanted;
}

void Ledger::clear() {
  const std::lock_guard guard(mutex_);
  calls_.clear();
}

json::object to_json(const Call& call) {
  json::object object;
  object["id"] = call.id;
  object["time"] = to_iso8601(call.time);
  object["direction"] = call.direction;
  object["target"] = call.target;
  object["method"] = call.method;
  object["path"] = call.path;
  object["user"] = call.user;
  object["status"] = call.status;
  object["outcome"] = call.outcome;
  object["duration_ms"] = call.duration_ms;
  if (!call.request.empty()) object["request"] = call.request;
  if (!call.detail.empty()) object["detail"] = call.detail;
  return object;
}

}  // namespace bridge::sandbox
