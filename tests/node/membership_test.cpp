// Membership, rule by rule (docs/PROTOCOL.md, "Membership"). That the order of arrival never
// matters and that all rules together do what the text says: membership_fuzz_test.cpp.
//
// Method: a small world of devices issues operations on chosen heads.

#include "node/core/membership/membership.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "node/core/limits.hpp"
#include "tests/support/membership_world.hpp"

namespace coterie::node {
namespace {

using testing::MembershipWorld;

/// Founder 0, and as many more hosts and editors as asked for, one after the other.
struct Team : MembershipWorld {
  explicit Team(std::size_t hosts, std::size_t editors = 0, std::uint64_t seed = 1)
      : MembershipWorld(seed), tip(genesis()) {
    for (std::size_t i = 1; i < hosts; ++i) join(0, Role::kHost, tip);
    for (std::size_t i = 0; i < editors; ++i) join(0, Role::kEditor, tip);
  }
  Hash remove(std::size_t author, std::vector<Hash> heads, std::size_t device,
              bool whole_person = false, std::vector<LogMark> seen = {}) {
    return issue(author, std::move(heads),
                 RemoveOperation{id(device), whole_person, std::move(seen)});
  }
  Hash role(std::size_t author, std::vector<Hash> heads, std::size_t device, Role role) {
    return issue(author, std::move(heads), RoleOperation{id(device), role, {}});
  }
  LogMark mark(std::size_t device, Seq seq) const { return {{id(device), 1}, seq, {}}; }

