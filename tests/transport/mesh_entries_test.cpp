// Entries in a mesh: pushes, announcements, gaps, pulls, verdicts, frontiers, back-pressure.

#include <algorithm>

#include "tests/transport/mesh_fixture.hpp"

namespace coterie::transport {
namespace {

class MeshEntries : public MeshTest {
 protected:
  void SetUp() override { join(); }

  std::vector<Mesh::RunReceived> received() { return outputs<Mesh::RunReceived>(); }
  /// The only pull that is out, on `link`.
  Pull only_pull(LinkId link) {
    const auto all = sent<Pull>();
    const auto here = sent<Pull>(link);
    EXPECT_EQ(all.size(), 1u);
    EXPECT_EQ(here.size(), 1u);
    return here.empty() ? Pull{} : here[0];
  }
};

// Pushing.

TEST_F(MeshEntries, OwnEntriesGoToEveryLinkedMemberOnce) {
  link_with(1, 1);
  link_with(2, 2, false, {device(1)});
  mesh_->handle_link_up(at(), 3, device(3), true, false);  // Has not said hello.
  forget();
  write_own(3);
  for (const LinkId link : {1u, 2u}) {
    const auto pushes = sent<Entries>(link);
    ASSERT_EQ(pushes.size(), 1u);
    EXPECT_EQ(pushes[0].mode, EntriesMode::kPushed);
    EXPECT_EQ(pushes[0].first, 1u);
    EXPECT_EQ(pushes[0].head, 3u);
    EXPECT_EQ(pushes[0].entries.size(), 3u);
  }
  EXPECT_TRUE(sent<Entries>(3).empty());
  for (const Sent& item : sent_) {
    if (std::holds_alternative<Entries>(item.message)) {
      EXPECT_EQ(item.traffic_class, TrafficClass::kEntries);
    }
  }
  EXPECT_EQ(mesh_->counters().runs_pushed, 2u);
  EXPECT_EQ(mesh_->counters().runs_forwarded, 0u);
}

TEST_F(MeshEntries, ForwardsOnlyWhatIsStoredAndOnlyToThoseNotLinkedToTheAuthor) {
  link_with(1, 1);                      // The author.
  link_with(2, 2, false, {device(1)});  // Linked to the author.
  link_with(3, 3);                      // Not linked to it.
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 2, EntriesMode::kPushed)));
  const auto runs = received();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].run.entries.size(), 2u);
  EXPECT_TRUE(sent<Entries>().empty()) << "not before it is verified and stored";
  store(runs[0]);
  EXPECT_TRUE(sent<Entries>(1).empty());
  EXPECT_TRUE(sent<Entries>(2).empty());
  ASSERT_EQ(sent<Entries>(3).size(), 1u);
  EXPECT_EQ(sent<Entries>(3)[0].mode, EntriesMode::kPushed);
  EXPECT_EQ(mesh_->counters().runs_forwarded, 1u);
}

TEST_F(MeshEntries, DoesNotForwardToNeighboursOfWhoForwardedIt) {
  link_with(1, 1);
  link_with(2, 2, false, {device(1)});  // Gets it from 1, or 1 got it from there.
  link_with(3, 3);
  ASSERT_TRUE(receive(1, Neighbours{space(1), {device(2)}, {}}));
  forget();
  ASSERT_TRUE(receive(1, entries(log_of(9), 1, 2, EntriesMode::kPushed)));
  store(received()[0]);
  EXPECT_TRUE(sent<Entries>(2).empty());
  EXPECT_EQ(sent<Entries>(3).size(), 1u);
  // A neighbour that it has lost is served again.
  ASSERT_TRUE(receive(1, Neighbours{space(1), {}, {device(2)}}));
  forget();
  ASSERT_TRUE(receive(1, entries(log_of(9), 3, 1, EntriesMode::kPushed)));
  store(received()[0]);
  EXPECT_EQ(sent<Entries>(2).size(), 0u) << "it is behind";
  EXPECT_EQ(sent<Announce>(2).size(), 1u);
}

TEST_F(MeshEntries, DoesNotPushWhatAPeerHas) {
  link_with(1, 1);
  link_with(2, 2);
  claim(2, log_of(1), 2);  // It heard of them elsewhere.
  forget();
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 2, EntriesMode::kPushed)));
  store(received()[0]);
  EXPECT_TRUE(sent<Entries>(2).empty());
  EXPECT_TRUE(sent<Announce>(2).empty());
}

TEST_F(MeshEntries, LargeEntriesAreAnnounced) {
  link_with(1, 1);
  write_own(1, kAnnounceEntryBytesMin - 1);
  EXPECT_EQ(sent<Entries>(1).size(), 1u);
  forget();
  write_own(1, kAnnounceEntryBytesMin);
  EXPECT_TRUE(sent<Entries>(1).empty());
  ASSERT_EQ(sent<Announce>(1).size(), 1u);
  EXPECT_EQ(sent<Announce>(1)[0].head, 2u);
}

TEST_F(MeshEntries, LongRunsArePushedInFramesOfBulkSize) {
  link_with(1, 1);
  write_own(180, 1000);
  std::size_t count = 0;
  for (const Sent& item : sent_) {
    const auto* push = std::get_if<Entries>(&item.message);
    if (push == nullptr) continue;
    EXPECT_EQ(push->first, count + 1);
    count += push->entries.size();
    EXPECT_LE(item.bytes, kBulkFrameBytes + kFrameOverheadBytesMax);
  }
  EXPECT_EQ(count, 180u);
}

