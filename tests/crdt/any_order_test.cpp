// Longer sessions than convergence_test.cpp can enumerate, at random: whoever hears all of one ends
// alike, whatever the order, the form and the number of times.

#include <gtest/gtest.h>

#include "tests/support/crdt_sessions.hpp"

namespace coterie::crdt {
namespace {

TEST(AnyOrder, ShortSessions) {
  testing::for_each_seed(1500, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    ASSERT_EQ(testing::check_any_order(choices, 12), "") << "COTERIE_SEED=" << seed;
  });
}

TEST(AnyOrder, LongSessions) {
  testing::for_each_seed(150, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    ASSERT_EQ(testing::check_any_order(choices, 150), "") << "COTERIE_SEED=" << seed;
  });
}

}  // namespace
}  // namespace coterie::crdt
