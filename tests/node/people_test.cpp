// What people do about members: invites, approval, persons, roles, removal, audit, with real
// engines in virtual time. What each operation means is tests/node/membership_test.cpp's.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "node/core/engine.hpp"
#include "node/core/invite.hpp"
#include "node/core/join.hpp"
#include "node/core/limits.hpp"
#include "tests/support/adversary.hpp"
#include "tests/support/cluster.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

class PeopleTest : public ::testing::Test {
 protected:
  PeopleTest() : cluster_(11, {}) {
    red_ = cluster_.add_node("red");
    workspace_ = std::get<WorkspaceReady>(await(red_, CreateWorkspace{"team"})).workspace;
  }

  Result<CommandResult> try_await(Cluster::Node node, Command command) {
    const RequestId request = cluster_.command(node, std::move(command));
    EXPECT_TRUE(cluster_.run_until(15min, [&] { return cluster_.reply(request) != nullptr; }));
    return *cluster_.reply(request);
  }
  CommandResult await(Cluster::Node node, Command command) {
    const auto result = try_await(node, std::move(command));
    EXPECT_TRUE(result) << (result ? "" : result.error().what);
    return result ? *result : CommandResult{};
  }
  ErrorCode code(Cluster::Node node, Command command) {
    const auto result = try_await(node, std::move(command));
    EXPECT_FALSE(result);
    return result ? ErrorCode{} : result.error().code;
  }
  std::string why(Cluster::Node node, Command command) {
    const auto result = try_await(node, std::move(command));
    EXPECT_FALSE(result);
    return result ? "" : result.error().what;
  }
  InviteCreated invite(Cluster::Node node, CreateInvite terms = {}) {
    terms.workspace = workspace_;
    return std::get<InviteCreated>(await(node, terms));
  }
  Cluster::Node join(const std::string& name, Cluster::Node by, CreateInvite terms = {}) {
    const auto node = cluster_.add_node(name);
    const auto in = await(node, JoinWorkspace{invite(by, terms).invite});
    EXPECT_TRUE(std::holds_alternative<WorkspaceReady>(in));
    cluster_.run_for(2s);
    return node;
  }
  std::vector<MemberInfo> members(Cluster::Node node) {
    return *cluster_.engine(node).members(workspace_);
  }
  std::optional<Role> role(Cluster::Node node, Cluster::Node of) {
    for (const MemberInfo& one : members(node)) {
      if (one.device == cluster_.id(of)) return one.role;
    }
    return std::nullopt;
  }
  InviteInfo invite_info(Cluster::Node node, const DeviceId& id) {
    const auto list = *cluster_.engine(node).invites(workspace_);
    for (const InviteInfo& one : list) {
      if (one.id == id) return one;
    }
    return {};
  }
  std::vector<RequestInfo> requests(Cluster::Node node) {
    return *cluster_.engine(node).requests(workspace_);
  }
  bool told(Cluster::Node node, const std::string& words) {
    const auto& notices = cluster_.notices(node);
    return std::any_of(notices.begin(), notices.end(),
                       [&](const auto& one) { return one.text.find(words) != std::string::npos; });
  }
  std::vector<AuditItem> audit(Cluster::Node node, AuditQuery query = {}) {
    std::vector<AuditItem> items;
    for (;;) {
      auto page = cluster_.engine(node).audit(workspace_, query);
      EXPECT_TRUE(page) << (page ? "" : page.error().what);
      if (!page) return items;
      items.insert(items.end(), page->items.begin(), page->items.end());
      if (!page->next) return items;
      query.cursor = page->next;
    }
  }
  void type(Cluster::Node node, std::uint64_t id, const std::string& words,
            const std::string& path = "notes.md") {
    const auto index = cluster_.add_client(id, "c" + std::to_string(id));
    EXPECT_TRUE(cluster_.connect(index, node, "team", path));
    cluster_.run_for(50ms);
    cluster_.client(index).insert(cluster_.client(index).length(), words);
    cluster_.deliver_to_server(index);
    cluster_.run_for(1s);
  }
  std::string text(Cluster::Node node, const std::string& path = "notes.md") {
    const auto text = cluster_.engine(node).document_text(workspace_, path, "monaco");
    return text ? *text : std::string("?");
  }

