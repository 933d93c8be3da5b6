// Views: what is materialised is always what counts, on every replica, whatever came first.

#include "node/core/views.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/choices.hpp"
#include "tests/support/replica.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Replica;
using testing::SeededChoices;
using testing::Team;

constexpr const char* kPath = "notes.md";

/// One of `role` in a team of a host, an editor and a viewer, all of whom read "base ".
struct Cut {
  explicit Cut(Role role = Role::kEditor) : team(7), host(team.host()) {
    eve = &team.join(role);
    editor = &team.join(Role::kEditor);
    viewer = &team.join(Role::kViewer);
    host.name(kPath);
    host.type(kPath, "base ");
    team.exchange();
  }
  void remove() {
    host.operate(RemoveOperation{eve->id(), false, host.marks(eve->id())});
    host.heal();
    host.settle();
  }
  LogId log() { return eve->marks(eve->id()).front().log; }

  Team team;
  Replica& host;
  Replica* eve;
  Replica* editor;
  Replica* viewer;
};

TEST(ViewsTest, ARemovalCutsWhereSomebodyAcknowledged) {
  Cut cut;
  cut.eve->type(kPath, "one ");
  cut.eve->settle();
  cut.eve->type(kPath, "two ");
  cut.eve->settle();
  cut.eve->type(kPath, "three ");
  cut.eve->settle();
  cut.eve->deliver_to(cut.host, cut.log(), 1);
  cut.eve->deliver_to(*cut.editor, cut.log(), 2);
  cut.eve->deliver_all_to(*cut.viewer);
  EXPECT_EQ(cut.viewer->text(kPath), "base one two three ");
  cut.remove();
  cut.host.deliver_all_to(*cut.editor);
  cut.editor->acknowledge();
  cut.editor->settle();
  cut.team.exchange();
  cut.team.rest();
  const Bytes state = cut.host.state(kPath);
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base one two ") << i;
    EXPECT_EQ(cut.team[i].state(kPath), state) << i;
  }
  EXPECT_EQ(cut.viewer->replaced, 1u) << "it had applied more than anybody acknowledged";
  EXPECT_EQ(cut.editor->replaced + cut.host.replaced, 0u);
  const auto aside = cut.host.views().set_aside();
  ASSERT_EQ(aside.size(), 1u);
  EXPECT_EQ(aside[0].device, cut.eve->id());
  EXPECT_EQ(aside[0].entries, 1u);
  EXPECT_EQ(aside[0].documents, 1u);
  EXPECT_EQ(aside[0].paths, std::vector<std::string>{kPath});
}

TEST(ViewsTest, AHostReadmitsWhatWasSetAside) {
  Cut cut;
  cut.eve->type(kPath, "late ");
  cut.remove();
  cut.team.exchange();
  cut.team.rest();
  EXPECT_EQ(cut.viewer->text(kPath), "base ");
  const Hash removal = cut.host.membership().restrictions_of(cut.eve->id()).front().operation;
  cut.host.operate(AcknowledgeOperation{removal, cut.host.marks(cut.eve->id())});
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base late ") << i;
    EXPECT_EQ(cut.team[i].state(kPath), cut.host.state(kPath)) << i;
    EXPECT_TRUE(cut.team[i].views().admission().all().empty()) << i;
  }
}

constexpr const char* kOther = "other.md";

DocumentRoleOperation limit(Replica& host, const Replica& whom, const std::string& path,
                            Role role) {
  return {whom.id(), document_id(host.ledger().workspace(), path), role, host.marks(whom.id())};
}

TEST(ViewsTest, ARoleInOneDocumentDisputesNothingInOthers) {
  Cut cut;
  cut.host.name(kOther);
  cut.team.exchange();
  cut.eve->type(kPath, "late ");
  cut.eve->type(kOther, "kept ");
  cut.host.operate(limit(cut.host, *cut.eve, kPath, Role::kViewer));
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base ") << i;
    EXPECT_EQ(cut.team[i].text(kOther), "kept ") << i;
    EXPECT_EQ(cut.team[i].views().admission().all().size(), 1u) << i;
  }
  // What it had not seen, a host may let count after all.
  const Hash limited = cut.host.membership().limits_of(cut.eve->id()).front().operation;
  cut.host.operate(AcknowledgeOperation{limited, cut.host.marks(cut.eve->id())});
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base late ") << i;
  }
}

