// Goal: nobody can keep us busy by talking: what a peer says beyond its budget costs little,
// nothing that it wrote is lost by that, and whoever does not stop is linked with no more for a
// while. And we keep within the budget of others.

#include "tests/transport/mesh_fixture.hpp"

namespace coterie::transport {
namespace {

class MeshBudget : public MeshTest {
 protected:
  MeshBudget() {
    join();
    link_with(1, 1);
    link_with(2, 2);
  }
  /// Device 1 says something small and harmless, `count` times.
  void chatter(std::uint64_t count) {
    for (; count > 0; --count) {
      (void)mesh_->handle_frame(at(), 1, encode(Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
    drain();
  }
  /// Far too much of it, for `time`; others are alive meanwhile.
  void flood(Duration time) {
    for (const Instant end = now_ + time; now_ < end;) {
      run_for(100ms);
      chatter(2 * kUnaskedPerSecond / 10);
      (void)mesh_->handle_frame(at(), 2, encode(Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
  }
  /// As many workspaces as can be shared, twice.
  static constexpr std::size_t kJoins = 2 * kSharedWorkspacesMax;
  std::vector<Mesh::QuarantineChanged> changes() { return outputs<Mesh::QuarantineChanged>(); }
};

TEST_F(MeshBudget, UpToTheBudgetEverythingIsHeard) {
  chatter(kUnaskedBurst - 1);  // A hello came on the link.
  for (std::uint64_t i = 1; i < kEagerTakenBurst; ++i) claim(1, log_of(2), i);
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 1, EntriesMode::kPushed)));
  EXPECT_EQ(outputs<Mesh::RunReceived>().size(), 1u);
  EXPECT_EQ(mesh_->counters().over_budget, 0u);
  EXPECT_FALSE(status_of(1).throttled);
}

TEST_F(MeshBudget, APushBeyondItIsPulled) {
  source_.add(log_of(2), 1);
  for (std::uint64_t i = 0; i < kEagerTakenBurst; ++i) claim(1, log_of(2), 1);
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 3, EntriesMode::kPushed)));
  EXPECT_TRUE(outputs<Mesh::RunReceived>().empty());
  ASSERT_EQ(sent<Pull>(1).size(), 1u);
  EXPECT_EQ(sent<Pull>(1)[0].log, log_of(1));
  EXPECT_EQ(mesh_->counters().over_budget, 1u);
  EXPECT_TRUE(status_of(1).throttled);
  EXPECT_FALSE(status_of(2).throttled);
  // The answer is asked for.
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 3, EntriesMode::kPulledEnd)));
  EXPECT_EQ(outputs<Mesh::RunReceived>().size(), 1u);
}

TEST_F(MeshBudget, EntriesCountBySize) {
  const std::uint64_t pushes = kEagerTakenBurst / (1 + 60);
  for (std::uint64_t i = 0; i < pushes; ++i) {
    ASSERT_TRUE(receive(1, entries(log_of(1), 1, 64, EntriesMode::kPushed, 960)));
  }
  EXPECT_EQ(mesh_->counters().over_budget, 0u);
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 64, EntriesMode::kPushed, 960)));
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 64, EntriesMode::kPushed, 960)));
  EXPECT_GE(mesh_->counters().over_budget, 1u);
}

TEST_F(MeshBudget, OtherFramesBeyondItAreNotHeard) {
  chatter(kUnaskedBurst);
  forget();
  ASSERT_TRUE(receive(1, Application{{1}}));
  EXPECT_TRUE(outputs<Mesh::ApplicationReceived>().empty());
  // Of others they are; and when time has passed, so are these.
  ASSERT_TRUE(receive(2, Application{{1}}));
  EXPECT_EQ(outputs<Mesh::ApplicationReceived>().size(), 1u);
  pass(10ms);
  ASSERT_TRUE(receive(1, Application{{1}}));
  EXPECT_EQ(outputs<Mesh::ApplicationReceived>().size(), 2u);
}

