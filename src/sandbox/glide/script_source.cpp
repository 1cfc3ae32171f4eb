// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_source.hpp"

#include <set>
#include <vector>

namespace bridge::sandbox {
namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || (c & 0x80) != 0;
}

/// Copies a script while watching its tokens. A full parser is not needed: a `while` head becomes
/// `while (tick(), ...`, the middle of a `for` head `tick(), ...`, a function body `{tick();`.
class Instrumenter {
 public:
  explicit Instrumenter(std::string_view source) : source_(source) {}

  PreparedScript run() {
    while (at_ < source_.size()) token();
    return std::move(result_);
  }

 private:
  enum class Head { plain, condition, loop_condition, for_head, parameters };
  struct Open {
    char bracket;
    Head head = Head::plain;
    bool awaits_semicolon = false;
  };

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  void copy(std::size_t count) {
    for (; count > 0 && at_ < source_.size(); --count) {
      if (source_[at_] == '\n') ++line_;
      result_.text += source_[at_++];
    }
  }

  /// The first character of the next token.
  char next_significant() const {
    std::size_t i = at_;
    while (i < source_.size()) {
      const std::string_view rest = source_.substr(i);
      if (rest.starts_with("//")) {
        i = std::min(source_.find('\n', i), source_.size());
      } else if (rest.starts_with("/*")) {
        const std::size_t end = source_.find("*/", i + 2);
        i = end == std::string_view::npos ? source_.size() : end + 2;
      } else if (static_cast<unsigned char>(source_[i]) <= ' ') {
        ++i;
      } else {
        return source_[i];
      }
    }
    return '\0';
  }

  void refuse(const char* what) {
    if (!result_.beyond_es5) result_.beyond_es5 = "line " + std::to_string(line_) + ": " + what;
  }

  void tick(const char* after) { result_.text += std::string(kTickFunction) + "()" + after; }

  void token() {
    const char c = peek();
    if (static_cast<unsigned char>(c) <= ' ') return copy(1);
    if (c == '/' && peek(1) == '/') {
      return copy(std::min(source_.find('\n', at_), source_.size()) - at_);
    }
    if (c == '/' && peek(1) == '*') {
      const std::size_t end = source_.find("*/", at_ + 2);
      return copy(end == std::string_view::npos ? source_.size() - at_ : end + 2 - at_);
    }
    if (c == '"' || c == '\'') return quoted(c);
    if (c == '`') {
      refuse("template literal");
      return quoted(c);
    }
    if (c == '/' && regex_may_start_) return regex();
    if (is_word_character(c)) return word();
    punctuation(c);
  }

  void quoted(char quote) {
    copy(1);
    while (at_ < source_.size() && peek() != quote && (peek() != '\n' || quote == '`'))
      copy(peek() == '\\' ? 2 : 1);
    copy(1);
    after_operand();
  }

  void regex() {
    copy(1);
    bool in_class = false;
    while (at_ < source_.size() && peek() != '\n' && (in_class || peek() != '/')) {
      if (peek() == '[') in_class = true;
      if (peek() == ']') in_class = false;
      copy(peek() == '\\' ? 2 : 1);
    }
    copy(1);
    while (is_word_character(peek())) copy(1);
    after_operand();
  }

  void after_operand() {
    regex_may_start_ = false;
    previous_.clear();
    pending_ = Head::plain;
  }

  void word() {
    std::size_t length = 0;
    while (is_word_character(peek(length))) ++length;
    const std::string text(source_.substr(at_, length));
    const bool is_member = previous_ == ".";
    copy(length);
    static const std::set<std::string> before_regex = {"return", "typeof", "case",   "in",
                                                       "of",     "new",    "delete", "void",
                                                       "throw",  "do",     "else",   "instanceof"};
    regex_may_start_ = !is_member && before_regex.contains(text);
    const char next = next_significant();
    // `{class: 1}` and `a.class` are names, in ES5 too.
    if (!is_member && next != ':') look_for_es6(text, next);
    if (is_member) {
      pending_ = Head::plain;
    } else if (text == "while") {
      pending_ = Head::loop_condition;
    } else if (text == "for") {
      pending_ = Head::for_head;
    } else if (text == "if" || text == "with" || text == "switch") {
      pending_ = Head::condition;
    } else if (text == "function") {
      pending_ = Head::parameters;
    } else if (!(pending_ == Head::parameters && previous_ == "function")) {
      // A function's own name keeps what is expected; any other word ends it.
      pending_ = Head::plain;
    }
    previous_ = text;
  }