TEST(ViewsTest, WhoMayNotEditADocumentCannotVouchForItselfOrOthersThere) {
  Cut cut;
  cut.host.name(kOther);
  Replica& friend_of_hers = cut.team.join(Role::kEditor);
  cut.team.exchange();
  cut.host.operate(limit(cut.host, friend_of_hers, kPath, Role::kViewer));
  cut.team.exchange();
  cut.eve->type(kPath, "late ");
  cut.eve->settle();
  cut.host.operate(limit(cut.host, *cut.eve, kPath, Role::kViewer));
  cut.host.settle();
  const Hash limited = cut.host.membership().limits_of(cut.eve->id()).front().operation;
  // Modified clients, with raw operations: for what she wrote; and she raises herself.
  for (Replica* liar : {cut.eve, &friend_of_hers}) {
    cut.host.deliver_all_to(*liar);
    if (liar != cut.eve) cut.eve->deliver_all_to(*liar);
    liar->operate(AcknowledgeOperation{limited, liar->marks(cut.eve->id())});
    liar->operate(limit(*liar, *cut.eve, kPath, Role::kEditor));
    liar->settle();
  }
  cut.team.exchange();
  cut.team.rest();
  EXPECT_EQ(cut.host.text(kPath), "base ");
  EXPECT_EQ(cut.editor->text(kPath), "base ");
  EXPECT_EQ(cut.viewer->text(kPath), "base ");
  // One who may edit it says the same, and is believed.
  cut.editor->acknowledge();
  cut.team.exchange();
  cut.team.rest();
  EXPECT_EQ(cut.host.text(kPath), "base late ");
}

TEST(ViewsTest, AModifiedClientDoesNotEditWhereItIsAViewer) {
  Cut cut;
  cut.host.name(kOther);
  cut.host.operate(limit(cut.host, *cut.eve, kPath, Role::kViewer));
  cut.team.exchange();
  ASSERT_FALSE(cut.eve->can_edit(kPath));
  cut.eve->type(kPath, "forged ");  // Whatever its own software shows.
  cut.eve->type(kOther, "fine ");
  cut.team.exchange();
  cut.team.rest();
  for (Replica* one : {&cut.host, cut.editor, cut.viewer}) {
    EXPECT_EQ(one->text(kPath), "base ");
    EXPECT_EQ(one->text(kOther), "fine ");
    EXPECT_TRUE(one->views().admission().all().empty()) << "refused, not disputed";
    one->crash();
    for (const auto& [id, document] : one->documents().all()) {
      one->documents().schedule_rebuild(id);
    }
    one->rest();
    EXPECT_EQ(one->text(kPath), "base ");
  }
}

// Whoever leaves or conspires with somebody who was removed can name an entry that will never be.
TEST(ViewsTest, AMarkOfWhatIsNotHeldReachesNothing) {
  Cut cut;
  cut.eve->type(kPath, "seen ");
  cut.eve->settle();
  cut.eve->deliver_all_to(*cut.editor);
  LogMark mark = cut.editor->marks(cut.eve->id()).front();
  mark.seq += 1'000'000;
  mark.hash.bytes[0] ^= 1;
  cut.host.operate(RemoveOperation{cut.eve->id(), false, {mark}});
  cut.host.heal();
  cut.host.settle();
  cut.host.deliver_all_to(*cut.editor);
  cut.editor->acknowledge();
  cut.editor->settle();
  cut.eve->type(kPath, "late ");
  cut.eve->settle();
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    if (!cut.team[i].reads_all()) continue;
    EXPECT_EQ(cut.team[i].text(kPath), "base seen ") << i;
    EXPECT_EQ(cut.team[i].state(kPath), cut.host.state(kPath)) << i;
  }
}

