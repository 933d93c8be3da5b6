// A log that forked has the same parts, with the same names, on every replica that holds the same
// entries: whatever order they came in, in whatever pieces, under whatever names peers gave them.

#include "node/core/log/segments.hpp"

#include <gtest/gtest.h>

#include "tests/support/choices.hpp"
#include "tests/support/wire_samples.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using testing::Choices;

const LogId kChain{testing::patterned_id<DeviceId>(7), 42};

/// Names entries by number and branch; unique.
Hash entry(std::uint64_t id) { return testing::patterned_id<Hash>(1000 + id); }

/// What the ledger does with runs, over hashes alone.
class Replica {
 public:
  /// Takes the entries of `path` (the whole chain from the first) with numbers [first, end).
  /// Whether it could.
  bool take(const std::vector<Hash>& path, Seq first, Seq end) {
    const Hash before = first == 1 ? Hash{} : path[first - 2];
    const auto start = *segments_.find_entry(kChain, first - 1, before, hash_at());
    if (!start && first > 1) return false;
    const std::span run = std::span(path).subspan(first - 1, end - first);
    Segments::Place place;
    place.kind = Segments::Place::Kind::kExtends;
    place.segment = kChain;
    if (start) place = *segments_.locate(*start, first, run, hash_at());
    if (place.kind == Segments::Place::Kind::kHeld) return true;
    if (!start) segments_.root(kChain);
    LogId target = place.segment;
    if (place.kind == Segments::Place::Kind::kForks) {
      target = segments_.fork(place.segment, place.at, run[place.known], hash_at())->branch;
    }
    for (std::size_t i = place.known; i < run.size(); ++i) {
      segments_.append(target, run[i]);
      const Segment& segment = *segments_.find(target);
      rows_[{segment.strand, segment.last}] = run[i];
      ++entries_;
    }
    return true;
  }

  Frontier frontier() const {
    Frontier all;
    for (const auto& [name, segment] : segments_.all()) {
      if (!segment.empty()) all[name] = Segments::head_of(name, segment);
    }
    return all;
  }

  /// What every set of segments must be.
  void check() const {
    std::size_t covered = 0;
    for (const auto& [name, segment] : segments_.all()) {
      ASSERT_NE(segment.children.size(), 1u) << "a fork of one";
      ASSERT_TRUE(!segment.empty() || (segment.closed() && !is_branch(name)));
      covered += segment.last + 1 - segment.first;
      if (segment.empty()) continue;
      EXPECT_EQ(*hash_at()(segment, segment.last), segment.head);
      if (is_branch(name)) {
        EXPECT_EQ(branch_name(kChain, *hash_at()(segment, segment.first)), name);
        ASSERT_TRUE(segment.parent);
        const Segment& parent = *segments_.find(*segment.parent);
        EXPECT_EQ(parent.last + 1, segment.first);
        EXPECT_EQ(parent.head, segment.before);
      }
      const Hash previous =
          segment.last == segment.first ? segment.before : *hash_at()(segment, segment.last - 1);
      EXPECT_EQ(previous, segment.head_previous);
    }
    EXPECT_EQ(covered, entries_) << "every entry is in one segment";
    EXPECT_EQ(entries_, rows_.size()) << "and in one row";
  }

  /// As it is read back from its rows.
  Segments reloaded() const {
    Segments copy;
    for (auto [name, segment] : segments_.all()) {
      if (segment.empty()) continue;
      segment.parent.reset();
      segment.children.clear();
      copy.put(name, segment);
    }
    EXPECT_TRUE(copy.link());
    return copy;
  }

  Segments::HashAt hash_at() const {
    return [this](const Segment& segment, Seq seq) -> Result<Hash> {
      return rows_.at({segment.strand, seq});
    };
  }
  const Segments& segments() const { return segments_; }

 private:
  Segments segments_;
  std::map<std::pair<LogId, Seq>, Hash> rows_;
  std::size_t entries_ = 0;
};

/// All chains from the first entry to a leaf of a random tree.
std::vector<std::vector<Hash>> draw_tree(Choices& choices) {
  std::vector<std::vector<Hash>> paths;
  std::uint64_t ids = 0;
  const std::size_t leaves = 1 + choices.below(6);
  for (std::size_t i = 0; i < leaves; ++i) {
    std::vector<Hash> path;
    if (i > 0) {
      path = paths[choices.below(paths.size())];
      path.resize(choices.below(path.size() + (choices.chance(20) ? 0 : 1)));
    }
    const std::size_t more = 1 + choices.below(8);
    for (std::size_t j = 0; j < more; ++j) path.push_back(entry(++ids));
    paths.push_back(std::move(path));
  }
  return paths;
}

