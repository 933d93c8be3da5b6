// A disk that fails: each call to it in turn, with each error that a full, broken or remounted one
// gives. What was committed stays, what failed is not there, and a disk that was full is written
// again as soon as there is room, without a restart.

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "tests/storage/content.hpp"
#include "tests/storage/lmdb_fixture.hpp"
#include "tests/support/disk_faults.hpp"

namespace coterie::storage::testing {
namespace {

namespace disk = coterie::testing::disk;
using coterie::testing::SeededChoices;

class FailingDiskTest : public LmdbStoreTest {
 protected:
  ~FailingDiskTest() override { heal(); }

  static void fail(int error, std::uint32_t part, std::int64_t after, std::int64_t times) {
    disk::Control& control = disk::control();
    control.error = static_cast<std::uint32_t>(error);
    control.part = part;
    control.calls_left = after;
    control.faults_left = times;
    control.fault = disk::Fault::kFail;
  }
  static void heal() { disk::control().fault = disk::Fault::kNone; }

  /// Commits with a failure at call `after`. Returns whether there were so many calls.
  bool run(int error, std::uint32_t part, std::int64_t after, std::int64_t times) {
    namespace fs = std::filesystem;
    const bool passing = error == ENOSPC;
    fs::remove_all(data());
    SeededChoices choices(static_cast<std::uint64_t>(after) + 1);
    auto provider =
        LmdbStoreProvider::open_directory(data(), {.map_bytes_initial = std::size_t{1} << 18});
    Store* store = *(*provider)->open("a1");
    Content content;
    bool failed = false;
    fail(error, part, after, times);
    for (int i = 0; i < 12; ++i) {
      const WriteBatch batch = some_batch(choices);
      const Status status = store->commit({&batch, 1});
      if (status) {
        apply(content, batch);
        continue;
      }
      failed = true;
      const ErrorCode expected = passing ? ErrorCode::kNoSpace : ErrorCode::kIo;
      if (part != 60) {  // Cut short: LMDB calls that EIO, and the store looks for room.
        EXPECT_EQ(status.error().code, expected) << to_string(status.error());
      }
      EXPECT_EQ(read_all(*store), content) << "after a commit that failed";
      heal();
      const Status again = store->commit({&batch, 1});
      EXPECT_TRUE(again) << "written again, when there is room: " << to_string(again.error());
      if (again) apply(content, batch);
      EXPECT_EQ(read_all(*store), content) << "after it was written again";
    }
    heal();
    provider->reset();
    provider = LmdbStoreProvider::open_directory(data());
    const auto reopened = (*provider)->open("a1");
    EXPECT_TRUE(reopened) << to_string(reopened.error());
    if (reopened) {
      EXPECT_EQ(read_all(**reopened), content) << "after a restart";
    }
    return failed;
  }

 private:
  std::string data() const { return memory_ / "data"; }

  TemporaryDirectory memory_{memory_directory()};
};

TEST_F(FailingDiskTest, EveryCallMayFail) {
  for (const int error : {ENOSPC, EIO, EROFS}) {
    for (const std::uint32_t part : {0u, 60u, 100u}) {
      for (const std::int64_t times : {1, 2, 5}) {
        std::int64_t call = 0;
        for (; !HasFailure() && run(error, part, call, times); ++call) {
        }
        ASSERT_FALSE(HasFailure()) << "error " << error << ", part " << part << ", " << times
                                   << " times, from call " << call;
        EXPECT_GT(call, 30);
      }
    }
  }
}

}  // namespace
}  // namespace coterie::storage::testing
