// SPDX-License-Identifier: MIT
#include "telemetry/help.hpp"

#include <algorithm>
#include <array>

namespace bridge::telemetry {
namespace {

constexpr auto kHelp = std::to_array<MetricHelp>({
    // Browsers, ServiceNow and Copilot Studio, calling us.
    {"bridge_http_requests_total", "HTTP requests answered, by route, method and status."},
    {"bridge_http_request_seconds",
     "Time from the end of a request's header to the end of its answer, by route."},
    {"bridge_http_connections", "TCP connections that are open now, WebSockets included."},
    {"bridge_http_refused_total", "Connections and requests refused before a route saw them."},
    {"bridge_websockets", "WebSockets that are open now."},
    {"bridge_rate_limited_total", "Requests refused because their caller sent too many, by limit."},
    {"bridge_webhook_proofs_total", "Webhooks by the proof that came with them."},
    {"bridge_copilot_proofs_total",
     "Posts to /api/messages by the proof that came with them, or what was wrong with it."},
    {"bridge_entra_key_fetches_total", "Fetches of Microsoft Entra's signing keys, by result."},
    // Sessions.
    {"bridge_sessions", "Sessions by state."},
    {"bridge_sessions_opened_total", "Sessions that were made."},
    {"bridge_sessions_evicted_total", "Idle sessions given up early because the map was full."},
    {"bridge_session_changes_total", "Changes of a session's state, by the new state."},
    {"bridge_users_unresolved_total", "Users whom ServiceNow did not know, or knew twice."},
    {"bridge_readers", "Who reads now: sockets that are subscribed, and polls that wait."},
    // What is under way.
    {"bridge_queue_depth",
     "What waits now: opens and ends that ServiceNow has not settled, messages unsent and in "
     "flight, rows held for their predecessor or parked as possible echoes, webhooks."},
    {"bridge_oldest_undelivered_seconds",
     "Age of the oldest message that ServiceNow has not taken (send), and of the oldest event of "
     "an open chat that no reader has been handed (event)."},
    {"bridge_handoff_events_total",
     "Repeats, echoes, held rows and other things that the rules met, by kind."},
    {"bridge_reconcile_calls_total", "Calls that read chats from ServiceNow, by outcome."},
    {"bridge_reconcile_age_seconds",
     "Time since a call that reads chats went well, while one is wanted; else 0."},
    {"bridge_webhooks_refused_total", "Webhooks refused because too many waited."},
    {"bridge_commit_seconds", "Time that the store took for one commit."},
    {"bridge_commit_conflicts_total", "Commits repeated because another writer was faster."},
    {"bridge_store_failing", "1 while sessions cannot be written."},
    {"bridge_store_failures_total",
     "Transactions that could not be written, by reason; what was in them was refused."},
    {"bridge_sessions_unreadable_total", "Sessions with a stored row that could not be read."},
    // ServiceNow, Direct Line and Copilot Studio, called by us.
    {"bridge_servicenow_calls_total", "Calls to ServiceNow that ended, by call and outcome."},
    {"bridge_servicenow_seconds", "Time that one attempt of a call to ServiceNow took, by call."},
    {"bridge_opening_messages_resent_total",
     "Opening messages that an old open_chat script had lost, sent once more, by result."},
    {"bridge_user_lookups_total", "Users looked up by e-mail or user name, by result."},
    {"bridge_directline_tokens_total", "Direct Line tokens asked for, by result."},
    {"bridge_delivery_posts_total", "Activities posted to service URLs, by outcome."},
    {"bridge_delivery_seconds", "Time that one post of an activity took."},
    {"bridge_upstream_retries_total", "Calls to ServiceNow that were tried again, by reason."},
    {"bridge_upstream_breaker",
     "State of the circuit breaker before ServiceNow: 0 closed, 1 half open, 2 open."},
    {"bridge_upstream_connections", "Connections to upstreams that are open now."},
    {"bridge_upstream_handshakes_total",
     "TLS handshakes with upstreams: full ones, and those that resumed a session."},
    // The program.
    {"bridge_build_info", "Always 1; the label is the program's version."},
    {"bridge_ready", "1 while /readyz says that traffic may come."},
    {"bridge_other", "Counted under no name of its own: a bug."},
    {"bridge_other_total", "Counted under no name of its own: a bug."},
    {"process_start_time_seconds", "When the process was started, in seconds since 1970."},
    {"process_cpu_seconds_total", "CPU time used, of user and system."},
    {"process_resident_memory_bytes", "Memory in use (resident set size)."},
    {"process_virtual_memory_bytes", "Address space in use."},
    {"process_open_fds", "File descriptors in use."},
    {"process_max_fds", "File descriptors allowed."},
});

}  // namespace

std::span<const MetricHelp> metric_help() { return kHelp; }

std::string_view help_of(std::string_view name) {
  const auto found = std::find_if(kHelp.begin(), kHelp.end(),
                                  [&](const MetricHelp& row) { return row.name == name; });
  return found == kHelp.end() ? std::string_view() : found->text;
}

}  // namespace bridge::telemetry