// A mark may come before the entry it names.
TEST(ViewsTest, AMarkReachesOnceItsEntryIsHeld) {
  Cut cut;
  cut.eve->type(kPath, "one ");
  cut.eve->settle();
  cut.eve->type(kPath, "two ");
  cut.eve->settle();
  cut.eve->deliver_all_to(cut.host);
  cut.eve->deliver_to(*cut.viewer, cut.log(), 1);
  cut.remove();
  cut.host.deliver_to(*cut.viewer, cut.host.marks(cut.host.id()).front().log);
  cut.viewer->rest();
  EXPECT_EQ(cut.viewer->text(kPath), "base ");
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base one two ") << i;
    EXPECT_EQ(cut.team[i].state(kPath), cut.host.state(kPath)) << i;
    EXPECT_TRUE(cut.team[i].views().admission().all().empty()) << i;
  }
}

TEST(ViewsTest, WhatHonestTextStandsOnCounts) {
  Cut cut;
  cut.eve->type(kPath, "one ");
  cut.eve->settle();
  cut.eve->type(kPath, "two ");
  cut.eve->settle();
  cut.eve->type(kPath, "three ");
  cut.eve->settle();
  // The editor saw two, wrote on, and vanished before it acknowledged.
  cut.eve->deliver_to(*cut.editor, cut.log(), 2);
  cut.editor->type(kPath, "honest ");
  cut.editor->settle();
  cut.remove();
  for (const LogId& log : {cut.editor->marks(cut.editor->id()).front().log, cut.log()}) {
    cut.editor->deliver_to(cut.host, log);
    cut.editor->deliver_to(*cut.viewer, log);
  }
  cut.eve->deliver_all_to(cut.host);
  cut.host.deliver_all_to(*cut.viewer);
  cut.host.rest();
  cut.viewer->rest();
  EXPECT_EQ(cut.host.text(kPath), "base one two honest ");
  EXPECT_EQ(cut.viewer->text(kPath), "base one two honest ");
  EXPECT_EQ(cut.host.state(kPath), cut.viewer->state(kPath));
  EXPECT_EQ(cut.host.views().set_aside().front().entries, 1u);
  cut.host.crash();
  EXPECT_EQ(cut.host.text(kPath), "base one two honest ");
  EXPECT_EQ(cut.host.views().admission().stood_upon(), 2u);
}

TEST(ViewsTest, RepeatingWhatIsStoodUponGainsNothing) {
  Cut cut;
  cut.eve->type(kPath, "one ");
  cut.eve->settle();
  cut.eve->deliver_to(*cut.editor, cut.log(), 1);
  cut.editor->type(kPath, "honest ");
  cut.editor->settle();
  cut.remove();
  // After that, the removed device repeats all there is, with more of its own.
  crdt::Doc evil({999, true});
  (void)evil.apply_update(cut.eve->state(kPath));
  (void)evil.transact([&] { (void)evil.text("t").insert(0, "evil "); });
  cut.eve->write(kPath, evil.encode_state_as_update());
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base one honest ") << i;
  }
}

TEST(ViewsTest, ACommentersUpdatesNeverCount) {
  Cut cut(Role::kCommenter);
  cut.eve->type(kPath, "mine ");
  cut.team.exchange();
  cut.team.rest();
  EXPECT_EQ(cut.host.text(kPath), "base ");
  EXPECT_EQ(cut.viewer->text(kPath), "base ");
  EXPECT_TRUE(cut.host.views().set_aside().empty());
}

TEST(ViewsTest, ADemotionTakesBackWhatNobodyAcknowledged) {
  for (const Role role : {Role::kViewer, Role::kCommenter}) {
    Cut cut;
    cut.eve->type(kPath, "late ");
    cut.eve->deliver_all_to(*cut.viewer);
    EXPECT_EQ(cut.viewer->text(kPath), "base late ");
    cut.host.operate(RoleOperation{cut.eve->id(), role, cut.host.marks(cut.eve->id())});
    cut.team.exchange();
    cut.team.rest();
    for (std::size_t i = 0; i < cut.team.size(); ++i) {
      EXPECT_EQ(cut.team[i].text(kPath), "base ") << i;
      EXPECT_EQ(cut.team[i].state(kPath), cut.host.state(kPath)) << i;
    }
    EXPECT_EQ(cut.viewer->replaced, 1u);
  }
}

