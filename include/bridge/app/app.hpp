// SPDX-License-Identifier: MIT
// The composition root: builds every part from one Config, in order, and takes it down again. The
// program is `run`; system tests start an App in process, on port 0, with their own Config.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/async/task.hpp"
#include "bridge/config/config.hpp"

namespace bridge::app {

class App {
 public:
  /// `program` is the path of the executable, beside which the web folder is looked for.
  /// Lifetime: the executor's context must run out of work before the App is destroyed.
  /// Errors: a CA file that cannot be read, a store that cannot be had.
  static Result<std::unique_ptr<App>> create(asio::any_io_executor executor, config::Config config,
                                             const std::string& program);
  ~App();

  /// Loads, listens, becomes ready. Errors: the port is taken, the store is unreachable.
  Task<Result<>> start();
  std::uint16_t port() const;
  /// `told` once the store serves this process no more: the program has to end as after SIGTERM. At
  /// once, if that has happened already.
  void when_store_is_lost(std::function<void()> told);
  /// Why it is lost, unless another process has taken the sessions over, which is no error.
  const std::optional<Error>& store_error() const;
  /// Not ready any more; after SHUTDOWN_DELAY stops taking new work, lets what is under way finish,
  /// closes sockets with 1012.
  Task<> stop(Deadline deadline);

 private:
  struct Parts;
  explicit App(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// The command line: `serve` (the default), `check-config`, `probe`, `forget`, `health`, `version`,
/// `--help`, `--print-config`, `--env-file FILE`. Returns the exit code: 0; 64 for a wrong command
/// line; 78 for a wrong configuration; 1 for anything else.
int run(const std::vector<std::string>& arguments);

}  // namespace bridge::app
