// The engine through its front door: commands, clients, joins, restarts, with real engines in
// virtual time (tests/support/cluster.hpp). Random runs are in tests/sim/node_sim.cpp.

#include "node/core/engine.hpp"

#include <gtest/gtest.h>

#include "node/core/limits.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

class EngineTest : public testing::ClusterTest {
 protected:
  EngineTest() : ClusterTest(7) {
    red_ = cluster_.add_node("red");
    found(red_);
  }

  Cluster::Node join(const std::string& name, Role role = Role::kEditor) {
    const auto node = cluster_.add_node(name);
    ClusterTest::join(node, red_, role);
    return node;
  }
  Cluster::Node red_ = 0;
};

/// Cluster stops where a deadline does not move on.
TEST_F(EngineTest, TimeGoesOnAlsoWhereNothingStaysLoaded) {
  cluster_.set_engine_options([](Engine::Options& options) { options.unload_after = Duration(0); });
  cluster_.crash(red_);
  cluster_.restart(red_);
  const auto writer = client(red_, 101);
  type(writer, "kept");
  cluster_.run_for(1s);
  cluster_.disconnect(writer);
  cluster_.run_for(1s);
  EXPECT_EQ(text(red_), "kept");
}

TEST_F(EngineTest, EditsReachClientsNodesAndDisk) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  const auto b = client(red_, 102);
  const auto c = client(green, 103);
  type(a, "hello ");
  cluster_.run_for(5ms);
  EXPECT_EQ(cluster_.client(b).text(), "hello ") << "others see it before it is on disk";
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(c).text(), "hello ");
  EXPECT_TRUE(cluster_.client(a).all_saved());
  EXPECT_EQ(text(green), "hello ");
  EXPECT_EQ(*cluster_.engine(red_).frontier_digest(workspace_),
            *cluster_.engine(green).frontier_digest(workspace_));

  cluster_.crash(red_);
  cluster_.crash(green);
  cluster_.restart(red_);
  EXPECT_EQ(text(red_), "hello ");
  const auto documents = cluster_.engine(red_).documents(workspace_);
  ASSERT_EQ(documents->size(), 1u);
  EXPECT_EQ(documents->front().path, "notes.md");
  EXPECT_GT(documents->front().created, 0u);
  ASSERT_EQ(cluster_.engine(red_).members(workspace_)->size(), 2u);
}

TEST_F(EngineTest, JoinErrorsSayWhatToDo) {
  const auto stranger = cluster_.add_node("stranger");
  EXPECT_EQ(try_await(stranger, JoinWorkspace{"hello"}).error().code, ErrorCode::kMalformed);

  const std::string once = invite(red_);
  const auto green = cluster_.add_node("green");
  await(green, JoinWorkspace{once});
  const auto used = try_await(stranger, JoinWorkspace{once});
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().code, ErrorCode::kUnauthorized);
  EXPECT_NE(std::string(used.error().what).find("used up"), std::string::npos);

  const std::string brief = invite(red_, Role::kEditor, 1, 5s);
  cluster_.run_for(6s);
  const auto expired = try_await(stranger, JoinWorkspace{brief});
  ASSERT_FALSE(expired);
  EXPECT_NE(std::string(expired.error().what).find("expired"), std::string::npos);

  EXPECT_EQ(try_await(green, JoinWorkspace{invite(red_)}).error().code, ErrorCode::kConflict);

  const std::string good = invite(red_);
  cluster_.crash(red_);
  cluster_.crash(green);
  const auto nobody = try_await(stranger, JoinWorkspace{good});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kUnavailable);
}

TEST_F(EngineTest, AnyMemberLetsTheNewcomerIn) {
  const auto green = join("green");
  cluster_.run_for(2s);
  const std::string text = invite(red_);
  cluster_.run_for(2s);
  cluster_.crash(red_);
  const auto blue = cluster_.add_node("blue");
  await(blue, JoinWorkspace{text});
  EXPECT_EQ(cluster_.engine(blue).members(workspace_)->size(), 3u);
  EXPECT_EQ(cluster_.engine(green).members(workspace_)->size(), 3u);
}

TEST_F(EngineTest, AStrangerIsNotLetIn) {
  const auto stranger = cluster_.add_node("stranger");
  cluster_.network().dial(cluster_.now(), stranger, cluster_.id(stranger), cluster_.id(red_),
                          cluster_.address(red_));
  const auto before = cluster_.network().probes().dials_refused;
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.network().probes().dials_refused, before + 1);
}

