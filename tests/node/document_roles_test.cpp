// Roles in one document, invites to one, guests and the end of a session: whole nodes, and the
// order of things.

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "node/core/sync_protocol.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

constexpr const char* kNotes = "notes.md";
constexpr const char* kOther = "other.md";

// Records.

Result<Record> read_again(const GuestRecord& record) {
  return decode_record(WorkspaceId{}, encode_record(record));
}

TEST(GuestRecords, AreReadAsTheyWereWritten) {
  GuestRecord record;
  record.document.bytes.fill(3);
  for (const GuestWord word : {GuestWord::kEditor, GuestWord::kCommenter, GuestWord::kViewer,
                               GuestWord::kOut, GuestWord::kEnded, GuestWord::kOpen}) {
    record.word = word;
    record.device = {};
    record.guest.clear();
    if (!is_of_session(word)) {
      record.device.bytes.fill(4);
      record.guest = "g1";
    }
    const auto read = read_again(record);
    ASSERT_TRUE(read);
    EXPECT_EQ(std::get<GuestRecord>(*read), record);
    Bytes longer = encode_record(record);
    longer.push_back(0);
    EXPECT_FALSE(decode_record(WorkspaceId{}, longer));
  }
  for (const int word : {0, 1, 5, 9}) {
    record.word = static_cast<GuestWord>(word);
    EXPECT_FALSE(read_again(record)) << word;
  }
}

TEST(GuestRecords, TheIdHasALimit) {
  GuestRecord record;
  record.word = GuestWord::kOut;
  EXPECT_FALSE(read_again(record)) << "nobody";
  record.guest.assign(kGuestIdBytesMax, 'g');
  EXPECT_TRUE(read_again(record));
  record.guest.push_back('g');
  EXPECT_EQ(read_again(record).error().code, ErrorCode::kLimitExceeded);
}

// Whole nodes.

class DocumentRolesTest : public testing::ClusterTest {
 protected:
  DocumentRolesTest() : ClusterTest(911) {
    red_ = cluster_.add_node("red");
    green_ = cluster_.add_node("green");
    blue_ = cluster_.add_node("blue");
    found(red_);
    join(green_, red_);
    join(blue_, red_);
    for (const char* path : {kNotes, kOther}) await(red_, CreateDocument{workspace_, path});
    cluster_.run_for(2s);
  }

  Result<CommandResult> give(Cluster::Node by, Cluster::Node whom, Role role,
                             std::optional<std::string> path = kNotes) {
    return try_await(by, SetDocumentRole{workspace_, cluster_.id(whom), std::move(path), role});
  }
  Result<CommandResult> say(Cluster::Node node, const std::string& words,
                            const std::string& path = kNotes, const std::string& guest = "") {
    MessageRecord message;
    message.text = words;
    message.guest = guest;
    return try_await(node, PostMessage{workspace_, path, message, {}});
  }
  std::string said(Cluster::Node node, const std::string& path = kNotes) {
    const auto room = cluster_.engine(node).room(
        cluster_.at(), RoomQuery{workspace_, path, RoomLane::Kind::kChat, {}, "", {}, 200});
    std::string all;
    if (!room) return "?";
    for (auto item = room->items.rbegin(); item != room->items.rend(); ++item) {
      all += (all.empty() ? "" : " | ") + item->message.text;
    }
    return all;
  }
  /// The role in the workspace, and here.
  std::string roles(Cluster::Node at, Cluster::Node of, const std::string& path = kNotes) {
    const auto roles = cluster_.engine(at).document_roles(workspace_, path);
    EXPECT_TRUE(roles);
    for (const auto& one : roles->members) {
      if (one.device == cluster_.id(of)) {
        return std::string(role_name(one.role)) + " " + role_name(one.here);
      }
    }
    return "nobody";
  }
  void part_all() {
    part(red_, green_);
    part(green_, blue_);
    part(red_, blue_);
  }
  void heal() {
    cluster_.network().heal_all(cluster_.now());
    cluster_.run_for(30s);
  }
  bool attached(Cluster::ClientIndex index) { return cluster_.connected(index); }
  /// It reads on, and was told that it may no more.
  bool refused(Cluster::ClientIndex index) {
    return attached(index) && !cluster_.client(index).refusals().empty();
  }

