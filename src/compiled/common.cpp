// SPDX-License-Identifier: MIT
// Nothing but the headers that rooms share: their precompiled header belongs to this file.
