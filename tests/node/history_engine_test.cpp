// Version history on whole nodes: the same list everywhere, names and restores that travel, and
// which entries count.

#include <gtest/gtest.h>

#include "node/core/engine.hpp"
#include "node/core/limits.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

class HistoryEngineTest : public testing::ClusterTest {
 protected:
  HistoryEngineTest() : ClusterTest(11) {
    for (const char* name : {"red", "blue", "green"}) cluster_.add_node(name);
    found(kRed);
    for (const Cluster::Node node : {kBlue, kGreen}) join(node, kRed);
    cluster_.run_for(2s);
  }
  std::string text_at(Cluster::Node node, const VersionChoice& choice) {
    const auto content =
        cluster_.engine(node).version(cluster_.at(), workspace_, "notes.md", choice);
    return content ? content->text : "? " + to_string(content.error());
  }
  VersionList versions(Cluster::Node node) {
    const auto list = cluster_.engine(node).versions(cluster_.at(), workspace_, "notes.md", 1000);
    EXPECT_TRUE(list);
    return list ? *list : VersionList{};
  }
  /// What people see of a list.
  static std::string told(const VersionList& list) {
    std::string out;
    for (const VersionInfo& one : list.versions) {
      out += one.id.hex() + " " + one.name + " " + std::to_string(one.first) + " " +
             std::to_string(one.time) + " " + std::to_string(one.elements) + " " +
             std::to_string(one.updates) + " " + std::to_string(one.inserted) + " " +
             std::to_string(one.deleted) + (one.current ? " current" : "");
      for (const VersionAuthor& author : one.authors) out += " " + author.device.hex();
      out += "\n";
    }
    return out;
  }

  static constexpr Cluster::Node kRed = 0;
  static constexpr Cluster::Node kBlue = 1;
  static constexpr Cluster::Node kGreen = 2;
};

TEST_F(HistoryEngineTest, ThreeReplicasHaveTheSameVersions) {
  const auto anna = client(kRed, 101);
  const auto ben = client(kBlue, 102);
  insert(anna, 0, "First. ");
  insert(ben, 7, "Second. ");
  cluster_.run_for(20min);
  insert(anna, 0, "Title. ");
  remove(ben, 0, 2);
  cluster_.run_for(20min);
  insert(ben, 0, "Last. ");
  cluster_.run_for(2s);
  const VersionList list = versions(kRed);
  ASSERT_EQ(list.versions.size(), 3u);
  EXPECT_EQ(told(versions(kBlue)), told(list));
  EXPECT_EQ(told(versions(kGreen)), told(list));
  EXPECT_EQ(list.versions[2].authors.size(), 2u);
  for (const VersionInfo& one : list.versions) {
    const VersionChoice choice{one.id.hex().substr(0, 12), std::nullopt};
    EXPECT_EQ(text_at(kGreen, choice).size(), one.elements);
    EXPECT_EQ(text_at(kGreen, choice), text_at(kRed, choice));
  }
  EXPECT_EQ(text_at(kBlue, {list.versions[2].id.hex(), std::nullopt}), "First. Second. ");
  // After a restart, too; and they thin out alike.
  cluster_.crash(kGreen);
  cluster_.restart(kGreen);
  cluster_.run_for(5s);
  EXPECT_EQ(told(versions(kGreen)), told(versions(kRed)));
  const auto later = Now{cluster_.at().steady, cluster_.at().wall + 30ull * 24 * 3600 * 1000};
  for (const Cluster::Node node : {kRed, kBlue}) {
    const auto thin = cluster_.engine(node).versions(later, workspace_, "notes.md", 1000);
    ASSERT_TRUE(thin);
    EXPECT_LE(thin->versions.size(), 2u) << "one a day";
    EXPECT_EQ(thin->versions.front().id, list.versions.front().id);
  }
}