  void look_for_es6(const std::string& text, char next) {
    const bool before_name = is_word_character(next) || next == '[' || next == '{';
    if (text == "const") refuse("const");
    if (text == "let" && before_name) refuse("let");
    if (text == "class" && before_name) refuse("class");
    if ((text == "import" || text == "export") && before_name) refuse("module syntax");
    if ((text == "async" || text == "await") && is_word_character(next)) refuse("async function");
    if (text == "of" && !open_.empty() && open_.back().head == Head::for_head &&
        open_.back().awaits_semicolon && is_word_character(next) && previous_ != ",")
      refuse("for-of");
  }

  void punctuation(char c) {
    if (c == '=' && peek(1) == '>') refuse("arrow function");
    if (c == '.' && peek(1) == '.' && peek(2) == '.') refuse("spread");
    const bool body_starts = c == '{' && function_body_next_;
    function_body_next_ = false;
    regex_may_start_ = true;
    const Head head = pending_;
    pending_ = Head::plain;
    copy(1);
    if (c == '(' || c == '[' || c == '{') {
      const Head mine = c == '(' ? head : Head::plain;
      open_.push_back({c, mine, mine == Head::for_head});
      if (mine == Head::loop_condition) tick(", ");
      if (body_starts && next_significant() != '"' && next_significant() != '\'') tick(";");
    } else if (c == ')' || c == ']' || c == '}') {
      const Head closed = open_.empty() ? Head::plain : open_.back().head;
      if (!open_.empty()) open_.pop_back();
      if (c == ')') {
        function_body_next_ = closed == Head::parameters;
        regex_may_start_ = closed != Head::plain && closed != Head::parameters;
      } else {
        regex_may_start_ = c == '}';
      }
    } else if (c == ';' && !open_.empty() && open_.back().awaits_semicolon) {
      open_.back().awaits_semicolon = false;
      tick(next_significant() == ';' ? ", true" : ", ");
    }
    previous_ = std::string(1, c);
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  PreparedScript result_;
  std::vector<Open> open_;
  std::string previous_;
  /// What the next `(` opens.
  Head pending_ = Head::plain;
  bool function_body_next_ = false;
  bool regex_may_start_ = true;
};

void append_three_bytes(std::string& text, unsigned unit) {
  text += static_cast<char>(0xE0 | (unit >> 12));
  text += static_cast<char>(0x80 | ((unit >> 6) & 0x3F));
  text += static_cast<char>(0x80 | (unit & 0x3F));
}

unsigned byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

/// The surrogate whose three bytes start here, or 0.
unsigned surrogate_at(std::string_view text, std::size_t at) {
  if (byte_at(text, at) != 0xED || byte_at(text, at + 1) < 0xA0) return 0;
  return 0xD000 | ((byte_at(text, at + 1) & 0x3F) << 6) | (byte_at(text, at + 2) & 0x3F);
}

}  // namespace

PreparedScript prepare_script(std::string_view source) { return Instrumenter(source).run(); }

std::string to_cesu8(std::string_view utf8) {
  std::string text;
  text.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if (byte_at(utf8, i) < 0xF0 || i + 3 >= utf8.size()) {
      text += utf8[i];
      continue;
    }
    const unsigned point = ((byte_at(utf8, i) & 0x07) << 18) |
                           ((byte_at(utf8, i + 1) & 0x3F) << 12) |
                           ((byte_at(utf8, i + 2) & 0x3F) << 6) | (byte_at(utf8, i + 3) & 0x3F);
    append_three_bytes(text, 0xD800 + ((point - 0x10000) >> 10));
    append_three_bytes(text, 0xDC00 + ((point - 0x10000) & 0x3FF));
    i += 3;
  }
  return text;
}

std::string from_cesu8(std::string_view cesu8) {
  std::string text;
  text.reserve(cesu8.size());
  for (std::size_t i = 0; i < cesu8.size(); ++i) {
    const unsigned first = surrogate_at(cesu8, i);
    if (first == 0) {
      text += cesu8[i];
      continue;
    }
    const unsigned second = surrogate_at(cesu8, i + 3);
    if (first < 0xDC00 && second >= 0xDC00) {
      const unsigned point = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
      text += static_cast<char>(0xF0 | (point >> 18));
      text += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
      text += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
      text += static_cast<char>(0x80 | (point & 0x3F));
      i += 5;
    } else {
      text += "\xEF\xBF\xBD";
      i += 2;
    }
  }
  return text;
}

}  // namespace bridge::sandbox
