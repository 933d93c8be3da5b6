// Goal: two nodes find out what the other lacks at a cost that follows the difference, not what
// they hold; and a peer that asks for more than makes sense gets an answer of bounded cost.

#include <algorithm>

#include "tests/support/choices.hpp"
#include "tests/transport/mesh_fixture.hpp"

namespace coterie::transport {
namespace {

using testing::for_each_seed;
using testing::SeededChoices;

/// Two meshes with a link that delivers at once, and what passed over it.
class Pair {
 public:
  Pair() {
    for (std::uint64_t i = 0; i < 2; ++i) {
      Mesh::Options options;
      options.self = device(1 + i);
      sides_[i].mesh = std::make_unique<Mesh>(at(), options, sides_[i].source);
      sides_[i].mesh->set_workspace(at(), space(1), {{device(1), {}}, {device(2), {}}});
    }
  }

  struct Side {
    FakeSource source;
    std::unique_ptr<Mesh> mesh;
    std::size_t bytes = 0;   ///< Sent, but heartbeats.
    std::size_t frames = 0;  ///< As above.
    std::size_t pulls = 0;
    std::size_t summaries = 0;
  };

  Now at() const { return {now_, 1'800'000'000'000}; }
  Side& side(std::size_t index) { return sides_[index]; }

  void connect() {
    sides_[0].mesh->handle_link_up(at(), 1, device(2), true, false);
    sides_[1].mesh->handle_link_up(at(), 1, device(1), false, false);
    settle();
  }
  /// Until nothing moves any more: what is sent arrives, what is received is stored.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t i = 0; i < 2; ++i) {
        while (auto output = sides_[i].mesh->poll_output()) {
          moved = true;
          carry_out(i, *output);
        }
      }
    }
  }
  void pass(Duration time) {
    const Instant end = now_ + time;
    while (now_ < end) {
      now_ += 100ms;
      for (Side& side : sides_) side.mesh->handle_timeout(at());
      settle();
    }
  }

 private:
  void carry_out(std::size_t index, Mesh::Output& output) {
    Side& from = sides_[index];
    if (auto* send = std::get_if<Mesh::SendFrame>(&output)) {
      from.mesh->handle_sent(at(), 1, send->frame.size());
      const auto message = decode(send->frame);
      ASSERT_TRUE(message);
      if (!std::holds_alternative<Heartbeat>(*message)) {
        from.bytes += send->frame.size();
        ++from.frames;
      }
      from.pulls += std::holds_alternative<Pull>(*message) ? 1 : 0;
      from.summaries += std::holds_alternative<Summary>(*message) ? 1 : 0;
      ASSERT_TRUE(sides_[1 - index].mesh->handle_frame(at(), 1, send->frame));
    } else if (auto* run = std::get_if<Mesh::RunReceived>(&output)) {
      from.source.add(run->run);
      from.mesh->entries_stored(at(), run->workspace, run->run, run->link);
      from.mesh->handle_run_verdict(at(), run->run_id, RunVerdict::kStored);
    }
  }

  Instant now_{1h};
  Side sides_[2];
};

TEST(MeshExchange, NothingIsSaidOfLogsWhenDigestsAgree) {
  Pair pair;
  for (std::uint64_t log = 1; log <= 200; ++log) {
    for (std::size_t i = 0; i < 2; ++i) pair.side(i).source.add(log_of(log), 3);
  }
  pair.connect();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(pair.side(i).frames, 1u) << "a hello";
    EXPECT_LE(pair.side(i).bytes, 128u);
    EXPECT_TRUE(pair.side(i).mesh->peers(space(1))[0].in_step);
  }
}

