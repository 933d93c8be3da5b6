// split_update(): parts that, one after the other, each add something and leave nothing waiting.

#include <gtest/gtest.h>

#include "crdt/base/random.hpp"
#include "crdt/doc.hpp"
#include "crdt/map.hpp"
#include "crdt/text.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {
namespace {

Doc fresh(ClientId client) { return Doc({.client_id = client}); }

/// Two to five clients that write into each other's texts, maps and nested types.
Bytes session(std::uint64_t seed) {
  Random random(seed);
  std::vector<Doc> docs;
  const std::size_t clients = 2 + random.below(4);
  for (std::size_t i = 0; i < clients; ++i)
    docs.push_back(fresh(1 + i + random.below(1u << 20) * 8));
  for (int step = 0; step < 120; ++step) {
    Doc& doc = docs[random.below(docs.size())];
    (void)doc.transact([&] {
      Text text = doc.text("t");
      switch (random.below(6)) {
        case 0:
          if (text.size() > 4) {
            (void)text.remove(random.below(text.size() - 2), 1 + random.below(2));
          }
          break;
        case 1:
          (void)doc.map("m").set(std::to_string(random.below(3)), Any(step));
          break;
        default:
          (void)text.insert(random.below(text.size() + 1), std::string(1 + random.below(9), 'x'));
      }
    });
    if (random.below(3) == 0) {
      Doc& other = docs[random.below(docs.size())];
      EXPECT_TRUE(other.apply_update(doc.encode_state_as_update(other.state_vector())));
    }
  }
  Doc all = fresh(7);
  for (const Doc& doc : docs) EXPECT_TRUE(all.apply_update(doc.encode_state_as_update()));
  return all.encode_state_as_update();
}

TEST(SplitUpdate, LeavesNothingWaiting) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Bytes whole = session(seed);
    Doc expected = fresh(1);
    ASSERT_TRUE(expected.apply_update(whole));
    for (const std::size_t part : {std::size_t{1}, std::size_t{40}, std::size_t{300}}) {
      const auto parts = split_update(whole, part);
      ASSERT_TRUE(parts);
      ASSERT_GT(parts->size(), 1u);
      Doc doc = fresh(2);
      for (const Bytes& one : *parts) {
        EXPECT_LT(one.size(), part + 200);
        const auto applied = doc.apply_update(one);
        ASSERT_TRUE(applied);
        EXPECT_FALSE(applied->pending);
      }
      EXPECT_EQ(doc.encode_state_as_update(), expected.encode_state_as_update());
    }
  }
}

TEST(SplitUpdate, OfASmallOneIsItself) {
  const Bytes whole = session(1);
  const auto parts = split_update(whole, whole.size());
  ASSERT_TRUE(parts);
  EXPECT_EQ(*parts, std::vector<Bytes>{whole});
  EXPECT_EQ(split_update(Bytes{0, 0}, 1)->back(), (Bytes{0, 0}));
  EXPECT_FALSE(split_update(Bytes{1}, 1));
}

/// Nobody's editor makes it: two clients whose first structs stand after each other's.
TEST(SplitUpdate, ACircleIsTaken) {
  // Sections of clients 2 and 1, each a text "a" whose origin is the other's.
  const Bytes circle{2, 1, 2, 0, 0x84, 1, 0, 1, 'a', 1, 1, 0, 0x84, 2, 0, 1, 'a', 0};
  ASSERT_TRUE(validate_update(circle));
  const auto parts = split_update(circle, 1);
  ASSERT_TRUE(parts);
  const auto merged = merge_updates(std::span<const Bytes>(*parts));
  ASSERT_TRUE(merged);
  EXPECT_EQ(*merged, circle);
}

}  // namespace
}  // namespace coterie::crdt
