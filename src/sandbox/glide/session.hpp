// SPDX-License-Identifier: MIT
// Who is acting. A Session belongs to one HTTP session (or one background job); GlideImpersonate
// changes `user_*` in it and nothing else, so an impersonation that is not restored leaks into the
// next call that uses the same Session object, exactly as a shared cookie does on an instance.
#pragma once

#include <string>

namespace bridge::sandbox {

struct Session {
  /// The account that authenticated. Whether it may impersonate is judged by this one.
  std::string login_id;
  /// Whoever the session acts as now: sys_created_by, gs.getUserID.
  std::string user_id;
  std::string user_name = "system";

  bool impersonating() const { return login_id != user_id; }
};

}  // namespace bridge::sandbox
