// SPDX-License-Identifier: MIT
#include "bridge/core/exception.hpp"

#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>
#include <stdexcept>
#include <system_error>

namespace bridge {
namespace {

TEST(Exception, IsDescribedByItsTypeAndNeverByItsText) {
  EXPECT_EQ(describe(std::make_exception_ptr(std::out_of_range("card 4111111111111111"))),
            "std::out_of_range");
}

TEST(Exception, OfTheSystemIsDescribedByTheTextOfItsCodeAlone) {
  const auto reset = boost::system::errc::make_error_code(boost::system::errc::connection_reset);
  const boost::system::system_error ours(reset, "while sending 'my secret'");
  EXPECT_EQ(describe(std::make_exception_ptr(ours)), "Connection reset by peer");
  const std::system_error theirs(std::make_error_code(std::errc::broken_pipe), "my secret");
  EXPECT_EQ(describe(std::make_exception_ptr(theirs)), "Broken pipe");
}

TEST(Exception, ThatIsNoneIsSaidToBeNone) {
  EXPECT_EQ(describe(std::make_exception_ptr(3)), "not a std::exception");
}

}  // namespace
}  // namespace bridge