  Cluster cluster_;
  Cluster::Node red_ = 0;
  WorkspaceId workspace_;
};

TEST_F(PeopleTest, InvitesAreListedWithTheirUse) {
  const InviteCreated made = invite(red_, {.workspace = {}, .role = Role::kCommenter, .uses = 2});
  InviteInfo info = invite_info(red_, made.id);
  EXPECT_EQ(info.author, cluster_.id(red_));
  EXPECT_EQ(info.role, Role::kCommenter);
  EXPECT_EQ(info.uses_left(), 2u);
  EXPECT_FALSE(info.revoked);
  const auto green = cluster_.add_node("green");
  await(green, JoinWorkspace{made.invite});
  cluster_.run_for(2s);
  for (const auto node : {red_, green}) {
    info = invite_info(node, made.id);
    EXPECT_EQ(info.used_by, std::vector<DeviceId>{cluster_.id(green)});
    EXPECT_EQ(info.uses_left(), 1u);
  }
  EXPECT_EQ(role(red_, green), Role::kCommenter);
  EXPECT_TRUE(told(red_, cluster_.id(green).short_hex() + " came into"));
  EXPECT_TRUE(told(red_, "by invite " + made.id.short_hex()));
}

TEST_F(PeopleTest, EverybodyIsToldOfEveryUse) {
  const auto green = join("green", red_);
  const auto blue = join("blue", red_);
  cluster_.run_for(2s);
  EXPECT_TRUE(told(green, cluster_.id(blue).short_hex() + " came into"));
  EXPECT_FALSE(told(blue, cluster_.id(blue).short_hex() + " came into")) << "it knows";
}

TEST_F(PeopleTest, ARevokedInviteSaysSo) {
  const InviteCreated made = invite(red_, {.workspace = {}, .uses = 3});
  const auto green = cluster_.add_node("green");
  await(green, JoinWorkspace{made.invite});
  cluster_.run_for(2s);
  EXPECT_EQ(code(green, RevokeInvite{workspace_, made.id}), ErrorCode::kUnauthorized);
  await(red_, RevokeInvite{workspace_, made.id});
  EXPECT_EQ(code(red_, RevokeInvite{workspace_, made.id}), ErrorCode::kConflict);
  EXPECT_EQ(code(red_, RevokeInvite{workspace_, cluster_.id(red_)}), ErrorCode::kNotFound);
  EXPECT_TRUE(invite_info(red_, made.id).revoked);
  const auto blue = cluster_.add_node("blue");
  EXPECT_NE(why(blue, JoinWorkspace{made.invite}).find("revoked"), std::string::npos);
  EXPECT_TRUE(role(red_, green)) << "who came in by it stays";
}

