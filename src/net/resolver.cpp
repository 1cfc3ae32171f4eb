// SPDX-License-Identifier: MIT
#include "net/resolver.hpp"

#include <netdb.h>

#include <boost/asio/post.hpp>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>

#include "bridge/net/http.hpp"

namespace bridge::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRemember{30};
constexpr std::size_t kMaxEntries = 256;
constexpr std::size_t kMaxThreads = 16;

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

LookupResult system_lookup(const std::string& host) {
  LookupResult result;
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (failed != 0) {
    result.error = ::gai_strerror(failed);
    return result;
  }
  for (const addrinfo* one = found; one; one = one->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (one->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), one->ai_addr, one->ai_addrlen);
    endpoint.resize(one->ai_addrlen);
    result.addresses.push_back(endpoint.address());
  }
  ::freeaddrinfo(found);
  if (result.addresses.empty()) result.error = "no address";
  return result;
}

struct Resolver::Entry {
  explicit Entry(const asio::any_io_executor& executor) : answered(executor) {}

  async::Signal answered;
  LookupResult result;
  Deadline expires = Deadline::max();
  bool pending = true;
};

/// What the look-ups' threads share with the resolver. They may come back after it is gone, and
/// with it the context that they would post to: under the lock they see whether it still is.
struct Resolver::Threads {
  std::mutex mutex;
  bool wanted = true;
  std::size_t running = 0;
};

Resolver::Resolver(asio::any_io_executor executor, Lookup lookup)
    : executor_(std::move(executor)),
      lookup_(std::move(lookup)),
      threads_(std::make_shared<Threads>()) {}

Resolver::~Resolver() {
  const std::lock_guard lock(threads_->mutex);
  threads_->wanted = false;
}

std::shared_ptr<Resolver::Entry> Resolver::start(const std::string& host) {
  const auto now = Clock::now();
  std::erase_if(entries_, [&](const auto& item) { return item.second->expires <= now; });
  if (entries_.size() >= kMaxEntries) entries_.erase(entries_.begin());
  auto entry = std::make_shared<Entry>(executor_);
  {
    const std::lock_guard lock(threads_->mutex);
    if (threads_->running >= kMaxThreads) {
      entry->result.error = "too many look-ups hang";
      entry->pending = false;
      return entry;
    }
    ++threads_->running;
  }
  entries_[host] = entry;
  // Not a task of the context: run() would wait for it, and so would the context's destructor.
  std::thread([threads = threads_, lookup = lookup_, executor = executor_, host,
               weak = std::weak_ptr<Entry>(entry)] {
    LookupResult result = lookup(host);
    const std::lock_guard lock(threads->mutex);
    --threads->running;
    if (!threads->wanted) return;
    asio::post(executor, [weak, result = std::move(result)]() mutable {
      const auto asked = weak.lock();
      if (!asked) return;
      const bool failed = !result.error.empty();
      asked->result = std::move(result);
      asked->pending = false;
      // A failure is shared by those who wait for it now, and by nobody later.
      asked->expires = failed ? Clock::now() : Clock::now() + kRemember;
      asked->answered.notify();
    });
  }).detach();
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
  if (!entry->result.error.empty())
    co_return Error(Errc::unreachable, host + ": no address (" + entry->result.error + ")")
        .with_hint("Check the host name and this machine's DNS.");
  Addresses addresses;
  for (const auto& address : entry->result.addresses) addresses.emplace_back(address, port);
  co_return addresses;
}

void Resolver::forget(const std::string& host) {
  const auto found = entries_.find(host);
  if (found != entries_.end() && !found->second->pending) entries_.erase(found);
}

}  // namespace bridge::net