TEST_F(MeshEntries, APeerThatIsBehindIsToldAndPulls) {
  source_.add(log_of(5), 100);
  mesh_->handle_link_up(at(), 1, device(1), false, false);
  ASSERT_TRUE(receive(1, Hello{1, device(1), false, {state({})}}));  // Holds nothing.
  forget();
  write_own(1);
  EXPECT_TRUE(sent<Entries>(1).empty()) << "it could not use entry 101";
  ASSERT_EQ(sent<Announce>(1).size(), 1u);
  forget();
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(5), 1, kPullBytesMax}));
  ASSERT_EQ(sent<Entries>(1).size(), 1u);
  EXPECT_EQ(sent<Entries>(1)[0].mode, EntriesMode::kPulledEnd);
  forget();
  write_own(1);
  EXPECT_EQ(sent<Entries>(1).size(), 1u) << "now it has the rest, and is pushed to again";
}

// Receiving.

TEST_F(MeshEntries, AGapStartsAPull) {
  link_with(1, 1);
  source_.add(log_of(1), 2);
  mesh_->entries_stored(at(), space(1), {log_of(1), 1, {{1}, {2}}}, 1);
  forget();
  ASSERT_TRUE(receive(1, entries(log_of(1), 5, 2, EntriesMode::kPushed)));
  EXPECT_TRUE(received().empty());
  EXPECT_EQ(mesh_->counters().runs_with_gap, 1u);
  EXPECT_EQ(only_pull(1), (Pull{space(1), log_of(1), 3, kPullBytesMax}));
  ASSERT_TRUE(receive(1, entries(log_of(1), 3, 4, EntriesMode::kPulledEnd)));
  ASSERT_EQ(received().size(), 1u);
  EXPECT_EQ(received()[0].run.first, 3u);
  EXPECT_EQ(received()[0].run.entries.size(), 4u);
}

TEST_F(MeshEntries, OverlapsAreTrimmedAndDuplicatesDropped) {
  link_with(1, 1);
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 3, EntriesMode::kPushed)));
  ASSERT_TRUE(receive(1, entries(log_of(1), 2, 4, EntriesMode::kPushed)));
  ASSERT_EQ(received().size(), 2u) << "the first need not be stored yet";
  EXPECT_EQ(received()[1].run.first, 4u);
  EXPECT_EQ(received()[1].run.entries.size(), 2u);
  EXPECT_EQ(received()[1].run.entries[0][0], 4);
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 5, EntriesMode::kPushed)));
  EXPECT_EQ(received().size(), 2u);
  EXPECT_EQ(mesh_->counters().runs_duplicate, 1u);
  EXPECT_TRUE(sent<Pull>().empty());
}

