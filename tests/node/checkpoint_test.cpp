// Checkpoints, pruning and beginning from a checkpoint, with whole engines in virtual time.

#include <gtest/gtest.h>

#include "node/core/engine.hpp"
#include "node/core/limits.hpp"
#include "tests/support/cluster.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() : cluster_(11, {}) {
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
  Cluster::Node join(const std::string& name, Role role = Role::kEditor) {
    const auto node = cluster_.add_node(name);
    const auto invite =
        std::get<InviteCreated>(await(red_, CreateInvite{workspace_, role, 1h, 1})).invite;
    await(node, JoinWorkspace{invite});
    return node;
  }
  std::string text(Cluster::Node node, const std::string& path = "notes.md") {
    const auto text = cluster_.engine(node).document_text(workspace_, path, "monaco");
    return text ? *text : std::string("? ") + text.error().what;
  }
  Cluster::ClientIndex client(Cluster::Node node, std::uint64_t id,
                              const std::string& path = "notes.md") {
    const auto index = cluster_.add_client(id, "c" + std::to_string(id));
    EXPECT_TRUE(cluster_.connect(index, node, "team", path));
    cluster_.run_for(50ms);
    return index;
  }
  /// One entry a word.
  std::string type(Cluster::ClientIndex index, int words, const std::string& word = "word ") {
    std::string all;
    for (int i = 0; i < words; ++i) {
      const std::string one = word + std::to_string(i) + " ";
      cluster_.client(index).insert(cluster_.client(index).length(), one);
      cluster_.deliver_to_server(index);
      cluster_.run_for(40ms);
      all += one;
    }
    cluster_.run_for(1s);
    return all;
  }
  RetentionInfo info(Cluster::Node node) { return *cluster_.engine(node).retention(workspace_); }
  bool stands(Cluster::Node node, const Hash& checkpoint) {
    for (const auto& one : info(node).checkpoints) {
      if (one.id == checkpoint) return one.base;
    }
    return false;
  }
  /// Made by `node`, and the base of all of `on`.
  Hash agree(Cluster::Node node, const std::vector<Cluster::Node>& on) {
    const Hash made = std::get<CheckpointMade>(await(node, MakeCheckpoint{workspace_})).checkpoint;
    EXPECT_TRUE(cluster_.run_until(5min, [&] {
      return std::all_of(on.begin(), on.end(), [&](auto one) { return stands(one, made); });
    }));
    return made;
  }
  void prune(Cluster::Node node) {
    await(node, Prune{workspace_});
    EXPECT_TRUE(cluster_.run_until(5min, [&] { return !info(node).pruning; }));
  }
  std::size_t rows(Cluster::Node node) {
    std::size_t count = 0;
    const auto store = cluster_.disk(node).open(workspace_.hex());
    EXPECT_TRUE(store);
    (void)(*store)->scan(storage::Table::kEntries, {}, {}, [&](ByteView, ByteView) {
      ++count;
      return true;
    });
    return count;
  }
  void expect_equal(Cluster::Node a, Cluster::Node b, const std::string& path = "notes.md") {
    EXPECT_TRUE(cluster_.run_until(2min, [&] {
      return *cluster_.engine(a).frontier_digest(workspace_) ==
             *cluster_.engine(b).frontier_digest(workspace_);
    }));
    EXPECT_EQ(text(a, path), text(b, path));
    EXPECT_EQ(*cluster_.engine(a).document_update(workspace_, path),
              *cluster_.engine(b).document_update(workspace_, path));
  }

  Cluster cluster_;
  Cluster::Node red_ = 0;
  WorkspaceId workspace_;
};

TEST_F(CheckpointTest, StandsOnceASecondDeviceFoundTheSame) {
  const auto green = join("green");
  const auto writer = client(red_, 101);
  type(writer, 20);
  type(client(green, 102), 1);  // Those who write are waited for.
  expect_equal(red_, green);
  cluster_.crash(green);
  const Hash made = std::get<CheckpointMade>(await(red_, MakeCheckpoint{workspace_})).checkpoint;
  cluster_.run_for(2min);
  ASSERT_EQ(info(red_).checkpoints.size(), 1u);
  EXPECT_FALSE(info(red_).checkpoints.front().stands);
  EXPECT_EQ(info(red_).checkpoints.front().missing, std::vector<DeviceId>{cluster_.id(green)});
  EXPECT_EQ(try_await(red_, Prune{workspace_}).error().code, ErrorCode::kNotFound);

  cluster_.restart(green);
  ASSERT_TRUE(cluster_.run_until(5min, [&] { return stands(red_, made) && stands(green, made); }));
  EXPECT_EQ(info(green).checkpoints.front().same.size(), 2u);
  const auto again = try_await(red_, MakeCheckpoint{workspace_});
  EXPECT_TRUE(again) << "its vouches are new entries";
}

