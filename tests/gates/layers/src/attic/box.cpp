// SPDX-License-Identifier: MIT  // forbidden: no such room