  Hash tip;
};

Role role_of(const Membership& membership, const DeviceId& device) {
  const Member* member = membership.find(device);
  return member == nullptr ? static_cast<Role>(0) : member->role;
}
constexpr Role kNobody = static_cast<Role>(0);

const char* reason(const Membership& membership, const Hash& operation) {
  for (const auto& one : membership.history()) {
    if (one.hash == operation) return one.counts ? "counts" : one.reason;
  }
  return "not here";
}

TEST(MembershipTest, InvitedAndAdmitted) {
  Team team(1);
  const std::size_t anna = team.join(0, Role::kEditor, team.tip);
  const Membership membership = team.resolve();
  EXPECT_TRUE(membership.founded());
  EXPECT_EQ(membership.name(), "team");
  EXPECT_EQ(role_of(membership, team.id(anna)), Role::kEditor);
  EXPECT_EQ(membership.find(team.id(anna))->name, "n1");
  EXPECT_EQ(membership.find(team.id(anna))->depth, 1u);
  EXPECT_EQ(role_of(membership, team.id(0)), Role::kHost);
  EXPECT_EQ(membership.heads(), std::vector<Hash>{team.tip});
  EXPECT_EQ(membership.invites().at(team.keys[0].id()).admitted.count(team.id(anna)), 1u);
  EXPECT_TRUE(membership.precedes(team.id(0), team.id(anna)));
  EXPECT_FALSE(membership.precedes(team.id(anna), team.id(0)));
}

TEST(MembershipTest, AnEditorAdmitsButDoesNotInvite) {
  Team team(1, 1);
  const std::size_t key = team.add_key();
  const std::size_t ben = team.add_device();
  const std::size_t eve = team.add_device();
  const std::size_t forged = team.add_key();
  const Hash invited = team.issue(0, {team.tip}, team.invite(key, Role::kViewer));
  const Hash admitted = team.issue(1, {invited}, team.admit(key, ben, Role::kViewer));
  const Hash more = team.issue(1, {admitted}, team.invite(forged, Role::kHost));
  team.issue(1, {more}, team.admit(forged, eve, Role::kHost));
  const Membership membership = team.resolve();
  EXPECT_EQ(role_of(membership, team.id(ben)), Role::kViewer);
  EXPECT_EQ(role_of(membership, team.id(eve)), kNobody);
  EXPECT_STREQ(reason(membership, more), "its author was no host");
}

TEST(MembershipTest, ForgedAdmissionsDoNotCount) {
  Team team(1);
  const std::size_t viewer = team.join(0, Role::kViewer, team.tip);
  const std::size_t key = team.add_key();
  const std::size_t other = team.add_key();
  const Hash invited = team.issue(0, {team.tip}, team.invite(key, Role::kViewer, 99));
  std::vector<std::size_t> refused;
  const auto next = [&] { return refused.emplace_back(team.add_device()); };
  team.issue(0, {invited}, team.admit(key, next(), Role::kHost));
  team.issue(0, {team.tip}, team.admit(key, next(), Role::kViewer));
  team.issue(0, {invited}, team.admit(other, next(), Role::kViewer));
  team.issue(viewer, {invited}, team.admit(key, next(), Role::kViewer));
  team.issue(team.add_device(), {invited}, team.admit(key, next(), Role::kViewer));
  AdmitOperation stolen = team.admit(key, viewer, Role::kViewer);
  stolen.device = team.id(next());
  team.issue(0, {invited}, stolen);
  team.issue(next(), {}, CreateOperation{"mine", {}});
  const Membership membership = team.resolve();
  EXPECT_EQ(membership.members().size(), 2u);
  for (const std::size_t one : refused) EXPECT_EQ(role_of(membership, team.id(one)), kNobody);
}

TEST(MembershipTest, UnknownAndMalformedOperationsOnlyOrder) {
  Team team(1);
  const Hash later = team.issue_bytes(0, {team.tip}, Bytes{77, 1});
  Hash tip = team.issue_bytes(0, {later}, Bytes{3});
  EXPECT_EQ(team.resolve().heads(), std::vector<Hash>{tip});
  const std::size_t anna = team.join(0, Role::kEditor, tip);
  EXPECT_EQ(role_of(team.resolve(), team.id(anna)), Role::kEditor);
}

TEST(MembershipTest, NothingCountsBeforeItsPastIsHere) {
  Team team(1);
  const std::size_t anna = team.join(0, Role::kEditor, team.tip);
  const Membership without_invite = team.resolve({0, 2});
  EXPECT_EQ(without_invite.find(team.id(anna)), nullptr);
  EXPECT_EQ(without_invite.heads(), std::vector<Hash>{team.genesis()});
  const std::vector<Hash> unknown{team.tip};
  EXPECT_EQ(without_invite.at(unknown), nullptr);
  EXPECT_EQ(without_invite.standing(team.id(0), unknown, Right::kEdit).kind,
            Standing::Kind::kUnknownPast);
}

// Conflicts.

TEST(MembershipTest, TwoHostsRemoveEachOtherWhilePartitioned) {
  Team team(2, 1);
  const Hash by_founder = team.remove(0, {team.tip}, 1);
  const Hash by_second = team.remove(1, {team.tip}, 0);
  // What either side did meanwhile, and a third that saw one of the two.
  team.issue(0, {by_founder}, team.invite(team.add_key(), Role::kEditor));
  team.issue(1, {by_second}, team.invite(team.add_key(), Role::kHost));
  team.issue(2, {by_second}, AcknowledgeOperation{by_second, {}});
  std::vector<std::size_t> order(team.issued.size());
  std::iota(order.begin(), order.end(), 0);
  std::size_t replicas = 0;
  do {
    const Membership replica = team.resolve(order);
    ++replicas;
    ASSERT_EQ(role_of(replica, team.id(0)), Role::kHost);
    ASSERT_EQ(role_of(replica, team.id(1)), kNobody);
    ASSERT_EQ(role_of(replica, team.id(2)), Role::kEditor);
    ASSERT_STREQ(reason(replica, by_founder), "counts");
    ASSERT_EQ(replica.invites().size(), 3u);
  } while (std::next_permutation(order.begin() + 3, order.end()));
  EXPECT_GT(replicas, 100u);
}

TEST(MembershipTest, OfThreeHostsInACycleTheMostSeniorRemovalIsDecidedFirst) {
  Team team(3);
  const auto roster = team.resolve();
  // By seniority: founder, then the other two.
  const bool first = roster.precedes(team.id(1), team.id(2));
  const std::size_t b = first ? 1 : 2;
  const std::size_t c = first ? 2 : 1;
  team.remove(0, {team.tip}, b);
  const Hash void_one = team.remove(b, {team.tip}, c);
  team.remove(c, {team.tip}, 0);
  const Membership membership = team.resolve();
  EXPECT_EQ(role_of(membership, team.id(c)), Role::kHost);
  EXPECT_EQ(membership.members().size(), 1u);
  EXPECT_STRNE(reason(membership, void_one), "counts");
}

TEST(MembershipTest, TheLastHostCannotLeaveNorCanTheLastTwoAtOnce) {
  Team team(2, 1);
  const Hash founder_leaves = team.remove(0, {team.tip}, 0);
  const Hash second_leaves = team.remove(1, {team.tip}, 1);
  Membership membership = team.resolve();
  EXPECT_EQ(role_of(membership, team.id(0)), kNobody);
  EXPECT_EQ(role_of(membership, team.id(1)), Role::kHost);
  EXPECT_STREQ(reason(membership, second_leaves), "no host would be left");
  // One after the other, the second is refused at once.
  const Hash later = team.remove(1, {founder_leaves, second_leaves}, 1);
  const Hash demoted = team.role(1, {later}, 1, Role::kEditor);
  membership = team.resolve();
  EXPECT_STREQ(reason(membership, later), "it would leave no host");
  EXPECT_STREQ(reason(membership, demoted), "it would leave no host");
}

TEST(MembershipTest, ADemotionByTheSeniorBeatsARemovalByTheJunior) {
  Team team(2);
  team.role(0, {team.tip}, 1, Role::kViewer);
  team.remove(1, {team.tip}, 0);
  const Membership membership = team.resolve();
  EXPECT_EQ(role_of(membership, team.id(0)), Role::kHost);
  EXPECT_EQ(role_of(membership, team.id(1)), Role::kViewer);
}

TEST(MembershipTest, WhatARemovedHostDidUnseenIsVoidWithAllThatRestsOnIt) {
  Team team(2);
  const Hash removed = team.remove(0, {team.tip}, 1);
  Hash puppets = team.tip;
  const std::size_t puppet = team.join(1, Role::kHost, puppets);
  const std::size_t second = team.join(puppet, Role::kHost, puppets);
  const Hash coup = team.remove(second, {puppets}, 0);
  const Membership membership = team.resolve();
  EXPECT_EQ(membership.members().size(), 1u);
  EXPECT_STREQ(reason(membership, removed), "counts");
  EXPECT_STREQ(reason(membership, coup),
               "its author's right rests on an operation that does not count");
  // Void admissions are answered like removals.
  const auto by = membership.restrictions_of(team.id(puppet));
  ASSERT_EQ(by.size(), 1u);
  const std::vector<Hash> heads{coup};
  EXPECT_EQ(membership.standing(team.id(puppet), heads, Right::kEdit).kind,
            Standing::Kind::kDisputed);
  EXPECT_TRUE(membership.was_ever_admitted(team.id(puppet)));
}

TEST(MembershipTest, APromotedHostIsJuniorToWhoMadeIt) {
  // The founder's editor, promoted by a host that is being removed, does not outrank the remover.
  Team team(2, 1);
  Hash tip = team.tip;
  const std::size_t third = team.join(1, Role::kHost, tip);
  const std::size_t fourth = team.join(third, Role::kHost, tip);
  const Hash removed = team.remove(third, {tip}, fourth);
  const Hash promoted = team.role(fourth, {tip}, 2, Role::kHost);
  const Hash revenge = team.remove(2, {promoted}, third);
  const Membership membership = team.resolve();
  EXPECT_STREQ(reason(membership, removed), "counts");
  EXPECT_STRNE(reason(membership, promoted), "counts");
  EXPECT_STRNE(reason(membership, revenge), "counts");
  EXPECT_EQ(role_of(membership, team.id(third)), Role::kHost);
  EXPECT_EQ(role_of(membership, team.id(2)), Role::kEditor);
}

TEST(MembershipTest, OfConcurrentRolesTheWeakestCounts) {
  Team team(2, 1);
  team.role(0, {team.tip}, 2, Role::kHost);
  team.role(1, {team.tip}, 2, Role::kCommenter);
  EXPECT_EQ(role_of(team.resolve(), team.id(2)), Role::kCommenter);
  team.remove(0, {team.tip}, 2);
  EXPECT_EQ(role_of(team.resolve(), team.id(2)), kNobody);
}

// Invites.

TEST(MembershipTest, ARevocationBeatsAdmissionsThatHadNotSeenIt) {
  Team team(2, 1);
  const std::size_t key = team.add_key();
  const std::size_t early = team.add_device();
  const std::size_t late = team.add_device();
  const Hash invited = team.issue(0, {team.tip}, team.invite(key, Role::kEditor, 5));
  const Hash before = team.issue(2, {invited}, team.admit(key, early, Role::kEditor));
  const Hash revoked = team.issue(1, {before}, RevokeOperation{team.keys[key].id()});
  const Hash apart = team.issue(2, {before}, team.admit(key, late, Role::kEditor));
  const Hash after = team.issue(2, {revoked, apart}, team.admit(key, late, Role::kEditor));
  const Membership membership = team.resolve();
  EXPECT_EQ(role_of(membership, team.id(early)), Role::kEditor);
  EXPECT_EQ(role_of(membership, team.id(late)), kNobody);
  EXPECT_STREQ(reason(membership, apart), "its invite was revoked, or its inviter lost the right");
  EXPECT_STREQ(reason(membership, after), "its invite was revoked");
  EXPECT_TRUE(membership.invites().at(team.keys[key].id()).revoked);
}

TEST(MembershipTest, TheOpenInvitesOfARemovedHostAreClosed) {
  Team team(2, 1);
  const std::size_t key = team.add_key();
  const std::size_t sock = team.add_device();
  const Hash invited = team.issue(1, {team.tip}, team.invite(key, Role::kHost));
  const Hash removed = team.remove(0, {invited}, 1);
  team.issue(2, {invited}, team.admit(key, sock, Role::kHost));
  const Hash after = team.issue(2, {removed}, team.admit(key, sock, Role::kHost));
  const Membership membership = team.resolve();
  EXPECT_EQ(role_of(membership, team.id(sock)), kNobody);
  EXPECT_STREQ(reason(membership, after), "its invite was revoked");
}

TEST(MembershipTest, OfMoreAdmissionsThanUsesTheFirstCount) {
  Team team(1, 2);
  const std::size_t key = team.add_key();
  const Hash invited = team.issue(0, {team.tip}, team.invite(key, Role::kEditor, 1));
  const std::size_t a = team.add_device();
  const std::size_t b = team.add_device();
  const Hash one = team.issue(1, {invited}, team.admit(key, a, Role::kEditor));
  const Hash other = team.issue(2, {invited}, team.admit(key, b, Role::kEditor));
  // By another member, for the same device: no further place.
  team.issue(0, {invited}, team.admit(key, a, Role::kEditor));
  const Membership membership = team.resolve();
  const bool first = role_of(membership, team.id(a)) == Role::kEditor;
  EXPECT_NE(first, role_of(membership, team.id(b)) == Role::kEditor);
  const Hash third = team.issue(1, {one, other}, team.admit(key, team.add_device(), Role::kEditor));
  EXPECT_STREQ(reason(team.resolve(), third), "its invite was used up");
}

TEST(MembershipTest, AnInviteExpiresByTheTimeOfTheEntry) {
  Team team(1);
  const std::size_t key = team.add_key();
  const std::size_t a = team.add_device();
  const Hash invited = team.issue(0, {team.tip}, team.invite(key, Role::kEditor, 9));
  const Hash late = team.issue(0, {invited}, team.admit(key, a, Role::kEditor), 2001);
  EXPECT_STREQ(reason(team.resolve(), late), "its invite had expired");
  const Hash last = team.issue(0, {late}, team.admit(key, a, Role::kEditor), 2000);
  EXPECT_STREQ(reason(team.resolve(), last), "counts");
}

TEST(MembershipTest, AnInviteWithApprovalWantsAHost) {
  Team team(1, 1);
  const std::size_t key = team.add_key();
  const std::size_t a = team.add_device();
  InviteOperation terms = team.invite(key, Role::kEditor);
  terms.approval = true;
  const Hash invited = team.issue(0, {team.tip}, terms);
  const Hash hasty = team.issue(1, {invited}, team.admit(key, a, Role::kEditor));
  const Hash asked = team.issue(1, {hasty}, team.request(key, a));
  Membership membership = team.resolve();
  EXPECT_STREQ(reason(membership, hasty), "its invite wants a host");
  ASSERT_EQ(membership.now().requests.count(team.id(a)), 1u);
  EXPECT_EQ(membership.now().requests.at(team.id(a)).author, team.id(1));
  EXPECT_EQ(role_of(membership, team.id(a)), kNobody);
  const Hash approved = team.issue(0, {asked}, team.admit(key, a, Role::kEditor));
  membership = team.resolve();
  EXPECT_STREQ(reason(membership, approved), "counts");
  EXPECT_TRUE(membership.now().requests.empty());
}

TEST(MembershipTest, ARemovedDeviceReturnsOnlyByANewerInvite) {
  Team team(1, 1);
  const std::size_t key = team.add_key();
  const Hash old = team.issue(0, {team.tip}, team.invite(key, Role::kEditor, 9));
  const Hash removed = team.remove(0, {old}, 1);
  const Hash by_old = team.issue(0, {removed}, team.admit(key, 1, Role::kEditor));
  EXPECT_STREQ(reason(team.resolve(), by_old),
               "its invite is older than the removal of the device");
  const std::size_t fresh = team.add_key();
  const Hash invited = team.issue(0, {by_old}, team.invite(fresh, Role::kViewer));
  const Hash back = team.issue(0, {invited}, team.admit(fresh, 1, Role::kViewer));
  EXPECT_EQ(role_of(team.resolve(), team.id(1)), Role::kViewer);
  // A removal that the admission had not seen still counts.
  team.remove(0, {old}, 1);
  EXPECT_EQ(role_of(team.resolve(), team.id(1)), kNobody);
  EXPECT_STREQ(reason(team.resolve(), back), "counts");
}

TEST(MembershipTest, AnAdmissionNeverLowersAMember) {
  Team team(2, 1);
  const std::size_t key = team.add_key();
  const Hash viewers = team.issue(0, {team.tip}, team.invite(key, Role::kViewer, 9));
  const Hash known = team.issue(2, {viewers}, team.admit(key, 1, Role::kViewer));
  EXPECT_STREQ(reason(team.resolve(), known), "the device was a member already");
  // Nor from a past in which it was none.
  const std::size_t late = team.add_device();
  const std::size_t hosts = team.add_key();
  const Hash invited = team.issue(0, {viewers}, team.invite(hosts, Role::kHost));
  team.issue(0, {invited}, team.admit(hosts, late, Role::kHost));
  const Hash apart = team.issue(2, {viewers}, team.admit(key, late, Role::kViewer));
  EXPECT_STREQ(reason(team.resolve(), apart), "counts");
  EXPECT_EQ(role_of(team.resolve(), team.id(late)), Role::kHost);
}

// Persons.

TEST(MembershipTest, OwnDevicesAreOnePersonAndGoTogether) {
  Team team(1, 1);
  Hash tip = team.tip;
  const std::size_t phone = team.join(1, Role::kEditor, tip, true);
  const std::size_t tablet = team.join(phone, Role::kViewer, tip, true);
  Membership membership = team.resolve();
  EXPECT_EQ(membership.find(team.id(tablet))->person, team.id(1));
  EXPECT_EQ(membership.find(team.id(tablet))->depth, 3u);
  const std::size_t key = team.add_key();
  InviteOperation more = team.invite(key, Role::kHost);
  more.own_device = true;
  const Hash greedy = team.issue(phone, {tip}, more);
  EXPECT_STREQ(reason(team.resolve(), greedy), "more than its author may give");
  team.remove(0, {greedy}, phone, true);
  membership = team.resolve();
  EXPECT_EQ(membership.members().size(), 1u);
}

TEST(MembershipTest, NobodyLinksAnothersDevice) {
  Team team(1, 2);
  const std::size_t key = team.add_key();
  InviteOperation terms = team.invite(key, Role::kEditor);
  terms.own_device = true;
  // From the past before device 2 came in.
  const Hash before = team.issued[2].hash;
  const Hash invited = team.issue(1, {before}, terms);
  const Hash linked = team.issue(1, {invited}, team.admit(key, 2, Role::kEditor));
  const Membership membership = team.resolve();
  EXPECT_STREQ(reason(membership, linked), "counts");
  EXPECT_EQ(membership.find(team.id(2))->person, team.id(2));
}

TEST(MembershipTest, OnlyAHostRemovesOthersOrAWholePerson) {
  Team team(1, 2);
  const Hash other = team.remove(1, {team.tip}, 2);
  const Hash person = team.remove(1, {other}, 1, true);
  const Hash leaves = team.remove(1, {person}, 1);
  const Membership membership = team.resolve();
  EXPECT_STREQ(reason(membership, other), "its author was no host");
  EXPECT_STREQ(reason(membership, person), "its author was no host");
  EXPECT_STREQ(reason(membership, leaves), "counts");
  EXPECT_EQ(role_of(membership, team.id(1)), kNobody);
}

// Content.

TEST(MembershipTest, StandingOfEntriesByTheirPastAndByWhatTheyHadNotSeen) {
  Team team(1, 1);
  const std::vector<Hash> before{team.tip};
  const Hash lowered =
      team.issue(0, {team.tip}, RoleOperation{team.id(1), Role::kCommenter, {team.mark(1, 4)}});
  Membership membership = team.resolve();
  EXPECT_EQ(membership.standing(team.id(1), before, Right::kSpeak).kind, Standing::Kind::kAdmitted);
  const Standing disputed = membership.standing(team.id(1), before, Right::kEdit);
  ASSERT_EQ(disputed.kind, Standing::Kind::kDisputed);
  ASSERT_EQ(disputed.by.size(), 1u);
  EXPECT_EQ(disputed.by[0]->operation, lowered);
  EXPECT_EQ(disputed.by[0]->acknowledged, std::vector<LogMark>{team.mark(1, 4)});
  const std::vector<Hash> after{lowered};
  EXPECT_EQ(membership.standing(team.id(1), after, Right::kEdit).kind, Standing::Kind::kRefused);
  EXPECT_EQ(membership.standing(team.id(1), after, Right::kSpeak).kind, Standing::Kind::kAdmitted);
  // Raised again: what is written then counts, what was unseen stays disputed by the same.
  const Hash raised = team.role(0, {lowered}, 1, Role::kEditor);
  membership = team.resolve();
  const std::vector<Hash> again{raised};
  EXPECT_EQ(membership.standing(team.id(1), again, Right::kEdit).kind, Standing::Kind::kAdmitted);
  EXPECT_EQ(membership.standing(team.id(1), before, Right::kEdit).by.size(), 1u);
  EXPECT_EQ(membership.restrictions_of(team.id(1)).size(), 1u);
}

TEST(MembershipTest, AnEditorAcknowledgesOnceAHostAgain) {
  Team team(1, 2);
  const std::vector<Hash> before{team.tip};
  const Hash removed = team.remove(0, {team.tip}, 1, false, {team.mark(1, 1)});
  const auto acknowledge = [&](std::size_t author, const Hash& head, Seq seq) {
    return team.issue(author, {head}, AcknowledgeOperation{removed, {team.mark(1, seq)}});
  };
  const Hash first = acknowledge(2, removed, 2);
  const Hash second = acknowledge(2, first, 3);
  Membership membership = team.resolve();
  const auto marks = [&] {
    std::vector<Seq> out;
    const Standing standing = membership.standing(team.id(1), before, Right::kEdit);
    for (const LogMark& mark : standing.by.at(0)->acknowledged) out.push_back(mark.seq);
    return out;
  };
  EXPECT_EQ(marks(), (std::vector<Seq>{1, 2}));
  const Hash host = acknowledge(0, second, 4);
  acknowledge(0, host, 5);
  membership = team.resolve();
  EXPECT_EQ(marks(), (std::vector<Seq>{1, 2, 4, 5}));
  // Who was let in later took in nothing before.
  Hash in = host;
  const std::size_t newcomer = team.join(0, Role::kEditor, in);
  const Hash late = acknowledge(newcomer, in, 6);
  EXPECT_STREQ(reason(team.resolve(), late), "its author was let in after what it answers");
  const Hash early = team.issue(2, before, AcknowledgeOperation{removed, {}});
  EXPECT_STREQ(reason(team.resolve(), early), "what it answers is not in its past");
}

// Keys.

TEST(MembershipTest, ARekeyHasABoxForEachThatMayHoldKeys) {
  Team team(1, 2);
  Hash tip = team.tip;
  team.join(0, Role::kRelay, tip);
  const Hash wrong = team.issue(1, {tip}, team.rekey(4));
  const Hash right = team.issue(1, {wrong}, team.rekey(3));
  team.remove(0, {wrong}, 1);
  Membership membership = team.resolve();
  EXPECT_STREQ(reason(membership, wrong), "not a key for each member");
  ASSERT_EQ(membership.epochs().size(), 2u);
  EXPECT_EQ(membership.epochs()[0].operation, team.genesis());
  EXPECT_EQ(membership.epochs()[1].operation, right);
  EXPECT_EQ(membership.epochs()[1].recipients.size(), 3u);
  EXPECT_FALSE(membership.epochs()[1].counts);  // Its author was being removed.
}

// The order of devices.

TEST(MembershipTest, DevicesAreOrderedByDepthThenHashOfTheirFirstAdmission) {
  Team team(2);
  const std::size_t anna = team.join(1, Role::kEditor, team.tip);  // By a host one step away.
  const Hash annas = team.tip;
  const std::size_t ben = team.join(1, Role::kEditor, team.tip);
  const Hash bens = team.tip;
  const std::size_t carl = team.join(0, Role::kEditor, team.tip);
  const std::size_t stranger = team.add_device();
  const std::size_t other = team.add_device();
  const Membership membership = team.resolve();
  const auto precedes = [&](std::size_t a, std::size_t b) {
    EXPECT_NE(membership.precedes(team.id(a), team.id(b)),
              membership.precedes(team.id(b), team.id(a)));
    return membership.precedes(team.id(a), team.id(b));
  };
  EXPECT_TRUE(precedes(0, 1));
  EXPECT_TRUE(precedes(1, anna));
  EXPECT_TRUE(precedes(carl, anna)) << "a step less, though later";
  EXPECT_TRUE(precedes(carl, ben));
  EXPECT_EQ(precedes(anna, ben), annas < bens);
  EXPECT_TRUE(precedes(anna, stranger));
  EXPECT_EQ(precedes(stranger, other), team.id(stranger) < team.id(other));
  EXPECT_FALSE(membership.precedes(team.id(anna), team.id(anna)));
}

TEST(MembershipTest, NoRemovalAndNoReturnChangesTheOrderOfDevices) {
  Team team(2);
  const std::size_t anna = team.join(1, Role::kEditor, team.tip);
  const std::size_t carl = team.join(0, Role::kEditor, team.tip);
  const auto carl_first = [&] { return team.resolve().precedes(team.id(carl), team.id(anna)); };
  ASSERT_TRUE(carl_first());
  team.tip = team.remove(0, {team.tip}, carl);
  EXPECT_TRUE(carl_first());
  // The host that let her in, and with it its invites.
  team.tip = team.remove(0, {team.tip}, 1);
  EXPECT_TRUE(carl_first());
  // Back, three steps from the founder, and she by the founder itself.
  const std::size_t host = team.join(0, Role::kHost, team.tip);
  const std::size_t junior = team.join(host, Role::kHost, team.tip);
  const auto admit = [&](std::size_t by, std::size_t device) {
    const std::size_t key = team.add_key();
    team.tip = team.issue(by, {team.tip}, team.invite(key, Role::kEditor));
    team.tip = team.issue(by, {team.tip}, team.admit(key, device, Role::kEditor));
    EXPECT_STREQ(reason(team.resolve(), team.tip), "counts");
  };
  admit(junior, carl);
  team.tip = team.remove(0, {team.tip}, anna);
  admit(0, anna);
  EXPECT_TRUE(carl_first());
}

TEST(MembershipTest, OnlyAnAdmissionThatArrivesLateChangesTheOrderOfDevices) {
  Team team(2);
  const std::size_t anna = team.add_device();
  const std::size_t key = team.add_key();
  const std::size_t other = team.add_key();
  const Hash base = team.tip;
  // By the junior host, at once; by the founder, after it has done something else.
  const Hash early = team.issue(1, {base}, team.invite(key, Role::kEditor));
  const Hash first = team.issue(1, {early}, team.admit(key, anna, Role::kEditor));
  Hash tip = team.issue(0, {base}, team.invite(team.add_key(), Role::kViewer));
  const std::size_t ben = team.join(0, Role::kEditor, tip);
  tip = team.issue(0, {tip}, team.invite(other, Role::kEditor));
  const Hash second = team.issue(0, {tip}, team.admit(other, anna, Role::kEditor));
  std::vector<std::size_t> order;
  std::vector<std::size_t> late;
  for (std::size_t i = 0; i < team.issued.size(); ++i) {
    const Hash& hash = team.issued[i].hash;
    (hash == early || hash == first ? late : order).push_back(i);
  }
  Membership membership = team.resolve(order);
  const auto bens = std::find_if(team.issued.begin(), team.issued.end(), [&](const auto& one) {
    const auto operation = decode_operation(one.payload);
    const auto* admit = operation ? std::get_if<AdmitOperation>(&*operation) : nullptr;
    return admit != nullptr && admit->device == team.id(ben);
  });
  EXPECT_EQ(membership.precedes(team.id(anna), team.id(ben)), second < bens->hash)
      << "one step from the founder, both";
  for (const std::size_t i : late) ASSERT_TRUE(membership.add(team.issued[i].entry()));
  EXPECT_TRUE(membership.precedes(team.id(ben), team.id(anna)))
      << "first by generation, and two steps from the founder";
}

// Limits.

TEST(MembershipTest, MembersAtAndPastTheLimit) {
  Team team(1);
  Membership membership = team.resolve();
  const std::size_t key = team.add_key();
  OperationEntry entry;
  entry.log = {team.id(0), 1};
  entry.time = MembershipWorld::kTime << 16;
  std::vector<Hash> heads{team.tip};
  entry.seq = 1;
  const auto issue = [&](const Operation& operation) {
    const Bytes payload = encode_operation(operation);
    entry.payload = payload;
    entry.heads = heads;
    ++entry.seq;
    team.random().fill(entry.hash.bytes);
    EXPECT_TRUE(membership.add(entry));
    heads = {entry.hash};
    return entry.hash;
  };
  issue(team.invite(key, Role::kViewer, kInviteUsesMax));
  Hash last;
  const auto admit = [&] {
    last = issue(team.admit(key, team.add_device(), Role::kViewer));
    return reason(membership, last);
  };
  while (membership.operations() < kMembersMax) {
    last = issue(team.admit(key, team.add_device(), Role::kViewer));
  }
  ASSERT_EQ(membership.members().size(), kMembersMax - 1);
  EXPECT_STREQ(admit(), "counts");
  EXPECT_EQ(membership.members().size(), kMembersMax);
  EXPECT_STREQ(admit(), "too many members");
  EXPECT_EQ(membership.members().size(), kMembersMax);
  // Who goes makes room.
  issue(RemoveOperation{team.id(1), false, {}});
  EXPECT_STREQ(admit(), "counts");
  EXPECT_EQ(membership.members().size(), kMembersMax);
}

TEST(MembershipTest, OneDeviceFillsOnlyItsOwnShare) {
  Team team(1, 1);
  Membership membership = team.resolve();
  Hash tip = team.tip;
  OperationEntry entry;
  entry.log = {team.id(1), 1};
  const Bytes payload{77};
  entry.payload = payload;
  Hash last;
  for (std::size_t i = 0; i <= kOperationsPerDeviceMax + 1; ++i) {
    const std::vector<Hash> heads{tip};
    entry.seq = 1 + i;
    entry.heads = heads;
    team.random().fill(entry.hash.bytes);
    tip = entry.hash;
    ASSERT_TRUE(membership.add(entry));
    if (i + 1 == kOperationsPerDeviceMax) last = tip;
    ASSERT_EQ(membership.nearly_spent(team.id(1)), i + 1 >= kOperationsPerDeviceMax / 4 * 3) << i;
  }
  // What is over waits for ever; others are not concerned.
  EXPECT_EQ(membership.heads(), std::vector<Hash>{last});
  EXPECT_STREQ(reason(membership, last), "of an unknown kind");
}

TEST(MembershipTest, TheBytesOfADevicesOperationsAreBounded) {
  Team team(1, 1);
  Membership membership = team.resolve();
  Hash tip = team.tip;
  Bytes payload(kOperationBytesPerDeviceMax / 4, 0);
  payload[0] = 77;
  const auto add = [&](std::size_t number, std::size_t bytes) {
    OperationEntry entry;
    entry.log = {team.id(1), 1};
    entry.seq = number;
    entry.payload = ByteView(payload).first(bytes);
    const std::vector<Hash> heads{tip};
    entry.heads = heads;
    team.random().fill(entry.hash.bytes);
    EXPECT_TRUE(membership.add(entry));
    return entry.hash;
  };
  for (std::size_t i = 1; i <= 4; ++i) {
    EXPECT_EQ(membership.nearly_spent(team.id(1)), i > 3) << i;
    tip = add(i, payload.size());
    EXPECT_STREQ(reason(membership, tip), "of an unknown kind") << i;
  }
  // One byte more: it is no part of the graph, and nobody else is concerned.
  const Hash over = add(5, 1);
  EXPECT_STREQ(reason(membership, over), "not here");
  EXPECT_EQ(membership.heads(), std::vector<Hash>{tip});
}

TEST(MembershipTest, WhoWritesTooMuchSideBySideIsNotVouchedFor) {
  Team team(1, 1);
  Membership membership = team.resolve();
  OperationEntry entry;
  entry.log = {team.id(1), 1};
  const Bytes payload{77};
  entry.payload = payload;
  const std::vector<Hash> heads{team.tip};
  entry.heads = heads;
  for (std::size_t i = 0; i < kOperationsHeldPerDeviceMax; ++i) {
    entry.seq = 1 + i;
    team.random().fill(entry.hash.bytes);
    ASSERT_TRUE(membership.add(entry)) << i;
  }
  team.random().fill(entry.hash.bytes);
  EXPECT_EQ(membership.add(entry).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(membership.heads().size(), kEntryHeadsMax);
  EXPECT_EQ(membership.operations(), team.issued.size() + kOperationsHeldPerDeviceMax);
  EXPECT_EQ(membership.members().size(), 2u);
}

// Members can fill what is held of operations. Then hosts can still remove them.
TEST(MembershipTest, WhenOthersHaveFilledItHostsGoOn) {
  Team team(1);
  std::vector<std::size_t> loud;
  for (int i = 0; i < 5; ++i) loud.push_back(team.join(0, Role::kViewer, team.tip));
  const std::size_t editor = team.join(0, Role::kEditor, team.tip);
  // All but the last two are known before the flood: the removal of a loud one, and an editor's.
  const Hash removal = team.remove(0, {team.tip}, loud[0]);
  const Hash other = team.issue_bytes(editor, {removal}, Bytes{77});
  OperationEntry entry;
  const Bytes payload{78};
  entry.payload = payload;
  const std::vector<Hash> heads{team.tip};
  entry.heads = heads;
  const auto flood = [&](Membership& membership) {
    std::size_t taken = 0;
    for (const std::size_t one : loud) {
      entry.log = {team.id(one), 1};
      for (std::size_t i = 0; i < kOperationsHeldPerDeviceMax; ++i) {
        entry.seq = 1 + i;
        team.random().fill(entry.hash.bytes);
        taken += membership.add(entry) ? 1 : 0;
      }
    }
    return taken;
  };
  std::vector<std::size_t> known(team.issued.size() - 2);
  std::iota(known.begin(), known.end(), 0);
  {
    Membership membership = team.resolve(known);
    EXPECT_EQ(flood(membership), kMembershipOperationsMax - known.size());
    EXPECT_TRUE(membership.add(team.issued[known.size()].entry()));
    EXPECT_EQ(membership.find(team.id(loud[0])), nullptr);
    EXPECT_EQ(membership.add(team.issued.back().entry()).error().code, ErrorCode::kLimitExceeded);
    EXPECT_FALSE(membership.operation(other));
  }
  // A node that hears the flood first: the genesis has room.
  Membership late(team.workspace());
  flood(late);
  EXPECT_FALSE(late.founded());
  EXPECT_TRUE(late.add(team.issued.front().entry()));
  EXPECT_TRUE(late.founded());
  EXPECT_TRUE(late.add(team.issued[1].entry())) << "the founder is a host";
}

// Entries name 64 heads: whoever writes more side by side must not crowd out what others' entries
// count by.
TEST(MembershipTest, NobodyCrowdsOutTheHeadsOfOthers) {
  Team team(1);
  const std::size_t viewer = team.join(0, Role::kViewer, team.tip);
  const Hash viewed = team.tip;
  const std::size_t editor = team.join(0, Role::kEditor, team.tip);
  const std::size_t gone = team.join(0, Role::kEditor, team.tip);
  const Hash removal = team.remove(0, {team.tip}, gone);
  Membership membership = team.resolve();
  OperationEntry entry;
  entry.log = {team.id(viewer), 1};
  const Bytes payload{77};
  entry.payload = payload;
  const std::vector<Hash> heads{viewed};
  entry.heads = heads;
  for (std::size_t i = 0; i < 1000; ++i) {
    entry.seq = 1 + i;
    team.random().fill(entry.hash.bytes);
    ASSERT_TRUE(membership.add(entry)) << i;
  }
  for (const std::size_t one : {std::size_t{0}, editor}) {
    const auto named = membership.heads(team.id(one));
    EXPECT_EQ(named.size(), kEntryHeadsMax);
    EXPECT_TRUE(std::is_sorted(named.begin(), named.end()));
    EXPECT_TRUE(membership.in_past(removal, named)) << one;
    EXPECT_EQ(membership.standing(team.id(one), named, Right::kEdit).kind,
              Standing::Kind::kAdmitted)
        << one;
  }
}

TEST(OperationsTest, LimitsAtAndPast) {
  InviteOperation invite;
  invite.uses = kInviteUsesMax;
  EXPECT_TRUE(decode_operation(encode_operation(invite)));
  invite.uses = kInviteUsesMax + 1;
  EXPECT_EQ(decode_operation(encode_operation(invite)).error().code, ErrorCode::kLimitExceeded);
  invite.uses = 0;
  EXPECT_EQ(decode_operation(encode_operation(invite)).error().code, ErrorCode::kMalformed);

  AdmitOperation admit;
  admit.name = std::string(kNameBytesMax, 'n');
  admit.keys.assign(kSealedKeysMax, SealedKey{{}, Bytes(80)});
  EXPECT_TRUE(decode_operation(encode_operation(admit)));
  admit.keys.push_back(SealedKey{{}, Bytes(80)});
  EXPECT_EQ(decode_operation(encode_operation(admit)).error().code, ErrorCode::kLimitExceeded);
  admit.keys.assign(1, SealedKey{{}, Bytes(79)});
  EXPECT_EQ(decode_operation(encode_operation(admit)).error().code, ErrorCode::kMalformed);
  admit.keys.clear();
  admit.name += "n";
  EXPECT_EQ(decode_operation(encode_operation(admit)).error().code, ErrorCode::kLimitExceeded);

  for (const Role role : {static_cast<Role>(0), static_cast<Role>(6)}) {
    EXPECT_FALSE(decode_operation(encode_operation(InviteOperation{{}, role, 1, 1})));
  }
}

TEST(OperationsTest, LimitsOfListsAtAndPast) {
  const auto code = [](const Operation& operation) {
    return decode_operation(encode_operation(operation)).error().code;
  };
  std::vector<LogMark> marks(kLogMarksMax);
  for (std::size_t i = 0; i < marks.size(); ++i) marks[i] = {{{}, i}, 1, {}};
  EXPECT_TRUE(decode_operation(encode_operation(RemoveOperation{{}, true, marks})));
  EXPECT_TRUE(decode_operation(encode_operation(RoleOperation{{}, Role::kHost, marks})));
  EXPECT_TRUE(decode_operation(encode_operation(AcknowledgeOperation{{}, marks})));
  marks.push_back({{{}, marks.size()}, 1, {}});
  EXPECT_EQ(code(RemoveOperation{{}, true, marks}), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(RoleOperation{{}, Role::kHost, marks}), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(AcknowledgeOperation{{}, marks}), ErrorCode::kLimitExceeded);
  marks.resize(2);
  std::swap(marks[0], marks[1]);
  EXPECT_EQ(code(AcknowledgeOperation{{}, marks}), ErrorCode::kMalformed);
  EXPECT_EQ(code(AcknowledgeOperation{{}, {{{}, 0, {}}}}), ErrorCode::kMalformed);

  RekeyOperation rekey;
  rekey.boxes.resize(kRekeyBoxesMax);
  rekey.previous.resize(kRekeyPreviousMax);
  for (std::size_t i = 0; i < kRekeyPreviousMax; ++i) {
    rekey.previous[i].commitment.bytes[0] = static_cast<std::uint8_t>(i);
  }
  EXPECT_TRUE(decode_operation(encode_operation(rekey)));
  EXPECT_LT(encode_operation(rekey).size(), kEntryBytesMax / 8);
  rekey.boxes.emplace_back();
  EXPECT_EQ(code(rekey), ErrorCode::kLimitExceeded);
  rekey.boxes.clear();
  rekey.previous.push_back({Hash{{0xff}}, {}});
  EXPECT_EQ(code(rekey), ErrorCode::kLimitExceeded);
  rekey.previous = {{Hash{{1}}, {}}, {Hash{{1}}, {}}};
  EXPECT_EQ(code(rekey), ErrorCode::kMalformed);

  InviteOperation own;
  own.own_device = true;
  EXPECT_TRUE(decode_operation(encode_operation(own)));
  own.uses = 2;
  EXPECT_EQ(code(own), ErrorCode::kMalformed);
  Bytes flags = encode_operation(InviteOperation{});
  flags.back() = 16;
  EXPECT_EQ(decode_operation(flags).error().code, ErrorCode::kMalformed);
}

TEST(OperationsTest, RolesInDocumentsAndInvitesToThem) {
  DocumentRoleOperation limit;
  limit.device.bytes.fill(1);
  limit.document.bytes.fill(2);
  limit.seen.push_back({{limit.device, 1}, 4, {}});
  for (const Role role : {Role::kEditor, Role::kCommenter, Role::kViewer}) {
    limit.role = role;
    const Bytes bytes = encode_operation(limit);
    const auto read = decode_operation(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(std::get<DocumentRoleOperation>(*read).role, role);
    EXPECT_EQ(std::get<DocumentRoleOperation>(*read).document, limit.document);
    EXPECT_EQ(encode_operation(*read), bytes);
    EXPECT_STREQ(operation_name(operation_kind(*read)), "document_role");
  }
  for (const Role role : {Role::kHost, Role::kRelay}) {
    limit.role = role;
    EXPECT_FALSE(decode_operation(encode_operation(limit)));
  }
  limit.role = Role::kViewer;
  limit.seen.assign(kLogMarksMax, {});
  for (std::size_t i = 0; i < limit.seen.size(); ++i) limit.seen[i].seq = i + 1;
  EXPECT_TRUE(decode_operation(encode_operation(limit)));
  limit.seen.push_back({{}, kLogMarksMax + 1, {}});
  EXPECT_EQ(decode_operation(encode_operation(limit)).error().code, ErrorCode::kLimitExceeded);

  InviteOperation invite;
  invite.document.bytes.fill(2);
  const auto read = decode_operation(encode_operation(invite));
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<InviteOperation>(*read).document, invite.document);
  for (const Role role : {Role::kHost, Role::kRelay}) {
    invite.role = role;
    EXPECT_FALSE(decode_operation(encode_operation(invite)));
  }
  invite.role = Role::kViewer;
  invite.own_device = true;
  EXPECT_FALSE(decode_operation(encode_operation(invite)));
  InviteOperation none;
  Bytes zero = encode_operation(none);
  zero.back() = 8;
  zero.resize(zero.size() + 16);
  EXPECT_EQ(decode_operation(zero).error().code, ErrorCode::kMalformed);
}

TEST(OperationsTest, EveryTruncationIsMalformed) {
  AdmitOperation admit;
  admit.name = "anna";
  admit.keys.assign(1, SealedKey{{}, Bytes(80)});
  RekeyOperation rekey;
  rekey.previous.resize(1);
  rekey.boxes.resize(2);
  const std::vector<LogMark> marks{{{}, 1, {}}};
  RequestOperation request;
  request.name = "anna";
  for (const Bytes& whole :
       {encode_operation(admit), encode_operation(InviteOperation{}),
        encode_operation(CreateOperation{"team", {}}), encode_operation(request),
        encode_operation(RevokeOperation{}),
        encode_operation(RoleOperation{{}, Role::kHost, marks}),
        encode_operation(RemoveOperation{{}, true, marks}),
        encode_operation(AcknowledgeOperation{{}, marks}), encode_operation(rekey)}) {
    EXPECT_TRUE(decode_operation(whole));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(decode_operation(ByteView(whole).first(length))) << length;
    }
  }
}

}  // namespace
}  // namespace coterie::node