TEST_F(CheckpointTest, AloneOneDeviceIsEnough) {
  const auto writer = client(red_, 101);
  const std::string all = type(writer, 30);
  agree(red_, {red_});
  const std::size_t before = rows(red_);
  prune(red_);
  EXPECT_LT(rows(red_), before - 25);
  EXPECT_EQ(text(red_), all);
  cluster_.crash(red_);
  cluster_.restart(red_);
  EXPECT_EQ(text(red_), all);
}

TEST_F(CheckpointTest, PrunedNodesGoOnAsBefore) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  const auto b = client(green, 102);
  type(a, 30, "red ");
  type(b, 30, "green ");
  agree(green, {red_, green});
  const std::size_t before = rows(red_);
  prune(red_);
  EXPECT_LT(rows(red_), before - 50);
  type(a, 10, "after ");
  type(b, 10, "later ");
  expect_equal(red_, green);

  cluster_.crash(red_);
  cluster_.restart(red_);
  type(b, 5, "away ");
  expect_equal(red_, green);
  // And again, from the base on.
  agree(red_, {red_, green});
  prune(red_);
  prune(green);
  type(b, 5, "more ");
  expect_equal(red_, green);
}

TEST_F(CheckpointTest, NewcomersBeginFromIt) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  const std::string first = type(a, 60);
  PostMessage post{workspace_, "notes.md", {}, {}};
  post.message.text = "said before";
  await(red_, post);
  agree(red_, {red_, green});
  prune(red_);
  prune(green);
  const std::string second = type(a, 5, "after ");
  const auto blue = join("blue");
  expect_equal(red_, blue);
  EXPECT_EQ(text(blue), first + second);
  EXPECT_LT(rows(blue), 45u);
  // What people said stays.
  for (const auto node : {red_, green, blue}) {
    const auto view = cluster_.engine(node).room(
        cluster_.at(), RoomQuery{workspace_, "notes.md", RoomLane::Kind::kChat, {}, "", {}, 10});
    ASSERT_TRUE(view);
    ASSERT_EQ(view->items.size(), 1u);
    EXPECT_EQ(view->items[0].message.text, "said before");
  }
  EXPECT_EQ(cluster_.engine(blue).members(workspace_)->size(), 3u);
  const auto c = client(blue, 103);
  type(c, 5, "blue ");
  expect_equal(red_, blue);
  expect_equal(green, blue);
  cluster_.crash(blue);
  cluster_.restart(blue);
  expect_equal(red_, blue);
}

TEST_F(CheckpointTest, WhoBeganFromItServesOthers) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  const std::string all = type(a, 40);
  agree(red_, {red_, green});
  prune(red_);
  prune(green);
  const auto blue = join("blue");
  expect_equal(red_, blue);
  const auto invite =
      std::get<InviteCreated>(await(red_, CreateInvite{workspace_, Role::kViewer, 1h, 1})).invite;
  expect_equal(red_, blue);
  cluster_.crash(red_);
  cluster_.crash(green);
  const auto gold = cluster_.add_node("gold");
  await(gold, JoinWorkspace{invite});
  expect_equal(blue, gold);
  EXPECT_EQ(text(gold), all);
}

TEST_F(CheckpointTest, FromNowOnAlsoWhereAllPruned) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  type(a, 40);
  agree(red_, {red_, green});
  prune(red_);
  prune(green);
  CreateInvite command{workspace_, Role::kEditor, 1h, 1};
  command.from_now = true;
  const auto invite = std::get<InviteCreated>(await(red_, command)).invite;
  const auto blue = cluster_.add_node("blue");
  (void)cluster_.command(blue, JoinWorkspace{invite});
  EXPECT_TRUE(cluster_.run_until(15min, [&] { return text(blue) == text(red_); })) << text(blue);
}

TEST_F(CheckpointTest, ViewersTakeItAndAreNotWaitedFor) {
  const auto green = join("green");
  const auto viewer = join("viewer", Role::kViewer);
  const auto a = client(red_, 101);
  type(a, 20);
  cluster_.crash(viewer);
  const Hash made = agree(red_, {red_, green});
  prune(red_);
  prune(green);
  type(a, 20, "after ");
  cluster_.restart(viewer);
  expect_equal(red_, viewer);
  EXPECT_TRUE(cluster_.run_until(5min, [&] { return stands(viewer, made); }));
}

