#include "crdt/transaction.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "crdt/doc.hpp"

namespace coterie::crdt {
namespace {

/// Writes down which hook was called, with the number of the transaction counted from the first.
struct Journal {
  explicit Journal(Doc& doc) {
    const auto note = [this](const char* name) {
      return [this, name](const Transaction& transaction) {
        if (first == 0) first = transaction.number();
        entries.push_back(name + std::to_string(transaction.number() - first));
      };
    };
    kept.push_back(doc.on_before_all_transactions([this] { entries.emplace_back("before all"); }));
    kept.push_back(doc.on_before_transaction(note("before ")));
    kept.push_back(doc.on_before_observer_calls(note("calls ")));
    kept.push_back(doc.on_after_transaction(note("after ")));
    kept.push_back(doc.on_after_transaction_cleanup(note("clean ")));
    kept.push_back(doc.on_update(
        [note](ByteView, const Transaction& transaction) { note("update ")(transaction); }));
    kept.push_back(doc.on_after_all_transactions([this](std::span<const Transaction> all) {
      entries.push_back("all " + std::to_string(all.size()));
    }));
  }
  std::vector<std::string> take() { return std::exchange(entries, {}); }

  std::uint64_t first = 0;
  std::vector<std::string> entries;
  std::vector<Subscription> kept;
};

using Entries = std::vector<std::string>;

TEST(Transaction, CallsHooksInTheOrderOfYjs) {
  Doc doc({.client_id = 1});
  Journal journal(doc);
  ASSERT_TRUE(doc.text("t").insert(0, "hello"));
  EXPECT_EQ(journal.take(), (Entries{"before all", "before 0", "calls 0", "after 0", "clean 0",
                                     "update 0", "all 1"}));
  EXPECT_TRUE(doc.transact([] {}).empty());
  EXPECT_EQ(journal.take(),
            (Entries{"before all", "before 1", "calls 1", "after 1", "clean 1", "all 1"}));
}

TEST(Transaction, WhatAnObserverEditsComesAfterTheRunningOne) {
  Doc doc({.client_id = 1});
  Journal journal(doc);
  Doc follower({.client_id = 2});
  const Subscription edits = doc.on_after_transaction([&](const Transaction& transaction) {
    if (transaction.number() > 1) return;
    EXPECT_TRUE(doc.transact([&] { EXPECT_TRUE(doc.text("t").insert(5, "!")); }).empty());
    EXPECT_EQ(transaction.after_state().clock_of(1), 5u) << "the edits of this one only";
    EXPECT_TRUE(doc.text("t").remove(0, 1));
  });
  const Bytes update = doc.transact([&] { ASSERT_TRUE(doc.text("t").insert(0, "hello")); });
  EXPECT_EQ(journal.take(),
            (Entries{"before all", "before 0", "calls 0", "after 0", "before 1", "before 2",
                     "clean 0", "update 0", "calls 1", "after 1", "clean 1", "update 1", "calls 2",
                     "after 2", "clean 2", "update 2", "all 3"}));
  ASSERT_TRUE(follower.apply_update(update));
  EXPECT_EQ(follower.root_text("t"), "ello!") << "the update has what observers changed";
  EXPECT_EQ(follower.encode_state_as_update(), doc.encode_state_as_update());
}

TEST(Transaction, AnUpdateObserverMayEditWithoutOthersBeside) {
  Doc doc({.client_id = 1});
  Doc follower({.client_id = 2});
  std::vector<std::uint64_t> seen;
  const Subscription first = doc.on_update([&](ByteView update, const Transaction& transaction) {
    ASSERT_TRUE(follower.apply_update(update));
    if (transaction.number() == 1) {
      EXPECT_TRUE(doc.text("t").insert(0, "1"));
      EXPECT_TRUE(doc.map("m").set("k", 2));
    }
  });
  const Subscription second = doc.on_update([&](ByteView, const Transaction& transaction) {
    seen.push_back(transaction.number());
    EXPECT_EQ(transaction.inserted().size(), 1u);
    if (transaction.number() == 1) {
      EXPECT_EQ(transaction.before_state().clock_of(1), 0u);
      EXPECT_EQ(transaction.after_state().clock_of(1), 5u);
    } else if (transaction.number() == 2) {
      EXPECT_EQ(transaction.before_state().clock_of(1), 5u);
      EXPECT_EQ(transaction.after_state().clock_of(1), 6u);
    }
  });
  const Bytes update = doc.transact("mine", [&] { ASSERT_TRUE(doc.text("t").insert(0, "hello")); });
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(follower.encode_state_as_update(), doc.encode_state_as_update());
  Doc other({.client_id = 3});
  ASSERT_TRUE(other.apply_update(update));
  EXPECT_EQ(other.encode_state_as_update(), doc.encode_state_as_update());
}

TEST(Transaction, TellsWhatItDid) {
  Doc doc({.client_id = 1});
  Doc other({.client_id = 2});
  Map map = doc.map("m");
  ASSERT_TRUE(map.set("a", 1));
  const Map inner = *map.set_map("inner");
  ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
  int calls = 0;
  const Subscription watching = doc.on_after_transaction([&](const Transaction& transaction) {
    ++calls;
    EXPECT_EQ(transaction.local(), calls == 1);
    EXPECT_EQ(transaction.origin(), calls == 1 ? Any("me") : Any());
    if (calls == 1) {
      EXPECT_EQ(transaction.before_state().clock_of(1), 2u);
      EXPECT_EQ(transaction.after_state().clock_of(1), 7u);
      EXPECT_EQ(transaction.inserted(), (std::vector<IdRange>{{1, 2, 5}}));
      EXPECT_EQ(transaction.deleted(), (std::vector<IdRange>{{1, 0, 1}, {1, 3, 1}}));
      EXPECT_EQ(transaction.changed_types(), (std::vector<SharedType>{map, inner, doc.text("t")}));
      EXPECT_EQ(transaction.changed_keys(map), (Entries{"a", "b"}));
      EXPECT_EQ(transaction.changed_keys(inner), (Entries{"x"}));
      EXPECT_FALSE(transaction.list_changed(map));
      EXPECT_TRUE(transaction.list_changed(doc.text("t")));
      EXPECT_TRUE(transaction.changed_within(map));
      EXPECT_FALSE(transaction.changed_within(doc.array("none")));
    } else {
      EXPECT_TRUE(transaction.changed(inner));
      EXPECT_FALSE(transaction.changed(map));
      EXPECT_TRUE(transaction.changed_within(map));
      EXPECT_EQ(transaction.inserted(), (std::vector<IdRange>{{2, 0, 1}}));
    }
  });
  (void)doc.transact("me", [&] {
    ASSERT_TRUE(map.set("a", 2));
    ASSERT_TRUE(map.set("b", 3));
    ASSERT_TRUE(Map(inner).set("x", 4));
    ASSERT_TRUE(
        doc.transact("ignored", [&] { ASSERT_TRUE(doc.text("t").insert(0, "x")); }).empty());
    ASSERT_TRUE(map.set_text("b"));
  });
  ASSERT_TRUE(std::get<SharedType>(*other.map("m").get("inner")).as_map().set("y", 1));
  ASSERT_TRUE(doc.apply_update(other.encode_state_as_update(doc.state_vector())));
  EXPECT_EQ(calls, 2);
}

TEST(Transaction, AnObserverThatComesLateIsToldOfAll) {
  Doc doc({.client_id = 1});
  ASSERT_TRUE(doc.text("t").insert(0, "hello"));
  Subscription late;
  int calls = 0;
  (void)doc.transact([&] {
    ASSERT_TRUE(doc.text("t").remove(1, 2));
    ASSERT_TRUE(doc.map("m").set("k", 1));
    late = doc.on_after_transaction([&](const Transaction& transaction) {
      ++calls;
      EXPECT_TRUE(transaction.changed(doc.text("t")));
      EXPECT_EQ(transaction.changed_keys(doc.map("m")), (Entries{"k", "l"}));
    });
    ASSERT_TRUE(doc.map("m").set("l", 1));
    ASSERT_TRUE(doc.map("m").set("k", 2));
  });
  EXPECT_EQ(calls, 1);
  late.cancel();
  ASSERT_TRUE(doc.map("m").set("k", 3));
  EXPECT_EQ(calls, 1);
}

TEST(Doc, ForgetsWhatTheFilterLetsGo) {
  std::vector<IdRange> asked;
  Doc doc({.client_id = 1, .gc_filter = [&](const IdRange& range) {
             asked.push_back(range);
             return range.clock < 3;
           }});
  Text text = doc.text("t");
  ASSERT_TRUE(text.insert(0, "abcdef"));
  ASSERT_TRUE(text.remove(0, 2));
  ASSERT_TRUE(text.remove(2, 2));
  EXPECT_EQ(asked, (std::vector<IdRange>{{1, 0, 2}, {1, 4, 2}}));
  const Bytes state = doc.encode_state_as_update();
  EXPECT_EQ(std::string(state.begin(), state.end()).find("ab"), std::string::npos);
  EXPECT_NE(std::string(state.begin(), state.end()).find("ef"), std::string::npos);
}

TEST(Subscription, EndsAsItSays) {
  auto doc = std::make_unique<Doc>(Doc::Options{.client_id = 1});
  int calls = 0;
  int destroyed = 0;
  auto held = std::make_shared<int>(0);
  Subscription self;
  self = doc->on_update([&, held](ByteView, const Transaction&) {
    ++calls;
    self.cancel();
    EXPECT_EQ(held.use_count(), 2) << "what runs keeps what it holds";
  });
  Subscription never = doc->on_update([&](ByteView, const Transaction&) { ++calls; });
  Subscription stays = doc->on_update([&](ByteView, const Transaction&) {
    calls += 10;
    never.cancel();
  });
  never = {};
  ASSERT_TRUE(doc->text("t").insert(0, "x"));
  EXPECT_EQ(calls, 11);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(self.active());
  EXPECT_TRUE(stays.active());
  Subscription moved = std::move(stays);
  ASSERT_TRUE(doc->text("t").insert(0, "x"));
  EXPECT_EQ(calls, 21);
  doc->on_destroy([&] { ++destroyed; }).release();
  doc.reset();
  EXPECT_EQ(destroyed, 1);
  EXPECT_FALSE(moved.active());
  moved.cancel();
}

TEST(Subscription, ManyComeAndGo) {
  Doc doc({.client_id = 1});
  int calls = 0;
  std::vector<Subscription> kept;
  for (int i = 0; i < 1000; ++i) {
    Subscription brief = doc.on_update([&](ByteView, const Transaction&) { calls += 1000; });
    if (i % 100 == 0) {
      kept.push_back(doc.on_update([&](ByteView, const Transaction&) { ++calls; }));
    }
  }
  ASSERT_TRUE(doc.text("t").insert(0, "x"));
  EXPECT_EQ(calls, 10);
}

}  // namespace
}  // namespace coterie::crdt
