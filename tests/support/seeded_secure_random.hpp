// A SecureRandom whose bytes follow from a seed: reproducible keys, nonces and ids for tests.

#pragma once

#include "crdt/base/random.hpp"

namespace coterie::testing {

class SeededSecureRandom final : public SecureRandom {
 public:
  explicit SeededSecureRandom(std::uint64_t seed) : random_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t i = 0; i < out.size(); i += 8) {
      std::uint64_t word = random_.next();
      for (std::size_t j = i; j < out.size() && j < i + 8; ++j) {
        out[j] = static_cast<std::uint8_t>(word);
        word >>= 8;
      }
    }
  }

 private:
  Random random_;
};

}  // namespace coterie::testing
