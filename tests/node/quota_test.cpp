// What a relay keeps: the quota to the byte, and nobody without a share.

#include "node/core/quota.hpp"

#include <gtest/gtest.h>

#include "tests/support/wire_samples.hpp"

namespace coterie::node {
namespace {

using testing::patterned_id;

constexpr std::size_t kStored = 750;
static_assert(kStored + kEntryRowBytes == 1000);

DeviceId device(std::uint64_t number) { return patterned_id<DeviceId>(number); }

/// Keeps entries of `by` while there is room; how many.
std::size_t fill(Quota& quota, const DeviceId& by, std::size_t writers) {
  std::size_t kept = 0;
  while (quota.takes(by, kStored, writers)) {
    quota.count(by, kStored);
    ++kept;
  }
  return kept;
}

TEST(QuotaTest, OneWriterHasAllOfItToTheByte) {
  Quota quota(10'000);
  EXPECT_EQ(fill(quota, device(1), 1), 10u);
  EXPECT_EQ(quota.used(), quota.limit());
  Quota less(9'999);
  EXPECT_EQ(fill(less, device(1), 1), 9u);
  EXPECT_TRUE(less.takes(device(1), kStored - 1, 1));
}

TEST(QuotaTest, NobodyUsesWhatIsKeptForOthers) {
  Quota quota(80'000);
  EXPECT_EQ(fill(quota, device(1), 4), 50u) << "the common half and its own share";
  EXPECT_EQ(fill(quota, device(2), 4), 10u);
  EXPECT_EQ(fill(quota, device(3), 4), 10u);
  EXPECT_EQ(fill(quota, device(4), 4), 10u);
  EXPECT_EQ(quota.used(), quota.limit());
}

TEST(QuotaTest, WhatFormerMembersWroteCountsForTheCommonHalf) {
  Quota quota(80'000);
  fill(quota, device(1), 4);
  // Device 1 is gone: two are left, with larger shares, and its excess shrinks.
  EXPECT_EQ(fill(quota, device(2), 2), 30u);
  EXPECT_EQ(quota.used(), quota.limit());
  EXPECT_EQ(fill(quota, device(3), 2), 20u) << "a share is never refused";
}

TEST(QuotaTest, NothingFitsInNone) {
  Quota quota(0);
  EXPECT_FALSE(quota.takes(device(1), 0, 0));
}

}  // namespace
}  // namespace coterie::node
