# SPDX-License-Identifier: MIT
# Writes INPUT as the body of a C++ function to OUTPUT; cmake -DINPUT=... -DOUTPUT=... -P <this>.
file(READ ${INPUT} text)
string(FIND "${text}" ")openapi\"" clash)
if(NOT clash EQUAL -1)
  message(FATAL_ERROR "${INPUT} holds the end mark of the string literal")
endif()
# One literal may be limited to 64 KiB; adjacent ones are joined.
string(LENGTH "${text}" length)
set(literals "")
set(from 0)
while(from LESS length)
  string(SUBSTRING "${text}" ${from} 8000 piece)
  string(APPEND literals "R\"openapi(${piece})openapi\"\n")
  math(EXPR from "${from} + 8000")
endwhile()
file(WRITE ${OUTPUT} "// Made from src/channels/openapi.yaml.
#include \"channels/openapi.hpp\"

namespace bridge::channels {

std::string_view openapi_yaml() {
  static constexpr char kText[] =
${literals};
  return {kText, sizeof kText - 1};
}

}  // namespace bridge::channels
")
