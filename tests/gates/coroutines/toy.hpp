// SPDX-License-Identifier: MIT
// Just enough coroutine for the gate's fixtures: a task, an executor and types of the sorts that
// g++ 12 treats well or badly. Parsed by scripts/check_coroutines --self-test, never run.
#pragma once

#include <array>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace toy {

template <class T>
class Task {
 public:
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void unhandled_exception() {}
    template <class U>
    void return_value(U&&) {}
  };
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T await_resume() const { return T(); }
};

struct Executor {};
struct ThisExecutor {
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  Executor await_resume() const noexcept { return {}; }
};
inline constexpr ThisExecutor this_executor{};
struct Detached {};
inline constexpr Detached detached{};

template <class Function>
Task<int> co_spawn(Executor, Function) {
  return {};
}
template <class Function, class Token>
void co_spawn(Executor, Function, Token) {}
template <class Function>
Task<int> call(Function) {
  return {};
}

struct Request {  // an aggregate with something to destroy
  std::string method;
  std::string path = "/";
};
struct Point {  // an aggregate with nothing to destroy
  int x = 0;
  int y = 0;
};
class Order {  // has a constructor
 public:
  explicit Order(std::string text) : text_(std::move(text)) {}

 private:
  std::string text_;
};
struct Row {
  std::string text;
  int number = 0;
};

inline Request make_request() { return {}; }
inline Task<int> send(Request) { return {}; }
inline Task<int> send_or(Request = {}) { return {}; }
inline Task<int> place(Order) { return {}; }
inline Task<int> draw(Point) { return {}; }
inline Task<int> several(std::array<std::string, 2>) { return {}; }
inline Task<int> write(std::string) { return {}; }
inline Task<std::string> fetch() { return {}; }
inline Task<std::optional<std::string>> maybe() { return {}; }
inline Task<int> count() { return {}; }

}  // namespace toy