TEST_F(MeshBudget, ANewLinkIsNoNewBudget) {
  // Each new link costs a hello.
  for (LinkId link = 3; link < 13; ++link) {
    mesh_->handle_link_down(at(), link == 3 ? 1 : link - 1);
    link_with(link, 1);
    for (std::uint64_t i = 0; i < kUnaskedBurst / 10; ++i) {
      (void)mesh_->handle_frame(at(), link, encode(Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
    for (std::uint64_t i = 0; i < kEagerTakenBurst / 10; ++i) claim(link, log_of(2), 1);
    drain();
  }
  EXPECT_GT(mesh_->counters().over_budget, 0u);
  forget();
  ASSERT_TRUE(receive(12, entries(log_of(1), 1, 1, EntriesMode::kPushed)));
  EXPECT_TRUE(outputs<Mesh::RunReceived>().empty());
  ASSERT_TRUE(receive(12, Application{{1}}));
  EXPECT_TRUE(outputs<Mesh::ApplicationReceived>().empty());
  EXPECT_TRUE(status_of(1).throttled);
  // It is heard again when time has passed.
  pass(1s);
  ASSERT_TRUE(receive(12, Application{{1}}));
  EXPECT_EQ(outputs<Mesh::ApplicationReceived>().size(), 1u);
}

TEST_F(MeshBudget, WhoComesAndGoesWithEachHeartbeatIsNotFollowed) {
  run_for(1s);
  forget();
  const std::size_t times = 2 * kJoins;
  for (std::size_t i = 0; i < times; ++i) {
    ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {}}));
    ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  }
  EXPECT_LE(outputs<Mesh::LinkChanged>().size(), 2 * kJoins + 1);
  EXPECT_FALSE(status_of(1).linked);
  // Of others nothing is different, and it is back soon if it stays.
  EXPECT_TRUE(status_of(2).linked);
  pass(100ms);
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  EXPECT_TRUE(status_of(1).linked);
}

TEST_F(MeshBudget, AGoodbyeIsAlwaysHeard) {
  chatter(kUnaskedBurst);
  ASSERT_TRUE(receive(1, Goodbye{}));
  EXPECT_FALSE(status_of(1).linked);
}

TEST_F(MeshBudget, AnswersThatNobodyAskedForCount) {
  claim(1, log_of(1), 9);  // It is pulled: what goes beyond the credit of that was not asked for.
  ASSERT_EQ(sent<Pull>(1).size(), 1u);
  for (std::uint64_t i = 0; i < kEagerTakenBurst + kPullBytesMax / kKiB; ++i) {
    (void)mesh_->handle_frame(at(), 1, encode(entries(log_of(1), 9, 1, EntriesMode::kPulled)));
  }
  EXPECT_GE(mesh_->counters().over_budget, 1u);
}

TEST_F(MeshBudget, AShortBurstIsForgiven) {
  flood(kFloodMax - 1s);
  run_for(3s);
  flood(kFloodMax - 1s);
  EXPECT_TRUE(changes().empty());
  EXPECT_TRUE(status_of(1).linked);
}

TEST_F(MeshBudget, WhoDoesNotStopIsLinkedWithNoMore) {
  flood(kFloodMax + 4s);  // The burst is used up first.
  ASSERT_EQ(changes().size(), 1u);
  EXPECT_EQ(changes()[0].device, device(1));
  EXPECT_FALSE(status_of(1).linked);
  EXPECT_TRUE(status_of(2).linked);
  ASSERT_TRUE(status_of(1).quarantined_until);
  EXPECT_EQ(*status_of(1).quarantined_until, *changes()[0].until);
  forget();
  // It is neither dialled nor let in.
  mesh_->handle_link_up(at(), 3, device(1), false, false);
  EXPECT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  for (int i = 0; i < 50; ++i) {
    run_for(1s);
    (void)mesh_->handle_frame(at(), 2, encode(Heartbeat{1, 0, 0, {state(our_digest())}}));
  }
  for (const auto& dial : outputs<Mesh::Dial>()) EXPECT_NE(dial.device, device(1));
  forget();
  run_for(10s);
  ASSERT_EQ(changes().size(), 1u);
  EXPECT_FALSE(changes()[0].until);
  EXPECT_FALSE(status_of(1).quarantined_until);
  run_for(2s);
  const auto dials = outputs<Mesh::Dial>();
  EXPECT_TRUE(std::any_of(dials.begin(), dials.end(),
                          [](const auto& dial) { return dial.device == device(1); }));
}