TEST(ViewsTest, ADocumentThatNoCountingRecordNamesIsNotListed) {
  Cut cut;
  cut.eve->name("secret.md");
  cut.eve->type("secret.md", "mine");
  cut.eve->name("shared.md");
  cut.eve->deliver_all_to(*cut.viewer);
  cut.viewer->documents().sweep(cut.viewer->now());
  EXPECT_EQ(cut.viewer->documents().names().size(), 3u);
  cut.host.name("shared.md");
  cut.remove();
  cut.team.exchange();
  cut.team.rest();
  EXPECT_EQ(cut.viewer->documents().names().size(), 2u);
  EXPECT_NE(cut.viewer->documents().find_path("shared.md"), nullptr);
  EXPECT_EQ(cut.viewer->documents().find_path("secret.md"), nullptr);
  EXPECT_EQ(cut.host.documents().names().size(), 2u);
  cut.viewer->crash();
  EXPECT_EQ(cut.viewer->documents().names().size(), 2u);
  EXPECT_EQ(cut.viewer->text("secret.md"), "");
}

TEST(ViewsTest, PartsCountTogetherOrNotAtAll) {
  Cut cut;
  const std::string large(1'400'000, 'x');
  cut.eve->type(kPath, large);
  cut.eve->settle();
  cut.eve->deliver_to(cut.host, cut.log(), 2);  // Of three.
  cut.eve->deliver_all_to(*cut.viewer);
  EXPECT_EQ(cut.viewer->text(kPath).size(), large.size() + 5);
  cut.remove();
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base ") << i;
  }
  const Hash removal = cut.host.membership().restrictions_of(cut.eve->id()).front().operation;
  cut.host.operate(AcknowledgeOperation{removal, cut.host.marks(cut.eve->id())});
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath).size(), large.size() + 5) << i;
    EXPECT_EQ(cut.team[i].state(kPath), cut.host.state(kPath)) << i;
  }
}

TEST(ViewsTest, ADeviceThatReturnsIsHeardFromThereOn) {
  Cut cut;
  cut.eve->type(kPath, "lost ");
  cut.eve->settle();
  cut.remove();
  cut.team.exchange();
  cut.team.rest();
  cut.team.admit(*cut.eve, Role::kEditor);
  cut.team.exchange();
  cut.team.rest();
  EXPECT_EQ(cut.eve->text(kPath), "base ");
  ASSERT_TRUE(cut.eve->can_edit());
  cut.eve->type(kPath, "back ");
  cut.team.exchange();
  cut.team.rest();
  for (std::size_t i = 0; i < cut.team.size(); ++i) {
    EXPECT_EQ(cut.team[i].text(kPath), "base back ") << i;
    EXPECT_EQ(cut.team[i].views().set_aside().front().entries, 1u) << i;
  }
}

TEST(ViewsTest, EveryCrashIsTakenUpWhereItWasLeft) {
  // The viewer's disk stops after each batch in turn, in the middle of learning of the removal and
  // of the rebuild, unloaded and loaded.
  for (const bool loaded : {false, true}) {
    for (std::size_t stop = 0; stop < 8; ++stop) {
      Cut cut;
      cut.eve->type(kPath, "late ");
      cut.eve->deliver_all_to(*cut.viewer);
      cut.remove();
      cut.team.exchange();
      Replica& viewer = *cut.viewer;
      std::size_t left = stop;
      viewer.crash();
      if (loaded) {
        EXPECT_FALSE(viewer.text(kPath).empty());
      }
      for (int i = 0; i < 4; ++i) {
        const auto before = viewer.disk().commit_count();
        viewer.settle(left);
        left -= std::min<std::size_t>(left, viewer.disk().commit_count() - before);
        viewer.wait(3s);
      }
      viewer.crash();
      viewer.rest();
      EXPECT_EQ(viewer.text(kPath), "base ") << stop;
      EXPECT_EQ(viewer.state(kPath), cut.host.state(kPath)) << stop;
      viewer.crash();
      EXPECT_EQ(viewer.text(kPath), "base ") << stop;
    }
  }
}

