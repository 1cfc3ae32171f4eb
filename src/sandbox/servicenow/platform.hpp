// SPDX-License-Identifier: MIT
// Answers in the platform's own form: the error envelope with the texts of reference/servicenow.md
// 1.4, and the headers that come with everything.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bridge/net/http.hpp"

namespace bridge::sandbox {

net::Response json_response(unsigned status, std::string body);
net::Response platform_error(unsigned status, std::string_view message, std::string_view detail);
/// With `"detail":null`.
net::Response platform_error(unsigned status, std::string_view message);

net::Response unknown_path(std::string_view path);
net::Response not_authenticated();
net::Response acl_denied();
net::Response rate_limited(std::optional<int> retry_after_s);
/// What a sleeping developer instance answers, whatever was asked (1.7): 200 and a page.
net::Response hibernation_page(unsigned status);

/// Cache-Control, X-Transaction-ID and their like (1.3).
void add_platform_headers(net::Response& response, bool logged_in);

/// The media type of a Content-Type field, in lower case and without parameters.
std::string media_type(std::string_view content_type);
/// Whether Accept allows JSON; an absent one does.
bool accepts_json(std::string_view accept);

}  // namespace bridge::sandbox