TEST_F(EngineTest, AViewerReadsAndDoesNotWrite) {
  const auto writer = client(red_, 101);
  type(writer, "for all to read");
  const auto viewer = join("viewer", Role::kViewer);
  cluster_.run_for(1s);
  EXPECT_EQ(text(viewer), "for all to read");
  const auto reader = client(viewer, 102);
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(reader).text(), "for all to read");
  EXPECT_TRUE(cluster_.connected(reader));
  EXPECT_TRUE(cluster_.client(reader).all_saved()) << "it wrote nothing, and may know";
  type(reader, "!");
  cluster_.run_for(2s);
  EXPECT_TRUE(cluster_.connected(reader)) << "it goes on reading";
  EXPECT_EQ(cluster_.client(reader).refusals().size(), 1u);
  EXPECT_FALSE(cluster_.client(reader).all_saved());
  EXPECT_EQ(text(viewer), "for all to read");
  EXPECT_EQ(text(red_), "for all to read");
  const auto refused = try_await(viewer, CreateDocument{workspace_, "mine.md"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(try_await(viewer, CreateInvite{workspace_, Role::kEditor, 1h, 1}).error().code,
            ErrorCode::kUnauthorized);
}

TEST_F(EngineTest, BadMessagesCloseOnlyTheirClient) {
  const auto good = client(red_, 101);
  const std::vector<Bytes> bad{
      {0},                          // A sync message without a kind.
      {0, 7, 0},                    // Of an unknown kind.
      {0, 0, 5, 1},                 // Cut off.
      {0, 2, 3, 0xff, 0xff, 0xff},  // An update that does not parse.
      {1, 5, 1, 1, 1, 1, 'x'},      // A state that is no JSON.
      {0xff},
  };
  for (const Bytes& message : bad) {
    const auto index = client(red_, 200);
    cluster_.engine(red_).handle_client_message(cluster_.at(), 0, message);  // Unknown handle.
    const auto before = cluster_.closed_clients();
    cluster_.send_raw(index, message);
    EXPECT_EQ(cluster_.closed_clients(), before + 1);
    EXPECT_FALSE(cluster_.connected(index));
  }
  type(good, "still here");
  cluster_.run_for(1s);
  EXPECT_EQ(text(red_), "still here");
  EXPECT_TRUE(cluster_.connected(good));
}

TEST_F(EngineTest, PathsAreChecked) {
  const auto index = cluster_.add_client(1, "x");
  for (const char* path : {"", "/a", "a/../b", "a//b"}) {
    EXPECT_FALSE(cluster_.connect(index, red_, "team", path)) << path;
  }
  EXPECT_EQ(cluster_.connect(index, red_, "nobody", "a").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(cluster_.connect(index, red_, workspace_.hex(), "a"));
  cluster_.run_for(1s);
  EXPECT_TRUE(cluster_.engine(red_).documents(workspace_)->empty()) << "made at its first edit";
  const auto made = std::get<DocumentCreated>(await(red_, CreateDocument{workspace_, "b.md"}));
  const auto list = cluster_.engine(red_).documents(workspace_);
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().id, made.document);
  EXPECT_EQ(try_await(red_, CreateDocument{workspace_, "b.md"}).error().code, ErrorCode::kConflict);
}

TEST_F(EngineTest, AVeryLargePasteSurvives) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  const std::string chapter(3 * kRecordPartBytes + 17, 'x');
  type(a, chapter);
  type(a, "end");
  cluster_.run_for(10s);
  EXPECT_TRUE(cluster_.client(a).all_saved());
  EXPECT_EQ(text(green).size(), chapter.size() + 3);
  cluster_.crash(green);
  cluster_.restart(green);
  EXPECT_EQ(text(green).size(), chapter.size() + 3);
}

TEST_F(EngineTest, AFullDiskMakesItReadOnlyAndLosesNothing) {
  const auto a = client(red_, 101);
  type(a, "before ");
  cluster_.run_for(1s);
  auto* store = cluster_.disk(red_).store(workspace_.hex());
  store->set_capacity_bytes(store->bytes_used());
  type(a, "accepted ");
  cluster_.run_for(100ms);
  EXPECT_FALSE(cluster_.client(a).all_saved());
  const auto b = client(red_, 102);
  type(b, "refused");
  EXPECT_FALSE(cluster_.connected(b));
  EXPECT_TRUE(cluster_.connected(a));
  EXPECT_EQ(try_await(red_, CreateDocument{workspace_, "b.md"}).error().code, ErrorCode::kNoSpace);
  store->set_capacity_bytes(std::nullopt);
  cluster_.run_for(5s);
  EXPECT_TRUE(cluster_.client(a).all_saved());
  cluster_.crash(red_);
  cluster_.restart(red_);
  EXPECT_EQ(text(red_), "before accepted ");
}