  Cluster::Node red_ = 0;
  Cluster::Node green_ = 0;
  Cluster::Node blue_ = 0;
};

TEST_F(DocumentRolesTest, AViewerInOneDocumentEditsOthers) {
  ASSERT_TRUE(give(red_, green_, Role::kViewer));
  cluster_.run_for(2s);
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_EQ(roles(node, green_), "editor viewer");
    EXPECT_EQ(roles(node, green_, kOther), "editor editor");
  }
  const auto here = client(green_, 1, kNotes);
  const auto there = client(green_, 2, kOther);
  type(here, "no");
  type(there, "yes");
  cluster_.run_for(2s);
  EXPECT_TRUE(refused(here)) << "as the browser of a viewer";
  EXPECT_TRUE(attached(there));
  EXPECT_EQ(text(red_, kNotes), "");
  EXPECT_EQ(text(red_, kOther), "yes");
  EXPECT_EQ(say(green_, "no").error().code, ErrorCode::kUnauthorized);
  EXPECT_TRUE(say(green_, "yes", kOther));

  ASSERT_TRUE(give(red_, green_, Role::kCommenter));
  cluster_.run_for(2s);
  EXPECT_TRUE(say(green_, "a comment"));
  const auto again = client(green_, 3, kNotes);
  type(again, "no");
  cluster_.run_for(2s);
  EXPECT_TRUE(refused(again));
  EXPECT_EQ(try_await(green_, ImportDocument{workspace_, kNotes, {0, 0}, false}).error().code,
            ErrorCode::kUnauthorized);

  ASSERT_TRUE(give(red_, green_, Role::kEditor));
  cluster_.run_for(2s);
  const auto back = client(green_, 4, kNotes);
  type(back, "here");
  cluster_.run_for(2s);
  // What browsers hold that was refused before is taken in, too.
  EXPECT_EQ(text(blue_, kNotes), "nonohere");
}