/// Everything in `paths`, in random pieces in random order, some of them more than once.
void deliver(Choices& choices, const std::vector<std::vector<Hash>>& paths, Replica& replica) {
  struct Piece {
    std::size_t path;
    Seq first;
    Seq end;
  };
  std::vector<Piece> pieces;
  for (std::size_t path = 0; path < paths.size(); ++path) {
    const Seq end = paths[path].size() + 1;
    for (Seq at = 1; at < end;) {
      const Seq next = std::min<Seq>(end, at + 1 + choices.below(5));
      // Overlaps what was before, or begins there.
      const Seq first = at - choices.below(std::min<Seq>(at, 4));
      pieces.push_back({path, first, next});
      at = next;
    }
  }
  while (!pieces.empty()) {
    const std::size_t i = choices.below(pieces.size());
    const Piece piece = pieces[i];
    if (!replica.take(paths[piece.path], piece.first, piece.end)) continue;  // Asked for later.
    replica.check();
    if (!choices.chance(10)) pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

TEST(SegmentsTest, OneSetOfEntriesHasOneSetOfSegments) {
  std::size_t forks = 0;
  std::size_t at_first = 0;
  std::size_t deep = 0;
  testing::for_each_seed(3000, [&](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    const auto paths = draw_tree(choices);
    Replica first;
    deliver(choices, paths, first);
    for (int i = 0; i < 2; ++i) {
      Replica other;
      deliver(choices, paths, other);
      ASSERT_EQ(first.frontier(), other.frontier()) << "replay with COTERIE_SEED=" << seed;
      ASSERT_EQ(transport::frontier_digest(first.frontier()),
                transport::frontier_digest(other.frontier()));
    }
    const Segments again = first.reloaded();
    for (const auto& [name, segment] : first.segments().all()) {
      ASSERT_NE(again.find(name), nullptr) << "replay with COTERIE_SEED=" << seed;
      EXPECT_EQ(again.find(name)->children, segment.children);
      EXPECT_EQ(again.find(name)->parent, segment.parent);
      if (segment.closed()) ++forks;
      if (segment.closed() && segment.empty()) ++at_first;
      if (segment.closed() && segment.parent) ++deep;
    }
    if (HasFailure()) FAIL() << "replay with COTERIE_SEED=" << seed;
  });
  if (std::getenv("COTERIE_SEED") != nullptr) return;  // NOLINT(concurrency-mt-unsafe)
  EXPECT_GT(forks, 1000u);
  EXPECT_GT(at_first, 20u) << "forks at the first entry";
  EXPECT_GT(deep, 300u) << "forks of forks";
}

TEST(SegmentsTest, AReferenceOutlivesEveryFork) {
  Replica replica;
  const std::vector<Hash> one{entry(1), entry(2), entry(3), entry(4), entry(5)};
  const std::vector<Hash> two{entry(1), entry(2), entry(6), entry(7)};
  const std::vector<Hash> three{entry(1), entry(2), entry(3), entry(8)};
  ASSERT_TRUE(replica.take(one, 1, 6));
  ASSERT_TRUE(replica.take(two, 3, 5));
  ASSERT_TRUE(replica.take(three, 4, 5));
  const Segments& segments = replica.segments();
  const LogId b = branch_name(kChain, entry(6));
  const LogId c = branch_name(kChain, entry(8));
  // What was written first stays in the first strand.
  EXPECT_EQ(segments.segment_of(kChain, 2), kChain);
  EXPECT_EQ(segments.segment_of(kChain, 3), branch_name(kChain, entry(3)));
  EXPECT_EQ(segments.segment_of(kChain, 5), branch_name(kChain, entry(4)));
  EXPECT_EQ(segments.segment_of(b, 4), b);
  EXPECT_EQ(segments.chain_of(b), kChain);
  EXPECT_EQ(segments.segment_of(b, 5), std::nullopt);
  EXPECT_TRUE(segments.follows(b, 4, kChain, 2));
  EXPECT_FALSE(segments.follows(b, 4, kChain, 3)) << "of the other branch";
  EXPECT_TRUE(segments.follows(c, 4, kChain, 3));
  EXPECT_FALSE(segments.follows(c, 4, kChain, 4));
  EXPECT_FALSE(segments.follows(kChain, 2, b, 3));
  EXPECT_FALSE(segments.follows(kChain, 1, kChain, 2)) << "later";
}

TEST(SegmentsTest, ThreeBranchesAtOneEntry) {
  Replica replica;
  ASSERT_TRUE(replica.take({entry(1), entry(2)}, 1, 3));
  ASSERT_TRUE(replica.take({entry(1), entry(3)}, 2, 3));
  ASSERT_TRUE(replica.take({entry(1), entry(4)}, 2, 3));
  replica.check();
  EXPECT_EQ(replica.segments().find(kChain)->children.size(), 3u);
  EXPECT_EQ(replica.frontier().size(), 4u);
}

TEST(SegmentsTest, NamesOfBranchesAreNoIncarnations) {
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_TRUE(is_branch(branch_name(kChain, entry(i))));
  EXPECT_NE(branch_name(kChain, entry(1)), branch_name(kChain, entry(2)));
  EXPECT_NE(branch_name(kChain, entry(1)), branch_name({kChain.device, 43}, entry(1)));
}

TEST(SegmentsTest, DamagedRowsAreNotLinked) {
  Replica replica;
  ASSERT_TRUE(replica.take({entry(1), entry(2)}, 1, 3));
  ASSERT_TRUE(replica.take({entry(1), entry(3)}, 2, 3));
  const auto without = [&](const LogId& left_out) {
    Segments copy;
    for (auto [name, segment] : replica.segments().all()) {
      segment.parent.reset();
      segment.children.clear();
      if (name != left_out) copy.put(name, segment);
    }
    return copy.link();
  };
  EXPECT_TRUE(without({}));
  for (const auto& [name, segment] : replica.segments().all()) EXPECT_FALSE(without(name));
}

}  // namespace
}  // namespace coterie::node