TEST(ViewsTest, NothingUnwrittenBringsBackWhatWasSetAside) {
  // The removal comes while the entries it cuts off are in no batch that landed.
  Cut cut;
  cut.eve->type(kPath, "late ");
  cut.eve->settle();
  cut.remove();
  Replica& viewer = *cut.viewer;
  viewer.crash();  // Nothing is loaded.
  cut.eve->deliver_to(viewer, cut.log());
  EXPECT_EQ(cut.viewer->documents().all().begin()->second->doc, nullptr);
  for (const auto& [log, head] : cut.host.ledger().frontier()) cut.host.deliver_to(viewer, log);
  viewer.wait(3s);  // Rebuilt before anything of it is on disk.
  EXPECT_EQ(viewer.text(kPath), "base ");
  viewer.settle();
  EXPECT_EQ(viewer.text(kPath), "base ");
  viewer.crash();
  EXPECT_EQ(viewer.text(kPath), "base ");
}

TEST(ViewsTest, AMarkReachesOneBranchOnly) {
  // Eve's machine was copied; the host knew one branch when it removed her, the viewer both.
  Cut cut;
  cut.eve->type(kPath, "both ");
  cut.eve->settle();
  const auto twin = cut.eve->clone(991);
  cut.eve->type(kPath, "left ");
  cut.eve->settle();
  twin->type(kPath, "right ");
  twin->type(kPath, "more ");
  twin->settle();
  cut.eve->deliver_whole_to(cut.host);
  twin->deliver_whole_to(*cut.viewer);
  cut.eve->deliver_whole_to(*cut.viewer);
  EXPECT_EQ(cut.viewer->text(kPath).size(), std::string("base both left right more ").size());
  EXPECT_EQ(cut.host.text(kPath), "base both left ");
  cut.remove();
  cut.host.deliver_whole_to(*cut.viewer);
  cut.host.deliver_whole_to(*cut.editor);
  cut.viewer->deliver_whole_to(*cut.editor);
  cut.viewer->deliver_whole_to(cut.host);
  twin->deliver_whole_to(cut.host);
  for (Replica* one : {&cut.host, cut.viewer, cut.editor}) {
    one->rest();
    EXPECT_EQ(one->text(kPath), "base both left ");
    EXPECT_EQ(one->state(kPath), cut.host.state(kPath));
    ASSERT_EQ(one->views().set_aside().size(), 1u);
    EXPECT_EQ(one->views().set_aside().front().entries, 2u);
  }
}

TEST(ViewsTest, AForkThatShowsLaterIsJudgedAgain) {
  // The removal marks the end of one branch; the viewer holds the other. When its log forks here
  // too, what both share is before the mark.
  Cut cut;
  cut.eve->type(kPath, "both ");
  cut.eve->settle();
  const auto twin = cut.eve->clone(992);
  cut.eve->type(kPath, "left ");
  cut.eve->settle();
  twin->type(kPath, "right ");
  twin->settle();
  cut.eve->deliver_whole_to(cut.host);
  twin->deliver_whole_to(*cut.viewer);
  cut.remove();
  // Of the host's log alone.
  cut.host.deliver_to(*cut.viewer, cut.host.marks(cut.host.id()).front().log);
  cut.viewer->rest();
  EXPECT_EQ(cut.viewer->text(kPath), "base ") << "nothing says that the mark is on this branch";
  cut.host.deliver_whole_to(*cut.viewer);
  cut.viewer->rest();
  EXPECT_EQ(cut.viewer->text(kPath), "base both left ");
  EXPECT_EQ(cut.viewer->state(kPath), cut.host.state(kPath));
  EXPECT_EQ(cut.viewer->views().admission().all().size(), 1u);
  cut.viewer->crash();
  EXPECT_EQ(cut.viewer->text(kPath), "base both left ");
}

