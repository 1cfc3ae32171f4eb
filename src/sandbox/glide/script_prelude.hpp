// SPDX-License-Identifier: MIT
// The part of Glide that is written in JavaScript: GlideRecord and its kin over a few natives.
#pragma once

namespace bridge::sandbox {

extern const char* const kCorePrelude;    ///< $native, gs, GlideDateTime, sn_ws, sn_ws_err
extern const char* const kRecordPrelude;  ///< GlideRecord, GlideElement, GlideAggregate
extern const char* const kEntryPrelude;   ///< request, response, current, previous

}  // namespace bridge::sandbox
