// SPDX-License-Identifier: MIT
// Each marked line destroys something twice when g++ 12 compiles it. The gate must flag them all.
#include "toy.hpp"

namespace toy {

Task<int> designated_aggregate(std::string method) {
  co_return co_await send(Request{.method = method});  // hazard
}
Task<int> empty_aggregate() {
  co_return co_await send(Request{});  // hazard
}
Task<int> default_argument() {
  co_return co_await send_or({});  // hazard
}
Task<int> array_argument(std::string text) {
  co_return co_await several(std::array<std::string, 2>{text, text});  // hazard
}
Task<int> pushed_row(std::vector<Row> rows) {
  rows.push_back(Row{.text = co_await fetch()});  // hazard
  co_return 0;
}
Task<int> row_from_a_wait() {
  Row row{.text = co_await fetch()};  // hazard
  co_return row.number;
}
Task<int> awaited_spawn(Executor executor, std::string text) {
  co_return co_await co_spawn(executor, [text] { return text; });  // hazard
}
Task<int> called_lambda(std::string text) {
  co_return co_await [text]() -> Task<int> { return write(text); }();  // hazard
}
Task<int> lambda_argument(std::string text) {
  co_return co_await call([text] { return text; });  // hazard
}
Task<int> executor_beside_a_lambda(std::string text) {
  co_spawn(co_await this_executor, [text] { return text; }, detached);  // hazard
  co_return 0;
}
Task<int> executor_beside_a_handler(std::string text) {
  auto work = [text] { return text; };
  co_spawn(co_await this_executor, work, [text](int) {});  // hazard
  co_return 0;
}
Task<std::string> conditional_value(bool condition) {
  auto text = condition ? (co_await maybe()).value_or("") : std::string();  // hazard
  co_return text;
}
Task<std::string> conditional_return(bool condition, std::string other) {
  co_return condition ? co_await fetch() : other;  // hazard
}
Task<int> loop_whose_condition_waits() {
  while ((co_await count()) != 0) {  // hazard
  }
  co_return 0;
}
Task<int> loop_whose_body_is_a_wait(bool condition) {
  while (condition)  // hazard
    if ((co_await count()) == 0) break;
  co_return 0;
}

}  // namespace toy
