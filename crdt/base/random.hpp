// Randomness as cores see it: handed in, never drawn from the system.

#pragma once

#include <cstdint>

#include "crdt/base/assert.hpp"
#include "crdt/base/bytes.hpp"

namespace coterie {

/// A reproducible stream for jitter, choices and tests. Not for keys.
/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every platform and library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// A number in [0, bound). Precondition: bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    COTERIE_DCHECK(bound > 0);
    return next() % bound;
  }

  bool chance(std::uint64_t percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

/// Source of bytes for keys, nonces and ids. Drivers pass the operating system's
/// (transport/crypto/random.hpp), simulations a seeded one.
class SecureRandom {
 public:
  virtual ~SecureRandom() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t next_u64() {
    std::uint8_t bytes[8];
    fill(bytes);
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes) value = (value << 8) | byte;
    return value;
  }
};

}  // namespace coterie