TEST_F(PeopleTest, TermsAreChecked) {
  const auto green = join("green", red_);
  EXPECT_EQ(code(red_, CreateInvite{.workspace = workspace_, .uses = 0}),
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(red_, CreateInvite{.workspace = workspace_, .uses = 10'001}),
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(red_, CreateInvite{.workspace = workspace_, .valid_for = 367 * 24h}),
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(green, CreateInvite{.workspace = workspace_}), ErrorCode::kUnauthorized);
  EXPECT_EQ(
      code(green, CreateInvite{.workspace = workspace_, .role = Role::kHost, .own_device = true}),
      ErrorCode::kUnauthorized);
  EXPECT_EQ(code(green, CreateInvite{.workspace = workspace_, .uses = 2, .own_device = true}),
            ErrorCode::kMalformed);
  invite(green, {.workspace = {}, .role = Role::kViewer, .own_device = true});
}

TEST_F(PeopleTest, ARelayStoresAndReadsNothing) {
  type(red_, 101, "secret");
  const auto relay = join("relay", red_, {.workspace = {}, .role = Role::kRelay});
  EXPECT_EQ(role(red_, relay), Role::kRelay);
  EXPECT_EQ(*cluster_.engine(red_).frontier_digest(workspace_),
            *cluster_.engine(relay).frontier_digest(workspace_));
  EXPECT_EQ(text(relay), "?");
}

// Approval.

TEST_F(PeopleTest, AHostApproves) {
  const auto green = join("green", red_);
  const InviteCreated made =
      invite(red_, {.workspace = {}, .role = Role::kViewer, .uses = 2, .approval = true});
  const auto blue = cluster_.add_node("blue");
  const auto asked = await(blue, JoinWorkspace{made.invite});
  ASSERT_TRUE(std::holds_alternative<JoinWaiting>(asked));
  EXPECT_EQ(std::get<JoinWaiting>(asked).workspace, workspace_);
  ASSERT_EQ(cluster_.engine(blue).waiting().size(), 1u);
  cluster_.run_for(2s);
  ASSERT_EQ(requests(red_).size(), 1u);
  ASSERT_EQ(requests(green).size(), 1u);
  EXPECT_EQ(requests(green)[0].name, "blue");
  EXPECT_EQ(requests(green)[0].role, Role::kViewer);
  EXPECT_EQ(code(green, ApproveRequest{workspace_, cluster_.id(blue)}), ErrorCode::kUnauthorized);
  EXPECT_EQ(code(red_, ApproveRequest{workspace_, cluster_.id(green)}), ErrorCode::kNotFound);
  // Asking again changes nothing.
  EXPECT_TRUE(std::holds_alternative<JoinWaiting>(await(blue, JoinWorkspace{made.invite})));
  EXPECT_EQ(requests(red_).size(), 1u);
  EXPECT_TRUE(cluster_.engine(blue).workspaces().empty());

  await(red_, ApproveRequest{workspace_, cluster_.id(blue)});
  EXPECT_TRUE(cluster_.run_until(2min, [&] { return !cluster_.engine(blue).workspaces().empty(); }))
      << "it asks again by itself";
  cluster_.run_for(2s);
  EXPECT_EQ(role(blue, blue), Role::kViewer);
  EXPECT_TRUE(cluster_.engine(blue).waiting().empty());
  EXPECT_TRUE(requests(red_).empty());
}

TEST_F(PeopleTest, ApprovalSurvivesRestartsOfBothSides) {
  const InviteCreated made = invite(red_, {.workspace = {}, .approval = true});
  const auto blue = cluster_.add_node("blue");
  await(blue, JoinWorkspace{made.invite});
  cluster_.crash(blue);
  cluster_.crash(red_);
  cluster_.restart(red_);
  cluster_.restart(blue);
  ASSERT_EQ(cluster_.engine(blue).waiting().size(), 1u);
  EXPECT_EQ(cluster_.engine(blue).waiting()[0].workspace, workspace_);
  ASSERT_EQ(requests(red_).size(), 1u);
  await(red_, ApproveRequest{workspace_, cluster_.id(blue)});
  cluster_.crash(blue);
  cluster_.restart(blue);
  EXPECT_TRUE(
      cluster_.run_until(2min, [&] { return !cluster_.engine(blue).workspaces().empty(); }));
  cluster_.run_for(5s);
  EXPECT_TRUE(cluster_.engine(blue).waiting().empty());
  cluster_.crash(blue);
  cluster_.restart(blue);
  EXPECT_TRUE(cluster_.engine(blue).waiting().empty()) << "and that is remembered";
  EXPECT_EQ(role(blue, blue), Role::kEditor);
}

TEST_F(PeopleTest, OnlySoManyWaitForAHost) {
  CreateInvite terms;
  terms.approval = true;
  terms.uses = kJoinRequestsMax + 1;
  const auto text = invite(red_, terms).invite;
  for (std::size_t i = 0; i < kJoinRequestsMax; ++i) {
    const auto node = cluster_.add_node("n" + std::to_string(i));
    ASSERT_TRUE(std::holds_alternative<JoinWaiting>(await(node, JoinWorkspace{text}))) << i;
    cluster_.crash(node);  // Or it asks again and again.
    cluster_.run_for(2s);
  }
  EXPECT_EQ(cluster_.engine(red_).requests(workspace_)->size(), kJoinRequestsMax);
  EXPECT_EQ(code(cluster_.add_node("late"), JoinWorkspace{text}), ErrorCode::kUnavailable);
  EXPECT_EQ(cluster_.engine(red_).requests(workspace_)->size(), kJoinRequestsMax);
}

TEST_F(PeopleTest, WhoeverWaitsKeepsNobodyOut) {
  CreateInvite terms;
  terms.approval = true;
  terms.uses = 60;
  const auto text = invite(red_, terms).invite;
  for (std::size_t i = 0; i < 60; ++i) {
    const auto node = cluster_.add_node("n" + std::to_string(i));
    ASSERT_TRUE(std::holds_alternative<JoinWaiting>(await(node, JoinWorkspace{text}))) << i;
    cluster_.run_for(1s);
  }
  cluster_.run_for(2min);  // They ask twice a second, all in all.
  for (int i = 0; i < 10; ++i) {
    const auto text_of_one = invite(red_).invite;
    const Instant start = cluster_.now();
    const auto in = await(cluster_.add_node("in" + std::to_string(i)), JoinWorkspace{text_of_one});
    EXPECT_TRUE(std::holds_alternative<WorkspaceReady>(in));
    EXPECT_LT(cluster_.now() - start, 1s) << i;
  }
}

TEST_F(PeopleTest, NobodyCrowdsOutTheInvitesOfOthers) {
  const auto blue = join("blue", red_);
  CreateInvite own;
  own.workspace = workspace_;
  own.own_device = true;
  own.valid_for = kInviteValidityMax;
  std::vector<RequestId> made;
  for (std::size_t i = 0; i < kGuestKeysMax + 1; ++i) {
    made.push_back(cluster_.command(blue, own));
    if (i % 64 == 0) cluster_.run_for(100ms);
  }
  ASSERT_TRUE(cluster_.run_until(1min, [&] { return cluster_.reply(made.back()) != nullptr; }));
  ASSERT_TRUE(cluster_.run_until(
      1min, [&] { return cluster_.engine(red_).invites(workspace_)->size() > kGuestKeysMax + 1; }));
  CreateInvite terms;
  terms.valid_for = 1h;
  const auto teal = join("teal", red_, terms);
  EXPECT_EQ(role(red_, teal), Role::kEditor);
}

TEST_F(PeopleTest, AHostDeclines) {
  const InviteCreated made = invite(red_, {.workspace = {}, .uses = 5, .approval = true});
  const auto blue = cluster_.add_node("blue");
  const auto green = cluster_.add_node("green");
  await(blue, JoinWorkspace{made.invite});
  await(green, JoinWorkspace{made.invite});
  await(red_, DenyRequest{workspace_, cluster_.id(blue)});
  EXPECT_EQ(code(red_, DenyRequest{workspace_, cluster_.id(blue)}), ErrorCode::kNotFound);
  EXPECT_TRUE(cluster_.run_until(2min, [&] { return cluster_.engine(blue).waiting().empty(); }));
  EXPECT_TRUE(told(blue, "declined"));
  EXPECT_NE(why(blue, JoinWorkspace{made.invite}).find("declined"), std::string::npos);
  EXPECT_EQ(requests(red_).size(), 1u) << "green still waits";
  await(red_, ApproveRequest{workspace_, cluster_.id(green)});
  EXPECT_TRUE(
      cluster_.run_until(2min, [&] { return !cluster_.engine(green).workspaces().empty(); }));
  // A new invite is a new question.
  const auto in = await(blue, JoinWorkspace{invite(red_).invite});
  EXPECT_TRUE(std::holds_alternative<WorkspaceReady>(in));
}

// From now on.

TEST_F(PeopleTest, FromNowOnBringsTheDocumentsAndNoHistory) {
  type(red_, 101, "draft that was deleted");
  const auto writer = cluster_.add_client(102, "c102");
  ASSERT_TRUE(cluster_.connect(writer, red_, "team", "notes.md"));
  cluster_.run_for(1s);
  cluster_.client(writer).remove(0, cluster_.client(writer).length());
  cluster_.client(writer).insert(0, "as it is now");
  cluster_.deliver_to_server(writer);
  cluster_.run_for(1s);
  const auto green = join("green", red_);
  const auto blue = join("blue", red_, {.workspace = {}, .from_now = true});
  cluster_.run_for(5s);
  EXPECT_EQ(text(blue), "as it is now");
  ASSERT_EQ(cluster_.engine(blue).documents(workspace_)->size(), 1u);
  std::size_t sealed = 0;
  for (const AuditItem& item : audit(blue)) sealed += item.kind == AuditItem::Kind::kSealed;
  EXPECT_GT(sealed, 0u) << "the old entries are there, and closed";
  for (const AuditItem& item : audit(green)) EXPECT_NE(item.kind, AuditItem::Kind::kSealed);
  // It works on with everybody.
  type(green, 103, "!");
  type(blue, 104, "?");
  cluster_.run_for(2s);
  EXPECT_EQ(text(red_), text(blue));
  EXPECT_EQ(text(red_).size(), std::string("as it is now").size() + 2);
  for (const MemberInfo& one : members(blue)) {
    EXPECT_FALSE(one.addresses.empty()) << one.name << " says again where it is";
  }
}

/// It breaks the chain of keys, which only hosts can.
TEST_F(PeopleTest, AnEditorLetsNobodyInFromNowOn) {
  const auto green = join("green", red_, {.workspace = {}, .role = Role::kEditor});
  const InviteCreated made = invite(red_, {.workspace = {}, .from_now = true});
  cluster_.run_for(2s);
  cluster_.crash(red_);
  const auto blue = cluster_.add_node("blue");
  const RequestId asked = cluster_.command(blue, JoinWorkspace{made.invite});
  cluster_.run_for(20s);
  EXPECT_FALSE(role(green, blue));
  cluster_.restart(red_);
  const auto* answer = cluster_.reply(asked);
  if (answer != nullptr && !*answer) await(blue, JoinWorkspace{made.invite});
  EXPECT_TRUE(cluster_.run_until(5min, [&] { return role(red_, blue).has_value(); }));
}

// Persons.

TEST_F(PeopleTest, OwnDevicesAreOnePerson) {
  const auto laptop = join("laptop", red_);
  const auto phone =
      join("phone", laptop, {.workspace = {}, .role = Role::kEditor, .own_device = true});
  for (const MemberInfo& one : members(red_)) {
    const bool same = one.device == cluster_.id(laptop) || one.device == cluster_.id(phone);
    EXPECT_EQ(one.person, same ? cluster_.id(laptop) : one.device);
  }
  await(red_, RemoveMember{workspace_, cluster_.id(phone), true});
  cluster_.run_for(2s);
  EXPECT_EQ(members(red_).size(), 1u) << "the person with all devices";
  EXPECT_TRUE(told(red_, cluster_.id(laptop).short_hex() + " is no member"));
}

TEST_F(PeopleTest, OneDeviceOfAPersonIsRemoved) {
  const auto laptop = join("laptop", red_);
  const auto phone =
      join("phone", laptop, {.workspace = {}, .role = Role::kEditor, .own_device = true});
  await(red_, RemoveMember{workspace_, cluster_.id(phone), false});
  cluster_.run_for(2s);
  EXPECT_TRUE(role(red_, laptop));
  EXPECT_FALSE(role(red_, phone));
}

// Roles, leaving, and what they refuse.

TEST_F(PeopleTest, RolesChangeAndAHostRemains) {
  const auto green = join("green", red_);
  EXPECT_EQ(code(green, SetRole{workspace_, cluster_.id(green), Role::kHost}),
            ErrorCode::kUnauthorized);
  EXPECT_EQ(code(red_, SetRole{workspace_, cluster_.id(red_), Role::kViewer}),
            ErrorCode::kConflict);
  EXPECT_EQ(code(red_, SetRole{workspace_, cluster_.id(green), Role::kEditor}),
            ErrorCode::kConflict);
  EXPECT_EQ(code(red_, RemoveMember{workspace_, cluster_.id(red_), false}), ErrorCode::kConflict);
  await(red_, SetRole{workspace_, cluster_.id(green), Role::kHost});
  cluster_.run_for(2s);
  EXPECT_EQ(role(green, green), Role::kHost);
  await(red_, RemoveMember{workspace_, cluster_.id(red_), false});
  cluster_.run_for(2s);
  EXPECT_FALSE(role(green, red_));
  EXPECT_EQ(members(green).size(), 1u);
}

TEST_F(PeopleTest, ARemovedDeviceNeedsAnInviteMadeSince) {
  const InviteCreated old = invite(red_, {.workspace = {}, .uses = 5});
  const auto green = cluster_.add_node("green");
  await(green, JoinWorkspace{old.invite});
  cluster_.run_for(2s);
  EXPECT_EQ(code(green, RemoveMember{workspace_, cluster_.id(red_), false}),
            ErrorCode::kUnauthorized);
  await(red_, RemoveMember{workspace_, cluster_.id(green), true});
  cluster_.run_for(2s);
  EXPECT_FALSE(role(red_, green));
  EXPECT_EQ(code(red_, RemoveMember{workspace_, cluster_.id(green), true}), ErrorCode::kNotFound);
}

/// Whoever was let in once may ask again, and so may whoever should not come in any more.
TEST_F(PeopleTest, AWelcomeHoldsOnlyKeysThatAreRecorded) {
  const InviteCreated old = invite(red_, {.workspace = {}, .uses = 5});
  const InviteSecret secret = *parse_invite(old.invite);
  const auto evil = cluster_.add_node("evil");
  const auto redeem = [&](Cluster::Node by) {
    const JoinMessage asked =
        make_redeem(secret.workspace, cluster_.identity(by), "x", invite_key(secret));
    return transport::encode(transport::Application{encode_join_message(asked)});
  };
  std::optional<JoinMessage> answer;
  Cluster::Tap tap;
  tap.incoming = [&](const DeviceId&, Bytes frame) {
    const auto message = transport::decode(frame);
    const auto* said = message ? std::get_if<transport::Application>(&*message) : nullptr;
    const auto read =
        said != nullptr ? decode_join_message(said->payload) : Error{ErrorCode::kMalformed, ""};
    if (read) answer = *read;  // Else of cards.
    return std::optional<Bytes>(std::move(frame));
  };
  Cluster::Node asking = evil;
  tap.raw_link = [&](const DeviceId&) { (void)cluster_.inject(asking, red_, redeem(asking)); };
  cluster_.set_tap(evil, tap);
  const auto commitments = [&] {
    std::vector<Hash> keys;
    const auto* welcome = answer ? std::get_if<Welcome>(&*answer) : nullptr;
    EXPECT_NE(welcome, nullptr);
    if (welcome != nullptr) {
      for (const SealedKey& key : welcome->keys) keys.push_back(key.commitment);
    }
    return keys;
  };
  /// Why it was refused; nothing if it was not, or not even heard.
  const auto refusal = [&](Cluster::Node by, const DeviceId& as) -> std::optional<RefusalReason> {
    answer.reset();
    asking = by;
    cluster_.dial_raw(by, red_, as);
    cluster_.run_for(2s);
    if (!answer || !std::holds_alternative<Refused>(*answer)) return std::nullopt;
    return std::get<Refused>(*answer).reason;
  };

  await(evil, JoinWorkspace{old.invite});
  cluster_.run_for(2s);
  const std::vector<Hash> recorded = commitments();
  EXPECT_FALSE(recorded.empty());
  await(red_, RotateKeys{workspace_});
  cluster_.run_for(2s);
  answer.reset();
  ASSERT_TRUE(cluster_.inject(evil, red_, redeem(evil)));
  cluster_.run_for(2s);
  EXPECT_EQ(commitments(), recorded) << "the new key has a box of its own, which is recorded";

  await(red_, RemoveMember{workspace_, cluster_.id(evil), true});
  cluster_.run_for(2s);
  EXPECT_EQ(refusal(evil, invite_key(secret).id()), RefusalReason::kRemoved);
  EXPECT_EQ(refusal(evil, cluster_.id(evil)), std::nullopt);
  EXPECT_FALSE(answer) << "nobody answers a removed device's own key";

  await(red_, RevokeInvite{workspace_, old.id});
  const auto late = cluster_.add_node("late");
  cluster_.set_tap(late, tap);
  EXPECT_EQ(refusal(late, invite_key(secret).id()), RefusalReason::kRevoked);
  EXPECT_EQ(refusal(evil, invite_key(secret).id()), RefusalReason::kRevoked);
  EXPECT_EQ(members(red_).size(), 1u);
}

TEST_F(PeopleTest, KeysAreRenewedByThoseWhoMay) {
  const auto viewer = join("viewer", red_, {.workspace = {}, .role = Role::kViewer});
  EXPECT_EQ(code(viewer, RotateKeys{workspace_}), ErrorCode::kUnauthorized);
  await(red_, RotateKeys{workspace_});
  type(red_, 101, "under the new key");
  cluster_.run_for(2s);
  EXPECT_EQ(text(viewer), "under the new key");
}

// Audit.

TEST_F(PeopleTest, AuditTellsWhoDidWhat) {
  const auto green = join("green", red_);
  type(red_, 101, "hello");
  type(green, 102, " world");
  cluster_.run_for(2s);
  const auto items = audit(red_);
  std::multiset<std::string> seen;
  for (const AuditItem& item : items) {
    const std::string who = item.device == cluster_.id(red_) ? "red" : "green";
    if (item.kind == AuditItem::Kind::kOperation) {
      seen.insert(who + " " + item.operation);
      EXPECT_TRUE(item.counts) << item.operation << ": " << item.reason;
    }
    if (item.kind == AuditItem::Kind::kEdits) seen.insert(who + " changed " + item.path);
    if (item.kind == AuditItem::Kind::kDocument) seen.insert(who + " made " + item.path);
  }
  EXPECT_EQ(seen.count("red create"), 1u);
  EXPECT_EQ(seen.count("red invite"), 1u);
  EXPECT_EQ(seen.count("red admit"), 1u);
  EXPECT_EQ(seen.count("red made notes.md"), 1u);
  EXPECT_EQ(seen.count("red changed notes.md"), 1u);
  EXPECT_EQ(seen.count("green changed notes.md"), 1u);

  AuditQuery by_green;
  by_green.device = cluster_.id(green);
  for (const AuditItem& item : audit(red_, by_green)) EXPECT_EQ(item.device, cluster_.id(green));
  AuditQuery later;
  later.since = cluster_.at().wall + 1000;
  EXPECT_TRUE(audit(red_, later).empty());
}

TEST_F(PeopleTest, AuditTellsOfVersionsRevertsAndForks) {
  const auto evil = cluster_.add_node("evil");
  testing::Adversary gang(cluster_, {evil}, 3);
  gang.enter(workspace_);
  await(evil, JoinWorkspace{invite(red_).invite});
  join("blue", red_);
  type(red_, 101, "hello");
  const WallMillis before = cluster_.at().wall;
  await(red_, NameVersion{workspace_, "notes.md", {}, "first"});
  await(red_, NameVersion{workspace_, "notes.md", {}, "second"});
  type(evil, 102, "spam");
  // Nothing of it puts anything back: all is taken out.
  await(red_, Revert{workspace_, cluster_.id(evil), before, true, false});
  const auto forks = [&] { return cluster_.engine(red_).forks(workspace_)->size(); };
  while (forks() == 0) {  // To red the one, to blue the other, or the same: by chance.
    ASSERT_GT(gang.send_apart(gang.equivocate("x")), 0u);
    cluster_.run_for(10s);
  }
  ASSERT_EQ(forks(), 1u);
  std::multiset<std::string> seen;
  for (const AuditItem& item : audit(red_)) {
    const std::string who = item.device == cluster_.id(red_) ? "red" : "evil";
    if (item.kind == AuditItem::Kind::kVersion) seen.insert(who + item.name + item.path);
    if (item.kind == AuditItem::Kind::kReverted) seen.insert(who + " reverted " + item.path);
    if (item.kind != AuditItem::Kind::kFork) continue;
    EXPECT_EQ(item.branches, 2u);
    EXPECT_GE(item.time, before);
    seen.insert(who + " forked");
  }
  EXPECT_EQ(seen, (std::multiset<std::string>{"redfirstnotes.md", "redsecondnotes.md",
                                              "red reverted notes.md", "evil forked"}));
  for (const std::size_t size : {1u, 3u}) {
    AuditQuery query;
    query.entries_max = size;
    const auto items = audit(red_, query);
    EXPECT_EQ(std::count_if(items.begin(), items.end(),
                            [](const auto& one) { return one.kind == AuditItem::Kind::kFork; }),
              1);
  }
  AuditQuery later;
  later.since = cluster_.at().wall + 1000;
  EXPECT_TRUE(audit(red_, later).empty());
}

TEST_F(PeopleTest, AuditComesInPagesOfAnySize) {
  const auto green = join("green", red_);
  for (int i = 0; i < 5; ++i) {
    type(red_, 200 + static_cast<std::uint64_t>(i), "x", "a" + std::to_string(i) + ".md");
    type(green, 300 + static_cast<std::uint64_t>(i), "y", "a" + std::to_string(i) + ".md");
  }
  const auto sum = [](const std::vector<AuditItem>& items) {
    std::uint64_t entries = 0;
    for (const AuditItem& item : items) entries += item.entries;
    return entries;
  };
  const auto whole = audit(red_);
  for (const std::size_t size : {1u, 2u, 3u, 7u, 1000u}) {
    AuditQuery query;
    query.entries_max = size;
    EXPECT_EQ(sum(audit(red_, query)), sum(whole)) << size;
  }
  AuditQuery foreign;
  foreign.cursor = AuditQuery::Cursor{{cluster_.id(green), 12345}, {7, {}}};
  EXPECT_TRUE(cluster_.engine(red_).audit(workspace_, foreign)) << "goes on with the next log";
}

TEST_F(PeopleTest, WhoeverLetADeviceInIsNotHeardOnceRemoved) {
  CreateInvite host;
  host.role = Role::kHost;
  const auto blue = join("blue", red_, host);
  const auto green = join("green", blue);
  ASSERT_TRUE(cluster_.linked(green, blue));
  await(red_, RemoveMember{workspace_, cluster_.id(blue)});
  cluster_.run_for(3s);
  EXPECT_FALSE(role(green, blue));
  EXPECT_TRUE(cluster_.linked(green, red_));
  EXPECT_FALSE(cluster_.linked(green, blue));
}

}  // namespace
}  // namespace coterie::node
