// Fixture of the tests that simulate many meshes.

#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/choices.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::testing {

class ScaleTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(crypto::initialise()); }

  template <typename Body>
  static void each_seed(std::uint64_t count, Body body) {
    for_each_seed(count, [&](std::uint64_t seed) {
      if (HasFailure()) return;  // The first failing seed says it all.
      SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
      body(seed);
    });
  }
};

}  // namespace coterie::testing
