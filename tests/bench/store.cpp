// SPDX-License-Identifier: MIT
#include "bench/store.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <stdexcept>

#include "bridge/core/random.hpp"
#include "bridge/stores/sqlite_store.hpp"

namespace bridge::bench {
namespace {

using Steady = std::chrono::steady_clock;
using session::BridgeSession;

constexpr std::uint64_t kEvents = 20;
constexpr std::size_t kAtOnce = 256;

BridgeSession chat_session(bool closed) {
  BridgeSession session;
  session.id = random_hex(16);
  session.epoch = random_hex(4);
  session.state = closed ? session::State::closed : session::State::live;
  session.created = session.last_activity = session.closed_at = session.live_chat_since =
      SystemTime().now();
  session.user_email = "someone@example.com";
  session.user_display_name = "Some One";
  session.token_hash = random_hex(32);
  session.browser_hash = random_hex(32);
  session.chat.number = 1;
  session.chat.key = session.id;
  session.chat.api = 2;
  session.chat.user_sys_id = random_hex(16);
  session.chat.conversation_sys_id = random_hex(16);
  session.chat.interaction_sys_id = random_hex(16);
  session.chat.interaction_number = "IMS0000001";
  session.chat.consumer_sys_id = random_hex(16);
  session.chat.rep_name = "Alex Rep";
  session.chat.rep_sys_id = random_hex(16);
  return session;
}

/// The next event of a chat: the user and the agent by turns.
session::LoggedEventPtr next_event(BridgeSession& session) {
  session::Event event;
  event.seq = ++session.last_seq;
  event.at = session.created;
  if (event.seq % 2 == 1) {
    session::UserMessageEvent said;
    said.text = "The printer on the second floor says that it has no paper, but it has.";
    said.client_message_id = random_hex(8);
    session.own_messages.insert(random_hex(16));
    event.what = said;
  } else {
    session::RepMessageEvent row;
    row.text = "Thank you, let me see. Have you tried to open and close the tray?";
    row.rep_name = "Alex Rep";
    row.message_sys_id = random_hex(16);
    row.sent_at = "2026-01-01 10:00:00";
    session.seen_messages.insert(row.message_sys_id);
    event.what = row;
  }
  session.sequences.insert(static_cast<std::int64_t>(event.seq));
  return std::make_shared<const session::LoggedEvent>(std::move(event));
}

class OpenStore {
 public:
  explicit OpenStore(const std::string& path) {
    stores::SqliteOptions options;
    options.path = path;
    auto opened = stores::open_sqlite_store(context.get_executor(), options, logger_, metrics_);
    if (!opened) throw std::runtime_error(opened.error().to_string());
    store = std::move(*opened);
  }
  Task<> commit(const BridgeSession& session, std::vector<session::LoggedEventPtr> events) {
    handoff::Commit step;
    step.next = std::make_shared<const BridgeSession>(session);
    step.events = std::move(events);
    auto written = co_await store->commit(std::move(step));
    if (!written) throw std::runtime_error(written.error().to_string());
  }
  void run() {
    context.run();
    if (thrown) std::rethrow_exception(thrown);
  }
  void spawn(Task<> task) {
    asio::co_spawn(context, std::move(task), [this](std::exception_ptr error) {
      if (error) thrown = error;
    });
  }

  asio::io_context context{1};
  std::unique_ptr<stores::SqliteStore> store;
  std::exception_ptr thrown;

 private:
  NullLogger logger_;
  NullMetrics metrics_;
};

Task<> talk(OpenStore& open, Steady::time_point until, std::vector<double>& micros) {
  BridgeSession session = chat_session(false);
  while (Steady::now() < until) {
    ++session.version;
    std::vector<session::LoggedEventPtr> events{next_event(session)};
    const auto began = Steady::now();
    co_await open.commit(session, std::move(events));
    micros.push_back(std::chrono::duration<double, std::micro>(Steady::now() - began).count());
  }
}

Task<> fill(OpenStore& open, std::size_t& left) {
  while (left > 0) {
    BridgeSession session = chat_session(--left % 2 == 0);
    std::vector<session::LoggedEventPtr> events;
    while (session.last_seq < kEvents) events.push_back(next_event(session));
    session.version = 1;
    co_await open.commit(session, std::move(events));
  }
}

}  // namespace

double CommitFigures::quantile(double q) const {
  if (micros.empty()) return 0;
  return micros[static_cast<std::size_t>(q * static_cast<double>(micros.size() - 1))];
}

CommitFigures measure_commits(const std::string& folder, std::size_t at_once, double seconds) {
  OpenStore open(folder + "/commits-" + std::to_string(at_once) + ".db");
  CommitFigures figures;
  figures.at_once = at_once;
  const auto until = Steady::now() + std::chrono::duration_cast<Steady::duration>(
                                         std::chrono::duration<double>(seconds));
  for (std::size_t i = 0; i < at_once; ++i) open.spawn(talk(open, until, figures.micros));
  open.run();
  std::sort(figures.micros.begin(), figures.micros.end());
  figures.per_second = static_cast<double>(figures.micros.size()) / seconds;
  return figures;
}

void fill_store(const std::string& path, std::size_t sessions) {
  OpenStore open(path);
  std::size_t left = sessions;
  for (std::size_t i = 0; i < kAtOnce; ++i) open.spawn(fill(open, left));
  open.run();
}

}  // namespace bridge::bench
