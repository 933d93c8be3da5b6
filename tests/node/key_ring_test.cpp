// Key epochs: who can read, what is written under, and that every mess heals by one rotation of
// somebody who can see it.

#include "node/core/key_ring.hpp"

#include <gtest/gtest.h>

#include "storage/memory/memory_store.hpp"
#include "tests/support/key_team.hpp"

namespace coterie::node {
namespace {

using testing::KeyTeam;

class KeyRingTest : public ::testing::Test {
 protected:
  /// Device 0 founds; 1 to `count` - 1 are let in by it and all know all.
  void gather(std::size_t count, Role role = Role::kEditor) {
    std::vector<KeyTeam::Device> all{0};
    for (std::size_t i = 1; i < count; ++i) all.push_back(team_.add(0, role));
    team_.sync(all);
  }

  KeyTeam team_{7};
};

TEST_F(KeyRingTest, ThreeWriteUnderTheFirstKeyUntilOneRotates) {
  gather(3);
  const Hash first = team_.membership(0).first_key();
  for (const KeyTeam::Device one : {0u, 1u, 2u}) {
    EXPECT_EQ(team_.writes_under(one), first);
    EXPECT_TRUE(team_.fit(one));
    EXPECT_FALSE(team_.locked_out(one));
  }
  const Hash second = team_.rotate(1);
  EXPECT_EQ(team_.writes_under(1), second);
  EXPECT_EQ(team_.writes_under(0), first) << "nobody told it";
  team_.sync({0, 1, 2});
  for (const KeyTeam::Device one : {0u, 1u, 2u}) {
    EXPECT_EQ(team_.writes_under(one), second);
    EXPECT_TRUE(team_.fit(one));
  }
  // A newcomer is given one key and reads all.
  const auto late = team_.add(0);
  EXPECT_EQ(team_.ring(0).keys_for_newcomer(team_.membership(0), team_.id(1), false)->size(), 1u);
  EXPECT_TRUE(team_.reads(late, first));
  EXPECT_EQ(team_.writes_under(late), second);
  EXPECT_TRUE(team_.fit(late));
}

TEST_F(KeyRingTest, NothingIsWrittenUnderAKeyThatARemovedDeviceHolds) {
  gather(3);
  team_.remove(0, 2);
  EXPECT_TRUE(team_.writes_under(0).is_zero());
  EXPECT_FALSE(team_.fit(0));
  team_.pass(0, 1);
  EXPECT_TRUE(team_.writes_under(1).is_zero());
  const Hash next = team_.rotate(0);
  team_.sync({0, 1, 2});  // The removed device hears of everything.
  EXPECT_EQ(team_.writes_under(0), next);
  EXPECT_EQ(team_.writes_under(1), next);
  EXPECT_TRUE(team_.fit(1));
  EXPECT_FALSE(team_.reads(2, next));
  EXPECT_TRUE(team_.writes_under(2).is_zero());
}

TEST_F(KeyRingTest, ARotationThatMissedARemovalIsNotUsed) {
  gather(3);
  team_.remove(0, 2);
  const Hash blind = team_.rotate(1);  // Had not heard: a box for 2 is in it.
  const Hash seeing = team_.rotate(0);
  team_.sync({0, 1});
  for (const KeyTeam::Device one : {0u, 1u}) EXPECT_EQ(team_.writes_under(one), seeing);
  team_.pass(0, 2);
  EXPECT_TRUE(team_.reads(2, blind));
  EXPECT_FALSE(team_.reads(2, seeing));
}

TEST_F(KeyRingTest, OfTwoRotationsAtOnceAllChooseTheSame) {
  gather(4);
  const Hash one = team_.rotate(1);
  const Hash two = team_.rotate(2);
  team_.sync({0, 1, 2, 3});
  const Hash chosen = team_.writes_under(0);
  EXPECT_TRUE(chosen == one || chosen == two);
  for (const KeyTeam::Device device : {1u, 2u, 3u}) {
    EXPECT_EQ(team_.writes_under(device), chosen);
    EXPECT_TRUE(team_.reads(device, one) && team_.reads(device, two));
    EXPECT_TRUE(team_.fit(device)) << "no need for a third";
  }
  // A newcomer gets both; the next rotation ties them together again.
  const auto late = team_.add(0);
  EXPECT_TRUE(team_.reads(late, one) && team_.reads(late, two));
  const Hash three = team_.rotate(0);
  EXPECT_EQ(team_.ring(0).keys_for_newcomer(team_.membership(0), team_.id(1), false)->size(), 1u);
  const auto later = team_.add(0);
  EXPECT_EQ(team_.writes_under(later), three);
  EXPECT_TRUE(team_.reads(later, one) && team_.reads(later, two));
}

TEST_F(KeyRingTest, ANewcomerWhomARotationMissedIsHealed) {
  gather(3);
  const auto key = team_.invite(0, Role::kEditor);
  team_.sync({0, 1, 2});
  const auto late = team_.stranger();
  team_.admit(1, late, key, Role::kEditor);
  const Hash missed = team_.rotate(0);
  team_.sync({0, 1, 2, late});
  EXPECT_EQ(team_.writes_under(0), missed);
  EXPECT_FALSE(team_.reads(late, missed));
  EXPECT_FALSE(team_.fit(0));
  EXPECT_FALSE(team_.fit(2));
  const Hash healed = team_.rotate(2);
  team_.sync({0, 1, 2, late});
  EXPECT_EQ(team_.writes_under(late), healed);
  EXPECT_TRUE(team_.reads(late, missed));
  for (const KeyTeam::Device one : {std::size_t{0}, std::size_t{1}, std::size_t{2}, late}) {
    EXPECT_TRUE(team_.fit(one)) << one;
  }
}

TEST_F(KeyRingTest, WhatOnePartitionWroteUnderIsHealedForTheNewcomerOfTheOther) {
  gather(4);
  const auto key = team_.invite(0, Role::kEditor);
  team_.sync({0, 1, 2, 3});
  const Hash here = team_.rotate(1);
  const Hash there = team_.rotate(2);
  const auto late = team_.stranger();
  team_.admit(2, late, key, Role::kEditor);  // Gets `there` alone.
  team_.pass(2, late);
  team_.sync({0, 1, 2, 3, late});
  EXPECT_FALSE(team_.reads(late, here));
  EXPECT_FALSE(team_.fit(0)) << "whatever is written under now: what was written is to be read";
  team_.rotate(0);
  team_.sync({0, 1, 2, 3, late});
  EXPECT_TRUE(team_.reads(late, here) && team_.reads(late, there));
  EXPECT_TRUE(team_.fit(0) && team_.fit(late));
}

TEST_F(KeyRingTest, ABreakKeepsOlderTextFromTheNewcomer) {
  gather(2);
  const Hash old = team_.writes_under(0);
  const auto late = team_.add(0, Role::kEditor, true);
  team_.sync({0, 1, late});
  const Hash fresh = team_.writes_under(late);
  EXPECT_FALSE(fresh.is_zero());
  EXPECT_EQ(team_.writes_under(1), fresh);
  EXPECT_FALSE(team_.reads(late, old));
  EXPECT_TRUE(team_.fit(0) && team_.fit(1) && team_.fit(late));
  // Not later either: the chain of what follows ends at the break.
  team_.rotate(1);
  team_.sync({0, 1, late});
  EXPECT_FALSE(team_.reads(late, old));
  EXPECT_TRUE(team_.reads(late, fresh));
  // Whoever comes with history gets both ends.
  const auto other = team_.add(0);
  EXPECT_TRUE(team_.reads(other, old));
  EXPECT_TRUE(team_.reads(other, fresh));
}

TEST_F(KeyRingTest, AMemberWhoseBoxIsGarbageSaysSoAndIsHealedByThoseWhoCan) {
  gather(4);
  // Device 3 is hostile: its boxes for the founder are noise, the others' are good.
  auto made = team_.ring(3).make_rekey(team_.membership(3), false);
  ASSERT_TRUE(made);
  const auto roster = team_.membership(3).members();
  const auto at = std::distance(roster.begin(), roster.find(team_.id(0)));
  team_.random().fill(made->operation.boxes[static_cast<std::size_t>(at)].bytes);
  const Hash poisoned = made->operation.key;
  team_.ring(3).add(std::move(made->key));
  team_.write(3, std::move(made->operation));
  team_.sync({0, 1, 2, 3});
  EXPECT_TRUE(team_.locked_out(0));
  EXPECT_FALSE(team_.locked_out(1));
  EXPECT_EQ(team_.writes_under(1), poisoned);
  EXPECT_FALSE(team_.writes_under(0).is_zero()) << "the older key serves meanwhile";
  const Hash cry = team_.rotate(0);
  EXPECT_FALSE(team_.locked_out(0)) << "said once";
  team_.sync({0, 1, 2, 3});
  EXPECT_EQ(team_.writes_under(1), cry);
  EXPECT_FALSE(team_.fit(1)) << "somebody cannot read what was written under the poisoned one";
  team_.rotate(1);
  team_.sync({0, 1, 2, 3});
  EXPECT_TRUE(team_.reads(0, poisoned));
  for (const KeyTeam::Device one : {0u, 1u, 2u}) EXPECT_TRUE(team_.fit(one));
}

TEST_F(KeyRingTest, AChainOfNoiseIsNotBelieved) {
  gather(3);
  const Hash first = team_.writes_under(0);
  auto made = team_.ring(2).make_rekey(team_.membership(2), false);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->operation.previous.size(), 1u);
  team_.random().fill(made->operation.previous[0].box.bytes);
  team_.ring(2).add(std::move(made->key));
  team_.write(2, std::move(made->operation));
  team_.sync({0, 1, 2});
  // Those who hold the older key see that nobody gets it this way, and hand it on.
  const auto late = team_.add(0);
  EXPECT_TRUE(team_.reads(late, first));
  team_.rotate(0);
  const auto later = team_.add(0);
  EXPECT_TRUE(team_.reads(later, first));
  EXPECT_TRUE(team_.fit(0) && team_.fit(later));
}

TEST_F(KeyRingTest, ARemovedEditorCannotSpoilNewKeysByNamingThem) {
  gather(3);
  const auto key = team_.invite(0, Role::kEditor, 5);
  team_.sync({0, 1, 2});
  const std::vector<Hash> before = team_.membership(2).heads();
  team_.remove(0, 2);
  const Hash fresh = team_.rotate(0);
  team_.sync({0, 1});
  // As if from before its removal, for a puppet, naming a key that it read of since.
  const auto puppet = team_.stranger();
  team_.admit_with(2, puppet, key, Role::kEditor, {{fresh, Bytes(80)}}, before);
  team_.pass(2, 0);
  EXPECT_EQ(team_.membership(0).find(team_.id(puppet)), nullptr);
  EXPECT_EQ(team_.writes_under(0), fresh);
  EXPECT_TRUE(team_.fit(0));
}

TEST_F(KeyRingTest, ARemovedEditorCannotSpoilNewKeysByItsOwn) {
  gather(3);
  const Hash old_key = team_.writes_under(2);
  const std::vector<Hash> before = team_.membership(2).heads();
  const auto made = team_.ring(2).make_rekey(team_.membership(2), false);
  team_.remove(0, 2);
  const Hash fresh = team_.rotate(0);
  team_.sync({0, 1});
  // As if from before its removal: a new epoch that says it leads to the fresh key, and one that
  // says it is the fresh key.
  RekeyOperation chains = made->operation;
  chains.previous.front().commitment = fresh;
  RekeyOperation copies = made->operation;
  copies.key = fresh;
  for (const RekeyOperation& one : {chains, copies}) {
    team_.write(2, one, before);
    team_.pass(2, 0);
    EXPECT_EQ(team_.writes_under(0), fresh);
    EXPECT_TRUE(team_.fit(0));
    EXPECT_FALSE(team_.locked_out(0));
  }
  // A newcomer reads the old through the fresh one.
  const auto late = team_.add(0);
  EXPECT_TRUE(team_.reads(late, fresh) && team_.reads(late, old_key));
  EXPECT_TRUE(team_.fit(late));
}

TEST_F(KeyRingTest, AnAdmissionThatComesToNothingIsARemovalToKeys) {
  gather(3, Role::kHost);
  const auto key = team_.invite(2, Role::kEditor);
  const auto puppet = team_.stranger();
  team_.admit(2, puppet, key, Role::kEditor);
  team_.pass(2, 1);
  EXPECT_TRUE(team_.fit(1));
  team_.remove(0, 2);  // Unseen by each other.
  const Hash fresh = team_.rotate(0);
  team_.sync({0, 1});
  EXPECT_EQ(team_.membership(1).find(team_.id(puppet)), nullptr);
  EXPECT_EQ(team_.writes_under(1), fresh) << "the older ones are known to the puppet";
  EXPECT_FALSE(team_.reads(puppet, fresh));
}

TEST_F(KeyRingTest, ARelayHoldsNoKeys) {
  gather(3);
  team_.write(0, RoleOperation{team_.id(2), Role::kRelay, {}});
  EXPECT_TRUE(team_.writes_under(0).is_zero());
  const Hash fresh = team_.rotate(0);
  team_.sync({0, 1, 2});
  EXPECT_EQ(team_.writes_under(1), fresh);
  EXPECT_TRUE(team_.writes_under(2).is_zero());
  // And gets them when it may read again.
  team_.write(0, RoleOperation{team_.id(2), Role::kViewer, {}});
  EXPECT_FALSE(team_.fit(0));
  team_.rotate(0);
  team_.sync({0, 1, 2});
  EXPECT_TRUE(team_.reads(2, fresh));
  EXPECT_TRUE(team_.fit(2));
}

TEST_F(KeyRingTest, KeysAreSealedAtRestAndComeBack) {
  gather(2);
  team_.rotate(0);
  team_.pass(0, 1);
  storage::MemoryStoreProvider provider;
  storage::Store* store = *provider.open(team_.workspace().hex());
  storage::WriteBatch batch;
  ASSERT_EQ(team_.rows(1).size(), 2u);
  for (const auto& [name, row] : team_.rows(1)) {
    const auto* key = team_.ring(1).find(*Hash::from(name));
    ASSERT_NE(key, nullptr);
    const auto secret = key->view();
    EXPECT_EQ(std::search(row.begin(), row.end(), secret.begin(), secret.end()), row.end());
    batch.put(storage::Table::kKeys, name, row);
  }
  ASSERT_TRUE(store->commit(std::span(&batch, 1)));
  KeyRing again(team_.identity(1), team_.random(), team_.sealer(1),
                [](storage::Table, const Bytes&, const Bytes&) {});
  ASSERT_TRUE(again.load(*store));
  again.absorb(team_.membership(1));
  Hash commitment;
  EXPECT_NE(again.write_key(team_.membership(1), commitment), nullptr);
  EXPECT_EQ(commitment, team_.writes_under(1));
  EXPECT_TRUE(again.fit(team_.membership(1)));
  // Another device cannot open them.
  KeyRing thief(team_.identity(0), team_.random(), team_.sealer(0),
                [](storage::Table, const Bytes&, const Bytes&) {});
  EXPECT_EQ(thief.load(*store).error().code, ErrorCode::kCorrupt);
}

TEST_F(KeyRingTest, ManyRotationsLeaveOneKeyToHandOn) {
  gather(3);
  const Hash first = team_.writes_under(0);
  for (int i = 0; i < 50; ++i) {
    team_.rotate(static_cast<KeyTeam::Device>(i % 3));
    team_.sync({0, 1, 2});
  }
  EXPECT_EQ(team_.ring(0).keys_for_newcomer(team_.membership(0), team_.id(1), false)->size(), 1u);
  const auto late = team_.add(0);
  EXPECT_TRUE(team_.reads(late, first));
  EXPECT_TRUE(team_.fit(late));
}

}  // namespace
}  // namespace coterie::node