TEST_F(MeshEntries, ALongCatchUpStreamsWithoutWaitingForTheDisk) {
  link_with(1, 1);
  claim(1, log_of(1), 10'000);
  for (Seq first = 1; first <= 901; first += 100) {
    EXPECT_EQ(only_pull(1).first, first);
    forget();
    ASSERT_TRUE(receive(1, entries(log_of(1), first, 50, EntriesMode::kPulled)));
    EXPECT_TRUE(sent<Pull>().empty()) << "one at a time";
    auto rest = entries(log_of(1), first + 50, 50, EntriesMode::kPulledEnd);
    rest.head = 10'000;
    ASSERT_TRUE(receive(1, rest));
    EXPECT_EQ(received().size(), 2u);
  }
}

TEST_F(MeshEntries, UnverifiedBytesAreBoundedPerLink) {
  link_with(1, 1);
  claim(1, log_of(1), 10'000);
  const std::size_t entry = 60'000;
  Seq next = 1;
  std::vector<Mesh::RunReceived> runs;
  while (!sent<Pull>(1).empty()) {
    forget();
    auto run = entries(log_of(1), next, 4, EntriesMode::kPulledEnd, entry);
    run.head = 10'000;
    ASSERT_TRUE(receive(1, run));
    next += 4;
    for (const auto& given : received()) runs.push_back(given);
    ASSERT_LT(next, 200u);
  }
  const std::size_t held = (next - 1) * entry;
  EXPECT_LE(held, kUnverifiedBytesPerLinkMax);
  EXPECT_GT(held + 2 * kPullBytesMax, kUnverifiedBytesPerLinkMax) << "no earlier than needed";
  // Pushed all the same: taken as long as it fits, then dropped, and that is no fault.
  int pushes = 0;
  while (mesh_->counters().runs_over_budget == 0) {
    ASSERT_TRUE(receive(1, entries(log_of(1), next, 1, EntriesMode::kPushed, entry)));
    if (mesh_->counters().runs_over_budget == 0) ++next;
    ASSERT_LT(++pushes, 20);
  }
  EXPECT_LE((next - 1) * entry, kUnverifiedBytesPerLinkMax);
  EXPECT_GT(next * entry, kUnverifiedBytesPerLinkMax);
  // Room again: it goes on by itself.
  forget();
  store(runs[0]);
  store(runs[1]);
  EXPECT_EQ(only_pull(1).first, next);
}

TEST_F(MeshEntries, UnverifiedBytesAreBoundedInTotal) {
  join({1, 2, 3, 4, 5, 6, 7, 8, 9});
  std::size_t reserved = 0;
  for (const LinkId link : {1u, 2u, 3u, 4u, 6u, 7u, 8u, 9u}) {
    link_with(link, link);
    for (std::uint64_t i = 0; i < 40; ++i) {
      ASSERT_TRUE(receive(link, Announce{space(1), {device(link), i}, 1000}));
    }
    const std::size_t here = sent<Pull>(link).size() * kPullBytesMax;
    EXPECT_LE(here, kUnverifiedBytesPerLinkMax);
    reserved += here;
    forget();
  }
  EXPECT_EQ(reserved, kUnverifiedBytesMax);
}

TEST_F(MeshEntries, ASilentPeerIsReplacedByAnother) {
  link_with(1, 1);
  link_with(2, 2);
  const LogId log = log_of(7);
  claim(1, log, 5);
  claim(2, log, 5);
  const Pull first = only_pull(1);
  const auto keep_alive = [&](Duration time) {
    for (Duration passed{}; passed < time; passed += 500ms) {
      run_for(500ms);
      for (const LinkId link : {1u, 2u}) {
        ASSERT_TRUE(receive(link, Heartbeat{1, 0, 0, {state(our_digest())}}));
      }
    }
  };
  keep_alive(9500ms);
  EXPECT_EQ(mesh_->counters().pulls_timed_out, 0u);
  forget();
  keep_alive(1s);
  EXPECT_EQ(mesh_->counters().pulls_timed_out, 1u);
  EXPECT_EQ(only_pull(2).first, first.first);
  forget();
  // A late answer of the first is as good as any; the second is then a duplicate.
  ASSERT_TRUE(receive(1, entries(log, 1, 5, EntriesMode::kPulledEnd)));
  EXPECT_EQ(received().size(), 1u);
  ASSERT_TRUE(receive(2, entries(log, 1, 5, EntriesMode::kPulledEnd)));
  EXPECT_EQ(received().size(), 1u);
  EXPECT_TRUE(sent<Pull>().empty());
}

TEST_F(MeshEntries, APullThatWasPassedOverIsNotWaitedForLong) {
  link_with(1, 1);
  claim(1, log_of(7), 5);  // Never answered.
  run_for(100ms);
  for (Seq seq = 1; seq <= 30; ++seq) {  // Something else is, all the time.
    claim(1, log_of(8), seq);
    run_for(400ms);
    ASSERT_TRUE(receive(1, entries(log_of(8), seq, 1, EntriesMode::kPulledEnd)));
  }
  EXPECT_EQ(mesh_->counters().pulls_timed_out, 1u);
}

TEST_F(MeshEntries, APullIsWaitedForAsLongAsItsLinkServes) {
  link_with(1, 1);
  claim(1, log_of(7), 100);
  claim(1, log_of(8), 5);  // Its turn comes after the other's.
  for (Seq seq = 1; seq <= 60; ++seq) {
    run_for(500ms);
    ASSERT_TRUE(receive(1, entries(log_of(7), seq, 1, EntriesMode::kPulled)));
  }
  EXPECT_EQ(mesh_->counters().pulls_timed_out, 0u);
  for (Seq seq = 61; seq <= 121; ++seq) {  // But not for ever.
    run_for(500ms);
    ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
    ASSERT_TRUE(receive(1, entries(log_of(7), seq, 1, EntriesMode::kPulled)));
  }
  EXPECT_EQ(mesh_->counters().pulls_timed_out, 2u);
}

TEST_F(MeshEntries, ALostLinkGivesItsPullsToAnother) {
  link_with(1, 1);
  link_with(2, 2);
  claim(1, log_of(7), 5);
  claim(2, log_of(7), 5);
  (void)only_pull(1);
  forget();
  mesh_->handle_link_down(at(), 1);
  EXPECT_EQ(only_pull(2).first, 1u);
}

TEST_F(MeshEntries, AnEmptyAnswerEndsTheAsking) {
  link_with(1, 1);
  claim(1, log_of(7), 5);
  (void)only_pull(1);
  forget();
  const Entries nothing{space(1), log_of(7), 1, EntriesMode::kPulledEnd, 0, {}};
  ASSERT_TRUE(receive(1, nothing));
  EXPECT_TRUE(sent<Pull>().empty());
  claim(1, log_of(7), 6);
  EXPECT_EQ(sent<Pull>().size(), 1u) << "until it claims something new";
}

TEST_F(MeshEntries, APeerThatAnswersBesideThePointIsNotAskedForEver) {
  link_with(1, 1);
  claim(1, log_of(7), kSeqMax);
  int pulls = 0;
  while (!sent<Pull>(1).empty()) {
    forget();
    ASSERT_LT(++pulls, 5);
    auto beside = entries(log_of(7), 100, 1, EntriesMode::kPulledEnd);
    beside.head = kSeqMax;
    ASSERT_TRUE(receive(1, beside));
  }
  EXPECT_TRUE(received().empty());
}

// Verdicts.

TEST_F(MeshEntries, ADeferredRunIsAskedForAgainWhenMembershipChanges) {
  link_with(1, 1);
  ASSERT_TRUE(receive(1, entries(log_of(9), 1, 3, EntriesMode::kPushed)));
  const auto run = received();
  ASSERT_EQ(run.size(), 1u);
  forget();
  mesh_->handle_run_verdict(at(), run[0].run_id, RunVerdict::kDeferred);
  EXPECT_TRUE(sent<Pull>().empty()) << "not at once";
  ASSERT_TRUE(receive(1, entries(log_of(9), 4, 1, EntriesMode::kPushed)));
  EXPECT_TRUE(received().empty());
  EXPECT_TRUE(sent<Pull>().empty());
  join();
  EXPECT_EQ(only_pull(1).first, 1u);
  EXPECT_EQ(status_of(1).faults, 0u);
}

TEST_F(MeshEntries, ADeferredRunIsAskedForAgainAfterAPauseThatGrows) {
  link_with(1, 1);
  claim(1, log_of(9), 3);
  std::vector<Duration> pauses;
  for (int round = 0; round < 8; ++round) {
    ASSERT_EQ(sent<Pull>(1).size(), 1u);
    forget();
    ASSERT_TRUE(receive(1, entries(log_of(9), 1, 3, EntriesMode::kPulledEnd)));
    const auto run = received();
    ASSERT_EQ(run.size(), 1u);
    mesh_->handle_run_verdict(at(), run[0].run_id, RunVerdict::kDeferred);
    const Instant start = now_;
    while (sent<Pull>(1).empty() && now_ < start + 60s) {
      run_for(500ms);
      ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
    pauses.push_back(now_ - start);
  }
  EXPECT_LT(pauses.front(), 4s);
  EXPECT_GT(pauses.back(), 25s);
  EXPECT_LT(pauses.back(), 35s);
}

TEST_F(MeshEntries, ADeferredRunIsAskedForSoonWhenMoreIsKnown) {
  link_with(1, 1);
  claim(1, log_of(9), 3);
  for (int round = 0; round < 8; ++round) {
    ASSERT_EQ(sent<Pull>(1).size(), 1u);
    forget();
    ASSERT_TRUE(receive(1, entries(log_of(9), 1, 3, EntriesMode::kPulledEnd)));
    mesh_->handle_run_verdict(at(), received().at(0).run_id, RunVerdict::kDeferred);
    mesh_->reconsider(at(), space(1));
    EXPECT_TRUE(sent<Pull>(1).empty()) << "not at once";
    const Instant start = now_;
    while (sent<Pull>(1).empty() && now_ < start + 60s) {
      run_for(100ms);
      ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
    EXPECT_LT(now_ - start, 4s) << "however often it was deferred";
  }
  mesh_->reconsider(at(), WorkspaceId{});  // Not one of ours.
}

TEST_F(MeshEntries, ARefusedRunIsTakenFromAnother) {
  link_with(1, 1);
  link_with(2, 2);
  claim(1, log_of(7), 3);
  claim(2, log_of(7), 3);
  (void)only_pull(1);
  ASSERT_TRUE(receive(1, entries(log_of(7), 1, 3, EntriesMode::kPulledEnd)));
  const auto run = received();
  forget();
  mesh_->handle_run_verdict(at(), run[0].run_id, RunVerdict::kRefused);
  EXPECT_EQ(only_pull(2).first, 1u);
  EXPECT_EQ(status_of(1).faults, 1u);
  EXPECT_EQ(mesh_->counters().runs_refused, 1u);
  // What the first says about this log is not listened to for a while; other logs are.
  ASSERT_TRUE(receive(1, entries(log_of(7), 1, 3, EntriesMode::kPushed)));
  EXPECT_TRUE(received().empty());
  ASSERT_TRUE(receive(1, entries(log_of(8), 1, 3, EntriesMode::kPushed)));
  EXPECT_EQ(received().size(), 1u);
}

TEST_F(MeshEntries, VerdictsMayComeInAnyOrderAndTwice) {
  link_with(1, 1);
  ASSERT_TRUE(receive(1, entries(log_of(7), 1, 2, EntriesMode::kPushed)));
  ASSERT_TRUE(receive(1, entries(log_of(7), 3, 2, EntriesMode::kPushed)));
  const auto runs = received();
  source_.add(runs[0].run);
  mesh_->handle_run_verdict(at(), runs[0].run_id, RunVerdict::kStored);
  mesh_->entries_stored(at(), space(1), runs[0].run, 1);
  mesh_->handle_run_verdict(at(), runs[0].run_id, RunVerdict::kStored);
  mesh_->handle_run_verdict(at(), 12345, RunVerdict::kRefused);
  store(runs[1]);
  EXPECT_TRUE(sent<Pull>().empty());
  EXPECT_EQ(status_of(1).faults, 0u);
}

// Serving.

TEST_F(MeshEntries, APullIsServedInBulkFramesWithinItsCredit) {
  source_.add(log_of(7), 1000, 1000);
  link_with(1, 1);
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 11, kPullBytesMax}));
  const auto answers = sent<Entries>(1);
  Seq next = 11;
  std::size_t bytes = 0;
  for (const Entries& answer : answers) {
    EXPECT_EQ(answer.first, next);
    EXPECT_EQ(answer.head, 1000u);
    next += answer.entries.size();
    bytes += answer.entries.size() * 1000;
    EXPECT_EQ(answer.mode,
              &answer == &answers.back() ? EntriesMode::kPulledEnd : EntriesMode::kPulled);
  }
  EXPECT_GE(answers.size(), 4u);
  EXPECT_LE(bytes, kPullBytesMax + 1000);
  EXPECT_GT(bytes, kPullBytesMax - 2000);
  for (const Sent& item : sent_) {
    if (!std::holds_alternative<Entries>(item.message)) continue;
    EXPECT_EQ(item.traffic_class, TrafficClass::kBulk);
    EXPECT_LE(item.bytes, kBulkFrameBytes + kFrameOverheadBytesMax);
  }
}

TEST_F(MeshEntries, TheLargestEntryTravelsWhateverTheCredit) {
  source_.add(log_of(7), 2, kEntryBytesMax);
  link_with(1, 1);
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 1, 1}));
  ASSERT_EQ(sent<Entries>(1).size(), 1u);
  EXPECT_EQ(sent<Entries>(1)[0].entries.size(), 1u);
  EXPECT_EQ(sent<Entries>(1)[0].entries[0].size(), kEntryBytesMax);
}

