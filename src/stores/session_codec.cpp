// SPDX-License-Identifier: MIT
#include "stores/session_codec.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "stores/session_fields.hpp"

namespace bridge::stores {
namespace {

namespace json = boost::json;

static_assert(lists_every_member<session::BridgeSession>, "a member of it is not stored");
static_assert(lists_every_member<session::Chat>, "a member of it is not stored");
static_assert(lists_every_member<session::Send>, "a member of it is not stored");
static_assert(lists_every_member<session::AgentEvent>, "a member of it is not stored");
static_assert(lists_every_member<session::PendingOpen>, "a member of it is not stored");
static_assert(lists_every_member<session::PendingEnd>, "a member of it is not stored");
static_assert(lists_every_member<session::HeldRow>, "a member of it is not stored");
static_assert(lists_every_member<session::PendingClose>, "a member of it is not stored");
static_assert(lists_every_member<session::Reconciling>, "a member of it is not stored");
static_assert(lists_every_member<session::OwedRead>, "a member of it is not stored");
static_assert(lists_every_member<session::Trouble>, "a member of it is not stored");
static_assert(lists_every_member<session::ActivitySurface>, "a member of it is not stored");
static_assert(lists_every_member<session::ActivityAddress>, "a member of it is not stored");
static_assert(lists_every_member<session::AnsweredTurn>, "a member of it is not stored");
static_assert(lists_every_member<session::Told>, "a member of it is not stored");
static_assert(lists_every_member<session::Voice>, "a member of it is not stored");
static_assert(lists_every_member<session::StatusEvent>, "a member of it is not stored");
static_assert(lists_every_member<session::UserMessageEvent>, "a member of it is not stored");
static_assert(lists_every_member<session::RepMessageEvent>, "a member of it is not stored");
static_assert(lists_every_member<session::ReceiptEvent>, "a member of it is not stored");
static_assert(lists_every_member<session::NoticeEvent>, "a member of it is not stored");
static_assert(sizeof(Trace) == 2 * sizeof(std::string), "a member of it is not stored");
static_assert(std::variant_size_v<decltype(session::Event::what)> == 5, "say it in Stored");

template <class T>
constexpr bool is_vector = false;
template <class T>
constexpr bool is_vector<std::vector<T>> = true;
template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;

class Writer {
 public:
  explicit Writer(const Sealer* sealer) : sealer_(sealer) { out_.reserve(1024); }

  /// The members, without braces.
  template <class Struct>
  void members(const Struct& value) {
    static const Struct usual = Struct();
    std::apply([&](const auto&... m) { (one(m.name, value.*m.at, usual.*m.at), ...); },
               Stored<Struct>::list);
  }
  void number(std::string_view name, std::int64_t value) {
    begin(name);
    put(value);
  }
  void open() {
    out_.push_back('{');
    first_ = true;
  }
  void close() {
    out_.push_back('}');
    first_ = false;
  }
  std::string take() && { return std::move(out_); }

 private:
  void begin(std::string_view name) {
    if (!std::exchange(first_, false)) out_.push_back(',');
    out_.append(1, '"').append(name).append("\":");
  }

  template <class T>
  void one(std::string_view name, const T& value, const T& usual) {
    if constexpr (StoredStruct<T>) {
      const std::size_t before = out_.size();
      const bool first = first_;
      begin(name);
      open();
      const std::size_t empty = out_.size();
      members(value);
      if (out_.size() == empty) {  // all as usual
        out_.resize(before);
        first_ = first;
      } else {
        close();
      }
    } else if constexpr (std::is_same_v<T, Secret>) {
      if (value.empty() || !sealer_) return;
      begin(name);
      put(sealer_->seal(value));
    } else if constexpr (std::is_same_v<T, session::RecentIds> ||
                         std::is_same_v<T, session::SeenSequences> ||
                         std::is_same_v<T, session::TakenActivities>) {
      const auto& all = value.all();
      if (all.empty()) return;
      begin(name);
      put(all);
    } else if constexpr (std::is_same_v<T, session::SurfacePtr>) {
      if (!value) return;
      begin(name);
      put(*value);
    } else if constexpr (is_vector<T>) {
      if (value.empty()) return;
      begin(name);
      put(value);
    } else if constexpr (is_optional<T>) {
      if (!value) return;
      begin(name);
      put(*value);
    } else {
      if (value == usual) return;
      begin(name);
      put(value);
    }
  }