TEST_F(MeshBudget, WhatAFlooderWritesIsTakenSlowly) {
  source_.add(log_of(5), 1);
  for (std::uint64_t i = 0; i < kEagerTakenBurst; ++i) claim(1, log_of(5), 1);
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 1, EntriesMode::kPushed)));
  claim(2, log_of(1), 100'000);
  ASSERT_TRUE(status_of(1).throttled);
  // Another's word for it is taken, too, in frames of bulk size, a second apart.
  std::size_t bytes = 0;
  for (int tick = 0; tick < 50; ++tick) {
    run_for(100ms);
    for (const LinkId link : {LinkId{1}, LinkId{2}}) {
      ASSERT_TRUE(receive(link, Heartbeat{1, 0, 0, {state(our_digest())}}));
      for (const Pull& pull : sent<Pull>(link)) {
        EXPECT_LE(pull.bytes_max, kBulkFrameBytes);
        bytes += pull.bytes_max;
        ASSERT_TRUE(receive(link, entries(log_of(1), pull.first, 100, EntriesMode::kPulledEnd)));
      }
    }
    const auto runs = outputs<Mesh::RunReceived>();
    forget();
    for (const auto& run : runs) store(run);
    ASSERT_TRUE(receive(1, entries(log_of(1), 9'000, 1, EntriesMode::kPushed, 500'000)));
  }
  EXPECT_GE(bytes, 2 * kBulkFrameBytes);
  EXPECT_LE(bytes, 6 * kBulkFrameBytes);
}

TEST_F(MeshBudget, AwarenessCountsWhereThePeerSaysItItself) {
  std::uint64_t counter = 0;
  const auto say = [&](std::uint64_t origin, Duration time) {
    for (const Instant end = now_ + time; now_ < end;) {
      run_for(100ms);
      for (int i = 0; i < 10; ++i) {
        const Awareness message{space(1), device(origin), 1, ++counter, {1}};
        (void)mesh_->handle_frame(at(), 1, encode(message));
      }
      drain();
      for (const auto& received : outputs<Mesh::AwarenessReceived>()) {
        mesh_->handle_awareness_verdict(at(), received.awareness_id, AwarenessVerdict::kGenuine);
      }
      std::erase_if(outputs_, [](const auto& output) {
        return std::holds_alternative<Mesh::AwarenessReceived>(output);
      });
      (void)mesh_->handle_frame(at(), 2, encode(Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
  };
  say(3, kFloodMax + 5s);
  EXPECT_TRUE(changes().empty()) << "it passes on what device 3 says too often";
  say(1, kFloodMax + 5s);
  EXPECT_EQ(changes().size(), 1u);
}

TEST_F(MeshBudget, EachTimeIsTwiceAsLong) {
  Duration before = kQuarantineMin / 2;
  for (LinkId link = 10; link < 18; ++link) {
    if (link > 10) {
      mesh_->handle_link_up(at(), link, device(1), false, false);
      ASSERT_TRUE(receive(link, Hello{kFrameVersion, device(1), false, {state(our_digest())}}));
    }
    forget();
    const LinkId over = link > 10 ? link : 1;
    for (int i = 0; i < 200 && changes().empty(); ++i) {
      run_for(100ms);
      for (std::uint64_t k = 0; k < kUnaskedPerSecond / 5; ++k) {
        (void)mesh_->handle_frame(at(), over, encode(Heartbeat{1, 0, 0, {state(our_digest())}}));
      }
    }
    ASSERT_EQ(changes().size(), 1u);
    const Duration quarantine = *changes()[0].until - now_;
    EXPECT_EQ(quarantine, std::min<Duration>(2 * before, kQuarantineMax));
    before = quarantine;
    run_for(quarantine + 1s);
  }
}

// Our own pace.

TEST_F(MeshBudget, WeSayNoMoreThanOthersHear) {
  run_for(1s);
  forget();
  const Instant start = now_;
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 100; ++k) write_own(1);
    pass(1ms);
    mesh_->handle_timeout(at());
    drain();
  }
  const std::size_t said = sent<Entries>(2).size() + sent<Announce>(2).size();
  const auto allowed =
      kEagerBurst +
      kEagerPerSecond * static_cast<std::uint64_t>((now_ - start) / Duration(1ms)) / 1000;
  EXPECT_LE(said, allowed + 1);
  EXPECT_GT(mesh_->counters().announces_paced, 0u);
  // The last one says it all, as soon as it may.
  run_for(1s);
  ASSERT_FALSE(sent<Announce>(2).empty());
  EXPECT_EQ(sent<Announce>(2).back().head, 10'000u);
}

}  // namespace
}  // namespace coterie::transport