TEST_F(MeshEntries, WhatIsNotHeldIsAnsweredEmpty) {
  source_.add(log_of(7), 2);
  link_with(1, 1);
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 3, 100}));
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(8), 1, 100}));
  const auto answers = sent<Entries>(1);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_TRUE(answers[0].entries.empty());
  EXPECT_EQ(answers[0].head, 2u);
  EXPECT_TRUE(answers[1].entries.empty());
  EXPECT_EQ(answers[1].head, 0u);
}

TEST_F(MeshEntries, PullsWaitingForAnAnswerAreBounded) {
  source_.add(log_of(7), 2000, 1000);
  link_with(1, 1);
  sends_leave_ = false;
  write_much(3);  // Fills the window, so that nothing is served.
  const std::size_t most = 4 * kUnverifiedBytesPerLinkMax / kPullBytesMax;
  for (std::uint64_t i = 0; i < most + 10; ++i) {
    ASSERT_TRUE(receive(1, Pull{space(1), {device(7), 1000 + i}, 1, 1})) << "no fault";
  }
  ASSERT_TRUE(receive(1, Pull{space(1), {device(7), 1000}, 2, 1})) << "replaces that log's first";
  forget();
  sends_leave_ = true;
  mesh_->handle_sent(at(), 1, unsent_[1]);
  const auto answers = sent<Entries>(1);
  std::size_t ends = 0;
  for (const Entries& answer : answers) ends += answer.mode == EntriesMode::kPulledEnd ? 1u : 0u;
  EXPECT_EQ(ends, most);
}

