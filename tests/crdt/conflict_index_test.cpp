// The index over concurrent items (crdt/internal/conflict_index.hpp) gives the same place as the
// walk that it saves, for honest and for forged updates; and what was quadratic is not.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crdt/internal/store.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/crdt_sessions.hpp"

namespace coterie::crdt::internal {
namespace {

void put(Bytes& out, std::uint64_t value) {
  for (; value > 0x7f; value >>= 7) out.push_back(static_cast<std::uint8_t>(0x80 | (value & 0x7f)));
  out.push_back(static_cast<std::uint8_t>(value));
}

Bytes state_of(const Store& store) { return store.encode(StateVector(), UpdateFormat::kV1); }

void deliver(Store& store, ByteView update) {
  ASSERT_TRUE(store.apply(update, UpdateFormat::kV1, std::nullopt).has_value());
}

/// Two stores: one that walks, one that asks an index at the first step, of tiny blocks.
struct Pair {
  Store walks{{.client_id = 1}};
  Store asks{{.client_id = 1}};

  explicit Pair(std::size_t block_max) {
    walks.conflict_patience.steps = ~std::uint64_t{0};
    asks.conflict_patience = {.steps = 0, .total = 0, .rounds = 0, .block_max = block_max};
  }
};

/// Strings of a few clients in one list or map key, each between any two elements there are.
Bytes forged(testing::Choices& choices, bool in_map) {
  const std::size_t clients = 2 + choices.below(4);
  std::vector<std::uint64_t> lengths(clients, 0);
  Bytes out;
  put(out, clients);
  // Sections by falling client, as Yjs writes them; references only to what is written already.
  for (std::size_t c = clients; c-- > 0;) {
    const std::uint64_t count = 1 + choices.below(12);
    put(out, count);
    put(out, 10 + c);
    put(out, 0);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto pick = [&](std::uint64_t& client, std::uint64_t& clock) {
        for (int tries = 0; tries < 6; ++tries) {
          const std::size_t other = c + choices.below(clients - c);
          if (lengths[other] == 0) continue;
          client = 10 + other;
          clock = choices.below(lengths[other]);
          return true;
        }
        return false;
      };
      std::uint64_t left[2] = {};
      std::uint64_t right[2] = {};
      const bool has_left = choices.below(5) > 0 && pick(left[0], left[1]);
      const bool has_right = choices.below(3) > 0 && pick(right[0], right[1]);
      const bool keyed = in_map && !has_left && !has_right;
      out.push_back(static_cast<std::uint8_t>(4 | (has_left ? 0x80 : 0) | (has_right ? 0x40 : 0) |
                                              (keyed ? 0x20 : 0)));
      if (has_left) put(out, left[0]), put(out, left[1]);
      if (has_right) put(out, right[0]), put(out, right[1]);
      if (!has_left && !has_right) {
        put(out, 1);
        append_varstring(out, "t");
        if (keyed) append_varstring(out, choices.below(2) == 0 ? "k" : "l");
      }
      const std::uint64_t length = 1 + choices.below(3);
      append_varstring(out, std::string(length, static_cast<char>('a' + c)));
      lengths[c] += length;
    }
  }
  put(out, 0);
  return out;
}

TEST(ConflictIndex, TheSamePlaceInForgedUpdates) {
  testing::for_each_seed(4000, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    Pair pair(1 + choices.below(5));
    const Bytes update = forged(choices, choices.below(4) == 0);
    deliver(pair.walks, update);
    deliver(pair.asks, update);
    ASSERT_EQ(to_hex(state_of(pair.asks)), to_hex(state_of(pair.walks))) << "COTERIE_SEED=" << seed;
    const BranchIndex branch = pair.walks.find_root("t");
    ASSERT_EQ(branch, pair.asks.find_root("t"));
    for (ItemIndex at = pair.walks.branches[branch].start, other = pair.asks.branches[branch].start;
         at != kNone; at = pair.walks.items[at].right, other = pair.asks.items[other].right) {
      ASSERT_NE(other, kNone) << "COTERIE_SEED=" << seed;
      const Item& a = pair.walks.items[at];
      const Item& b = pair.asks.items[other];
      ASSERT_EQ(a.clock, b.clock) << "COTERIE_SEED=" << seed;
      ASSERT_EQ(pair.walks.client(a.client).id, pair.asks.client(b.client).id)
          << "COTERIE_SEED=" << seed;
    }
  });
}

TEST(ConflictIndex, TheSameInSessions) {
  testing::for_each_seed(300, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    const testing::CrdtSession session(choices, 60);
    Pair pair(2 + choices.below(6));
    std::vector<Bytes> updates = session.updates();
    if (updates.empty()) return;
    const auto all = merge_updates(std::span<const Bytes>(updates));
    ASSERT_TRUE(all.has_value());
    for (std::size_t i = updates.size(); i > 1; --i) {
      std::swap(updates[i - 1], updates[choices.below(i)]);
    }
    updates.insert(updates.begin() + static_cast<std::ptrdiff_t>(updates.size() / 2), *all);
    for (const Bytes& update : updates) {
      deliver(pair.walks, update);
      deliver(pair.asks, update);
      ASSERT_EQ(to_hex(state_of(pair.asks)), to_hex(state_of(pair.walks)))
          << "COTERIE_SEED=" << seed;
    }
  });
}

/// What an attacker sends, 280 KB of it: items of one client between the first character of a text
/// and each of the others, or of a thousand origins. Every walk went over all there is: 12 s of
/// CPU, now half a second (1.1 MB: minutes, now 7 s).
TEST(ConflictIndex, OneOriginAndManyRightOrigins) {
  constexpr std::uint64_t kItems = 30'000;
  for (const int attack : {0, 1}) {
    Bytes out;
    put(out, 2);
    put(out, kItems);
    put(out, 2);
    put(out, 0);
    for (std::uint64_t i = 0; i < kItems; ++i) {
      out.push_back(0xc4);
      put(out, 1);
      put(out, attack == 0 ? 0 : i % 1000);
      put(out, 1);
      put(out, attack == 0 ? i + 2 : kItems - 1 - i % 7);
      append_varstring(out, "b");
    }
    put(out, 1);
    put(out, 1);
    put(out, 0);
    out.push_back(4);
    put(out, 1);
    append_varstring(out, "t");
    append_varstring(out, std::string(kItems + 5, 'x'));
    put(out, 0);
    Doc doc({.client_id = 9});
    ASSERT_TRUE(doc.apply_update(out).has_value());
    EXPECT_EQ(doc.text("t").size(), 2 * kItems + 5);
  }
}

}  // namespace
}  // namespace coterie::crdt::internal
