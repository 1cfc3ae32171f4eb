// SPDX-License-Identifier: MIT
#include "gateways/servicenow/ticket_desk.hpp"

#include <algorithm>

#include "bridge/identity/secrets.hpp"

namespace bridge::gateways {
namespace {

using handoff::Ticket;
using handoff::TicketRequest;

constexpr std::size_t kSubjectCharacters = 160;      // incident.short_description
constexpr std::size_t kCorrelationCharacters = 100;  // incident.correlation_id

/// What to store as incident.correlation_id and to look for in a query: the id itself if it is
/// harmless there and fits the column, else its hash.
std::string correlation_id_of(const std::string& request_id) {
  static constexpr std::string_view kSigns = "._:-";
  const bool plain = request_id.size() <= kCorrelationCharacters &&
                     !request_id.starts_with("javascript:") && !request_id.starts_with("sha256:") &&
                     std::all_of(request_id.begin(), request_id.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || kSigns.find(c) != std::string_view::npos;
                     });
  if (request_id.empty() || plain) return request_id;
  return "sha256:" + identity::sha256_hex(request_id);
}

/// The first `characters` characters of valid UTF-8.
std::string_view first_characters(std::string_view text, std::size_t characters) {
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    const bool starts = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (starts && characters-- == 0) break;
  }
  return text.substr(0, end);
}

/// The column cuts what is longer; then the whole text goes on top of the description.
void fill_texts(const TicketRequest& request, json::object& row) {
  std::string description = request.description;
  std::string subject = request.short_description;
  if (count_characters(subject) > kSubjectCharacters) {
    description = subject + (description.empty() ? "" : "\n\n") + description;
    subject = std::string(first_characters(subject, kSubjectCharacters - 1)) + "\u2026";
  }
  if (request.caller_sys_id.empty() && !request.caller_claim.empty())
    description += (description.empty() ? "" : "\n\n") +
                   ("Caller, as claimed and not verified: " + request.caller_claim);
  row["short_description"] = subject;
  row["description"] = description;
}

std::optional<Ticket> ticket_of(const json::object& row) {
  Ticket ticket{text_of(row, "number"), text_of(row, "sys_id")};
  if (ticket.number.empty() || !is_sys_id(ticket.sys_id)) return std::nullopt;
  return ticket;
}

}  // namespace

/// Whatever happens to the one who flies: those who wait are woken, and the place is free again.
class ServiceNowTicketDesk::Landing {
 public:
  Landing(ServiceNowTicketDesk& desk, std::string id, std::shared_ptr<Flight> flight)
      : desk_(desk), id_(std::move(id)), flight_(std::move(flight)) {
    desk_.flights_.emplace(id_, flight_);
  }
  ~Landing() {
    desk_.flights_.erase(id_);
    flight_->landed.notify();
  }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

 private:
  ServiceNowTicketDesk& desk_;
  std::string id_;
  std::shared_ptr<Flight> flight_;
};

Task<Result<Ticket>> ServiceNowTicketDesk::create(TicketRequest request, Deadline deadline) {
  const std::string id = correlation_id_of(request.request_id);
  if (id.empty()) co_return co_await insert(std::move(request), id, deadline);
  const auto executor = co_await asio::this_coro::executor;
  for (auto at = flights_.find(id); at != flights_.end(); at = flights_.find(id)) {
    const std::shared_ptr<Flight> flight = at->second;
    const bool landed = co_await flight->landed.wait(0, deadline);
    if (!landed)
      co_return Error(Errc::timed_out,
                      "ServiceNow table/incident: an earlier request with this id is not done")
          .with_outcome(Outcome::unknown);
    if (flight->outcome) co_return *flight->outcome;
  }
  const auto flight = std::make_shared<Flight>(executor);
  const Landing landing(*this, id, flight);
  auto result = co_await create_once(std::move(request), id, deadline);
  flight->outcome = result;
  co_return result;
}

Task<Result<Ticket>> ServiceNowTicketDesk::create_once(TicketRequest request,
                                                       std::string correlation_id,
                                                       Deadline deadline) {
  auto earlier = co_await find(correlation_id, request.trace, deadline);
  if (!earlier) co_return earlier.error();
  if (*earlier) co_return std::move(**earlier);

  const Trace trace = request.trace;
  auto created = co_await insert(std::move(request), correlation_id, deadline);
  if (created || created.error().outcome() == Outcome::failed) co_return created;
  // It may have been made all the same: a quota cancels after the insert (servicenow.md 1.5).
  auto made = co_await find(correlation_id, trace, deadline);
  if (made && *made) co_return std::move(**made);
  co_return created;
}

Task<Result<Ticket>> ServiceNowTicketDesk::insert(TicketRequest request, std::string correlation_id,
                                                  Deadline deadline) {
  json::object row;
  fill_texts(request, row);
  row["contact_type"] = "chat";
  row["category"] = "inquiry";
  // A reference takes a sys_id; an e-mail would be stored dangling (servicenow.md 7.3).
  if (is_sys_id(request.caller_sys_id)) row["caller_id"] = request.caller_sys_id;
  if (!correlation_id.empty()) {
    row["correlation_id"] = correlation_id;
    row["correlation_display"] = "handoff-bridge";
  }
  auto created = co_await client_.insert("incident", std::move(row), "sys_id,number",
                                         std::move(request.trace), deadline);
  if (!created) co_return created.error();
  auto ticket = ticket_of(*created);
  if (!ticket)
    co_return Error(Errc::upstream_garbled,
                    "ServiceNow table/incident answered without number and sys_id")
        .with_hint(
            "The account may create incidents but not read them; see docs/02-servicenow-setup.md.")
        .with_outcome(Outcome::unknown);
  co_return std::move(*ticket);
}

Task<Result<std::optional<Ticket>>> ServiceNowTicketDesk::find(std::string correlation_id,
                                                               Trace trace, Deadline deadline) {
  TableQuery query("incident", "correlation_id=" + correlation_id, "sys_id,number,correlation_id",
                   2);
  query.trace = std::move(trace);
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows) co_return rows.error();
  std::optional<Ticket> found;
  for (const json::object& row : *rows)
    if (!found && text_of(row, "correlation_id") == correlation_id) found = ticket_of(row);
  co_return found;
}

}  // namespace bridge::gateways