TEST_F(DocumentRolesTest, HostsAloneGiveThem) {
  EXPECT_EQ(give(green_, blue_, Role::kViewer).error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(give(red_, green_, Role::kHost).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(give(red_, red_, Role::kViewer).error().code, ErrorCode::kConflict);
  EXPECT_EQ(give(red_, green_, Role::kViewer, "").error().code, ErrorCode::kMalformed);
}

TEST_F(DocumentRolesTest, WhatIsSaidOfOneGoesBeforeWhatIsSaidOfAll) {
  ASSERT_TRUE(give(red_, green_, Role::kViewer, std::nullopt));
  ASSERT_TRUE(give(red_, green_, Role::kCommenter, kNotes));
  cluster_.run_for(2s);
  EXPECT_EQ(roles(blue_, green_, kNotes), "editor commenter");
  EXPECT_EQ(roles(blue_, green_, kOther), "editor viewer");
  EXPECT_EQ(try_await(green_, CreateDocument{workspace_, "new.md"}).error().code,
            ErrorCode::kUnauthorized);
  // The lower of the two: a role here gives no more than the workspace does.
  await(red_, SetRole{workspace_, cluster_.id(green_), Role::kViewer, true});
  ASSERT_TRUE(give(red_, green_, Role::kEditor, kNotes));
  cluster_.run_for(2s);
  EXPECT_EQ(roles(blue_, green_, kNotes), "viewer viewer");
}

TEST_F(DocumentRolesTest, AnInviteToADocument) {
  CreateInvite terms{workspace_, Role::kEditor, 1h, 1};
  terms.document = "missing.md";
  EXPECT_EQ(try_await(red_, terms).error().code, ErrorCode::kNotFound);
  terms.document = kNotes;
  terms.role = Role::kHost;
  EXPECT_EQ(try_await(red_, terms).error().code, ErrorCode::kMalformed);
  terms.role = Role::kEditor;
  const auto invite = std::get<InviteCreated>(await(red_, terms));
  const auto grey = cluster_.add_node("grey");
  const auto ready = std::get<WorkspaceReady>(await(grey, JoinWorkspace{invite.invite}));
  EXPECT_EQ(ready.document, kNotes);
  cluster_.run_for(3s);
  for (const auto node : {red_, green_, grey}) {
    EXPECT_EQ(roles(node, grey, kNotes), "editor editor");
    EXPECT_EQ(roles(node, grey, kOther), "editor viewer");
  }
  const auto listed = cluster_.engine(red_).invites(workspace_);
  ASSERT_TRUE(listed);
  EXPECT_TRUE(std::any_of(listed->begin(), listed->end(), [](const InviteInfo& one) {
    return one.document && one.path == kNotes;
  }));
  const auto here = client(grey, 1, kNotes);
  const auto there = client(grey, 2, kOther);
  type(here, "mine");
  type(there, "not mine");
  cluster_.run_for(2s);
  EXPECT_EQ(text(red_, kNotes), "mine");
  EXPECT_EQ(text(red_, kOther), "");
  EXPECT_TRUE(refused(there));
  // Its other devices are the same person.
  CreateInvite own{workspace_, Role::kEditor, 1h, 1};
  own.own_device = true;
  const auto second = cluster_.add_node("grey2");
  await(second, JoinWorkspace{std::get<InviteCreated>(await(grey, own)).invite});
  cluster_.run_for(3s);
  EXPECT_EQ(roles(red_, second, kNotes), "editor editor");
  EXPECT_EQ(roles(red_, second, kOther), "editor viewer");
  // A host can let them into all.
  ASSERT_TRUE(give(red_, grey, Role::kEditor, std::nullopt));
  cluster_.run_for(3s);
  EXPECT_EQ(roles(red_, second, kOther), "editor editor");
  EXPECT_EQ(roles(second, grey, kOther), "editor editor");
}

// Apart, they change roles, edit and comment; together again, they have the same.
TEST_F(DocumentRolesTest, ThreeThatWereApartAgree) {
  await(red_, SetRole{workspace_, cluster_.id(green_), Role::kHost, true});
  cluster_.run_for(2s);
  const auto of_red = client(red_, 1, kNotes);
  const auto of_green = client(green_, 2, kOther);
  const auto of_blue = client(blue_, 3, kNotes);
  const auto also_of_blue = client(blue_, 4, kOther);
  type(of_red, "base ");
  cluster_.run_for(2s);
  part(red_, blue_);
  part(green_, blue_);
  ASSERT_TRUE(give(red_, blue_, Role::kViewer, kNotes));
  ASSERT_TRUE(give(green_, blue_, Role::kCommenter, kOther));
  cluster_.run_for(1s);  // Both know how far they hold what blue wrote.
  type(of_blue, "unseen ");
  type(also_of_blue, "unseen too ");
  type(of_green, "of green ");
  ASSERT_TRUE(say(blue_, "not heard", kNotes));
  ASSERT_TRUE(say(blue_, "heard", kOther));
  ASSERT_TRUE(say(green_, "of green", kNotes));
  heal();
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_EQ(text(node, kNotes), "base ");
    EXPECT_EQ(text(node, kOther), "of green ");
    EXPECT_EQ(said(node, kNotes), "of green");
    EXPECT_EQ(said(node, kOther), "heard");
    EXPECT_EQ(roles(node, blue_, kNotes), "editor viewer");
    EXPECT_EQ(roles(node, blue_, kOther), "editor commenter");
  }
  // All apart: what blue writes may reach one host before it hears of the limit, which counts then
  // for all.
  ASSERT_TRUE(give(red_, blue_, Role::kEditor, kNotes));
  cluster_.run_for(2s);
  const auto typist = client(blue_, 5, kNotes);
  part_all();
  ASSERT_TRUE(give(red_, blue_, Role::kViewer, kNotes));
  type(typist, "perhaps ");
  type(of_green, "more ");
  ASSERT_TRUE(say(blue_, "perhaps", kNotes));
  heal();
  for (const auto node : {green_, blue_}) {
    EXPECT_EQ(text(node, kNotes), text(red_, kNotes));
    EXPECT_EQ(text(node, kOther), text(red_, kOther));
    EXPECT_EQ(said(node, kNotes), said(red_, kNotes));
    EXPECT_EQ(roles(node, blue_, kNotes), "editor viewer");
  }
  // Two hosts at once: the weaker counts, until somebody has seen both.
  part(red_, green_);
  ASSERT_TRUE(give(red_, blue_, Role::kEditor, kNotes));
  ASSERT_TRUE(give(green_, blue_, Role::kCommenter, kNotes));
  heal();
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_EQ(roles(node, blue_, kNotes), "editor commenter");
  }
  ASSERT_TRUE(give(green_, blue_, Role::kEditor, kNotes));
  cluster_.run_for(2s);
  EXPECT_EQ(roles(red_, blue_, kNotes), "editor editor");
  const auto audit = cluster_.engine(blue_).audit(workspace_, {});
  ASSERT_TRUE(audit);
  EXPECT_EQ(std::count_if(audit->items.begin(), audit->items.end(),
                          [](const AuditItem& item) {
                            return item.operation == "document_role" && !item.path.empty();
                          }),
            7);
}

