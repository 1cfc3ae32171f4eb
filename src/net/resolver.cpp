// SPDX-License-Identifier: MIT
#include "net/resolver.hpp"

#include <string_view>

#include "bridge/net/http.hpp"

namespace bridge::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRemember{30};
constexpr std::size_t kMaxEntries = 256;

/// Names that mean this machine and are not to be asked of a name service (RFC 6761, 6.3); a bare
/// system may have no /etc/hosts that knows them.
bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  if (host.size() < kName.size()) return false;
  const std::string_view before = host.substr(0, host.size() - kName.size());
  return equals_ignoring_case(host.substr(before.size()), kName) &&
         (before.empty() || before.ends_with('.'));
}

}  // namespace

struct Resolver::Entry {
  explicit Entry(const asio::any_io_executor& executor) : resolver(executor), answered(executor) {}

  asio::ip::tcp::resolver resolver;
  async::Signal answered;
  boost::system::error_code error;
  Addresses addresses;
  Deadline expires = Deadline::max();
  bool pending = true;
};

std::shared_ptr<Resolver::Entry> Resolver::start(const std::string& host) {
  const auto now = Clock::now();
  std::erase_if(entries_, [&](const auto& item) { return item.second->expires <= now; });
  if (entries_.size() >= kMaxEntries) entries_.erase(entries_.begin());
  auto entry = std::make_shared<Entry>(executor_);
  entries_[host] = entry;
  // The handler owns the entry, so the look-up may outlive everyone who asked for it.
  entry->resolver.async_resolve(
      host, "", asio::ip::tcp::resolver::address_configured,
      [entry](boost::system::error_code ec, const asio::ip::tcp::resolver::results_type& found) {
        for (const auto& one : found) entry->addresses.push_back(one.endpoint());
        entry->error = ec;
        entry->pending = false;
        // A failure is shared by those who wait for it now, and by nobody later.
        entry->expires = ec ? Clock::now() : Clock::now() + kRemember;
        entry->answered.notify();
      });
  return entry;
}

Task<Result<Addresses>> Resolver::resolve(std::string host, std::uint16_t port, Deadline deadline) {
  boost::system::error_code not_literal;
  const auto literal = asio::ip::make_address(host, not_literal);
  if (!not_literal) {
    Addresses one(1, asio::ip::tcp::endpoint(literal, port));
    co_return one;
  }
  if (is_localhost(host)) {
    Addresses loopback;
    loopback.emplace_back(asio::ip::address_v4::loopback(), port);
    loopback.emplace_back(asio::ip::address_v6::loopback(), port);
    co_return loopback;
  }
  const auto known = entries_.find(host);
  std::shared_ptr<Entry> entry;
  if (known != entries_.end() && known->second->expires > Clock::now())
    entry = known->second;
  else
    entry = start(host);
  while (entry->pending) {
    if (!co_await entry->answered.wait(entry->answered.generation(), deadline))
      co_return Error(Errc::timed_out, "looking up " + host);
  }
  if (entry->error || entry->addresses.empty())
    co_return Error(Errc::unreachable, host + ": no address (" + entry->error.message() + ")")
        .with_hint("Check the host name and this machine's DNS.");
  Addresses addresses = entry->addresses;
  for (auto& address : addresses) address.port(port);
  co_return addresses;
}

void Resolver::forget(const std::string& host) {
  const auto found = entries_.find(host);
  if (found != entries_.end() && !found->second->pending) entries_.erase(found);
}

}  // namespace bridge::net