// Back-pressure.

TEST_F(MeshEntries, AKeystrokeOvertakesBulk) {
  source_.add(log_of(7), 5000, 1000);
  link_with(1, 1);
  sends_leave_ = false;
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 1 + i * 500, kPullBytesMax}));
  }
  EXPECT_LE(unsent_[1], 2 * (kBulkFrameBytes + kFrameOverheadBytesMax));
  forget();
  write_own(1);
  ASSERT_EQ(sent_.size(), 1u) << "though no bulk frame has left";
  EXPECT_EQ(sent_[0].traffic_class, TrafficClass::kEntries);
  forget();
  ASSERT_TRUE(receive(1, FrontierReport{space(1), true, {}}));
  ASSERT_FALSE(sent_.empty());
  EXPECT_EQ(sent_[0].traffic_class, TrafficClass::kControl);
}

TEST_F(MeshEntries, TheWindowIsKeptAndClassesGoInOrder) {
  link_with(1, 1);
  sends_leave_ = false;
  write_much(3);
  EXPECT_LE(unsent_[1], 256 * 1024 + kBulkFrameBytes);
  EXPECT_GE(unsent_[1], 128 * 1024);
  mesh_->publish_awareness(at(), space(1), 1, 1, {1});
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(5), 1, kPullBytesMax}));
  forget();
  ASSERT_TRUE(receive(1, FrontierReport{space(1), true, {}}));
  sends_leave_ = true;
  mesh_->handle_sent(at(), 1, unsent_[1]);
  drain();
  std::vector<TrafficClass> order;
  for (const Sent& item : sent_) order.push_back(item.traffic_class);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order.front(), TrafficClass::kControl);
  EXPECT_EQ(order.back(), TrafficClass::kBulk);
  EXPECT_EQ(std::count(order.begin(), order.end(), TrafficClass::kAwareness), 1);
}

TEST_F(MeshEntries, AFullOutboxDropsPushesForThatLinkOnly) {
  link_with(1, 1);
  link_with(2, 2);
  sends_leave_ = false;
  std::size_t waited = 0;
  while (mesh_->counters().pushes_dropped == 0) {
    write_own(100, 1000);
    mesh_->handle_sent(at(), 2, unsent_[2]);
    unsent_[2] = 0;
    waited += 100'000;
    pass(1s);  // No more than it may say.
    ASSERT_LT(waited, 10u * 1024 * 1024);
  }
  EXPECT_GT(waited, 4u * 1024 * 1024);
  EXPECT_EQ(mesh_->counters().pushes_dropped, 1u);
  // The other is up to date; the slow one is told how far we are when it reads again, and pulls.
  drain();
  Seq reached = 0;
  for (const Entries& push : sent<Entries>(2)) reached = push.first + push.entries.size() - 1;
  const Seq head = source_.frontier(space(1))->at(log_of(5)).seq;
  EXPECT_EQ(reached, head);
  sends_leave_ = true;
  mesh_->handle_sent(at(), 1, unsent_[1]);
  const auto announces = sent<Announce>(1);
  ASSERT_EQ(announces.size(), 1u);
  EXPECT_EQ(announces[0].head, head);
}

// Anti-entropy.