// What is typed after the right has gone is not written, and whoever typed it is told.
TEST_F(DocumentRolesTest, ALimitEndsWhatIsTyped) {
  const auto typist = client(green_, 1, kNotes);
  ASSERT_TRUE(give(red_, green_, Role::kViewer));
  cluster_.run_for(2s);
  EXPECT_TRUE(attached(typist)) << "it may read";
  cluster_.client(typist).insert(0, "no");
  cluster_.deliver_to_server(typist);
  cluster_.run_for(2s);
  EXPECT_TRUE(refused(typist));
}

TEST_F(DocumentRolesTest, Guests) {
  const DeviceId bridge = cluster_.id(green_);
  const auto stand = [&](Cluster::Node by, const std::string& guest, GuestWord word) {
    return try_await(by, SetGuestStanding{workspace_, kNotes, bridge, guest, word});
  };
  ASSERT_TRUE(say(green_, "hello", kNotes, "ann"));
  ASSERT_TRUE(say(green_, "and I", kNotes, "bob"));
  cluster_.run_for(1s);
  EXPECT_EQ(stand(green_, "ann", GuestWord::kOut).error().code, ErrorCode::kUnauthorized);
  // The bridge does not know it yet, and lets it post: nobody shows it.
  part(green_, red_);
  part(green_, blue_);
  ASSERT_TRUE(stand(red_, "ann", GuestWord::kOut));
  cluster_.run_for(2s);
  ASSERT_TRUE(say(green_, "still here", kNotes, "ann"));
  ASSERT_TRUE(say(green_, "me too", kNotes, "bob"));
  ASSERT_TRUE(say(green_, "and the owner", kNotes));
  heal();
  EXPECT_EQ(say(green_, "again", kNotes, "ann").error().code, ErrorCode::kUnauthorized);
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_EQ(said(node), "hello | and I | me too | and the owner");
    const auto roles = cluster_.engine(node).document_roles(workspace_, kNotes);
    ASSERT_TRUE(roles);
    ASSERT_EQ(roles->guests.size(), 1u);
    EXPECT_EQ(roles->guests[0].guest, "ann");
    EXPECT_EQ(roles->guests[0].word, GuestWord::kOut);
  }
  ASSERT_TRUE(stand(red_, "ann", GuestWord::kCommenter));
  cluster_.run_for(1s);
  ASSERT_TRUE(say(green_, "back", kNotes, "ann"));
  cluster_.run_for(2s);
  EXPECT_EQ(said(blue_), "hello | and I | me too | and the owner | back");
}