TEST_F(CheckpointTest, WhoWasAwayForLongMergesWhatItWrote) {
  const auto green = join("green");
  const auto blue = join("blue");
  const auto a = client(red_, 101);
  type(a, 10, "before ");
  type(client(blue, 102), 1, "blue ");  // Those who write are waited for.
  expect_equal(red_, blue);
  // Blue writes on while it is alone, and misses what the others write, agree on and prune.
  for (const auto other : {red_, green}) {
    cluster_.network().cut(blue, other);
    cluster_.network().cut(other, blue);
  }
  const auto c = client(blue, 103);
  const std::string own = type(c, 10, "offline ");
  const std::string theirs = type(a, 30, "online ");
  const Hash made = std::get<CheckpointMade>(await(red_, MakeCheckpoint{workspace_})).checkpoint;
  cluster_.run_for(24 * 1h * 29);
  EXPECT_FALSE(stands(red_, made)) << "blue is waited for";
  cluster_.run_for(24 * 1h * 2);
  ASSERT_TRUE(cluster_.run_until(1h, [&] { return stands(red_, made) && stands(green, made); }));
  prune(red_);
  prune(green);
  cluster_.network().heal_all(cluster_.at().steady);
  expect_equal(red_, blue);
  expect_equal(green, blue);
  EXPECT_NE(text(red_).find(own), std::string::npos);
  EXPECT_NE(text(blue).find(theirs), std::string::npos);
  EXPECT_TRUE(cluster_.client(c).all_saved());
}

TEST_F(CheckpointTest, HistoryBeginsThere) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  type(a, 20);
  await(red_, NameVersion{workspace_, "notes.md", {"now", {}}, "early"});
  cluster_.run_for(10min);
  agree(red_, {red_, green});
  prune(red_);
  cluster_.run_for(10min);
  type(a, 20, "after ");
  const auto here = cluster_.engine(red_).versions(cluster_.at(), workspace_, "notes.md", 100);
  const auto there = cluster_.engine(green).versions(cluster_.at(), workspace_, "notes.md", 100);
  ASSERT_TRUE(here);
  ASSERT_TRUE(there);
  EXPECT_LT(here->versions.size(), there->versions.size() + 1);
  EXPECT_EQ(here->versions.front().elements, there->versions.front().elements);
  const auto early =
      cluster_.engine(red_).version(cluster_.at(), workspace_, "notes.md", {"early", {}});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(cluster_.engine(green).version(cluster_.at(), workspace_, "notes.md", {"early", {}}));
  EXPECT_TRUE(cluster_.engine(red_).blame(cluster_.at(), workspace_, "notes.md", {"now", {}}));
}

TEST_F(CheckpointTest, RetentionMakesAndPrunesByItself) {
  const auto green = join("green");
  EXPECT_EQ(try_await(red_, SetRetention{workspace_, std::chrono::hours(0)}).error().code,
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(try_await(red_, SetRetention{workspace_, std::chrono::hours(kRetentionHoursMax + 1)})
                .error()
                .code,
            ErrorCode::kLimitExceeded);
  await(red_, SetRetention{workspace_, std::chrono::hours(24 * 8)});
  const auto a = client(red_, 101);
  type(a, 20);
  cluster_.run_for(24 * 1h * 5);
  EXPECT_GE(info(red_).checkpoints.size(), 2u);
  EXPECT_EQ(info(red_).below_floor, 0u) << "younger than that";
  type(a, 5, "later ");
  cluster_.run_for(24 * 1h * 6);
  EXPECT_GE(info(red_).below_floor, 20u);
  EXPECT_EQ(info(green).below_floor, 0u) << "each device for itself";
  expect_equal(red_, green);
  await(red_, SetRetention{workspace_, std::nullopt});
  EXPECT_FALSE(info(red_).keep);
}

TEST_F(CheckpointTest, PruningIsTakenUpAfterACrash) {
  const auto green = join("green");
  const auto a = client(red_, 101);
  const std::string all = type(a, 60);
  agree(red_, {red_, green});
  cluster_.crash(red_);
  cluster_.restart(red_);
  for (int i = 0; i < 6; ++i) {
    const RequestId request = cluster_.command(red_, Prune{workspace_});
    cluster_.run_for(std::chrono::milliseconds(3 * i));
    (void)request;
    cluster_.crash(red_);
    cluster_.restart(red_);
    EXPECT_EQ(text(red_), all);
  }
  EXPECT_TRUE(cluster_.run_until(5min, [&] { return !info(red_).pruning; }));
  expect_equal(red_, green);
}

}  // namespace
}  // namespace coterie::node
