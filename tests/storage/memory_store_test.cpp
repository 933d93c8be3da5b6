// The faults that only the simulated disk has.

#include <gtest/gtest.h>

#include "storage/memory/memory_store.hpp"
#include "tests/storage/store_fixtures.hpp"

namespace coterie::storage::testing {
namespace {

std::string value_of(const Store& store, std::string_view key) {
  const auto value = *store.get(Table::kMeta, as_bytes(key));
  return value ? std::string(as_text(*value)) : "(none)";
}

TEST(MemoryStore, CrashLosesWhatWasNotSynced) {
  MemoryStoreProvider disk;
  Store* store = *disk.open("a1");
  ASSERT_TRUE(commit(*store, put(Table::kMeta, "a", "old")));
  ASSERT_TRUE(commit(*store, put(Table::kMeta, "b", "old")));
  const std::uint64_t used = disk.store("a1")->bytes_used();
  disk.store("a1")->set_auto_sync(false);
  WriteBatch batch = put(Table::kMeta, "a", "newer");
  batch.erase(Table::kMeta, bytes("b"));
  batch.put(Table::kMeta, bytes("c"), bytes("new"));
  batch.erase_range(Table::kMeta, bytes("a"), {});
  batch.put(Table::kMeta, bytes("d"), bytes("new"));
  ASSERT_TRUE(commit(*store, batch));
  EXPECT_EQ(value_of(*store, "d"), "new") << "visible before it is durable";
  disk.crash();
  EXPECT_EQ(value_of(*store, "a"), "old");
  EXPECT_EQ(value_of(*store, "b"), "old");
  EXPECT_EQ(value_of(*store, "c"), "(none)");
  EXPECT_EQ(value_of(*store, "d"), "(none)");
  EXPECT_EQ(disk.store("a1")->bytes_used(), used);

  ASSERT_TRUE(commit(*store, batch));
  disk.store("a1")->sync();
  disk.crash();
  EXPECT_EQ(value_of(*store, "d"), "new");
}

TEST(MemoryStore, InjectedErrorsChangeNothing) {
  MemoryStoreProvider disk;
  Store* store = *disk.open("a1");
  disk.store("a1")->fail_commits({ErrorCode::kIo, "injected"}, 2);
  for (int i = 0; i < 2; ++i) {
    const Status failed = commit(*store, put(Table::kMeta, "a", "1"));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kIo);
  }
  EXPECT_EQ(value_of(*store, "a"), "(none)");
  EXPECT_EQ(disk.store("a1")->commit_count(), 0u);
  EXPECT_TRUE(commit(*store, put(Table::kMeta, "a", "1")));
  disk.store("a1")->fail_reads({ErrorCode::kCorrupt, "injected"}, 1);
  EXPECT_FALSE(store->get(Table::kMeta, as_bytes("a")));
  EXPECT_EQ(value_of(*store, "a"), "1");
}

TEST(MemoryStore, FullDiskRefusesGrowthAndRecovers) {
  MemoryStoreProvider disk;
  Store* store = *disk.open("a1");
  disk.store("a1")->set_capacity_bytes(10);
  ASSERT_TRUE(commit(*store, put(Table::kMeta, "a", "123456789")));
  const Status full = commit(*store, put(Table::kMeta, "b", "1"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(value_of(*store, "a"), "123456789");
  EXPECT_EQ(value_of(*store, "b"), "(none)");
  disk.store("a1")->set_capacity_bytes(5);
  EXPECT_TRUE(commit(*store, put(Table::kMeta, "a", "1234567"))) << "shrinking is allowed";
  disk.store("a1")->set_capacity_bytes(std::nullopt);
  EXPECT_TRUE(commit(*store, put(Table::kMeta, "b", "1")));
}

TEST(MemoryStore, CloneIsWhatWasDurable) {
  MemoryStoreProvider disk;
  Store* store = *disk.open("a1");
  ASSERT_TRUE(commit(*store, put(Table::kMeta, "a", "backed up")));
  disk.store("a1")->set_auto_sync(false);
  ASSERT_TRUE(commit(*store, put(Table::kMeta, "a", "later")));
  const auto backup = disk.clone_durable();
  EXPECT_EQ(value_of(**backup->open("a1"), "a"), "backed up");
  EXPECT_EQ(value_of(*store, "a"), "later");
}

}  // namespace
}  // namespace coterie::storage::testing