TEST_F(MeshEntries, DifferentDigestsExchangeFrontiersAndBothSidesPull) {
  source_.add(log_of(5), 10);
  link_with(1, 1);
  Frontier theirs = {{log_of(5), {4, testing::patterned_id<Hash>(4)}},
                     {log_of(1), {7, testing::patterned_id<Hash>(7)}}};
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(frontier_digest(theirs))}}));
  EXPECT_TRUE(sent<FrontierReport>(1).empty()) << "what makes the difference may be on its way";
  run_for(250ms);
  auto reports = sent<FrontierReport>(1);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports[0].reply_wanted);
  EXPECT_EQ(reports[0].heads, *source_.frontier(space(1)));
  forget();
  ASSERT_TRUE(receive(1, FrontierReport{space(1), false, theirs}));
  EXPECT_TRUE(sent<FrontierReport>(1).empty());
  EXPECT_EQ(only_pull(1), (Pull{space(1), log_of(1), 1, kPullBytesMax}));
  const PeerStatus status = status_of(1);
  EXPECT_FALSE(status.in_step);
  EXPECT_EQ(status.entries_behind, 7u);
  EXPECT_EQ(status.entries_ahead, 6u);
  forget();
  ASSERT_TRUE(receive(1, FrontierReport{space(1), true, theirs}));
  reports = sent<FrontierReport>(1);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_FALSE(reports[0].reply_wanted);
}

TEST_F(MeshEntries, ADigestThatAPushCrossedCausesNoExchange) {
  link_with(1, 1);
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(testing::patterned_id<Hash>(1))}}));
  EXPECT_FALSE(status_of(1).in_step);
  // It holds an entry that is on its way; here it comes.
  FakeSource ahead;
  ahead.add(log_of(1), 1);
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(frontier_digest(*ahead.frontier(space(1))))}}));
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 1, EntriesMode::kPushed)));
  store(received()[0]);
  run_for(1s);
  EXPECT_TRUE(sent<FrontierReport>(1).empty());
  EXPECT_TRUE(status_of(1).in_step);
}

TEST_F(MeshEntries, AnExchangeThatChangesNothingBecomesRare) {
  link_with(1, 1);
  int exchanges = 0;
  for (int second = 0; second < 120; ++second) {
    run_for(1s);
    ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(testing::patterned_id<Hash>(1))}}));
    exchanges += static_cast<int>(sent<FrontierReport>(1).size());
    forget();
  }
  EXPECT_GE(exchanges, 8);
  EXPECT_LE(exchanges, 12);
  // News on either side, and it is done at once.
  write_own(1);
  forget();
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(testing::patterned_id<Hash>(1))}}));
  EXPECT_EQ(sent<FrontierReport>(1).size(), 1u);
}

TEST_F(MeshEntries, AnOldReportDoesNotOutliveTheNextHeartbeat) {
  source_.add(log_of(5), 10);
  link_with(1, 1);
  const Frontier old = {{log_of(5), {4, testing::patterned_id<Hash>(4)}}};
  ASSERT_TRUE(receive(1, FrontierReport{space(1), false, old}));
  EXPECT_EQ(status_of(1).entries_ahead, 6u);
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  EXPECT_EQ(status_of(1).entries_ahead, 0u);
}

TEST_F(MeshEntries, AnotherHashAtOurHeadIsLookedInto) {
  source_.add(log_of(7), 4);
  link_with(1, 1);
  const Frontier forked = {{log_of(7), {4, testing::patterned_id<Hash>(99)}}};
  ASSERT_TRUE(receive(1, FrontierReport{space(1), false, forked}));
  EXPECT_EQ(only_pull(1).first, 1u);
  ASSERT_TRUE(receive(1, entries(log_of(7), 1, 4, EntriesMode::kPulledEnd)));
  ASSERT_EQ(received().size(), 1u) << "though we hold all four";
  EXPECT_EQ(received()[0].run.first, 1u);
  // Nothing in it is new: the claim was a lie, and is not looked into again.
  mesh_->handle_run_verdict(at(), received()[0].run_id, RunVerdict::kStored);
  forget();
  for (int i = 0; i < 5; ++i) {
    run_for(3s);
    ASSERT_TRUE(receive(1, FrontierReport{space(1), false, forked}));
  }
  EXPECT_TRUE(sent<Pull>().empty());
}

TEST_F(MeshEntries, TheForkOfALogIsSearchedByHalves) {
  source_.add(log_of(7), 1000);
  link_with(1, 1);
  const Frontier forked = {{log_of(7), {1000, testing::patterned_id<Hash>(99)}}};
  ASSERT_TRUE(receive(1, FrontierReport{space(1), false, forked}));
  // The peer's entries differ from 301 on; five fit a frame.
  std::size_t probes = 0;
  for (Seq first = only_pull(1).first; probes < 40; ++probes) {
    forget();
    ASSERT_TRUE(receive(1, entries(log_of(7), first, 5, EntriesMode::kPulledEnd)));
    ASSERT_EQ(received().size(), 1u) << first;
    const std::uint64_t run = received()[0].run_id;
    if (first <= 301 && first + 5 > 301) {
      source_.close(log_of(7), 300);  // It is split now.
      mesh_->handle_run_verdict(at(), run, RunVerdict::kStored);
      break;
    }
    mesh_->handle_run_verdict(at(), run, first <= 301 ? RunVerdict::kStored : RunVerdict::kApart);
    ASSERT_EQ(sent<Pull>(1).size(), 1u);
    first = sent<Pull>(1)[0].first;
  }
  EXPECT_LE(probes, 14u);
  forget();
  // The peer still claims a thousand; what we lack of it has other names.
  for (int i = 0; i < 5; ++i) {
    run_for(3s);
    ASSERT_TRUE(receive(1, FrontierReport{space(1), false, forked}));
  }
  EXPECT_LE(sent<Pull>().size(), 1u);
}

