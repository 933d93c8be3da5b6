// Copies of a store that is being written, compaction, and migrations from older schemas.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "storage/lmdb/maintenance.hpp"
#include "tests/storage/lmdb_fixture.hpp"

namespace coterie::storage::testing {
namespace {

namespace fs = std::filesystem;

class MaintenanceTest : public LmdbStoreTest {
 protected:
  std::string store() const { return data() + "/a1"; }

  /// Copies "a1" to the store `name` of another provider's directory.
  Status copy(const std::string& directory) const {
    fs::create_directories(directory + "/a1");
    const std::string path = directory + "/a1/data.mdb";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    const Status copied = copy_store(store(), fd);
    ::close(fd);
    return copied;
  }
};

TEST_F(MaintenanceTest, CopiesShowOneMomentWhileAnotherProcessWrites) {
  make_store(10);
  // The writer counts: every commit puts the same number into two tables.
  const pid_t writer = start_child([this] {
    const Provider provider = *LmdbStoreProvider::open_directory(data());
    Store& store = **provider->open("a1");
    for (int i = 0;; ++i) {
      WriteBatch batch;
      const std::string number = std::to_string(i);
      batch.put(Table::kMeta, bytes("a"), bytes(number));
      batch.put(Table::kPeers, bytes("b"), bytes(number));
      // Grows: the copying process meets a map that is larger than it thought.
      batch.put(Table::kTails, bytes("row " + number), Bytes(20'000, 'x'));
      if (!store.commit(std::span(&batch, 1))) return 1;
    }
    return 0;
  });
  for (int round = 0; round < 20; ++round) {
    const std::string other = directory_ / ("copy" + std::to_string(round));
    const Status copied = copy(other);
    ASSERT_TRUE(copied) << to_string(copied.error());
    ASSERT_TRUE(check_store_file(other + "/a1/data.mdb"));
    const Provider provider = *LmdbStoreProvider::open_directory(other);
    const auto opened = provider->open("a1");
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ(*(*opened)->get(Table::kMeta, bytes("a")),
              *(*opened)->get(Table::kPeers, bytes("b")));
    EXPECT_TRUE((*opened)->get(Table::kEntries, bytes("10"))->has_value());
  }
  ::kill(writer, SIGKILL);
  wait_for(writer);
  EXPECT_EQ(open_and_read(), "ok 10");
}

TEST_F(MaintenanceTest, CompactionGivesBackWhatIsFree) {
  make_store(300);
  {
    const Provider provider = *LmdbStoreProvider::open_directory(data());
    Store& opened = **provider->open("a1");
    WriteBatch batch;
    batch.erase_range(Table::kEntries, bytes("11"), {});
    ASSERT_TRUE(opened.commit(std::span(&batch, 1)));
  }
  const std::string before = open_and_read();
  const auto done = compact_store(store());
  ASSERT_TRUE(done) << to_string(done.error());
  EXPECT_LT(done->bytes_after, done->bytes_before / 2);
  EXPECT_EQ(done->bytes_after, fs::file_size(file()));
  EXPECT_EQ(open_and_read(), before);
  EXPECT_FALSE(fs::exists(store() + "/data.mdb.compact"));
}

TEST_F(MaintenanceTest, CopiesAndCompactionExcludeEachOther) {
  make_store(1);
  const int held = ::open(store().c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(held, LOCK_SH), 0);
  EXPECT_EQ(compact_store(store()).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(copy(directory_ / "copy"));
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  EXPECT_EQ(copy(directory_ / "copy").error().code, ErrorCode::kConflict);
  ::close(held);
  EXPECT_TRUE(compact_store(store()));
}

TEST_F(MaintenanceTest, RefusesDamagedFiles) {
  make_store(50);
  fs::resize_file(file(), fs::file_size(file()) / 2);
  EXPECT_EQ(check_store_file(file()).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(compact_store(store()).error().code, ErrorCode::kCorrupt);
  fs::remove(file());
  EXPECT_EQ(copy(directory_ / "copy").error().code, ErrorCode::kCorrupt);
}

TEST_F(MaintenanceTest, MigratesAVersionAtATime) {
  make_store(3);
  int runs = 0;
  const std::vector<Migration> steps = {{1,
                                         [&](const Store& before, WriteBatch& changes) -> Status {
                                           ++runs;
                                           COTERIE_TRY(const auto row,
                                                       before.get(Table::kEntries, bytes("1")));
                                           changes.put(Table::kMeta, bytes("moved"), *row);
                                           changes.erase(Table::kEntries, bytes("1"));
                                           return {};
                                         }},
                                        {2, [&](const Store&, WriteBatch&) -> Status {
                                           ++runs;
                                           return Error{ErrorCode::kIo, "the disk fails"};
                                         }}};
  LmdbOptions options;
  options.migrations = &steps;
  options.schema = 3;
  const auto open = [&] {
    const Provider provider = *LmdbStoreProvider::open_directory(data(), options);
    const auto opened = provider->open("a1");
    return opened ? std::string("ok") : to_string(opened.error());
  };
  EXPECT_EQ(open().substr(0, 3), "io:");
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(*store_schema(store()), 2u) << "the first step is done, the second is not";
  options.schema = 2;
  EXPECT_EQ(open(), "ok");
  EXPECT_EQ(runs, 2) << "what is done is not done again";
  {
    const Provider provider = *LmdbStoreProvider::open_directory(data(), options);
    Store& opened = **provider->open("a1");
    EXPECT_TRUE(opened.get(Table::kMeta, bytes("moved"))->has_value());
    EXPECT_FALSE(opened.get(Table::kEntries, bytes("1"))->has_value());
  }
  EXPECT_NE(open_and_read().find("newer coterie"), std::string::npos) << "by this build";
}

TEST_F(MaintenanceTest, RefusesAStoreThatIsTooOldUnchanged) {
  make_store(3);
  const std::vector<Migration> none;
  LmdbOptions options;
  options.migrations = &none;
  options.schema = 2;
  {
    const Provider provider = *LmdbStoreProvider::open_directory(data(), options);
    const auto opened = provider->open("a1");
    ASSERT_FALSE(opened);
    EXPECT_NE(to_string(opened.error()).find("too old"), std::string::npos);
  }
  EXPECT_EQ(*store_schema(store()), 1u);
  EXPECT_EQ(open_and_read(), "ok 3");
}

}  // namespace
}  // namespace coterie::storage::testing