TEST_F(EngineTest, ARepeatedUpdateIsSavedNoSooner) {
  const auto a = client(red_, 101);
  const auto b = client(red_, 102);
  cluster_.commit_time_max = 2s;
  crdt::Doc doc({.client_id = 5});
  const Bytes update = doc.transact([&] { (void)doc.text("monaco").insert(0, "x"); });
  cluster_.client(a).submit(update);
  cluster_.deliver_to_server(a);
  // On its way to the disk; b has it and says it again.
  cluster_.run_for(30ms);
  const auto commits = cluster_.commits;
  cluster_.client(b).submit(update);
  cluster_.deliver_to_server(b);
  while (cluster_.commits == commits) {
    EXPECT_FALSE(cluster_.client(b).all_saved());
    cluster_.run_for(1ms);
  }
  cluster_.run_for(5s);
  EXPECT_TRUE(cluster_.client(a).all_saved());
  EXPECT_TRUE(cluster_.client(b).all_saved());
}

TEST_F(EngineTest, WhatWaitsForOthersIsKept) {
  crdt::Doc doc({.client_id = 5});
  const Bytes first = doc.transact([&] { (void)doc.text("monaco").insert(0, "a"); });
  const Bytes second = doc.transact([&] { (void)doc.text("monaco").insert(1, "b"); });
  const auto a = client(red_, 101);
  cluster_.client(a).submit(second);
  cluster_.deliver_to_server(a);
  cluster_.run_for(1s);
  EXPECT_TRUE(cluster_.client(a).all_saved());
  EXPECT_EQ(text(red_), "");
  cluster_.crash(red_);
  cluster_.restart(red_);
  const auto b = client(red_, 102);
  const auto c = client(red_, 103);
  cluster_.client(b).submit(first);
  cluster_.deliver_to_server(b);
  cluster_.run_for(1s);
  EXPECT_EQ(text(red_), "ab");
  EXPECT_EQ(cluster_.client(b).text(), "ab") << "what waited is news to the one who completed it";
  EXPECT_EQ(cluster_.client(c).text(), "ab");
}

TEST_F(EngineTest, PresenceCrossesNodesAndLeavesAtOnce) {
  const auto green = join("green");
  cluster_.run_for(3s);
  const auto a = client(red_, 101);
  const auto b = client(red_, 102);
  const auto c = client(green, 103);
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(c).others().size(), 2u);
  EXPECT_EQ(cluster_.client(a).others().size(), 2u);
  EXPECT_EQ(cluster_.client(a).others().at(103), cluster_.client(c).state());
  cluster_.client(c).move_cursor();
  cluster_.deliver_to_server(c);
  cluster_.run_for(200ms);
  EXPECT_EQ(cluster_.client(a).others().at(103), cluster_.client(c).state());

  cluster_.disconnect(c);
  cluster_.run_for(200ms);
  EXPECT_EQ(cluster_.client(a).others().count(103), 0u);
  // Back with the clock it had: visible at once (yjs/y-websocket#122).
  ASSERT_TRUE(cluster_.connect(c, green, "team", "notes.md"));
  cluster_.run_for(200ms);
  EXPECT_EQ(cluster_.client(a).others().count(103), 1u);
  EXPECT_EQ(cluster_.client(b).others().count(103), 1u);

  // A node that dies is forgotten after 30 s.
  cluster_.crash(green);
  for (int i = 0; i < 4; ++i) {
    cluster_.client(a).renew();
    cluster_.client(b).renew();
    cluster_.deliver_to_server(a);
    cluster_.deliver_to_server(b);
    cluster_.run_for(10s);
  }
  EXPECT_EQ(cluster_.client(a).others().count(103), 0u);
  EXPECT_EQ(cluster_.client(a).others().count(102), 1u);
}

TEST_F(EngineTest, AQuietClientHearsSomethingEvery30Seconds) {
  const auto a = client(red_, 101);
  cluster_.run_for(1s);
  for (int i = 0; i < 5; ++i) {
    const auto before = cluster_.messages_to(a);
    cluster_.run_for(25s);
    EXPECT_GT(cluster_.messages_to(a), before);
  }
}

TEST_F(EngineTest, ARestoredBackupForksNothing) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  type(a, "one ");
  cluster_.run_for(3s);
  auto backup = cluster_.disk(red_).clone_durable();
  type(a, "two ");
  cluster_.run_for(3s);
  cluster_.crash(red_);
  cluster_.replace_disk(red_, std::move(backup));
  cluster_.network().cut(0, 1);
  cluster_.network().cut(1, 0);
  cluster_.restart(red_);
  // It writes before it hears from anybody.
  const auto b = client(red_, 102);
  type(b, "three ");
  cluster_.run_for(3s);
  EXPECT_TRUE(cluster_.client(b).all_saved());
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(30s);
  EXPECT_EQ(text(red_), text(green));
  for (const char* word : {"one ", "two ", "three "}) {
    EXPECT_NE(text(green).find(word), std::string::npos) << word;
  }
  EXPECT_EQ(*cluster_.engine(red_).frontier_digest(workspace_),
            *cluster_.engine(green).frontier_digest(workspace_));
}