TEST(ViewsTest, AForkedLogThatGrowsIsJudgedAgain) {
  // As before, but the viewer knows of the fork already: the marked entry comes later still.
  Cut cut;
  cut.eve->type(kPath, "both ");
  cut.eve->settle();
  const auto twin = cut.eve->clone(993);
  cut.eve->type(kPath, "left ");
  cut.eve->settle();
  cut.eve->deliver_whole_to(*cut.viewer);
  twin->type(kPath, "right ");
  twin->settle();
  twin->deliver_whole_to(*cut.viewer);
  cut.eve->type(kPath, "more ");
  cut.eve->settle();
  cut.eve->deliver_whole_to(cut.host);
  cut.remove();
  cut.host.deliver_to(*cut.viewer, cut.host.marks(cut.host.id()).front().log);
  cut.viewer->rest();
  cut.host.deliver_whole_to(*cut.viewer);
  cut.viewer->rest();
  EXPECT_EQ(cut.viewer->text(kPath), "base both left more ");
  EXPECT_EQ(cut.viewer->state(kPath), cut.host.state(kPath));
  EXPECT_EQ(cut.viewer->views().admission().all().size(), 1u);
}

TEST(ViewsTest, LargeUpdatesGoOnInEveryBranch) {
  Cut cut;
  const std::string large(1'400'000, 'x');
  cut.eve->type(kPath, large);
  cut.eve->settle();
  // The copy was made in the middle of the parts: its log goes on otherwise.
  Replica& host = cut.host;
  cut.eve->deliver_to(host, cut.log(), 2);
  cut.eve->deliver_whole_to(*cut.viewer);
  cut.eve->deliver_whole_to(host);
  for (Replica* one : {&cut.host, cut.viewer}) {
    one->rest();
    EXPECT_EQ(one->text(kPath).size(), large.size() + 5);
    for (const auto& [id, document] : one->documents().all()) {
      one->documents().schedule_rebuild(id);
    }
    one->rest();
    EXPECT_EQ(one->text(kPath).size(), large.size() + 5);
    EXPECT_EQ(one->replaced, 0u);
  }
}

TEST(ViewsTest, ATailHasARowForEntriesThatFollowEachOther) {
  Team team(5);
  Replica& host = team.host();
  Replica& editor = team.join(Role::kEditor);
  host.name(kPath);
  team.exchange();
  const auto rows = [](Replica& replica) {
    std::size_t count = 0;
    EXPECT_TRUE(replica.disk().scan(storage::Table::kTails, {}, {},
                                    [&](ByteView, ByteView) { return ++count > 0; }));
    return count;
  };
  for (int i = 0; i < 5; ++i) {
    host.type(kPath, std::to_string(i));
    if (i == 2) host.settle();
  }
  host.deliver_all_to(editor);
  EXPECT_EQ(rows(host), 1u);
  EXPECT_EQ(rows(editor), 1u);
  host.crash();
  host.type(kPath, "5");
  host.settle();
  EXPECT_EQ(rows(host), 1u) << "it goes on after a restart";
  host.type("other.md", "between");
  host.type(kPath, "6");
  team.exchange();
  editor.type(kPath, "7");
  team.exchange();
  EXPECT_EQ(rows(host), 4u);
  for (Replica* one : {&host, &editor}) {
    one->crash();
    EXPECT_EQ(one->text(kPath), "01234567");
    EXPECT_EQ(one->text("other.md"), "between");
  }
}

