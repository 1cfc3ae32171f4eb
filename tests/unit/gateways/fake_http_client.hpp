// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bridge/async/signal.hpp"
#include "bridge/net/http_client.hpp"

namespace bridge::test {

/// Records requests and answers from a queue; `hold` makes it wait with every answer until
/// `release`.
class FakeHttpClient final : public net::HttpClient {
 public:
  Task<Result<net::Response>> send(net::ClientRequest request, Deadline deadline) override {
    requests.push_back(std::move(request));
    deadlines.push_back(deadline);
    if (gate_) (void)co_await gate_->wait(0, in(std::chrono::seconds(5)));
    if (answers.empty()) {
      ADD_FAILURE() << "no answer is left for " << requests.back().url;
      co_return Error(Errc::internal);
    }
    Result<net::Response> answer = std::move(answers.front());
    answers.pop_front();
    co_return answer;
  }
  void close() override {}

  void hold(const asio::any_io_executor& executor) {
    gate_ = std::make_unique<async::Signal>(executor);
  }
  void release() { gate_->notify(); }

  void answer(unsigned status, std::string body,
              std::string_view type = "application/json;charset=UTF-8") {
    answers.emplace_back(net::text_response(status, std::move(body), type));
  }
  void fail(Error error) { answers.emplace_back(std::move(error)); }

  std::vector<net::ClientRequest> requests;
  std::vector<Deadline> deadlines;
  std::deque<Result<net::Response>> answers;

 private:
  std::unique_ptr<async::Signal> gate_;
};

}  // namespace bridge::test