TEST_F(MeshEntries, ARunOfAnotherBranchStartsASearch) {
  source_.add(log_of(7), 50);
  link_with(1, 1);
  ASSERT_TRUE(receive(1, entries(log_of(7), 51, 1, EntriesMode::kPushed)));
  ASSERT_EQ(received().size(), 1u);
  mesh_->handle_run_verdict(at(), received()[0].run_id, RunVerdict::kApart);
  EXPECT_EQ(only_pull(1).first, 35u);
  EXPECT_EQ(mesh_->counters().runs_refused, 0u) << "no fault of the peer";
}

// Pruned logs.

TEST_F(MeshEntries, PrunedEntriesAreNotServedAndTheAskerIsReported) {
  source_.add(log_of(7), 20);
  source_.prune(log_of(7), 12);
  link_with(1, 1);
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 12, kPullBytesMax}));
  const auto below = outputs<Mesh::PullBelowBase>();
  ASSERT_EQ(below.size(), 1u);
  EXPECT_EQ(below[0].link, 1u);
  EXPECT_EQ(below[0].workspace, space(1));
  ASSERT_EQ(sent<Entries>(1).size(), 1u);
  const Entries answer = sent<Entries>(1)[0];
  EXPECT_EQ(answer.mode, EntriesMode::kPulledEnd);
  EXPECT_TRUE(answer.entries.empty());
  EXPECT_EQ(answer.first, 12u);
  EXPECT_EQ(answer.head, 20u) << "held, and yet not given: the peer can tell";
  forget();
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 13, kPullBytesMax}));
  ASSERT_EQ(sent<Entries>(1).size(), 1u);
  EXPECT_EQ(sent<Entries>(1)[0].entries.size(), 8u) << "above the base all is as ever";
  EXPECT_TRUE(outputs<Mesh::PullBelowBase>().empty());
}

TEST_F(MeshEntries, AskersBelowTheBaseAreReportedOnceInAWhile) {
  source_.add(log_of(7), 20);
  source_.add(log_of(8), 20);
  source_.prune(log_of(7), 20);
  source_.prune(log_of(8), 20);
  link_with(1, 1);
  link_with(2, 2);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 1, kPullBytesMax}));
    ASSERT_TRUE(receive(1, Pull{space(1), log_of(8), 1, kPullBytesMax}));
  }
  EXPECT_EQ(outputs<Mesh::PullBelowBase>().size(), 1u);
  EXPECT_EQ(sent<Entries>(1).size(), 100u) << "but each is answered";
  ASSERT_TRUE(receive(2, Pull{space(1), log_of(7), 1, kPullBytesMax}));
  EXPECT_EQ(outputs<Mesh::PullBelowBase>().size(), 2u) << "each link for itself";
  pass(10s);
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(7), 1, kPullBytesMax}));
  EXPECT_EQ(outputs<Mesh::PullBelowBase>().size(), 3u);
  EXPECT_EQ(mesh_->counters().pulls_below_base, 102u);
}