  void put(const std::string& text) { out_ += json::serialize(json::string_view(text)); }
  void put(bool value) { out_ += value ? "true" : "false"; }
  void put(Time value) { put(value.time_since_epoch().count()); }
  template <class T>
  void put(const std::vector<T>& values) {
    out_.push_back('[');
    bool first = true;
    for (const T& value : values) {
      if (!std::exchange(first, false)) out_.push_back(',');
      put(value);
    }
    out_.push_back(']');
  }
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put(static_cast<int>(value));
    } else if constexpr (std::is_integral_v<T>) {
      char digits[24];
      const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
      out_.append(digits, end);
    } else {
      open();
      members(value);
      close();
    }
  }

  const Sealer* sealer_;
  std::string out_;
  bool first_ = true;
};

/// False anywhere: the row does not hold what its members' types say.
class Reader {
 public:
  Reader(const Sealer* sealer, std::size_t& unopened) : sealer_(sealer), unopened_(unopened) {}

  template <class Struct>
  bool members(const json::object& from, Struct& into) {
    return members(from, from.begin(), into);
  }
  /// `first`: what stands before it belongs to no member.
  template <class Struct>
  bool members(const json::object& from, json::object::const_iterator first, Struct& into) {
    // The writer walks the same list, so they stand in its order, without those that are as usual.
    // If another version wrote them, in another order or with unknown ones, each is looked up.
    const bool in_order = all_in_order<Struct>(from, first);
    const auto find = [&](std::string_view name) -> const json::value* {
      if (!in_order) return from.if_contains(name);
      const bool there = first != from.end() && std::string_view(first->key()) == name;
      return there ? &(first++)->value() : nullptr;
    };
    return std::apply([&](const auto&... m) { return (one(find(m.name), into.*m.at) && ...); },
                      Stored<Struct>::list);
  }

 private:
  template <class Struct>
  static bool all_in_order(const json::object& from, json::object::const_iterator at) {
    const auto pass = [&](std::string_view name) {
      if (at != from.end() && std::string_view(at->key()) == name) ++at;
    };
    std::apply([&](const auto&... m) { (pass(m.name), ...); }, Stored<Struct>::list);
    return at == from.end();
  }

  template <class T>
  bool one(const json::value* from, T& into) {
    return !from || get(*from, into);
  }

  static bool get(const json::value& from, std::string& into) {
    const json::string* text = from.if_string();
    if (!text) return false;
    into.assign(text->data(), text->size());
    return true;
  }
  static bool get(const json::value& from, bool& into) {
    if (!from.is_bool()) return false;
    into = from.get_bool();
    return true;
  }
  bool get(const json::value& from, Time& into) {
    std::int64_t millis = 0;
    if (!get(from, millis)) return false;
    into = Time(Millis(millis));
    return true;
  }
  bool get(const json::value& from, Secret& into) {
    std::string sealed;
    if (!get(from, sealed)) return false;
    auto opened = sealer_ ? sealer_->open(sealed) : Result<Secret>(Error(Errc::not_configured));
    if (opened) {
      into = std::move(*opened);
    } else {
      ++unopened_;
    }
    return true;
  }
  bool get(const json::value& from, session::SurfacePtr& into) {
    auto surface = std::make_shared<session::ActivitySurface>();
    if (!get(from, *surface)) return false;
    into = std::move(surface);
    return true;
  }
  static bool get(const json::value& from, std::string_view& into) {
    const json::string* text = from.if_string();
    if (text) into = std::string_view(text->data(), text->size());
    return text != nullptr;
  }
  bool get(const json::value& from, session::RecentIds& into) {
    if (const json::array* all = from.if_array()) into.reserve(all->size());
    return each<std::string_view>(from, [&](std::string_view id) { into.restore(id); });
  }
  bool get(const json::value& from, session::SeenSequences& into) {
    std::vector<std::int64_t> all;
    if (!get(from, all)) return false;
    into.restore(std::move(all));
    return true;
  }
  bool get(const json::value& from, session::TakenActivities& into) {
    return each<std::string>(from, [&](std::string key) { into.insert(std::move(key)); });
  }
  template <class T>
  bool get(const json::value& from, std::vector<T>& into) {
    into.clear();
    if (const json::array* all = from.if_array()) into.reserve(all->size());
    return each<T>(from, [&](T value) { into.push_back(std::move(value)); });
  }
  template <class T>
  bool get(const json::value& from, std::optional<T>& into) {
    return get(from, into.emplace());
  }
  template <class T>
  bool get(const json::value& from, T& into) {
    if constexpr (std::is_enum_v<T>) {
      int number = 0;
      if (!get(from, number)) return false;
      if (number < 0 || number > static_cast<int>(LastEnumerator<T>::value)) return false;
      into = static_cast<T>(number);
      return true;
    } else if constexpr (std::is_integral_v<T>) {
      if (const std::int64_t* number = from.if_int64()) {
        into = static_cast<T>(*number);
        return std::in_range<T>(*number);
      }
      const std::uint64_t* number = from.if_uint64();  // beyond what fits the other
      if (!number || !std::in_range<T>(*number)) return false;
      into = static_cast<T>(*number);
      return true;
    } else {
      const json::object* object = from.if_object();
      return object && members(*object, into);
    }
  }

