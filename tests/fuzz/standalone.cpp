// SPDX-License-Identifier: MIT
// A fuzz target without libFuzzer, for the normal tests: every file of the corpus, then mutations
// of them from a seeded generator, the same ones on every machine.
//
//   fuzz_<target> FOLDER|FILE... [--mutations N] [--at-most MILLISECONDS]
//
// An input that breaks the target is printed in hex; put it into a file to run it alone.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMaxInput = 4096;
Input current;

void show_current() {
  std::fprintf(stderr, "input of %zu bytes: ", current.size());
  for (const std::uint8_t byte : current) std::fprintf(stderr, "%02x", byte);
  std::fputc('\n', stderr);
}

void on_abort(int) {
  show_current();
  std::signal(SIGABRT, SIG_DFL);
  std::raise(SIGABRT);
}

void run(Input input) {
  current = std::move(input);
  // A block of exactly that size: reading past its end is caught by the sanitizer.
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

Input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Input>& corpus) : corpus_(corpus) {}

  Input next() {
    Input input = corpus_[below(corpus_.size())];
    for (std::size_t times = 1 + below(4); times > 0; --times) change(input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    input.shrink_to_fit();
    return input;
  }

 private:
  // Not a distribution of the library: those differ from one to the next.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  std::uint8_t any_byte() {
    static constexpr char kTelling[] = "\0\x01\x7f\x80\xff\r\n\t \"'\\{}[]:,=;%/?&#.-+0123456789";
    return static_cast<std::uint8_t>(below(2) == 0 ? kTelling[below(sizeof kTelling - 1)]
                                                   : static_cast<char>(below(256)));
  }

  void change(Input& input) {
    const std::size_t at = below(input.size() + 1);
    const auto here = input.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t length = std::min(input.size() - at, 1 + below(16));
    const auto after = here + static_cast<std::ptrdiff_t>(length);
    switch (below(7)) {
      case 0:
        if (at < input.size()) *here = any_byte();
        break;
      case 1:
        if (at < input.size()) *here = static_cast<std::uint8_t>(*here ^ (1u << below(8)));
        break;
      case 2:
        input.insert(here, any_byte());
        break;
      case 3:
        input.erase(here, after);
        break;
      case 4: {
        const Input copy(here, after);
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1)),
                     copy.begin(), copy.end());
        break;
      }
      case 5: {
        const Input& other = corpus_[below(corpus_.size())];
        const std::size_t from = below(other.size() + 1);
        input.erase(here, input.end());
        input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
        break;
      }
      default:
        for (std::size_t n = 1 + below(8); n > 0; --n) input.push_back(any_byte());
    }
  }

  const std::vector<Input>& corpus_;
  std::mt19937_64 random_{20240229};
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t mutations = 3000;
  std::chrono::milliseconds at_most{2000};
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--mutations" && i + 1 < argc) {
      mutations = std::strtoul(argv[++i], nullptr, 10);
    } else if (argument == "--at-most" && i + 1 < argc) {
      at_most = std::chrono::milliseconds(std::strtol(argv[++i], nullptr, 10));
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& entry : std::filesystem::directory_iterator(argument))
        files.push_back(entry.path());
    } else {
      files.emplace_back(argument);
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "no corpus: name a folder or files\n");
    return 64;
  }
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(show_current);
  std::signal(SIGABRT, on_abort);

  std::vector<Input> corpus;
  for (const auto& file : files) {
    if (!std::filesystem::is_regular_file(file)) {
      std::fprintf(stderr, "cannot read %s\n", file.c_str());
      return 66;
    }
    corpus.push_back(read_file(file));
    run(corpus.back());
  }
  // The clock only spares slow machines; which inputs come first does not depend on it.
  const auto end = std::chrono::steady_clock::now() + at_most;
  Mutator mutator(corpus);
  std::size_t done = 0;
  for (; done < mutations && std::chrono::steady_clock::now() < end; ++done) run(mutator.next());
  std::printf("%zu files and %zu mutations\n", files.size(), done);
  return 0;
}
