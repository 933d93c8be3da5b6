// Reverting: what a device did is taken back, and nothing of what others did.

#include <gtest/gtest.h>

#include "crdt/content.hpp"
#include "crdt/xml.hpp"
#include "node/core/engine.hpp"
#include "node/core/invert.hpp"
#include "node/core/records.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using crdt::NewType;
using testing::Cluster;

// One document.

/// Two who edit, and what the second one (client 9) does is reverted.
class InvertTest : public ::testing::Test {
 protected:
  InvertTest() : good_({.client_id = 5, .gc = false}), bad_({.client_id = 9, .gc = false}) {}
  void exchange() {
    ASSERT_TRUE(good_.apply_update(bad_.encode_state_as_update()));
    ASSERT_TRUE(bad_.apply_update(good_.encode_state_as_update()));
  }
  template <typename Edits>
  void harm(Edits edits) {
    exchange();
    const Bytes update = bad_.transact(edits);
    const auto listing = crdt::inspect_update(update);
    ASSERT_TRUE(listing);
    for (const auto& range : listing->structs) inserted_.add(range);
    for (const auto& range : listing->deletes) deleted_.add(range);
    exchange();
  }
  Inverse revert() {
    crdt::Doc all({.client_id = 1, .gc = false});
    EXPECT_TRUE(all.apply_update(good_.encode_state_as_update()));
    Inverse inverse = invert(all, inserted_, deleted_, 77);
    if (!inverse.update.empty()) {
      EXPECT_TRUE(good_.apply_update(inverse.update));
    }
    return inverse;
  }

  crdt::Doc good_;
  crdt::Doc bad_;
  crdt::IdSet inserted_;
  crdt::IdSet deleted_;
};

TEST_F(InvertTest, TextComesBackAndWhatOthersWroteSinceStays) {
  (void)good_.text("t").insert(0, "The quick fox.");
  harm([&] {
    (void)bad_.text("t").remove(4, 6);
    (void)bad_.text("t").insert(4, "stupid ");
  });
  (void)good_.text("t").insert(7, "X");  // Inside what is to go.
  (void)good_.text("t").insert(good_.text("t").size(), " Yes.");
  const Inverse inverse = revert();
  EXPECT_EQ(good_.text("t").to_string(), "The quick Xfox. Yes.");
  EXPECT_EQ(inverse.removed, 7u);
  EXPECT_EQ(inverse.restored, 6u);
  EXPECT_FALSE(inverse.before.empty());
  EXPECT_FALSE(inverse.after.empty());
}

TEST_F(InvertTest, WhatSomebodyElseDeletedTooStaysDeleted) {
  (void)good_.text("t").insert(0, "abcdef");
  harm([&] { (void)bad_.text("t").remove(0, 3); });
  EXPECT_EQ(good_.text("t").to_string(), "def");
  deleted_.clear();  // As the caller finds: others deleted it as well.
  EXPECT_TRUE(revert().update.empty());
  EXPECT_EQ(good_.text("t").to_string(), "def");
}

TEST_F(InvertTest, FormatsMapsAndArrays) {
  (void)good_.text("t").insert(0, "plain");
  (void)good_.map("m").set("k", "good");
  (void)good_.map("m").set("other", 1);
  (void)good_.array("a").insert(0, std::vector<crdt::Any>{1, 2, 3});
  harm([&] {
    (void)bad_.text("t").format(0, 5, {{"bold", true}});
    (void)bad_.map("m").set("k", "bad");
    (void)bad_.map("m").remove("other");
    (void)bad_.array("a").remove(0, 2);
    (void)bad_.array("a").insert(1, std::vector<crdt::Any>{"spam"});
  });
  (void)revert();
  const auto runs = good_.text("t").to_delta();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_TRUE(runs[0].attributes.empty());
  EXPECT_EQ(good_.map("m").to_json().to_json(), R"({"k":"good","other":1})");
  EXPECT_EQ(good_.array("a").to_json().to_json(), "[1,2,3]");
}

TEST_F(InvertTest, XmlIsRestoredWithWhatWasInIt) {
  NewType paragraph = NewType::xml_element("p");
  paragraph.list.push_back(NewType::xml_text("honest words"));
  (void)good_.xml_fragment("x").insert(0, paragraph);
  harm([&] {
    (void)bad_.xml_fragment("x").remove(0, 1);
    NewType spam = NewType::xml_element("h1");
    spam.list.push_back(NewType::xml_text("SPAM"));
    (void)bad_.xml_fragment("x").insert(0, spam);
  });
  (void)revert();
  EXPECT_EQ(good_.xml_fragment("x").to_string(), "<p>honest words</p>");
}