TEST_F(MeshEntries, WhoeverPrunedWhatWeLackIsAskedRarelyAndOthersAtOnce) {
  link_with(1, 1);
  link_with(2, 2);
  claim(1, log_of(7), 20);
  EXPECT_EQ(only_pull(1).first, 1u);
  forget();
  const Entries pruned{space(1), log_of(7), 1, EntriesMode::kPulledEnd, 20, {}};
  ASSERT_TRUE(receive(1, pruned));
  // New entries of it all the time, as of any log in use.
  const auto keep_alive = [&](Duration time) {
    for (Duration passed{}; passed < time; passed += 500ms) {
      run_for(500ms);
      claim(1, log_of(7), 21 + static_cast<Seq>(passed / 500ms));
      ASSERT_TRUE(receive(2, Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
  };
  keep_alive(14s);
  EXPECT_TRUE(sent<Pull>().empty());
  EXPECT_EQ(status_of(1).faults, 0u);
  EXPECT_EQ(mesh_->counters().pulls_unserved, 1u);
  keep_alive(4s);
  EXPECT_EQ(only_pull(1).first, 1u) << "now and then";
  ASSERT_TRUE(receive(1, pruned));
  forget();
  claim(2, log_of(7), 20);
  EXPECT_EQ(only_pull(2).first, 1u) << "one that may have all of it";
}

TEST_F(MeshEntries, AfterTheFrontierMovedPullsGoOnFromTheNewHeads) {
  link_with(1, 1);
  link_with(2, 2);
  claim(1, log_of(7), 20);
  claim(1, log_of(8), 9);
  claim(2, log_of(9), 30);  // Not answered yet.
  ASSERT_EQ(sent<Pull>().size(), 3u);
  for (const LogId& log : {log_of(7), log_of(8)}) {
    ASSERT_TRUE(receive(1, Entries{space(1), log, 1, EntriesMode::kPulledEnd, 9, {}}));
  }
  forget();
  source_.jump(log_of(7), 15);
  source_.jump(log_of(8), 9);
  source_.jump(log_of(9), 25);
  mesh_->frontier_moved(at(), space(1));
  ASSERT_EQ(sent<Pull>().size(), 2u);
  ASSERT_EQ(sent<Pull>(1).size(), 1u);
  EXPECT_EQ(sent<Pull>(1)[0], (Pull{space(1), log_of(7), 16, kPullBytesMax}));
  ASSERT_EQ(sent<Pull>(2).size(), 1u);
  EXPECT_EQ(sent<Pull>(2)[0], (Pull{space(1), log_of(9), 26, kPullBytesMax}));
  for (const LinkId link : {1u, 2u}) {
    ASSERT_EQ(sent<FrontierReport>(link).size(), 1u);
    EXPECT_TRUE(sent<FrontierReport>(link)[0].reply_wanted);
    EXPECT_EQ(sent<FrontierReport>(link)[0].heads.size(), 3u);
  }
  run_for(3s);
  for (const auto& beat : sent<Heartbeat>(1)) EXPECT_EQ(beat.workspaces[0].digest, our_digest());
  EXPECT_FALSE(sent<Heartbeat>(1).empty());
  ASSERT_TRUE(receive(1, entries(log_of(7), 16, 5, EntriesMode::kPulledEnd)));
  ASSERT_EQ(received().size(), 1u);
  EXPECT_EQ(received()[0].run.first, 16u);
}

TEST_F(MeshEntries, AForkIsSearchedAboveWhatEitherPruned) {
  source_.add(log_of(7), 1000);
  source_.prune(log_of(7), 100);
  link_with(1, 1);
  const Frontier forked = {{log_of(7), {1000, testing::patterned_id<Hash>(99)}}};
  ASSERT_TRUE(receive(1, FrontierReport{space(1), false, forked}));
  // The peer pruned up to 400; its entries differ from 700 on.
  std::size_t probes = 0;
  for (Seq first = only_pull(1).first; probes < 40; ++probes) {
    EXPECT_GT(first, 100u);
    forget();
    if (first <= 400) {
      ASSERT_TRUE(
          receive(1, Entries{space(1), log_of(7), first, EntriesMode::kPulledEnd, 1000, {}}));
    } else {
      ASSERT_TRUE(receive(1, entries(log_of(7), first, 5, EntriesMode::kPulledEnd)));
      ASSERT_EQ(received().size(), 1u) << first;
      const std::uint64_t run = received()[0].run_id;
      if (first <= 700 && first + 5 > 700) {
        source_.close(log_of(7), 699);
        mesh_->handle_run_verdict(at(), run, RunVerdict::kStored);
        break;
      }
      mesh_->handle_run_verdict(at(), run, first <= 700 ? RunVerdict::kStored : RunVerdict::kApart);
    }
    ASSERT_EQ(sent<Pull>(1).size(), 1u) << first;
    first = sent<Pull>(1)[0].first;
  }
  EXPECT_LE(probes, 14u);
}

TEST_F(MeshEntries, AForkBelowTheBaseIsNotSearchedForEver) {
  source_.add(log_of(7), 1000);
  source_.prune(log_of(7), 900);
  link_with(1, 1);
  const Frontier forked = {{log_of(7), {1000, testing::patterned_id<Hash>(99)}}};
  ASSERT_TRUE(receive(1, FrontierReport{space(1), false, forked}));
  std::size_t probes = 0;
  while (sent<Pull>(1).size() == 1) {
    const Seq first = sent<Pull>(1)[0].first;
    EXPECT_GT(first, 900u);
    forget();
    ASSERT_TRUE(receive(1, entries(log_of(7), first, 5, EntriesMode::kPulledEnd)));
    ASSERT_EQ(received().size(), 1u);
    mesh_->handle_run_verdict(at(), received()[0].run_id, RunVerdict::kApart);
    ASSERT_LT(++probes, 20u);
  }
  EXPECT_EQ(status_of(1).faults, 0u);
  // All of it pruned: nothing to compare.
  source_.prune(log_of(7), 1000);
  forget();
  pass(61s);
  for (const std::uint64_t hash : {98u, 97u}) {
    const Frontier other = {{log_of(7), {1000, testing::patterned_id<Hash>(hash)}}};
    ASSERT_TRUE(receive(1, FrontierReport{space(1), false, other}));
  }
  EXPECT_TRUE(sent<Pull>().empty());
  // A longer one that does not continue ours: looked at once, then left alone.
  const Frontier longer = {{log_of(7), {1005, testing::patterned_id<Hash>(96)}}};
  ASSERT_TRUE(receive(1, FrontierReport{space(1), false, longer}));
  EXPECT_EQ(only_pull(1).first, 1001u);
  forget();
  ASSERT_TRUE(receive(1, entries(log_of(7), 1001, 5, EntriesMode::kPulledEnd)));
  ASSERT_EQ(received().size(), 1u);
  mesh_->handle_run_verdict(at(), received()[0].run_id, RunVerdict::kApart);
  EXPECT_TRUE(sent<Pull>().empty());
}

TEST_F(MeshEntries, LogsThatAPeerNamesAreBounded) {
  source_.add(log_of(5), 1);
  link_with(1, 1);
  for (std::uint64_t i = 0; i < kLogsPerWorkspaceMax - 1; ++i) {  // One more is ours.
    ASSERT_TRUE(mesh_->handle_frame(at(), 1, encode(Announce{space(1), {device(9), i}, 1})));
    if (i % kEagerTakenBurst == 0) pass(1s);
  }
  const Status announce =
      mesh_->handle_frame(at(), 1, encode(Announce{space(1), {device(8), 1}, 1}));
  ASSERT_FALSE(announce);
  EXPECT_EQ(announce.error().code, ErrorCode::kLimitExceeded);
  const Status push =
      mesh_->handle_frame(at(), 1, encode(entries({device(8), 1}, 1, 1, EntriesMode::kPushed)));
  ASSERT_FALSE(push);
  EXPECT_EQ(push.error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(mesh_->handle_frame(at(), 1, encode(Announce{space(1), {device(9), 1}, 2})));
}

}  // namespace
}  // namespace coterie::transport
