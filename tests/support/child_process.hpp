// SPDX-License-Identifier: MIT
// A program under test as a process of its own, whose output the test can wait for. It is killed
// with the test, whatever happens.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace bridge::test {

class ChildProcess {
 public:
  /// Starts `program` with exactly `environment` (plus what sanitizers read). Output of both
  /// streams goes to one file, which `output` reads.
  ChildProcess(const std::string& program, const std::vector<std::string>& arguments,
               const std::map<std::string, std::string>& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void signal(int number);
  pid_t pid() const { return pid_; }
  /// Waits for the end; the exit code, 128 + signal, or -1 if it did not end in time.
  int wait(std::chrono::milliseconds limit = std::chrono::seconds(20));
  std::string output() const;
  /// What follows `mark` on its line, once it is printed. Throws std::runtime_error, with the
  /// output, if the process ends first or time runs out.
  std::string wait_for(const std::string& mark,
                       std::chrono::milliseconds limit = std::chrono::seconds(30));

 private:
  bool ended();

  pid_t pid_ = -1;
  int status_ = 0;
  std::string file_;
};

}  // namespace bridge::test