TEST_F(InvertTest, AContainerWithTextOfOthersStays) {
  harm([&] {
    NewType frame = NewType::xml_element("div");
    frame.list.push_back(NewType::xml_text("SPAM"));
    (void)bad_.xml_fragment("x").insert(0, frame);
  });
  auto frame = good_.xml_fragment("x").get(0)->as_xml_fragment();
  (void)frame.insert_text(1, "honest");
  (void)revert();
  EXPECT_EQ(good_.xml_fragment("x").to_string(), "<div>honest</div>");
}

// Whole nodes.

class RevertTest : public testing::ClusterTest {
 protected:
  RevertTest() : ClusterTest(7) {
    for (const char* name : {"red", "blue", "evil"}) cluster_.add_node(name);
    found(kRed);
    for (const Cluster::Node node : {kBlue, kEvil}) join(node, kRed);
    cluster_.run_for(2s);
  }
  Result<std::vector<RevertedDocument>> revert(Cluster::Node at, WallMillis since, bool preview) {
    auto result =
        cluster_.engine(at).revert(cluster_.at(), workspace_, {cluster_.id(kEvil)}, since, preview);
    cluster_.run_for(2s);
    return result;
  }

  static constexpr Cluster::Node kRed = 0;
  static constexpr Cluster::Node kBlue = 1;
  static constexpr Cluster::Node kEvil = 2;
};

TEST_F(RevertTest, WhatADeviceDidIsTakenBackEverywhere) {
  const auto honest = client(kRed, 101);
  const auto evil = client(kEvil, 66);
  insert(honest, 0, "The quick brown fox.");
  insert(evil, 20, " Early words.");
  const WallMillis since = cluster_.at().wall;
  cluster_.run_for(1s);
  remove(evil, 4, 6);
  insert(evil, 0, "SPAM ");
  insert(honest, cluster_.client(honest).length(), " The end.");
  const std::string vandalised = "SPAM The brown fox. Early words. The end.";
  ASSERT_EQ(text(kBlue), vandalised);

  const auto preview = revert(kBlue, since, true);
  ASSERT_TRUE(preview);
  ASSERT_EQ(preview->size(), 1u);
  EXPECT_EQ(preview->front().path, "notes.md");
  EXPECT_EQ(preview->front().removed, 5u);
  EXPECT_EQ(preview->front().restored, 6u);
  EXPECT_NE(preview->front().before.find("SPAM"), std::string::npos);
  EXPECT_NE(preview->front().after.find("quick"), std::string::npos);
  EXPECT_EQ(text(kBlue), vandalised) << "a preview writes nothing";

  ASSERT_TRUE(revert(kBlue, since, false));
  const std::string wanted = "The quick brown fox. Early words. The end.";
  for (const Cluster::Node node : {kRed, kBlue, kEvil}) EXPECT_EQ(text(node), wanted);
  EXPECT_EQ(cluster_.client(honest).text(), wanted);

  // Once more, nothing is left to do; from the beginning, the early words are.
  const auto again = revert(kRed, since, false);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->empty());
  ASSERT_TRUE(revert(kRed, 0, false));
  EXPECT_EQ(text(kBlue), "The quick brown fox. The end.");
  EXPECT_TRUE(cluster_.engine(kRed).offenders(workspace_)->empty());

  // The restored text is in the logs: others have it after a restart, too.
  cluster_.crash(kRed);
  cluster_.restart(kRed);
  cluster_.run_for(5s);
  EXPECT_EQ(text(kRed), "The quick brown fox. The end.");
}

TEST_F(RevertTest, NativeTextThatABrowserBringsIsCarried) {
  const auto honest = client(kRed, 101);
  const auto evil = client(kEvil, 66);
  insert(honest, 0, "The quick brown fox.");
  remove(evil, 4, 6);
  ASSERT_TRUE(revert(kRed, 0, false));
  // The browser has the restored text; it goes to blue and back, with all it has.
  cluster_.disconnect(honest);
  ASSERT_TRUE(cluster_.connect(honest, kBlue, "team", "notes.md"));
  cluster_.run_for(5s);
  for (const Cluster::Node node : {kRed, kBlue, kEvil}) {
    EXPECT_EQ(text(node), "The quick brown fox.");
    EXPECT_TRUE(cluster_.engine(node).offenders(workspace_)->empty());
  }
}

}  // namespace
}  // namespace coterie::node
