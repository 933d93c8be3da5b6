// Awareness in a mesh: judged before it is passed on, budgets, replay, latest wins.

#include <algorithm>

#include "crdt/base/token_bucket.hpp"
#include "tests/transport/mesh_fixture.hpp"

namespace coterie::transport {
namespace {

class MeshAwareness : public MeshTest {
 protected:
  void SetUp() override { join(); }

  Awareness from(std::uint64_t origin, std::uint64_t counter, std::uint64_t topic = 1) const {
    return {space(1), device(origin), topic, counter, {1, 2, 3}};
  }
  std::vector<Mesh::AwarenessReceived> received() { return outputs<Mesh::AwarenessReceived>(); }
  /// Judges everything that was received so far.
  void judge(AwarenessVerdict verdict) {
    for (const auto& message : received()) {
      mesh_->handle_awareness_verdict(at(), message.awareness_id, verdict);
    }
    drain();
    outputs_.clear();
  }
};

TEST_F(MeshAwareness, PublishedToEveryLinkedMember) {
  link_with(1, 1);
  link_with(2, 2, false, {device(1)});
  mesh_->publish_awareness(at(), space(1), 7, 1, {9});
  for (const LinkId link : {1u, 2u}) {
    ASSERT_EQ(sent<Awareness>(link).size(), 1u);
    EXPECT_EQ(sent<Awareness>(link)[0], (Awareness{space(1), device(5), 7, 1, {9}}));
  }
  for (const Sent& item : sent_) EXPECT_EQ(item.traffic_class, TrafficClass::kAwareness);
}

TEST_F(MeshAwareness, ForwardedOnceJudgedGenuineAndOnlyWhereNeeded) {
  link_with(1, 1);                      // The origin.
  link_with(2, 2, false, {device(1)});  // Hears the origin itself.
  link_with(3, 3);
  ASSERT_TRUE(receive(1, from(1, 10)));
  ASSERT_EQ(received().size(), 1u);
  EXPECT_EQ(received()[0].origin, device(1));
  EXPECT_EQ(received()[0].message, (Bytes{1, 2, 3}));
  EXPECT_TRUE(sent<Awareness>().empty());
  judge(AwarenessVerdict::kGenuine);
  EXPECT_EQ(sent<Awareness>().size(), 1u);
  ASSERT_EQ(sent<Awareness>(3).size(), 1u);
  EXPECT_EQ(sent<Awareness>(3)[0], from(1, 10));
  EXPECT_EQ(mesh_->counters().awareness_forwarded, 1u);
}

TEST_F(MeshAwareness, AForgeryIsNotPassedOnAndPoisonsNothing) {
  link_with(1, 1);
  link_with(3, 3);
  ASSERT_TRUE(receive(3, from(1, UINT64_MAX)));
  judge(AwarenessVerdict::kRefused);
  EXPECT_TRUE(sent<Awareness>().empty());
  EXPECT_EQ(status_of(3).faults, 1u);
  ASSERT_TRUE(receive(1, from(1, 1)));
  EXPECT_EQ(received().size(), 1u) << "the forged counter was not remembered";
  judge(AwarenessVerdict::kIgnored);
  EXPECT_TRUE(sent<Awareness>().empty());
  EXPECT_EQ(status_of(1).faults, 0u);
}

TEST_F(MeshAwareness, OldCountersAreDropped) {
  link_with(1, 1);
  link_with(3, 3);
  ASSERT_TRUE(receive(1, from(1, 10)));
  judge(AwarenessVerdict::kGenuine);
  ASSERT_TRUE(receive(3, from(1, 10)));
  ASSERT_TRUE(receive(3, from(1, 9)));
  EXPECT_TRUE(received().empty());
  EXPECT_EQ(mesh_->counters().awareness_dropped, 2u);
  ASSERT_TRUE(receive(3, from(1, 9, 2)));
  EXPECT_EQ(received().size(), 1u) << "topics are counted apart";
  // Two copies that arrive before either is judged: the second is not forwarded again.
  forget();
  ASSERT_TRUE(receive(1, from(1, 11)));
  ASSERT_TRUE(receive(3, from(1, 11)));
  const std::uint64_t before = mesh_->counters().awareness_forwarded;
  judge(AwarenessVerdict::kGenuine);
  EXPECT_LE(mesh_->counters().awareness_forwarded, before + 1);
}

TEST_F(MeshAwareness, OursAndStrangersAreNotTakenIn) {
  link_with(1, 1);
  ASSERT_TRUE(receive(1, from(5, 1)));
  ASSERT_TRUE(receive(1, from(77, 1)));
  EXPECT_TRUE(received().empty());
}

TEST_F(MeshAwareness, ADeviceHasABudget) {
  link_with(1, 1);
  link_with(2, 2);
  for (std::uint64_t i = 1; i <= kAwarenessBurst; ++i) ASSERT_TRUE(receive(1, from(1, i)));
  EXPECT_EQ(received().size(), kAwarenessBurst);
  ASSERT_TRUE(receive(1, from(1, 1000)));
  EXPECT_EQ(received().size(), kAwarenessBurst) << "one too many";
  // By another link, and of another device: not touched.
  ASSERT_TRUE(receive(2, from(1, 1000)));
  ASSERT_TRUE(receive(1, from(3, 1)));
  EXPECT_EQ(received().size(), kAwarenessBurst + 2);
  judge(AwarenessVerdict::kIgnored);
  pass(1s);
  for (std::uint64_t i = 0; i <= kAwarenessPerSecond; ++i) {
    ASSERT_TRUE(receive(1, from(1, 2000 + i)));
  }
  EXPECT_EQ(received().size(), kAwarenessPerSecond);
}

TEST_F(MeshAwareness, ALinkHasABudgetWhateverOriginsItNames) {
  std::vector<std::uint64_t> many = {1};
  for (std::uint64_t i = 100; i < 200; ++i) many.push_back(i);
  join(many);
  link_with(1, 1);
  std::size_t taken = 0;
  for (std::uint64_t counter = 1; counter <= kAwarenessBurst; ++counter) {
    for (std::uint64_t origin = 100; origin < 200; ++origin) {
      ASSERT_TRUE(receive(1, from(origin, counter)));
      taken += received().size();
      judge(AwarenessVerdict::kIgnored);
    }
  }
  EXPECT_EQ(taken, kAwarenessPerLinkBurst);
}

TEST_F(MeshAwareness, WhatIsNotJudgedIsBounded) {
  std::vector<std::uint64_t> many = {1, 2};
  for (std::uint64_t i = 100; i < 200; ++i) many.push_back(i);
  join(many);
  link_with(1, 1);
  link_with(2, 2);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    ASSERT_TRUE(receive(1 + i % 2, from(100 + i % 100, 1 + i / 100)));
  }
  EXPECT_EQ(received().size(), kAwarenessUnjudgedMax);
}

TEST_F(MeshAwareness, OurOwnBudgetDelaysAndKeepsTheNewest) {
  link_with(1, 1);
  for (std::uint64_t i = 1; i <= 200; ++i) {
    mesh_->publish_awareness(at(), space(1), i % 2, i, {static_cast<std::uint8_t>(i)});
    drain();
  }
  EXPECT_EQ(sent<Awareness>(1).size(), kAwarenessOwnBurst);
  forget();
  run_for(1s);
  const auto rest = sent<Awareness>(1);
  ASSERT_EQ(rest.size(), 2u) << "one per topic";
  EXPECT_EQ(rest[0].counter + rest[1].counter, 200u + 199u);
}

TEST_F(MeshAwareness, OversizeIsNotSent) {
  link_with(1, 1);
  mesh_->publish_awareness(at(), space(1), 1, 1, Bytes(kAwarenessBytesMax, 1));
  mesh_->publish_awareness(at(), space(1), 1, 2, Bytes(kAwarenessBytesMax + 1, 1));
  mesh_->publish_awareness(at(), space(1), 1, 3, {});
  EXPECT_EQ(sent<Awareness>(1).size(), 1u);
  EXPECT_EQ(mesh_->counters().awareness_dropped, 2u);
}

TEST_F(MeshAwareness, ASlowLinkGetsTheNewestOfEachTopic) {
  link_with(1, 1);
  sends_leave_ = false;
  write_much(3);  // The window is full.
  for (std::uint64_t i = 1; i <= 40; ++i) {
    pass(40ms);  // Within the budget.
    mesh_->publish_awareness(at(), space(1), i % 4, i, {1});
  }
  drain();
  forget();
  sends_leave_ = true;
  mesh_->handle_sent(at(), 1, unsent_[1]);
  const auto messages = sent<Awareness>(1);
  ASSERT_EQ(messages.size(), 4u);
  for (const Awareness& message : messages) EXPECT_GT(message.counter, 36u);
}

TEST_F(MeshAwareness, ASlowLinkHoldsBoundedBytes) {
  link_with(1, 1);
  sends_leave_ = false;
  write_much(3);
  for (std::uint64_t topic = 0; topic < 300; ++topic) {
    pass(40ms);  // Within the budget.
    mesh_->publish_awareness(at(), space(1), topic, topic + 1, Bytes(kAwarenessBytesMax, 1));
  }
  EXPECT_GT(mesh_->counters().awareness_dropped, 100u);
  forget();
  sends_leave_ = true;
  mesh_->handle_sent(at(), 1, unsent_[1]);
  const auto messages = sent<Awareness>(1);
  EXPECT_LE(messages.size() * kAwarenessBytesMax, kAwarenessOutboxBytesMax);
  EXPECT_EQ(messages.back().topic, 299u) << "the oldest went first";
}

// Who comes later.

TEST_F(MeshAwareness, WhoComesIsToldWhatWeSaidLast) {
  mesh_->publish_awareness(at(), space(1), 7, 1, {1});
  mesh_->publish_awareness(at(), space(1), 7, 2, {2});
  mesh_->publish_awareness(at(), space(1), 8, 3, {3});
  pass(14s);
  link_with(1, 1);
  ASSERT_TRUE(receive(1, from(2, 10)));  // What others said it has from them.
  judge(AwarenessVerdict::kGenuine);
  forget();
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  ASSERT_EQ(sent<Awareness>(1).size(), 2u);
  EXPECT_EQ(sent<Awareness>(1)[0], (Awareness{space(1), device(5), 7, 2, {2}, 14'000}));
  EXPECT_EQ(sent<Awareness>(1)[1], (Awareness{space(1), device(5), 8, 3, {3}, 14'000}));
  forget();
  ASSERT_TRUE(receive(1, Heartbeat{2, 0, 0, {state(our_digest())}}));
  EXPECT_TRUE(sent<Awareness>(1).empty()) << "once";
}

TEST_F(MeshAwareness, WhatIsTooOldIsNotTold) {
  mesh_->publish_awareness(at(), space(1), 7, 1, {1});
  pass(kAwarenessLifetime);
  link_with(1, 1);
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  EXPECT_TRUE(sent<Awareness>(1).empty());
  Awareness old = from(2, 10);
  old.age_ms = 30'000;
  EXPECT_TRUE(receive(1, old));
  ++old.age_ms;
  EXPECT_FALSE(receive(1, old));
}

TEST_F(MeshAwareness, WhoComesToALargeWorkspaceIsToldOfEverybody) {
  std::vector<std::uint64_t> many;
  for (std::uint64_t number = 1; number <= kFullMeshMembersMax + 1; ++number)
    many.push_back(number);
  join(many);
  link_with(1, 1);
  Awareness told = from(2, 10);
  told.age_ms = 5'000;
  ASSERT_TRUE(receive(1, told));
  ASSERT_EQ(received().size(), 1u);
  EXPECT_EQ(received()[0].age, 5s);
  judge(AwarenessVerdict::kGenuine);
  forget();
  pass(4s);
  link_with(3, 3);
  ASSERT_TRUE(receive(3, Neighbours{space(1), {device(8), device(9)}, {}}));
  ASSERT_TRUE(receive(3, Heartbeat{1, 0, 0, {state(our_digest())}}));
  ASSERT_EQ(sent<Awareness>(3).size(), 1u);
  told.age_ms = 9'000;
  EXPECT_EQ(sent<Awareness>(3)[0], told);
  // One that is well linked has it already.
  link_with(4, 4);
  ASSERT_TRUE(receive(4, Neighbours{space(1), {device(7), device(8), device(9)}, {}}));
  ASSERT_TRUE(receive(4, Heartbeat{1, 0, 0, {state(our_digest())}}));
  EXPECT_TRUE(sent<Awareness>(4).empty());
}

TEST_F(MeshAwareness, WhatIsKeptForThoseWhoComeIsBounded) {
  // 1,024 topics of 4 KiB are half of it.
  std::uint64_t counter = 0;
  for (std::uint64_t workspace = 1; workspace <= 3; ++workspace) {
    join({1, 2, 3}, workspace);
    for (std::uint64_t topic = 0; topic < kAwarenessTopicsMax; ++topic) {
      mesh_->publish_awareness(at(), space(workspace), topic, ++counter,
                               Bytes(kAwarenessBytesMax, 1));
    }
  }
  EXPECT_LE(mesh_->counters().awareness_kept_bytes, kAwarenessKeptBytesMax);
  EXPECT_GT(mesh_->counters().awareness_kept_bytes,
            kAwarenessKeptBytesMax - 2 * kAwarenessBytesMax);
  pass(kAwarenessLifetime);
  link_with(1, 1);
  run_for(2s);
  EXPECT_EQ(mesh_->counters().awareness_kept_bytes, 0u) << "what is old is let go";
}

TEST_F(MeshAwareness, RememberedTopicsAreBounded) {
  link_with(1, 1);
  for (std::uint64_t topic = 0; topic <= kAwarenessTopicsMax; ++topic) {
    pass(40ms);
    ASSERT_TRUE(receive(1, from(1, 10, topic)));
    judge(AwarenessVerdict::kGenuine);
  }
  ASSERT_TRUE(receive(1, from(1, 10, 1)));
  EXPECT_TRUE(received().empty()) << "remembered";
  ASSERT_TRUE(receive(1, from(1, 10, 0)));
  EXPECT_EQ(received().size(), 1u) << "the one that was quiet longest is forgotten";
}

TEST(TokenBucket, AllowsTheBurstAndThenTheRate) {
  TokenBucket bucket(10, 3);
  Instant now(1h);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  EXPECT_EQ(bucket.ready_at(), now + 100ms);
  EXPECT_FALSE(bucket.take(now + 99ms));
  EXPECT_TRUE(bucket.take(now + 100ms));
  EXPECT_FALSE(bucket.take(now + 100ms));
  now += 10s;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now)) << "idle time does not add up beyond the burst";
}

}  // namespace
}  // namespace coterie::transport