TEST(ViewsTest, ATailGoesOnBehindAFork) {
  Cut cut;
  for (int i = 0; i < 4; ++i) cut.eve->type(kPath, std::to_string(i));
  cut.eve->settle();
  const auto copy = cut.eve->clone(77);
  for (int i = 4; i < 8; ++i) cut.eve->type(kPath, std::to_string(i));
  cut.eve->deliver_all_to(*cut.viewer);
  copy->type(kPath, "!", 0);
  copy->deliver_whole_to(*cut.viewer);
  const std::string text = cut.viewer->text(kPath);
  EXPECT_EQ(text.size(), 5u + 8u + 1u);
  cut.viewer->crash();
  EXPECT_EQ(cut.viewer->text(kPath), text);
}

// Random teams.

struct Outcome {
  std::map<std::pair<LogId, Seq>, bool> disputed;
  std::map<std::string, Bytes> documents;
  std::size_t recorded = 0;

  bool operator==(const Outcome&) const = default;
};

const std::vector<std::string> kPaths{"a.md", "b.md", "c.md"};

Outcome outcome(Replica& replica) {
  Outcome out;
  for (const auto& [position, one] : replica.views().admission().all()) {
    out.disputed[position] = one.stood_upon;
  }
  for (const std::string& path : kPaths) out.documents[path] = replica.state(path);
  out.recorded = replica.documents().names().size();
  return out;
}

std::string describe(const Outcome& outcome, Replica& replica) {
  std::string text = "disputed " + std::to_string(outcome.disputed.size()) + ", stood upon " +
                     std::to_string(replica.views().admission().stood_upon());
  for (const auto& path : kPaths) text += "\n  " + path + ": " + replica.text(path);
  return text;
}

struct Reached {
  std::size_t readers = 0;
  std::size_t limited = 0;
  std::size_t disputed = 0;
  std::size_t stood_upon = 0;
  std::size_t replaced = 0;
};