TEST_F(EngineTest, ARestoredBackupThatMeetsItsLogGoesOn) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  type(a, "one ");
  cluster_.run_for(3s);
  auto backup = cluster_.disk(red_).clone_durable();
  type(a, "two ");
  cluster_.run_for(3s);
  cluster_.crash(red_);
  cluster_.replace_disk(red_, std::move(backup));
  cluster_.restart(red_);
  cluster_.run_for(10s);
  EXPECT_EQ(text(red_), "one two ");
  const auto b = client(red_, 102);
  type(b, "three ");
  cluster_.run_for(5s);
  EXPECT_EQ(text(green), "one two three ");
}

TEST_F(EngineTest, ASlowReaderCostsItsWindowAndCatchesUp) {
  Cluster cluster(11, {});
  cluster.set_engine_options([](Engine::Options& options) { options.client_window_bytes = 2000; });
  const auto node = cluster.add_node("red");
  const RequestId request = cluster.command(node, CreateWorkspace{"team"});
  cluster.run_for(1s);
  ASSERT_NE(cluster.reply(request), nullptr);
  const auto writer = cluster.add_client(1, "w");
  const auto reader = cluster.add_client(2, "r");
  ASSERT_TRUE(cluster.connect(writer, node, "team", "d"));
  ASSERT_TRUE(cluster.connect(reader, node, "team", "d"));
  cluster.run_for(100ms);
  cluster.hold(reader, true);
  for (int i = 0; i < 400; ++i) {
    cluster.client(writer).insert(0, "0123456789");
    if (i % 7 == 0) cluster.client(writer).remove(3, 2);
    cluster.deliver_to_server(writer);
    cluster.run_for(3ms);
  }
  EXPECT_LT(cluster.held_bytes(reader), 4000u);
  cluster.hold(reader, false);
  cluster.run_for(1s);
  EXPECT_EQ(cluster.client(reader).text(), cluster.client(writer).text());
  EXPECT_TRUE(cluster.client(writer).all_saved());
}

TEST_F(EngineTest, DamagedDataIsRefused) {
  const auto a = client(red_, 101);
  type(a, "text");
  cluster_.run_for(1s);
  cluster_.crash(red_);
  auto* store = cluster_.disk(red_).store(workspace_.hex());
  for (const auto table :
       {storage::Table::kEntries, storage::Table::kFrontier, storage::Table::kKeys,
        storage::Table::kDocuments, storage::Table::kPeers}) {
    const auto row = store->last(table, {}, {});
    ASSERT_TRUE(row && *row);
    auto [key, value] = **row;
    const Bytes intact = value;
    value[value.size() / 2] ^= 0x40;
    storage::WriteBatch damage;
    damage.put(table, key, value);
    ASSERT_TRUE(store->commit(std::span(&damage, 1)));
    testing::SeededSecureRandom random(1);
    Engine::Options options;
    options.device_name = "red";
    const auto opened =
        Engine::open(cluster_.at(), options, cluster_.identity(red_), cluster_.disk(red_), random);
    ASSERT_FALSE(opened) << static_cast<int>(table);
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    storage::WriteBatch repair;
    repair.put(table, key, intact);
    ASSERT_TRUE(store->commit(std::span(&repair, 1)));
  }
  cluster_.restart(red_);
  EXPECT_EQ(text(red_), "text");
}

TEST_F(EngineTest, NothingTypedIsOnDiskOrWireInClear) {
  const std::string secret = "the quick brown fox";
  bool seen = false;
  cluster_.on_frame = [&](Cluster::Node, ByteView frame) {
    seen = seen || as_text(frame).find(secret) != std::string_view::npos ||
           as_text(frame).find("hidden-name") != std::string_view::npos;
  };
  join("green");
  const auto a = client(red_, 101, "hidden-name.md");
  type(a, secret);
  cluster_.run_for(3s);
  cluster_.engine(red_).shut_down(cluster_.at());
  cluster_.run_for(3s);
  EXPECT_FALSE(seen);
  auto* store = cluster_.disk(red_).store(workspace_.hex());
  std::size_t rows = 0;
  for (std::size_t table = 0; table < storage::kTableCount; ++table) {
    (void)store->scan(static_cast<storage::Table>(table), {}, {}, [&](ByteView, ByteView value) {
      ++rows;
      EXPECT_EQ(as_text(value).find(secret), std::string_view::npos);
      EXPECT_EQ(as_text(value).find("hidden-name"), std::string_view::npos);
      EXPECT_EQ(as_text(value).find("green"), std::string_view::npos);
      EXPECT_EQ(as_text(value).find("team"), std::string_view::npos);
      return true;
    });
  }
  EXPECT_GT(rows, 10u);
}

}  // namespace
}  // namespace coterie::node
