// Goal: members that attack the mesh itself, by name, cannot keep entries from others for long, nor
// make them use memory without bound. Each attack has its test; each test fails when the defence
// that it is about is taken out.
//
// Attackers are devices of members with software of their own: a mesh whose frames are changed or
// dropped on their way out, frames that no mesh would send, links that no mesh would open.

#include <gtest/gtest.h>

#include "tests/support/choices.hpp"
#include "tests/support/mesh_scenarios.hpp"
#include "tests/support/scale_test.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/limits.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::testing {
namespace {

using namespace std::chrono_literals;
using namespace transport;

using ScaleAttacks = ScaleTest;

MeshFleet::Options fleet_of(std::size_t nodes, std::uint64_t seed) {
  MeshFleet::Options options;
  options.nodes = nodes;
  options.seed = seed;
  return options;
}

std::set<std::size_t> draw(std::uint64_t seed, std::size_t from, std::size_t count) {
  Random random(seed ^ 0xbad);
  std::set<std::size_t> drawn;
  while (drawn.size() < count) drawn.insert(1 + random.below(from - 1));
  return drawn;
}

void print(const char* what, const Spread& all) {
  std::printf("%s: %llu of %llu reached, last p50 %.0f p99 %.0f ms\n", what,
              static_cast<unsigned long long>(all.reached),
              static_cast<unsigned long long>(all.due), all.last_ms.median(),
              all.last_ms.percentile(99));
}

/// Takes everything in, answers nothing and passes nothing on, but looks alive and in step.
bool passes_on_nothing(Bytes& frame) {
  const auto message = decode(frame);
  if (!message) return true;
  return !std::holds_alternative<Entries>(*message) &&
         !std::holds_alternative<Announce>(*message) &&
         !std::holds_alternative<Awareness>(*message);
}

// Eclipse: attackers want all links of a victim, to be all that it hears.
TEST_F(ScaleAttacks, EclipseFailsAgainstLinksOfOnesOwnChoice) {
  each_seed(2, [&](std::uint64_t seed) {
    constexpr std::size_t kNodes = 100;
    constexpr std::size_t kVictim = 0;
    MeshFleet fleet(fleet_of(kNodes, seed));
    fleet.fill(1, 200);
    const auto attackers = draw(seed, kNodes, 40);
    for (const std::size_t attacker : attackers) {
      fleet.set_tamper(attacker,
                       [](std::size_t, Bytes& frame) { return passes_on_nothing(frame); });
    }
    for (std::size_t node = 1; node < kNodes; ++node) fleet.start(node);
    fleet.advance(10s);
    // All of them, from the victim's first moment on, again and again.
    fleet.start(kVictim);
    const auto crowd = [&] {
      for (const std::size_t attacker : attackers) {
        const auto links = fleet.links(attacker);
        const bool linked = std::any_of(links.begin(), links.end(),
                                        [](const auto& item) { return item.second == kVictim; });
        if (!linked) fleet.dial(attacker, kVictim);
      }
    };
    for (int i = 0; i < 20; ++i) {
      crowd();
      fleet.advance(500ms);
    }
    const auto neighbours = fleet.neighbours(kVictim);
    const auto honest = std::count_if(neighbours.begin(), neighbours.end(),
                                      [&](std::size_t node) { return !attackers.contains(node); });
    std::printf("%zu attackers: the victim has %zu links, %td of them honest\n", attackers.size(),
                neighbours.size(), honest);
    EXPECT_GE(honest, 1);
    EXPECT_LE(neighbours.size(), 2 * kNodes / 5);
    Samples to_victim;
    Random random(seed);
    for (int i = 0; i < 20; ++i) {
      std::size_t author = 1 + random.below(kNodes - 1);
      while (attackers.contains(author)) author = 1 + random.below(kNodes - 1);
      const std::size_t number = fleet.write(author, 200);
      const Instant written = fleet.now();
      for (int step = 0; step < 4; ++step) {
        crowd();
        fleet.advance(500ms);
      }
      const auto reached = fleet.message(number).reached[kVictim];
      ASSERT_TRUE(reached.has_value()) << "entry " << i << " is kept from the victim";
      to_victim.add(*reached - written);
    }
    std::printf("to the victim p50 %.0f, at most %.0f ms\n", to_victim.median(), to_victim.most());
    EXPECT_LE(to_victim.median(), 250);
  });
}

// Censor: many members accept everything and forward nothing.
TEST_F(ScaleAttacks, CensorsCannotKeepEntriesBack) {
  each_seed(2, [&](std::uint64_t seed) {
    MeshFleet fleet(fleet_of(100, seed));
    fleet.fill(1, 200);
    const auto censors = draw(seed, 100, 30);
    for (const std::size_t censor : censors) {
      fleet.set_tamper(censor, [](std::size_t, Bytes& frame) { return passes_on_nothing(frame); });
    }
    ASSERT_TRUE(bring_up(fleet).has_value());
    SpreadPlan plan;
    plan.apart = censors;
    const Spread all = spread(fleet, seed, plan);
    print("30 % censors", all);
    EXPECT_EQ(all.reached, all.due);
    EXPECT_LE(all.last_ms.percentile(99), 250);
  });
}

// The same, and each says to be linked with everybody, so that nobody else passes entries on.
TEST_F(ScaleAttacks, CensorsThatClaimAllNeighboursDelayAtMost) {
  each_seed(2, [&](std::uint64_t seed) {
    MeshFleet fleet(fleet_of(100, seed));
    fleet.fill(1, 200);
    const auto censors = draw(seed, 100, 30);
    for (const std::size_t censor : censors) {
      fleet.set_tamper(censor, [&fleet](std::size_t to, Bytes& frame) {
        auto message = decode(frame);
        if (!message) return true;
        if (auto* neighbours = std::get_if<Neighbours>(&*message)) {
          std::set<DeviceId> all;
          for (std::size_t node = 0; node < fleet.size(); ++node) {
            if (node != to) all.insert(fleet.device(node));
          }
          neighbours->added.assign(all.begin(), all.end());
          neighbours->removed.clear();
          frame = encode(*message);
        }
        // One of them is told, so that it has the entry from a censor and tells nobody.
        return to % 3 == 0 || passes_on_nothing(frame);
      });
    }
    ASSERT_TRUE(bring_up(fleet).has_value());
    SpreadPlan plan;
    plan.apart = censors;
    plan.gap = 500ms;
    const Spread all = spread(fleet, seed, plan);
    print("30 % censors that claim all neighbours", all);
    EXPECT_EQ(all.reached, all.due);
    EXPECT_LE(all.last_ms.median(), 250);
    EXPECT_LE(all.last_ms.most(), 4'000);
  });
}

// A newcomer that lacks much, and members that claim to have it and answer no pull.
TEST_F(ScaleAttacks, AReturnAmongCensorsCatchesUp) {
  each_seed(2, [&](std::uint64_t seed) {
    MeshFleet fleet(fleet_of(60, seed));
    fleet.fill(1, 200);
    const auto censors = draw(seed, 60, 18);
    for (const std::size_t censor : censors) {
      fleet.set_tamper(censor, [](std::size_t, Bytes& frame) { return passes_on_nothing(frame); });
    }
    ASSERT_TRUE(bring_up(fleet).has_value());
    fleet.stop(0);
    SpreadPlan plan;
    plan.entries = 40;
    plan.apart = censors;
    (void)spread(fleet, seed, plan);
    fleet.start(0);
    const auto complete = [&] {
      for (std::size_t author = 0; author < fleet.size(); ++author) {
        std::size_t honest = 1;
        while (censors.contains(honest)) ++honest;
        if (fleet.length(0, author) < fleet.length(honest, author)) return false;
      }
      return true;
    };
    const auto caught_up = fleet.advance_until(complete, 120s);
    ASSERT_TRUE(caught_up.has_value());
    std::printf("caught up after %.1f s\n", std::chrono::duration<double>(*caught_up).count());
    EXPECT_LE(*caught_up, 30s);
  });
}

// Cold start: everybody at once, knowing the address of one.
TEST_F(ScaleAttacks, AColdStartWithOneContactGetsEverybodyLinked) {
  each_seed(2, [&](std::uint64_t seed) {
    MeshFleet::Options options = fleet_of(100, seed);
    options.addresses_by_entry = true;
    MeshFleet fleet(options);
    fleet.start_all();
    std::int64_t heap = 0;
    const auto linked = fleet.advance_until(
        [&] {
          heap = std::max(heap, fleet.heap(0));
          return well_linked(fleet) && fleet.agreed();
        },
        120s);
    ASSERT_TRUE(linked.has_value());
    std::printf(
        "100 nodes, one contact: linked and agreed after %.1f s; the contact's heap at most %.1f "
        "MB\n",
        std::chrono::duration<double>(*linked).count(), static_cast<double>(heap) / 1e6);
    EXPECT_LE(*linked, 15s);
    EXPECT_LE(heap, 32'000'000);
    fleet.advance(5s);
    EXPECT_LE(degrees(fleet).most(), 14) << "the contact is not left with everybody";
    const Spread after = spread(fleet, seed, {});
    EXPECT_EQ(after.reached, after.due);
    EXPECT_LE(after.last_ms.percentile(99), 250);
  });
}

// Floods: a member says 10,000 things a second on each of its links.

constexpr std::size_t kFlooder = 5;
constexpr int kFloodPerMs = 10;

/// `make` gives a frame. What others write meanwhile takes at most twice as long (`most` times) as
/// before, and nobody's memory grows beyond what limits.hpp allows to be unverified.
template <typename Make>
void flood(std::uint64_t seed, const char* what, Make make, double most = 2) {
  MeshFleet::Options options = fleet_of(48, seed);
  options.bytes_per_second = 12'500'000;
  MeshFleet fleet(options);
  fleet.fill(100, 200);
  ASSERT_TRUE(bring_up(fleet).has_value());
  SpreadPlan plan;
  plan.entries = 30;
  plan.gap = 100ms;
  plan.apart = {kFlooder};
  const Spread before = spread(fleet, seed, plan);
  std::int64_t heap = 0;
  std::uint64_t frames = 0;
  std::size_t told = 0;
  plan.each_ms = [&, beat = 0]() mutable {
    const auto links = fleet.links(kFlooder);
    for (int i = 0; i < kFloodPerMs && !links.empty(); ++i) {
      const Bytes frame = make(fleet);
      for (const auto& [link, peer] : links) {
        fleet.inject(kFlooder, link, frame);
        ++frames;
      }
    }
    if (++beat % 100 != 0) return;
    std::size_t now = 0;
    for (std::size_t node = 0; node < fleet.size(); ++node) {
      if (node == kFlooder) continue;
      heap = std::max(heap, fleet.heap(node));
      for (const auto& peer : fleet.mesh(node).peers(fleet.workspace())) {
        if (peer.device == fleet.device(kFlooder) && peer.throttled) ++now;
      }
    }
    told = std::max(told, now);
  };
  const Spread during = spread(fleet, seed + 1, plan);
  EXPECT_GE(told, 5u) << "its neighbours know who floods";
  Duration wait{};
  for (std::size_t node = 0; node < fleet.size(); ++node) {
    if (node != kFlooder) wait = std::max(wait, fleet.longest_wait(node));
  }
  std::printf(
      "%s: %llu frames; p50 %.0f to %.0f ms, p99 %.0f to %.0f ms, heap at most %.1f MB, longest "
      "wait "
      "for a processor %.0f ms\n",
      what, static_cast<unsigned long long>(frames), before.last_ms.median(),
      during.last_ms.median(), before.last_ms.percentile(99), during.last_ms.percentile(99),
      static_cast<double>(heap) / 1e6, std::chrono::duration<double, std::milli>(wait).count());
  EXPECT_EQ(during.reached, during.due);
  EXPECT_LE(during.last_ms.percentile(99), most * before.last_ms.percentile(99));
  EXPECT_LE(heap, static_cast<std::int64_t>(2 * kUnverifiedBytesMax));
}

TEST_F(ScaleAttacks, AFloodOfGenuineEntriesDoesNotDelayOthers) {
  each_seed(1, [&](std::uint64_t seed) {
    flood(
        seed, "genuine entries",
        [](MeshFleet& fleet) {
          const Seq seq = fleet.write_unseen(kFlooder, 200);
          return encode(Entries{fleet.workspace(),
                                fleet.log(kFlooder),
                                seq,
                                EntriesMode::kPushed,
                                seq,
                                {fleet.entry(kFlooder, seq)}});
        },
        4);  // The burst that a link may bring at first is checked before it is others' turn.
  });
}

TEST_F(ScaleAttacks, AFloodOfForgedEntriesDoesNotDelayOthers) {
  each_seed(1, [&](std::uint64_t seed) {
    Random random(seed);
    flood(seed, "forged entries", [&random](MeshFleet& fleet) {
      const std::size_t author = random.below(fleet.size());
      const Seq next = fleet.length(kFlooder, author) + 1;
      return encode(Entries{fleet.workspace(),
                            fleet.log(author),
                            next,
                            EntriesMode::kPushed,
                            next,
                            {Bytes(200, 0x66)}});
    });
  });
}

TEST_F(ScaleAttacks, AFloodOfAwarenessDoesNotDelayOthers) {
  each_seed(1, [&](std::uint64_t seed) {
    std::uint64_t counter = 0;
    flood(seed, "awareness", [&counter](MeshFleet& fleet) {
      ++counter;
      return encode(Awareness{fleet.workspace(), fleet.device(kFlooder), counter % 5'000, counter,
                              Bytes(1'000, 1)});
    });
  });
}

TEST_F(ScaleAttacks, AFloodOfHeartbeatsDoesNotDelayOthers) {
  each_seed(1, [&](std::uint64_t seed) {
    Random random(seed);
    flood(seed, "heartbeats", [&random](MeshFleet& fleet) {
      Hash digest;
      digest.bytes.fill(static_cast<std::uint8_t>(random.below(256)));
      return encode(Heartbeat{1, 0, 0, {{fleet.workspace(), digest}}});
    });
  });
}

TEST_F(ScaleAttacks, AFloodOfFrontiersDoesNotDelayOthers) {
  each_seed(1, [&](std::uint64_t seed) {
    flood(seed, "frontiers", [](MeshFleet& fleet) {
      return encode(FrontierReport{fleet.workspace(), true, {}, {}});
    });
  });
}

TEST_F(ScaleAttacks, AFloodOfPullsDoesNotDelayOthers) {
  each_seed(1, [&](std::uint64_t seed) {
    Random random(seed);
    flood(seed, "pulls", [&random](MeshFleet& fleet) {
      return encode(
          Pull{fleet.workspace(), fleet.log(random.below(fleet.size())), 1, kPullBytesMax});
    });
  });
}

// Replay: a member records what it hears and says it again, to whom it came from and to others.
TEST_F(ScaleAttacks, ReplayedFramesChangeNothing) {
  each_seed(2, [&](std::uint64_t seed) {
    constexpr std::size_t kNodes = 48;
    constexpr std::size_t kReplayer = 5;
    MeshFleet fleet(fleet_of(kNodes, seed));
    fleet.fill(1, 200);
    std::vector<Bytes> heard;
    fleet.set_tap(kReplayer, [&](LinkId, std::size_t, const Bytes& frame) {
      if (heard.size() < 4'000) heard.push_back(frame);
    });
    ASSERT_TRUE(bring_up(fleet).has_value());
    const auto honest = [&](std::size_t node) { return node != kReplayer; };
    SpreadPlan plan;
    plan.apart = {kReplayer};
    std::uint64_t published = 0;
    plan.each_ms = [&, beat = 0]() mutable {
      if (++beat % 100 != 0) return;
      ++published;
      fleet.publish_awareness(1, 0, 100);
    };
    const Spread before = spread(fleet, seed, plan);
    ASSERT_GT(heard.size(), 100u);
    const auto closed = [&] {
      std::uint64_t pulls = 0;
      for (std::size_t node = 0; node < kNodes; ++node) {
        if (honest(node)) pulls += fleet.mesh(node).counters().pulls_sent;
      }
      return pulls;
    };
    const std::uint64_t pulls = closed();
    plan.each_ms = [&, next = std::size_t{0}]() mutable {
      for (const auto& [link, peer] : fleet.links(kReplayer)) {
        if (heard.empty()) return;
        const Bytes& frame = heard[next++ % heard.size()];
        const auto message = decode(frame);
        // (Its own link it could close anyway.)
        if (message && std::holds_alternative<Goodbye>(*message)) continue;
        fleet.inject(kReplayer, link, frame);
      }
    };
    const Spread during = spread(fleet, seed + 1, plan);
    print("replayed", during);
    EXPECT_EQ(during.reached, during.due);
    EXPECT_LE(during.last_ms.percentile(99), 2 * before.last_ms.percentile(99));
    for (std::size_t node = 0; node < kNodes; ++node) {
      if (honest(node)) {
        EXPECT_LE(fleet.awareness_seen(node, 1), published) << node;
      }
      EXPECT_EQ(fleet.refused(node), 0u) << node;
    }
    // Old digests and heads make nobody ask for what it has.
    EXPECT_LE(closed() - pulls, 2'000u);
    fleet.advance(20s);
    EXPECT_TRUE(fleet.agreed());
    for (std::size_t node = 0; node < kNodes; ++node) {
      for (const auto& peer : fleet.mesh(node).peers(fleet.workspace())) {
        if (!peer.linked || !honest(node) || !honest(fleet.index(peer.device))) continue;
        EXPECT_TRUE(peer.in_step) << node;
      }
    }
  });
}

// Equivocation: heads of entries that nobody wrote, another story for each.
TEST_F(ScaleAttacks, HeadsOfEntriesThatDoNotExistAreForgotten) {
  each_seed(2, [&](std::uint64_t seed) {
    constexpr std::size_t kNodes = 48;
    constexpr std::size_t kLiar = 5;
    MeshFleet fleet(fleet_of(kNodes, seed));
    fleet.fill(2, 200);
    ASSERT_TRUE(bring_up(fleet).has_value());
    SpreadPlan plan;
    plan.apart = {kLiar};
    const Spread before = spread(fleet, seed, plan);
    const auto pulls_sent = [&] {
      std::uint64_t pulls = 0;
      for (std::size_t node = 0; node < kNodes; ++node) {
        if (node != kLiar) pulls += fleet.mesh(node).counters().pulls_sent;
      }
      return pulls;
    };
    const std::uint64_t pulls = pulls_sent();
    Random random(seed);
    std::int64_t heap = 0;
    int reports = 0;
    plan.each_ms = [&, beat = 0]() mutable {
      if (beat++ % 500 != 0) return;
      for (const auto& [link, peer] : fleet.links(kLiar)) {
        FrontierReport report{fleet.workspace(), false, {}, {}};
        for (std::size_t author = 0; author < kNodes; ++author) {
          LogHead& head = report.heads[fleet.log(author)];
          head.seq = fleet.length(kLiar, author) + 1 + random.below(1'000);
          head.hash.bytes.fill(static_cast<std::uint8_t>(random.below(255) + 1));
        }
        for (std::uint64_t fake = 0; fake < 2'000; ++fake) {
          LogId log{fleet.device(1 + random.below(kNodes - 1)), 2 + random.below(1u << 30)};
          report.heads[log] = {1 + random.below(1'000), report.heads.begin()->second.hash};
        }
        fleet.inject(kLiar, link, encode(report));
        ++reports;
      }
      for (std::size_t node = 0; node < kNodes; ++node) {
        if (node != kLiar) heap = std::max(heap, fleet.heap(node));
      }
    };
    const Spread during = spread(fleet, seed + 1, plan);
    print("beside false heads", during);
    const std::uint64_t asked = pulls_sent() - pulls;
    std::printf("%d reports, %llu pulls, heap at most %.1f MB\n", reports,
                static_cast<unsigned long long>(asked), static_cast<double>(heap) / 1e6);
    EXPECT_EQ(during.reached, during.due);
    EXPECT_LE(during.last_ms.percentile(99), 2 * before.last_ms.percentile(99));
    EXPECT_LE(heap, static_cast<std::int64_t>(2 * kUnverifiedBytesMax));
    // What is claimed is asked for once, and once more when it is claimed again.
    EXPECT_LE(asked, static_cast<std::uint64_t>(reports) * 2 * kNodes);
    const std::uint64_t after = pulls_sent();
    fleet.advance(30s);
    EXPECT_LE(pulls_sent() - after, 10'000u) << "they still ask when nobody claims any more";
    EXPECT_TRUE(fleet.agreed());
  });
}

}  // namespace
}  // namespace coterie::testing
