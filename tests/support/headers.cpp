// SPDX-License-Identifier: MIT
// Nothing but the headers that tests share: their precompiled header belongs to this file.
