#include "node/core/compression.hpp"

#include <gtest/gtest.h>

#include <random>

namespace coterie::node {
namespace {

TEST(Compression, GivesBackWhatWasCompressed) {
  std::mt19937_64 random(1);
  for (const std::size_t size : {0u, 1u, 100u, 70'000u, 3'000'000u}) {
    Bytes plain(size);
    for (std::uint8_t& byte : plain)
      byte = static_cast<std::uint8_t>("etaoin shrdlu"[random() % 13]);
    const Bytes packed = compress(plain);
    if (size > 1000) {
      EXPECT_LT(packed.size(), size * 3 / 4);
    }
    const auto back = decompress(packed, size);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, plain);
    if (size == 0) continue;
    const auto larger = decompress(packed, size - 1);
    ASSERT_FALSE(larger);
    EXPECT_EQ(larger.error().code, ErrorCode::kLimitExceeded);
  }
}

TEST(Compression, DamageIsAnError) {
  std::mt19937_64 random(2);
  const Bytes packed = compress(Bytes(10'000, 'x'));
  for (int i = 0; i < 2000; ++i) {
    Bytes damaged = packed;
    if (i % 2 == 0) {
      damaged.resize(random() % damaged.size());
    } else {
      damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
    }
    const auto out = decompress(damaged, 1u << 20);  // The seal around it finds the rest.
    if (out) {
      EXPECT_LE(out->size(), 1u << 20);
    }
  }
  EXPECT_FALSE(decompress({}, 100));
}

}  // namespace
}  // namespace coterie::node
