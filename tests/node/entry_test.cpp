// Entries: round trips, the chain, and every way a stored entry can be wrong.

#include "node/core/log/entry.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/log/hybrid_clock.hpp"
#include "node/core/records.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::node {
namespace {

using testing::SeededSecureRandom;

class EntryTest : public ::testing::Test {
 protected:
  EntryTest() : author_(crypto::SigningKey::generate(random_)) {
    workspace_.bytes.fill(7);
    log_ = {author_.id(), 42};
    key_ = crypto::SecretKey::generate(random_);
    commitment_ = crypto::key_commitment(key_);
  }

  /// Appends a content entry to the run under construction.
  void extend(std::string_view record, std::vector<Hash> heads = {}) {
    Hash hash;
    const Entry entry =
        seal_entry({workspace_, log_, head_.seq + 1, head_.hash}, 1000 + head_.seq,
                   std::move(heads), key_, commitment_, random_, author_, as_bytes(record), hash);
    head_ = {head_.seq + 1, hash};
    run_.push_back(encode_stored(entry));
  }

  SeededSecureRandom random_{1};
  crypto::SigningKey author_;
  WorkspaceId workspace_;
  LogId log_;
  crypto::SecretKey key_;
  Hash commitment_;
  LogHead head_;
  std::vector<Bytes> run_;
};

TEST_F(EntryTest, RunVerifiesAndOpens) {
  for (int i = 0; i < 5; ++i) extend("record " + std::to_string(i));
  const auto run = verify_run(workspace_, log_, {}, run_);
  ASSERT_TRUE(run);
  ASSERT_EQ(run->size(), 5u);
  EXPECT_EQ(run->back().hash, head_.hash);
  for (std::size_t i = 0; i < run->size(); ++i) {
    const auto record = open_entry((*run)[i].entry, key_);
    ASSERT_TRUE(record);
    EXPECT_EQ(as_text(*record), "record " + std::to_string(i));
  }
}

TEST_F(EntryTest, RunContinuesOnlyWhereItStopped) {
  for (int i = 0; i < 4; ++i) extend("x");
  const auto first = verify_run(workspace_, log_, {}, std::span(run_).first(2));
  ASSERT_TRUE(first);
  const LogHead held{2, first->back().hash};
  EXPECT_TRUE(verify_run(workspace_, log_, held, std::span(run_).subspan(2)));
  EXPECT_FALSE(verify_run(workspace_, log_, {1, held.hash}, std::span(run_).subspan(2)));
  EXPECT_FALSE(verify_run(workspace_, log_, {}, std::span(run_).subspan(2)));
  EXPECT_FALSE(verify_run(workspace_, log_, held, std::span(run_).subspan(3)));
}

// Nothing of an entry can be moved or changed: each bit of each byte is covered, signatures in the
// middle of a run too, which the chain alone vouches for.
TEST_F(EntryTest, EveryFlippedBitIsRefused) {
  extend("first", {crypto::hash(as_bytes("head"))});
  extend("second");
  for (std::size_t entry = 0; entry < run_.size(); ++entry) {
    for (std::size_t i = 0; i < run_[entry].size(); ++i) {
      for (int bit = 0; bit < 8; bit += 3) {
        auto damaged = run_;
        damaged[entry][i] = static_cast<std::uint8_t>(damaged[entry][i] ^ (1u << bit));
        EXPECT_FALSE(verify_run(workspace_, log_, {}, damaged))
            << "entry " << entry << " byte " << i;
      }
    }
  }
}

TEST_F(EntryTest, PlaceIsPartOfTheHash) {
  extend("x");
  WorkspaceId elsewhere;
  elsewhere.bytes.fill(8);
  EXPECT_FALSE(verify_run(elsewhere, log_, {}, run_));
  EXPECT_FALSE(verify_run(workspace_, {author_.id(), 43}, {}, run_));
  const auto stranger = crypto::SigningKey::generate(random_);
  EXPECT_FALSE(verify_run(workspace_, {stranger.id(), 42}, {}, run_));
}

TEST_F(EntryTest, WrongKeyDoesNotOpen) {
  extend("x");
  const auto run = verify_run(workspace_, log_, {}, run_);
  ASSERT_TRUE(run);
  const auto opened = open_entry(run->front().entry, crypto::SecretKey::generate(random_));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnauthenticated);
}