TEST(MeshExchange, OneLogOfTwoHundredThatDiffersIsFoundInLessThanFourKib) {
  Pair pair;
  for (std::uint64_t log = 1; log <= 200; ++log) {
    for (std::size_t i = 0; i < 2; ++i) pair.side(i).source.add(log_of(log), 3);
  }
  pair.side(1).source.add(log_of(77), 1, 200);
  pair.connect();
  EXPECT_EQ(pair.side(0).source.frontier(space(1))->at(log_of(77)).seq, 4u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_LE(pair.side(i).bytes, 4096u);
  // What was not told apart is known to be there: what comes next is pushed, not announced.
  const auto run = pair.side(0).source.add(log_of(1), 1);
  pair.side(0).mesh->entries_stored(pair.at(), space(1), run, std::nullopt);
  pair.settle();
  EXPECT_EQ(pair.side(1).source.frontier(space(1))->at(log_of(1)).seq, 4u);
  EXPECT_EQ(pair.side(1).pulls, 0u);
}

TEST(MeshExchange, WhoHasNothingIsToldOfEverything) {
  for (const std::size_t holder : {0u, 1u}) {
    Pair pair;
    for (std::uint64_t log = 1; log <= 1000; ++log) pair.side(holder).source.add(log_of(log), 1);
    pair.connect();
    pair.pass(2s);
    EXPECT_EQ(pair.side(1 - holder).source.frontier(space(1))->size(), 1000u);
  }
}

TEST(MeshExchange, WhateverDiffersBothEndWithAll) {
  for_each_seed(150, [](std::uint64_t seed) {
    SeededChoices choices(seed);
    Pair pair;
    const std::uint64_t logs = 1 + choices.below(600);
    const std::uint64_t differ = choices.below(100);
    std::map<LogId, Seq> longest;
    for (std::uint64_t i = 1; i <= logs; ++i) {
      const LogId log = log_of(choices.chance(50) ? i : choices.below(1u << 20));
      std::size_t lengths[2];
      lengths[0] = lengths[1] = 1 + choices.below(3);
      if (choices.chance(differ)) lengths[choices.below(2)] = choices.below(4);
      for (std::size_t k = 0; k < 2; ++k) {
        const auto held = pair.side(k).source.frontier(space(1));
        const auto found = held->find(log);
        const Seq has = found == held->end() ? 0 : found->second.seq;
        if (lengths[k] > has) pair.side(k).source.add(log, lengths[k] - has);
        longest[log] = std::max<Seq>({longest[log], has, lengths[k]});
      }
    }
    std::erase_if(longest, [](const auto& item) { return item.second == 0; });
    pair.connect();
    pair.pass(5s);
    for (std::size_t k = 0; k < 2; ++k) {
      const Frontier& held = *pair.side(k).source.frontier(space(1));
      ASSERT_EQ(held.size(), longest.size());
      for (const auto& [log, head] : held) EXPECT_EQ(head.seq, longest.at(log));
      EXPECT_TRUE(pair.side(k).mesh->peers(space(1))[0].in_step);
    }
  });
}

// What a peer can ask for.

class MeshExchangeLimits : public MeshTest {};

TEST_F(MeshExchangeLimits, ExchangesOfOnePeerAreFew) {
  join();
  source_.add(log_of(1), 3);
  link_with(1, 1);
  for (std::uint64_t i = 0; i < kExchangesBurst; ++i) {
    ASSERT_TRUE(
        receive(1, FrontierReport{space(1), true, {}, {{static_cast<std::uint8_t>(i)}, {}}}));
  }
  EXPECT_EQ(sent<FrontierReport>(1).size(), kExchangesBurst);
  ASSERT_TRUE(receive(1, FrontierReport{space(1), true, {}}));
  ASSERT_TRUE(receive(1, Summary{space(1), {{{}, {}}}}));
  EXPECT_EQ(sent<FrontierReport>(1).size(), kExchangesBurst) << "no fault, and no answer";
  forget();
  pass(1s);
  ASSERT_TRUE(receive(1, FrontierReport{space(1), true, {}}));
  EXPECT_EQ(sent<FrontierReport>(1).size(), 1u);
}

TEST_F(MeshExchangeLimits, RangesThatOverlapCostNoMoreThanAllLogs) {
  join();
  for (std::uint64_t log = 1; log <= 100; ++log) source_.add(log_of(log), 1);
  link_with(1, 1);
  Summary overlapping{space(1), {}};
  for (std::size_t i = 0; i < kLogsPerWorkspaceMax / 100; ++i) {
    overlapping.parts.push_back({{}, testing::patterned_id<Fingerprint>(1)});
  }
  EXPECT_TRUE(receive(1, overlapping));
  overlapping.parts.push_back(overlapping.parts.back());
  EXPECT_FALSE(receive(1, overlapping));
}

TEST_F(MeshExchangeLimits, HeadsThatWaitAreBounded) {
  join();
  source_.add(log_of(1), 1);
  link_with(1, 1);
  sends_leave_ = false;
  mesh_->handle_sent(at(), 1, 0);
  // Fills the window, so that nothing leaves.
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(mesh_->send_application(at(), 1, Bytes(kApplicationBytesMax / 4, 1)));
  }
  drain();
  Summary summary{space(1), {}};
  for (std::size_t i = 0; i < kSummaryPartsMax; ++i) {
    const Bytes lower = {static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 0};
    Bytes upper = lower;
    upper.back() = 1;
    summary.parts.push_back({{lower, upper}, testing::patterned_id<Fingerprint>(1)});
  }
  ASSERT_TRUE(receive(1, summary));
  for (auto& part : summary.parts) part.range.upper.back() = 2;
  ASSERT_TRUE(receive(1, summary));
  sends_leave_ = true;
  forget();
  mesh_->handle_sent(at(), 1, unsent_[1]);
  const auto reports = sent<FrontierReport>(1);
  EXPECT_LE(reports.size(), kSummaryPartsMax);
  EXPECT_TRUE(std::any_of(reports.begin(), reports.end(),
                          [](const FrontierReport& report) { return report.range == LogRange{}; }));
}

}  // namespace
}  // namespace coterie::transport
