// What the differential run beside stock Yjs found, minimised. Each names what it was.

#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {
namespace {

/// An update that only lengthens an item, and with it come so many that waited that they are
/// staged: the transaction thought it had nothing to squash.
TEST(Differential, StagedStructsAfterOneThatLengthensAnItem) {
  Doc author({.client_id = 7});
  std::vector<Bytes> updates;
  const auto type = [&](std::string_view text) {
    updates.push_back(
        author.transact([&] { (void)author.text("t").insert(author.text("t").size(), text); }));
  };
  type("a");
  type("b");
  type("c");
  for (int i = 0; i < 40; ++i) {  // Each an item of its own.
    updates.push_back(author.transact([&] { (void)author.text("other").insert(0, "x"); }));
  }
  const auto waiting = merge_updates(std::span<const Bytes>(updates).subspan(2));
  ASSERT_TRUE(waiting.has_value());
  Doc doc({.client_id = 1});
  for (const Bytes& update : {updates[0], *waiting, updates[1]}) {
    ASSERT_TRUE(doc.apply_update(update).has_value());
  }
  EXPECT_EQ(doc.encode_state_as_update(), author.encode_state_as_update());
}

}  // namespace
}  // namespace coterie::crdt
