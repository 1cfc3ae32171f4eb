// SPDX-License-Identifier: MIT
#include <exception>
#include <iostream>

#include "bridge/app/app.hpp"

int main(int argc, char** argv) {
  try {
    return bridge::app::run({argv, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "handoff-bridge: " << error.what() << '\n';
    return 1;
  }
}