TEST_F(EntryTest, EveryTruncationIsMalformed) {
  extend("some record", {crypto::hash(as_bytes("head"))});
  for (std::size_t length = 0; length < run_[0].size(); ++length) {
    const auto entry = decode_stored({workspace_, log_, 1, {}}, ByteView(run_[0]).first(length));
    ASSERT_FALSE(entry) << length;
    EXPECT_EQ(entry.error().code, ErrorCode::kMalformed);
  }
  Bytes longer = run_[0];
  longer.push_back(0);
  EXPECT_FALSE(decode_stored({workspace_, log_, 1, {}}, longer));
}

TEST_F(EntryTest, LimitsAtAndPast) {
  std::vector<Hash> heads;
  for (std::size_t i = 0; i < kEntryHeadsMax; ++i) {
    heads.push_back(crypto::hash(as_bytes(std::to_string(i))));
  }
  const std::string largest(kRecordPartBytes + 64, 'x');
  extend(largest, heads);
  EXPECT_TRUE(verify_run(workspace_, log_, {}, run_));
  EXPECT_LE(run_[0].size(), kEntryBytesMax);

  Bytes too_large = run_[0];
  too_large.resize(kEntryBytesMax + 1);
  const auto large = decode_stored({workspace_, log_, 1, {}}, too_large);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimitExceeded);

  Bytes many_heads = run_[0];
  many_heads[10] = kEntryHeadsMax + 1;
  const auto many = decode_stored({workspace_, log_, 1, {}}, many_heads);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::kLimitExceeded);
}

TEST_F(EntryTest, HeadsAscend) {
  std::vector<Hash> heads{crypto::hash(as_bytes("a")), crypto::hash(as_bytes("b"))};
  extend("x", heads);
  Bytes swapped = run_[0];
  std::swap_ranges(swapped.begin() + 11, swapped.begin() + 43, swapped.begin() + 43);
  EXPECT_FALSE(decode_stored({workspace_, log_, 1, {}}, swapped));
}

TEST_F(EntryTest, GenesisIsFirstAndNamesNoWorkspace) {
  Hash hash;
  const Entry genesis =
      sign_entry({{}, log_, 1, {}}, EntryClass::kGenesis, 5, {}, author_, {1, 2, 3}, hash);
  WorkspaceId workspace;
  workspace.bytes = hash.bytes;
  const std::vector<Bytes> run{encode_stored(genesis)};
  const auto verified = verify_run(workspace, log_, {}, run);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->front().hash, hash);
  EXPECT_FALSE(decode_stored({workspace, log_, 2, {}}, run[0]));
}

TEST_F(EntryTest, RandomBytesNeverCrash) {
  testing::for_each_seed(2000, [&](std::uint64_t seed) {
    Random random(seed);
    Bytes bytes(random.below(300));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    if (!bytes.empty()) bytes[0] = kEntryVersion;
    if (bytes.size() > 10) {
      bytes[1] = static_cast<std::uint8_t>(random.below(3));
      bytes[10] = static_cast<std::uint8_t>(random.below(3));
    }
    const std::vector<Bytes> run{bytes};
    EXPECT_FALSE(verify_run(workspace_, log_, {}, run)) << "replay with COTERIE_SEED=" << seed;
  });
}

TEST(HybridClockTest, NeverGoesBackAndIgnoresTheFarFuture) {
  HybridClock clock;
  const std::uint64_t first = clock.next(1000);
  EXPECT_EQ(HybridClock::millis(first), 1000u);
  EXPECT_GT(clock.next(900), first);
  clock.witness(1000, (1000 + kClockSkewMsMax) << 16);
  EXPECT_GT(clock.next(1000), (1000 + kClockSkewMsMax) << 16);
  HybridClock other;
  other.witness(1000, (1001 + kClockSkewMsMax) << 16);
  EXPECT_EQ(HybridClock::millis(other.next(1000)), 1000u);
}

}  // namespace
}  // namespace coterie::node