// Visitors: who uses a bridge, and what their tokens allow.

TEST_F(DocumentRolesTest, AVisitorMayNoMoreThanItsTokenSays) {
  const auto ann = cluster_.add_client(301, "ann");
  ASSERT_TRUE(cluster_.connect(ann, red_, workspace_.hex(), kNotes, {"ann", Role::kViewer}));
  cluster_.run_for(1s);
  type(ann, "refused ");
  cluster_.run_for(1s);
  EXPECT_TRUE(cluster_.connected(ann));
  ASSERT_EQ(cluster_.client(ann).refusals().size(), 1u);
  EXPECT_NE(cluster_.client(ann).refusals()[0].find("may only read"), std::string::npos);
  EXPECT_EQ(text(green_), "");
  EXPECT_FALSE(cluster_.client(ann).all_saved());
  // With another token what was refused is asked for, and taken.
  cluster_.engine(red_).handle_client_visitor(cluster_.at(), cluster_.handle_of(ann),
                                              {"ann", Role::kEditor});
  cluster_.run_for(2s);
  EXPECT_EQ(text(green_), "refused ");
  EXPECT_EQ(cluster_.client(ann).refusals().size(), 1u);
}

TEST_F(DocumentRolesTest, AVisitorIsSentOutOfTheTextToo) {
  const auto ann = cluster_.add_client(301, "ann");
  const auto ben = cluster_.add_client(302, "ben");
  ASSERT_TRUE(cluster_.connect(ann, green_, workspace_.hex(), kNotes, {"ann", Role::kHost}));
  ASSERT_TRUE(cluster_.connect(ben, green_, workspace_.hex(), kNotes, {"ben", Role::kHost}));
  const auto stand = [&](GuestWord word) {
    await(red_, SetGuestStanding{workspace_, kNotes, cluster_.id(green_), "ann", word});
    cluster_.run_for(2s);
  };
  type(ann, "one ");
  stand(GuestWord::kViewer);
  type(ann, "two ");
  cluster_.run_for(2s);
  EXPECT_EQ(text(red_), "one ");
  EXPECT_TRUE(cluster_.connected(ann));
  stand(GuestWord::kOut);
  EXPECT_FALSE(cluster_.connected(ann));
  EXPECT_TRUE(cluster_.connected(ben));
  const auto again = cluster_.connect(ann, green_, workspace_.hex(), kNotes, {"ann", Role::kHost});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kUnauthorized);
  EXPECT_TRUE(cluster_.connect(ann, green_, workspace_.hex(), kOther, {"ann", Role::kHost}));
}

TEST_F(DocumentRolesTest, AVisitorDoesNotTakeThePresenceOfAnother) {
  const auto ann = cluster_.add_client(301, "ann");
  const auto eve = cluster_.add_client(302, "eve");
  const auto ben = cluster_.add_client(303, "ben");
  ASSERT_TRUE(cluster_.connect(ann, red_, workspace_.hex(), kNotes, {"ann", Role::kEditor}));
  ASSERT_TRUE(cluster_.connect(eve, red_, workspace_.hex(), kNotes, {"eve", Role::kEditor}));
  ASSERT_TRUE(cluster_.connect(ben, red_, workspace_.hex(), kNotes, {"ben", Role::kEditor}));
  cluster_.run_for(1s);
  const std::string shown = cluster_.client(ann).state();
  ASSERT_EQ(cluster_.client(ben).others().at(301), shown);
  const Message stolen = awareness_message({{301, 900, R"({"user":{"name":"eve"}})"}});
  cluster_.engine(red_).handle_client_message(cluster_.at(), cluster_.handle_of(eve), *stolen);
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(ben).others().at(301), shown);
  cluster_.disconnect(eve);
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(ben).others().at(301), shown);
  EXPECT_FALSE(cluster_.client(ben).others().contains(302));
}

