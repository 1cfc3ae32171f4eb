// SPDX-License-Identifier: MIT
#include <openssl/evp.h>
#include <boost/beast/http/verb.hpp>  // forbidden: Beast is net's
