// SPDX-License-Identifier: MIT
#include "bridge/core/exception.hpp"

#include <boost/core/demangle.hpp>
#include <boost/system/system_error.hpp>
#include <system_error>
#include <typeinfo>

namespace bridge {

std::string describe(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    return error.code().message();
  } catch (const std::system_error& error) {
    return error.code().message();
  } catch (const std::exception& error) {
    return boost::core::demangle(typeid(error).name());
  } catch (...) {
    return "not a std::exception";
  }
}

}  // namespace bridge