TEST_F(DocumentRolesTest, AVisitorMayNoMoreThanTheDevice) {
  ASSERT_TRUE(give(red_, green_, Role::kCommenter));
  cluster_.run_for(2s);
  const auto ann = cluster_.add_client(301, "ann");
  ASSERT_TRUE(cluster_.connect(ann, green_, workspace_.hex(), kNotes, {"ann", Role::kHost}));
  cluster_.run_for(1s);
  type(ann, "x");
  cluster_.run_for(2s);
  EXPECT_EQ(cluster_.client(ann).refusals().size(), 1u);
  EXPECT_EQ(text(red_), "");
}

TEST_F(DocumentRolesTest, WhoeverIsNoHostSaysNothingOfGuests) {
  ASSERT_TRUE(say(green_, "hello", kNotes, "ann"));
  await(red_, SetRole{workspace_, cluster_.id(blue_), Role::kHost, true});
  cluster_.run_for(2s);
  // Demoted while apart: what it says then, and does not know better, does not count.
  part_all();
  await(red_, SetRole{workspace_, cluster_.id(blue_), Role::kEditor, true});
  ASSERT_TRUE(try_await(
      blue_, SetGuestStanding{workspace_, kNotes, cluster_.id(green_), "ann", GuestWord::kOut}));
  cluster_.run_for(1s);
  heal();
  ASSERT_TRUE(say(green_, "still here", kNotes, "ann"));
  cluster_.run_for(2s);
  for (const auto node : {red_, green_, blue_}) EXPECT_EQ(said(node), "hello | still here");
}

TEST_F(DocumentRolesTest, EndingASessionSendsEverybodyAway) {
  const auto here = client(green_, 1, kNotes);
  const auto there = client(green_, 2, kOther);
  const auto at_host = client(red_, 3, kNotes);
  const auto guest = cluster_.watch(green_, kNotes, {"ann", "Ann", "", true});
  const auto owner = cluster_.watch(green_, kNotes, {});
  ASSERT_TRUE(guest != 0 && owner != 0);
  EXPECT_EQ(try_await(green_, SetSession{workspace_, kNotes, false}).error().code,
            ErrorCode::kUnauthorized);
  EXPECT_EQ(try_await(red_, SetSession{workspace_, kNotes, true}).error().code,
            ErrorCode::kConflict);
  await(red_, SetSession{workspace_, kNotes, false});
  cluster_.run_for(2s);
  EXPECT_FALSE(attached(here));
  EXPECT_FALSE(attached(at_host));
  EXPECT_TRUE(attached(there));
  EXPECT_TRUE(cluster_.engine(blue_).document_roles(workspace_, kNotes)->ended);
  // Members come back; what guests say is not heard until it is open again.
  EXPECT_TRUE(attached(client(green_, 4, kNotes)));
  EXPECT_EQ(cluster_.show_watcher(green_, guest, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(cluster_.show_watcher(green_, owner, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(cluster_.watch(green_, kNotes, {"ann", "Ann", "", true}), 0u);
  EXPECT_NE(cluster_.watch(green_, kNotes, {}), 0u);
  EXPECT_EQ(say(green_, "anybody?", kNotes, "ann").error().code, ErrorCode::kUnauthorized);
  await(red_, SetSession{workspace_, kNotes, true});
  cluster_.run_for(2s);
  const auto back = cluster_.watch(green_, kNotes, {"ann", "Ann", "", true});
  EXPECT_NE(back, 0u);
  ASSERT_TRUE(say(green_, "hello", kNotes, "ann"));
  cluster_.run_for(2s);
  EXPECT_EQ(said(blue_), "hello");
  // One guest alone.
  const auto other = cluster_.watch(green_, kNotes, {"bob", "Bob", "", true});
  await(red_, SetGuestStanding{workspace_, kNotes, cluster_.id(green_), "ann", GuestWord::kOut});
  cluster_.run_for(2s);
  EXPECT_EQ(cluster_.show_watcher(green_, back, {}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(cluster_.show_watcher(green_, other, {}));
}

}  // namespace
}  // namespace coterie::node
