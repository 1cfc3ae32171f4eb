// SPDX-License-Identifier: MIT
// What to write instead, and what was never wrong. The gate must flag none of it.
#include "toy.hpp"

namespace toy {

Task<int> named_aggregate(std::string method) {
  Request request{.method = std::move(method)};
  co_return co_await send(std::move(request));
}
Task<int> factory_result() { co_return co_await send(make_request()); }
Task<int> own_constructor() { co_return co_await place(Order{"tea"}); }
Task<int> trivial_aggregate() { co_return co_await draw(Point{.x = 1, .y = 2}); }
Task<int> string_temporary() { co_return co_await write(std::string(3, 'a')); }
Task<int> executor_first(std::string text) {
  auto executor = co_await this_executor;
  co_spawn(executor, [text] { return text; }, detached);
  co_return 0;
}
Task<int> named_lambda(Executor executor, std::string text) {
  auto work = [text = std::move(text)] { return text; };
  co_return co_await co_spawn(executor, std::move(work));
}
Task<int> referring_lambda(Executor executor, std::string text) {
  co_return co_await co_spawn(executor, [&text] { return text.size(); });
}
Task<std::string> spelled_out_condition(bool condition, std::string other) {
  if (condition) co_return co_await fetch();
  co_return other;
}
Task<int> trivial_condition(bool condition) { co_return condition ? co_await count() : 0; }
Task<Row> row_without_a_wait(std::string text) {
  co_return Row{.text = std::move(text), .number = 1};
}
Task<int> row_after_the_wait(std::vector<Row> rows) {
  std::string text = co_await fetch();
  rows.push_back(Row{.text = std::move(text)});
  co_return 0;
}
Task<int> wait_in_a_condition() {
  if (auto text = co_await maybe(); text) co_return 1;
  for (char letter : co_await fetch()) co_return letter;
  co_return 0;
}
Task<int> loop_that_binds_first(bool condition) {
  while (condition) {
    const int number = co_await count();
    if (number == 0) break;
  }
  co_return 0;
}

}  // namespace toy