TEST_F(HistoryEngineTest, NamesAndRestoresTravel) {
  const auto anna = client(kRed, 101);
  insert(anna, 0, "A good draft.");
  const auto named = await(kRed, NameVersion{workspace_, "notes.md", {}, "draft"});
  EXPECT_EQ(std::get<VersionNamed>(named).version.name, "draft");
  cluster_.run_for(2s);
  remove(anna, 2, 5);
  insert(anna, 2, "bad ");
  EXPECT_EQ(text_at(kGreen, {"draft", std::nullopt}), "A good draft.");
  const VersionList list = versions(kGreen);
  ASSERT_EQ(list.versions.size(), 2u);
  const auto& name =
      list.versions[0].kind == VersionInfo::Kind::kNamed ? list.versions[0] : list.versions[1];
  EXPECT_EQ(name.author, cluster_.id(kRed));
  EXPECT_EQ(name.elements, 13u);
  EXPECT_EQ(try_await(kBlue, NameVersion{workspace_, "notes.md", {}, "draft"}).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(try_await(kBlue, NameVersion{workspace_, "notes.md", {}, ""}).error().code,
            ErrorCode::kMalformed);
  EXPECT_TRUE(
      try_await(kBlue, NameVersion{workspace_, "notes.md", {}, std::string(kNameBytesMax, 'n')}));
  EXPECT_EQ(
      try_await(kBlue, NameVersion{workspace_, "notes.md", {}, std::string(kNameBytesMax + 1, 'n')})
          .error()
          .code,
      ErrorCode::kLimitExceeded);
  EXPECT_EQ(try_await(kBlue, NameVersion{workspace_, "none.md", {}, "x"}).error().code,
            ErrorCode::kNotFound);

  const VersionChoice draft{"draft", std::nullopt};
  const auto preview = await(kBlue, RestoreVersion{workspace_, "notes.md", draft, true});
  EXPECT_EQ(std::get<VersionRestored>(preview).document.removed, 4u);
  EXPECT_EQ(std::get<VersionRestored>(preview).document.restored, 5u);
  EXPECT_EQ(text(kBlue), "A bad draft.") << "a preview writes nothing";
  await(kBlue, RestoreVersion{workspace_, "notes.md", draft, false});
  cluster_.run_for(2s);
  for (const Cluster::Node node : {kRed, kBlue, kGreen}) EXPECT_EQ(text(node), "A good draft.");
  EXPECT_EQ(cluster_.client(anna).text(), "A good draft.");
  // What is new in it is blue's.
  const auto blame = cluster_.engine(kGreen).blame(cluster_.at(), workspace_, "notes.md", {});
  ASSERT_TRUE(blame);
  ASSERT_EQ(blame->ranges.size(), 3u);
  EXPECT_EQ(blame->ranges[0].by->device, cluster_.id(kRed));
  EXPECT_EQ(blame->ranges[1].text, "good ");
  EXPECT_EQ(blame->ranges[1].by->device, cluster_.id(kBlue));
  EXPECT_FALSE(blame->ranges[1].by->carried);
  // Once more, there is nothing to do.
  const auto again = await(kRed, RestoreVersion{workspace_, "notes.md", draft, false});
  EXPECT_EQ(std::get<VersionRestored>(again).document.restored, 0u);
  EXPECT_EQ(told(versions(kRed)), told(versions(kGreen)));
  for (const Cluster::Node node : {kRed, kBlue, kGreen}) {
    EXPECT_TRUE(cluster_.engine(node).offenders(workspace_)->empty());
  }
}

TEST_F(HistoryEngineTest, NamesAreChangedAndTakenAway) {
  const auto anna = client(kRed, 101);
  const auto name = [&](Cluster::Node node, const VersionChoice& version,
                        std::optional<std::string> to) {
    return std::get<VersionNamed>(
        await(node, NameVersion{workspace_, "notes.md", version, std::move(to)}));
  };
  const auto called = [](const std::string& words) { return VersionChoice{words, std::nullopt}; };
  const auto names = [&](Cluster::Node node) {
    std::string out;
    for (const VersionInfo& one : versions(node).versions) {
      if (one.kind == VersionInfo::Kind::kNamed) out += one.name + ";";
    }
    return out;
  };
  insert(anna, 0, "One.");
  EXPECT_EQ(name(kRed, {}, "first").before, "");
  EXPECT_EQ(name(kRed, {}, "draft").before, "first") << "the same version, as it is now";
  cluster_.run_for(2s);
  insert(anna, 4, " Two.");
  // By somebody else, and by its name.
  EXPECT_EQ(name(kBlue, called("draft"), "chapter").before, "draft");
  cluster_.run_for(2s);
  for (const Cluster::Node node : {kRed, kBlue, kGreen}) EXPECT_EQ(names(node), "chapter;");
  EXPECT_EQ(text_at(kGreen, called("chapter")), "One.");
  EXPECT_EQ(try_await(kRed, NameVersion{workspace_, "notes.md", {}, std::nullopt}).error().code,
            ErrorCode::kNotFound);
  // Apart, the last word counts.
  for (const Cluster::Node other : {kRed, kBlue}) part(kGreen, other);
  cluster_.run_for(1s);
  name(kRed, called("chapter"), std::nullopt);
  cluster_.run_for(1s);
  name(kGreen, called("chapter"), "part");
  EXPECT_EQ(names(kBlue), "");
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(30s);
  for (const Cluster::Node node : {kRed, kBlue, kGreen}) EXPECT_EQ(names(node), "part;");
  EXPECT_EQ(name(kRed, called("part"), std::nullopt).before, "part");
  cluster_.run_for(2s);
  for (const Cluster::Node node : {kRed, kBlue, kGreen}) EXPECT_EQ(names(node), "");
  EXPECT_EQ(text_at(kRed, {}), "One. Two.");
}

TEST_F(HistoryEngineTest, WhatDoesNotCountIsInNoVersion) {
  const auto anna = client(kRed, 101);
  const auto evil = client(kGreen, 103);
  insert(anna, 0, "Honest words.");
  insert(evil, 0, "Early. ");
  for (const Cluster::Node other : {kRed, kBlue}) part(kGreen, other);
  cluster_.run_for(2s);
  await(kRed, RemoveMember{workspace_, cluster_.id(kGreen)});
  insert(evil, 0, "SPAM ");
  EXPECT_NE(text(kGreen).find("SPAM"), std::string::npos);
  await(kGreen, NameVersion{workspace_, "notes.md", {}, "mine"});
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(1min);
  for (const Cluster::Node node : {kRed, kBlue}) {
    EXPECT_EQ(text_at(node, {}), "Early. Honest words.");
    EXPECT_NE(text_at(node, {"mine", std::nullopt}).find("?"), std::string::npos);
    // Those who are members no more are still named.
    const auto blame = cluster_.engine(node).blame(cluster_.at(), workspace_, "notes.md", {});
    ASSERT_TRUE(blame);
    EXPECT_EQ(blame->ranges.at(0).by->device, cluster_.id(kGreen));
    EXPECT_EQ(blame->ranges.at(0).text, "Early. ");
  }
  EXPECT_EQ(told(versions(kRed)), told(versions(kBlue)));
}

}  // namespace
}  // namespace coterie::node
