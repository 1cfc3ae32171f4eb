// SPDX-License-Identifier: MIT
// Text as such: Markdown, size, and what somebody asks for.
#include <algorithm>
#include <array>

#include "bridge/core/json.hpp"
#include "bridge/session/speech.hpp"

namespace bridge::session {
namespace {

/// Bytes of the UTF-8 character that begins with `lead`.
std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return 4;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 3986 characters that an address in running text may contain, without those that would end
/// it in Markdown.
bool is_of_address(char c) {
  constexpr std::string_view kOther = "-._~:/?#@!$&'+,;=%";
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kOther.find(c) != std::string_view::npos;
}

/// The length of the web address that begins here; 0 if none does.
std::size_t address_at(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (!rest.starts_with("https://") && !rest.starts_with("http://")) return 0;
  std::size_t end = rest.find(':') + 3;
  const std::size_t host = end;
  while (end < rest.size() && is_of_address(rest[end])) ++end;
  return end == host ? 0 : end;
}

/// What Markdown would read as a heading, a list or a quotation, where a line begins.
bool opens_a_block(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == '#' || c == '+' || c == '-' || c == '=') return true;
  if (c != '.' && c != ')') return false;
  return at > 0 && is_digit(text[at - 1]);
}

/// One character (or web address) at `at`: appends its escaped form, returns the bytes it took.
std::size_t escape_at(std::string_view text, std::size_t at, bool& line_begins, std::string& out) {
  if (const std::size_t address = address_at(text, at)) {
    out.append(text.substr(at, address));
    line_begins = false;
    return address;
  }
  const char c = text[at];
  const std::size_t bytes = std::min(length_of(static_cast<unsigned char>(c)), text.size() - at);
  switch (c) {
    case '&':
      out.append("&amp;");
      break;
    case '<':
      out.append("&lt;");
      break;
    case '>':
      out.append("&gt;");
      break;
    case '\r':
      break;
    case '\n':
      // A single line end is a space in Markdown.
      out.append("\n\n");
      line_begins = true;
      return bytes;
    case '\\':
    case '`':
    case '*':
    case '_':
    case '[':
    case ']':
    case '|':
    case '~':
      out.push_back('\\');
      out.push_back(c);
      break;
    default:
      if (line_begins && opens_a_block(text, at)) out.push_back('\\');
      out.append(text.substr(at, bytes));
  }
  // Digits may be the number of a list's item, and spaces indent it.
  line_begins = line_begins && (is_digit(c) || c == ' ' || c == '\t');
  return bytes;
}

std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = length_of(static_cast<unsigned char>(text[at]));
    units += bytes == 4 ? 2 : 1;
    at += bytes;
  }
  return units;
}

/// Lower case, without punctuation at the ends.
std::string plain_words(std::string_view text) {
  std::string words(trim(text));
  for (char& c : words)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  while (!words.empty() && std::string_view(".!?,\"' ").find(words.back()) != std::string::npos)
    words.pop_back();
  return words;
}

}  // namespace

std::string escape_markdown(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  bool line_begins = true;
  for (std::size_t at = 0; at < text.size();) at += escape_at(text, at, line_begins, out);
  return out;
}

std::vector<std::string> split_text(std::string_view text, std::size_t limit) {
  std::vector<std::string> parts;
  std::string scratch;
  while (!text.empty()) {
    std::size_t units = 0;
    std::size_t end = 0;
    std::size_t space = 0;  // behind the last space or line end
    bool line_begins = true;
    while (end < text.size()) {
      scratch.clear();
      const std::size_t bytes = escape_at(text, end, line_begins, scratch);
      const std::size_t more = utf16_units(scratch);
      // An address that is longer than a whole message is cut like any other text.
      if (units + more > limit && (units > 0 || bytes == 1)) break;
      if (units + more > limit) {
        end = std::min(limit, text.size());
        break;
      }
      units += more;
      end += bytes;
      if (text[end - 1] == ' ' || text[end - 1] == '\n') space = end;
    }
    // A word is cut only when it alone would leave most of the part empty.
    if (end < text.size() && space > end / 2) end = space;
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

bool asks_for_a_person(std::string_view text) {
  static constexpr std::array<std::string_view, 16> kWords{
      "agent",       "live agent", "human",   "person",     "representative", "operator",
      "mitarbeiter", "mensch",     "berater", "conseiller", "humain",         "personne",
      "agente",      "humano",     "persona", "asesor"};
  static constexpr std::array<std::string_view, 18> kPhrases{
      "talk to a",   "talk to some",  "speak to",           "speak with",           "talk with",
      "chat with",   "connect me",    "live agent",         "real person",          "new chat",
      "live chat",   "another agent", "mit einem menschen", "mitarbeiter sprechen", "parler à",
      "parler avec", "hablar con",    "un agente"};
  const std::string words = plain_words(text);
  const auto is = [&](std::string_view word) { return words == word; };
  const auto has = [&](std::string_view phrase) { return words.find(phrase) != std::string::npos; };
  return std::any_of(kWords.begin(), kWords.end(), is) ||
         std::any_of(kPhrases.begin(), kPhrases.end(), has);
}

bool asks_to_leave(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kWords{
      "end chat",         "end the chat",     "/end",
      "chat beenden",     "gespräch beenden", "terminer la conversation",
      "terminer le chat", "terminar chat",    "terminar la conversación"};
  const std::string words = plain_words(text);
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return words == word; });
}

}  // namespace bridge::session
