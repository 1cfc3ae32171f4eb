// SPDX-License-Identifier: MIT
#include "bridge/core/error.hpp"

#include <array>
#include <stdexcept>

namespace bridge {
namespace {

constexpr std::array kIds = {
    std::string_view("ok"),
    std::string_view("invalid_argument"),
    std::string_view("malformed"),
    std::string_view("too_large"),
    std::string_view("unauthorized"),
    std::string_view("forbidden"),
    std::string_view("not_found"),
    std::string_view("conflict"),
    std::string_view("wrong_state"),
    std::string_view("chat_ended"),
    std::string_view("rate_limited"),
    std::string_view("overloaded"),
    std::string_view("storage_failed"),
    std::string_view("superseded"),
    std::string_view("not_configured"),
    std::string_view("unreachable"),
    std::string_view("timed_out"),
    std::string_view("connection_lost"),
    std::string_view("upstream_credentials"),
    std::string_view("upstream_role"),
    std::string_view("upstream_path"),
    std::string_view("upstream_asleep"),
    std::string_view("upstream_rate_limited"),
    std::string_view("upstream_quota"),
    std::string_view("upstream_rejected"),
    std::string_view("upstream_failed"),
    std::string_view("upstream_garbled"),
    std::string_view("internal"),
};
static_assert(kIds.size() == static_cast<std::size_t>(Errc::internal) + 1);

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "bridge"; }
  std::string message(int value) const override {
    return std::string(id_of(static_cast<Errc>(value)));
  }
};

const Category& category() {
  static const Category instance;
  return instance;
}

}  // namespace

boost::system::error_code make_error_code(Errc code) {
  return {static_cast<int>(code), category()};
}

std::string_view id_of(Errc code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kIds.size() ? kIds[index] : kIds.back();
}

Errc Error::errc() const {
  return code_.category() == category() ? static_cast<Errc>(code_.value()) : Errc::internal;
}

std::string Error::to_string() const {
  std::string text = code_.message();
  if (!context_.empty()) text += ": " + context_;
  return text;
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  throw std::logic_error("no value but " + error.to_string() + " at " + where.to_string());
}

}  // namespace bridge