void random_team(std::uint64_t seed, Reached& reached) {
  SCOPED_TRACE("COTERIE_SEED=" + std::to_string(seed) +
               " ctest --preset release -R node.views_test");
  SeededChoices choices(seed);
  Team team(seed);
  for (const Role role : {Role::kHost, Role::kEditor, Role::kEditor, Role::kViewer}) {
    team.join(role);
  }
  for (const std::string& path : kPaths) team.host().name(path);
  team.exchange();
  const auto some = [&]() -> Replica& { return team[choices.below(team.size())]; };
  const auto write = [&](Replica& author) {
    const std::string& path = kPaths[choices.below(kPaths.size())];
    if (!author.can_edit(path)) return;
    const std::uint64_t length = author.text(path).size();
    if (choices.chance(15) && length > 3) {
      author.erase(path, choices.below(length - 2), 2);
    } else if (choices.chance(5)) {
      // A copy of all there is, and more.
      crdt::Doc evil({seed * 7'000 + choices.below(1'000'000), true});
      (void)evil.apply_update(author.state(path));
      (void)evil.transact([&] { (void)evil.text("t").insert(0, "!"); });
      author.write(path, evil.encode_state_as_update());
    } else {
      author.type(path, std::string(1 + choices.below(3), char('a' + choices.below(26))),
                  choices.below(length + 1));
    }
    author.settle();
  };
  for (int step = 0; step < 150; ++step) {
    const std::uint64_t kind = choices.below(100);
    if (kind < 45) {
      write(some());
    } else if (kind < 85) {
      Replica& from = some();
      Replica& to = some();
      if (&from == &to) continue;
      from.settle();
      const auto& frontier = from.ledger().frontier();
      auto log = frontier.begin();
      std::advance(log, static_cast<std::ptrdiff_t>(choices.below(frontier.size())));
      const LogId which = log->first;
      from.deliver_to(to, which, 1 + choices.below(4));
      if (choices.chance(70)) to.settle();
      if (choices.chance(60)) to.acknowledge();
      if (choices.chance(30)) to.heal();
    } else if (kind < 90) {
      Replica& host = team[choices.below(2)];
      Replica& whom = some();
      const Member* self = host.membership().find(host.id());
      if (self == nullptr || self->role != Role::kHost || &whom == &host) continue;
      if (choices.chance(50)) {
        DocumentRoleOperation limit;
        limit.device = whom.id();
        if (choices.chance(80)) {
          limit.document = document_id(host.ledger().workspace(), kPaths[choices.below(3)]);
        }
        limit.role = static_cast<Role>(2 + choices.below(3));
        limit.seen = host.marks(whom.id());
        host.operate(limit);
      } else if (choices.chance(50)) {
        host.operate(RemoveOperation{whom.id(), false, host.marks(whom.id())});
      } else {
        const Role role = choices.chance(40)   ? Role::kEditor
                          : choices.chance(50) ? Role::kCommenter
                                               : Role::kViewer;
        host.operate(RoleOperation{whom.id(), role, host.marks(whom.id())});
      }
      if (choices.chance(80)) host.heal();
      host.settle();
    } else if (kind < 92) {
      // A host readmits what it holds of somebody.
      Replica& host = team[choices.below(2)];
      Replica& whom = some();
      auto restrictions = host.membership().restrictions_of(whom.id());
      for (auto& limit : host.membership().limits_of(whom.id())) {
        restrictions.insert(restrictions.begin(), std::move(limit));
      }
      const Member* self = host.membership().find(host.id());
      if (restrictions.empty() || self == nullptr || self->role != Role::kHost) continue;
      host.operate(AcknowledgeOperation{restrictions.front().operation, host.marks(whom.id())});
      host.settle();
    } else if (kind < 94) {
      Replica& one = some();
      one.settle(choices.below(3));
      one.crash();
    } else {
      some().wait(std::chrono::seconds(1 + choices.below(5)));
    }
  }
  team.exchange();
  for (std::size_t i = 0; i < team.size(); ++i) {
    team[i].heal();
    team.exchange();
  }
  team.rest();
  team.exchange();
  team.rest();
  // Whoever was removed lacks keys since.
  std::vector<Replica*> readers;
  for (std::size_t i = 0; i < team.size(); ++i) {
    if (team[i].reads_all()) readers.push_back(&team[i]);
  }
  reached.readers += readers.size();
  if (readers.empty()) return;
  const Outcome expected = outcome(*readers.front());
  for (Replica* one : readers) {
    ASSERT_EQ(one->ledger().frontier(), readers.front()->ledger().frontier());
    ASSERT_TRUE(outcome(*one) == expected)
        << describe(outcome(*one), *one) << "\nbut " << describe(expected, *readers.front());
  }
  reached.disputed += expected.disputed.size();
  for (const auto& [position, stood_upon] : expected.disputed) {
    const auto limits = readers.front()->membership().limits_of(position.first.device);
    reached.limited += limits.empty() ? 0 : 1;
  }
  reached.stood_upon += readers.front()->views().admission().stood_upon();
  for (const Replica* one : readers) reached.replaced += one->replaced;
  // What came bit by bit is what is made anew from the logs.
  Replica& one = *readers[choices.below(readers.size())];
  for (const auto& [id, document] : one.documents().all()) one.documents().schedule_rebuild(id);
  one.rest();
  ASSERT_TRUE(outcome(one) == expected) << describe(outcome(one), one);
  one.crash();
  ASSERT_TRUE(outcome(one) == expected) << "after a restart";
}

TEST(ViewsTest, AllReplicasHoldTheSameWhateverCameFirst) {
  Reached reached;
  if (const char* seed = std::getenv("COTERIE_SEED")) {
    random_team(std::strtoull(seed, nullptr, 10), reached);
    return;
  }
  const char* many = std::getenv("COTERIE_SEEDS");
  const std::uint64_t seeds = many != nullptr ? std::strtoull(many, nullptr, 10) : 60;
  for (std::uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFatalFailure(); ++seed) {
    random_team(seed, reached);
  }
  EXPECT_GT(reached.readers, seeds);
  EXPECT_GT(reached.disputed, 0u);
  EXPECT_GT(reached.limited, 0u);
  EXPECT_GT(reached.stood_upon, 0u);
  EXPECT_GT(reached.replaced, 0u);
}

}  // namespace
}  // namespace coterie::node