  template <class T, class Take>
  bool each(const json::value& from, Take take) {
    const json::array* all = from.if_array();
    if (!all) return false;
    for (const json::value& element : *all) {
      T value{};
      if (!get(element, value)) return false;
      take(std::move(value));
    }
    return true;
  }

  const Sealer* sealer_;
  std::size_t& unopened_;
};

/// Texts are kept as they came, whatever bytes they hold.
json::parse_options lenient() {
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  return options;
}

Error unreadable(const char* what) { return Error(Errc::malformed, what); }

template <std::size_t I = 0>
bool read_what(Reader& reader, const json::object& from, json::object::const_iterator first,
               std::size_t index, decltype(session::Event::what)& into) {
  if constexpr (I == std::variant_size_v<decltype(session::Event::what)>) {
    return false;
  } else {
    if (index != I) return read_what<I + 1>(reader, from, first, index, into);
    return reader.members(from, first, into.emplace<I>());
  }
}

constexpr std::size_t kMemory = 64 * 1024;

}  // namespace

std::string encode(const session::BridgeSession& session, const Sealer* sealer) {
  Writer writer(sealer);
  writer.open();
  writer.members(session);
  writer.close();
  return std::move(writer).take();
}

std::string encode(const session::Event& event) {
  Writer writer(nullptr);
  writer.open();
  writer.number("what", static_cast<std::int64_t>(event.what.index()));
  if (event.carried) writer.number("carried", 1);
  std::visit([&](const auto& what) { writer.members(what); }, event.what);
  writer.close();
  return std::move(writer).take();
}

SessionDecoder::SessionDecoder(const Sealer* sealer)
    : sealer_(sealer),
      memory_(kMemory),
      resource_(memory_.data(), memory_.size()),
      parser_(json::storage_ptr(), lenient()) {}

const json::object* SessionDecoder::parse(std::string_view bytes) {
  value_.reset();
  resource_.release();
  parser_.reset(&resource_);
  json::error_code failed;
  parser_.write(bytes, failed);
  if (failed) return nullptr;
  value_.emplace(parser_.release());
  return value_->if_object();
}

Result<> SessionDecoder::session(std::string_view bytes, session::BridgeSession& into) {
  const json::object* object = parse(bytes);
  if (!object) return unreadable("a session's row is not a JSON object");
  Reader reader(sealer_, unopened_);
  if (!reader.members(*object, into))
    return unreadable("a member of a session's row has the wrong type");
  return {};
}

Result<session::Event> SessionDecoder::event(std::uint64_t seq, Time at, std::string_view bytes) {
  const json::object* object = parse(bytes);
  if (!object) return unreadable("an event's row is not a JSON object");
  session::Event event;
  event.seq = seq;
  event.at = at;
  event.carried = object->if_contains("carried") != nullptr;
  const json::value* what = object->if_contains("what");
  const std::int64_t* index = what ? what->if_int64() : nullptr;
  Reader reader(sealer_, unopened_);
  const auto first = object->begin() + (event.carried ? 2 : 1);  // of the writer's members
  if (!index || *index < 0 ||
      !read_what(reader, *object, first, static_cast<std::size_t>(*index), event.what))
    return unreadable("a member of an event's row has the wrong type");
  return event;
}

}  // namespace bridge::stores
