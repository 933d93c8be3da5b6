// Sources of decisions for test bodies.
//
// A test body asks `choices.below(n)` whenever it needs a decision. Fed by a seed it is a
// property test; by libFuzzer's bytes, a coverage-guided fuzzer; by an enumerator, an exhaustive
// check of every small case. The body is written once.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/random.hpp"

namespace coterie::testing {

class Choices {
 public:
  virtual ~Choices() = default;
  /// A number in [0, bound). Precondition: bound > 0.
  virtual std::uint64_t below(std::uint64_t bound) = 0;
  bool chance(std::uint64_t percent) { return below(100) < percent; }
};

class SeededChoices final : public Choices {
 public:
  explicit SeededChoices(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) override { return random_.below(bound); }

 private:
  Random random_;
};

/// Answers 0 when the input runs out: every input is a valid, finite test, and shorter is simpler.
class FuzzChoices final : public Choices {
 public:
  explicit FuzzChoices(ByteView input) : input_(input) {}
  std::uint64_t below(std::uint64_t bound) override {
    std::uint64_t value = 0;
    for (std::uint64_t reach = 1; reach < bound && position_ < input_.size(); reach <<= 8) {
      value = (value << 8) | input_[position_++];
      if (reach >= (std::uint64_t{1} << 56)) break;
    }
    return value % bound;
  }
  bool exhausted() const { return position_ >= input_.size(); }

 private:
  ByteView input_;
  std::size_t position_ = 0;
};

/// Visits every sequence of decisions once, like an odometer: `while (all.next()) body(all);`
class AllChoices final : public Choices {
 public:
  bool next() {
    position_ = 0;
    if (!started_) return started_ = true;
    while (!digits_.empty() && digits_.back().value + 1 == digits_.back().bound) digits_.pop_back();
    if (digits_.empty()) return false;
    ++digits_.back().value;
    return true;
  }
  std::uint64_t below(std::uint64_t bound) override {
    if (position_ == digits_.size()) digits_.push_back({0, bound});
    return digits_[position_++].value;
  }

 private:
  struct Digit {
    std::uint64_t value;
    std::uint64_t bound;
  };
  std::vector<Digit> digits_;
  std::size_t position_ = 0;
  bool started_ = false;
};

/// Leaves word of the seed that is running for when the process is ended in the middle of it: with
/// COTERIE_SEED_FILE=NAME, in that file.
inline void announce_seed(std::uint64_t seed) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): tests do not setenv.
  const char* name = std::getenv("COTERIE_SEED_FILE");
  if (name == nullptr) return;
  if (std::FILE* file = std::fopen(name, "w")) {
    (void)std::fprintf(file, "%llu\n", static_cast<unsigned long long>(seed));
    (void)std::fclose(file);
  }
}

/// Runs `body(seed)` for `count` seeds from 1 on, or for the one in COTERIE_SEED. COTERIE_SEEDS=N
/// widens the range for long runs; COTERIE_SEED_BASE moves its start.
template <typename Body>
void for_each_seed(std::uint64_t count, Body body) {
  const auto number = [](const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): tests do not setenv.
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  if (const std::uint64_t one = number("COTERIE_SEED", 0); one != 0) {
    announce_seed(one);
    body(one);
    return;
  }
  const std::uint64_t base = number("COTERIE_SEED_BASE", 1);
  const std::uint64_t seeds = number("COTERIE_SEEDS", count);
  for (std::uint64_t seed = base; seed < base + seeds; ++seed) {
    announce_seed(seed);
    body(seed);
  }
}

}  // namespace coterie::testing
