// SPDX-License-Identifier: MIT
#include "sandbox/copilot/assistant.hpp"

#include <algorithm>
#include <array>

namespace bridge::sandbox::copilot {
namespace {

/// Lower-case words with one space around each, so that "person" is not found in "personal".
std::string words_of(std::string_view text) {
  std::string words = " ";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || byte >= 0x80;
    if (letter) {
      words += c;
    } else if (c >= 'A' && c <= 'Z') {
      words += static_cast<char>(c - 'A' + 'a');
    } else if (c != '\'' && words.back() != ' ') {
      words += ' ';
    }
  }
  if (words.back() != ' ') words += ' ';
  return words;
}

template <std::size_t N>
bool says_any(const std::string& words, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return words.find(" " + std::string(phrase) + " ") != std::string::npos;
  });
}

constexpr std::array<std::string_view, 13> kEscalate = {
    "person",   "human",       "agent",        "live agent", "representative",
    "a rep",    "real person", "somebody",     "someone",    "service desk",
    "operator", "escalate",    "support staff"};
constexpr std::array<std::string_view, 3> kPassword = {"password", "passwort", "locked out"};
constexpr std::array<std::string_view, 7> kGreeting = {
    "hello", "hi", "hey", "good morning", "good afternoon", "good evening", "greetings"};

/// The first of these members that is a text, wherever the agent put it.
template <std::size_t N>
std::string find_text(const json::value& value, const std::array<std::string_view, N>& names) {
  if (!value.is_object()) return {};
  for (const std::string_view name : names) {
    const json::value* found = value.get_object().if_contains(name);
    if (found && found->is_string()) return std::string(found->get_string());
  }
  return {};
}

constexpr std::array<std::string_view, 6> kTicketNames = {
    "ticket_number", "ticketNumber", "interaction_number", "interactionNumber", "ticket", "number"};
constexpr std::array<std::string_view, 3> kOutcomeNames = {"outcome", "reason", "state"};

}  // namespace

Topic topic_of(std::string_view text) {
  const std::string words = words_of(text);
  if (says_any(words, kEscalate)) return Topic::escalate;
  if (says_any(words, kPassword)) return Topic::password_reset;
  if (says_any(words, kGreeting)) return Topic::greeting;
  return Topic::fallback;
}

std::string_view answer_of(Topic topic) {
  switch (topic) {
    case Topic::greeting:
      return "Hello, I am the assistant. What can I do for you?";
    case Topic::password_reset:
      return "You can set a new password on the sign-in page under \"Forgot my password\". If that "
             "does not help, ask for a person.";
    case Topic::escalate:
      return "One moment, I will get you a person.";
    case Topic::fallback:
      break;
  }
  return "I did not understand that. I know about passwords, and I can get you a person.";
}

std::string_view failure_text() { return "Sorry, something went wrong. Error code: SystemError."; }

std::string hand_back_text(std::string_view code, const json::value& value) {
  std::string outcome = find_text(value, kOutcomeNames);
  if (outcome.empty()) outcome = code.empty() ? "unknown" : std::string(code);
  const std::string ticket = find_text(value, kTicketNames);
  std::string text = "This is the assistant again. Outcome: " + outcome;
  if (!ticket.empty()) text += ", ticket " + ticket;
  return text + ".";
}

}  // namespace bridge::sandbox::copilot
