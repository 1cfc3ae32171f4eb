// SPDX-License-Identifier: MIT
// What came of a post: the status alone decides, because the other side answers with an empty body,
// with JSON, or with what a proxy in between makes of it. Pure.
#pragma once

#include "bridge/core/clock.hpp"
#include "bridge/handoff/delivery.hpp"
#include "bridge/net/http.hpp"

namespace bridge::gateways {

handoff::DeliveryAnswer read_post_answer(const net::Response& response, Time now);

/// For a post without an answer.
handoff::DeliveryAnswer read_post_failure(const Error& error);

/// A label of the metric.
std::string_view name_of(handoff::Posted what);

}  // namespace bridge::gateways
