#include "crdt/state_vector.hpp"

#include <gtest/gtest.h>

#include "tests/support/choices.hpp"

namespace coterie::crdt {
namespace {

using coterie::testing::AllChoices;
using coterie::testing::Choices;
using coterie::testing::SeededChoices;

StateVector any_vector(Choices& choices, std::uint64_t clients, std::uint64_t clock_bound) {
  StateVector vector;
  for (std::uint64_t client = 0; client < clients; ++client) {
    vector.advance(client, choices.below(clock_bound));
  }
  return vector;
}

// Goal: merge() is a join, on which convergence of everything above it rests.
// Method: check the three laws on any three vectors the choices describe.
void check_join_laws(Choices& choices, std::uint64_t clients, std::uint64_t clock_bound) {
  const StateVector a = any_vector(choices, clients, clock_bound);
  const StateVector b = any_vector(choices, clients, clock_bound);
  const StateVector c = any_vector(choices, clients, clock_bound);
  const auto join = [](StateVector x, const StateVector& y) {
    x.merge(y);
    return x;
  };
  EXPECT_EQ(join(a, a), a) << "idempotent";
  EXPECT_EQ(join(a, b), join(b, a)) << "commutative";
  EXPECT_EQ(join(join(a, b), c), join(a, join(b, c))) << "associative";
}

TEST(StateVector, MergeIsAJoinForEverySmallCase) {
  AllChoices choices;
  int cases = 0;
  while (choices.next()) {
    check_join_laws(choices, /*clients=*/2, /*clock_bound=*/3);
    ++cases;
  }
  EXPECT_EQ(cases, 729);  // 3^(2 clients * 3 vectors): proves that nothing was skipped.
}

TEST(StateVector, MergeIsAJoinForRandomCases) {
  coterie::testing::for_each_seed(200, [](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    check_join_laws(choices, 1 + choices.below(50), kSafeIntegerMax);
  });
}

TEST(StateVector, DecodeRejectsEveryTruncationAndTrailingBytes) {
  StateVector vector;
  for (std::uint64_t client = 1; client < 40; ++client) vector.advance(client << 20, client * 1000);
  Bytes encoded = vector.encode();
  EXPECT_EQ(*StateVector::decode(encoded), vector);
  for (std::size_t length = 0; length < encoded.size(); ++length) {
    EXPECT_FALSE(StateVector::decode(ByteView(encoded).first(length))) << length;
  }
  encoded.push_back(0);
  EXPECT_FALSE(StateVector::decode(encoded));
}

TEST(StateVector, DecodeRejectsARepeatedClientAndTooManyClients) {
  EXPECT_FALSE(StateVector::decode(Bytes{2, 7, 1, 7, 0}));
  Bytes count;
  append_varuint(count, kStateVectorClientsMax + 1);
  const auto result = StateVector::decode(count);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace coterie::crdt
