// Group commit: order, grouping, and that a failure never lets a later batch overtake.

#include "storage/commit_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "storage/lmdb/lmdb_store.hpp"
#include "tests/storage/store_fixtures.hpp"

namespace coterie::storage::testing {
namespace {

/// A memory store whose commits wait for permission, and are written down.
class SlowStore final : public Store {
 public:
  Status commit(std::span<const WriteBatch> batches) override {
    std::unique_lock lock(mutex_);
    groups_.push_back(batches.size());
    changed_.notify_all();
    changed_.wait(lock, [this] { return permits_ > 0; });
    --permits_;
    return memory.commit(batches);
  }
  Result<std::optional<Bytes>> get(Table table, ByteView key) const override {
    return memory.get(table, key);
  }
  Status scan(Table table, ByteView begin, ByteView end,
              const std::function<bool(ByteView, ByteView)>& visit) const override {
    return memory.scan(table, begin, end, visit);
  }
  Result<std::optional<std::pair<Bytes, Bytes>>> last(Table table, ByteView begin,
                                                      ByteView end) const override {
    return memory.last(table, begin, end);
  }

  void permit(int count) {
    const std::lock_guard lock(mutex_);
    permits_ += count;
    changed_.notify_all();
  }
  void wait_for_commits(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return groups_.size() >= count; });
  }
  std::vector<std::size_t> groups() const {
    const std::lock_guard lock(mutex_);
    return groups_;
  }

  MemoryStore memory;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> groups_;
  int permits_ = 0;
};

class CommitQueueTest : public ::testing::Test {
 protected:
  void enqueue(std::uint64_t token, std::size_t value_bytes = 1) {
    queue_.enqueue(store_, row(token, value_bytes), token);
  }
  static WriteBatch row(std::uint64_t token, std::size_t value_bytes = 1) {
    return put(Table::kEntries, std::to_string(token), std::string(value_bytes, 'v'));
  }
  bool holds(std::uint64_t token) {
    return store_.get(Table::kEntries, as_bytes(std::to_string(token)))->has_value();
  }

  /// "1 2 !3" for the next `count` completions; "!" marks an error.
  std::string completions(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      const CommitQueue::Completion done = next();
      if (!text.empty()) text += ' ';
      if (!done.status) text += '!';
      text += std::to_string(done.token);
    }
    return text;
  }
  CommitQueue::Completion next() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (auto done = queue_.poll_completion()) return *std::move(done);
        ready_.wait_for(lock, std::chrono::milliseconds(20));
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  SlowStore store_;
  CommitQueue queue_{[this] { ready_.notify_all(); }};
};

TEST_F(CommitQueueTest, BatchesThatWaitShareOneTransaction) {
  enqueue(1);
  store_.wait_for_commits(1);
  for (std::uint64_t token = 2; token <= 6; ++token) enqueue(token);
  EXPECT_FALSE(queue_.poll_completion()) << "reported before it was durable";
  EXPECT_EQ(queue_.stats().waiting, 6u);
  store_.permit(2);
  EXPECT_EQ(completions(6), "1 2 3 4 5 6");
  EXPECT_EQ(store_.groups(), (std::vector<std::size_t>{1, 5}));
  const CommitQueue::Stats stats = queue_.stats();
  EXPECT_EQ(stats.batches, 6u);
  EXPECT_EQ(stats.transactions, 2u);
  EXPECT_EQ(stats.batches_in_one_max, 5u);
  EXPECT_EQ(stats.rows, 6u);
  EXPECT_EQ(stats.rows_in_one_max, 5u);
  EXPECT_EQ(stats.waiting, 0u);
  EXPECT_EQ(stats.failed, 0u);
  EXPECT_LE(stats.wait_median, stats.wait_p99);
}

TEST_F(CommitQueueTest, GroupsAreBounded) {
  enqueue(1);
  store_.wait_for_commits(1);
  const std::size_t half = kGroupBytesMax / 2 - 1;  // The key is one byte.
  for (std::uint64_t token = 2; token <= 5; ++token) enqueue(token, half);
  enqueue(6, kGroupBytesMax + 1);  // Larger than a group: goes alone.
  store_.permit(4);
  EXPECT_EQ(completions(6), "1 2 3 4 5 6");
  EXPECT_EQ(store_.groups(), (std::vector<std::size_t>{1, 2, 2, 1}));
}

TEST_F(CommitQueueTest, OneBadBatchDoesNotTakeEarlierOnesAlong) {
  enqueue(1);
  store_.wait_for_commits(1);
  enqueue(2);
  queue_.enqueue(store_, put(Table::kEntries, std::string(kKeyBytesMax + 1, 'k'), "v"), 3);
  enqueue(4);
  store_.permit(100);
  EXPECT_EQ(completions(4), "1 2 !3 !4");
  EXPECT_TRUE(holds(2));
  EXPECT_FALSE(holds(4)) << "it may build on 3";
  enqueue(5);
  EXPECT_EQ(completions(1), "5");
  EXPECT_EQ(queue_.stats().failed, 2u);
}

TEST_F(CommitQueueTest, NothingOvertakesAFailedBatch) {
  store_.permit(100);
  store_.memory.fail_commits({ErrorCode::kNoSpace, "injected"}, 1);
  enqueue(1);
  store_.wait_for_commits(1);
  while (queue_.stats().failed == 0) std::this_thread::yield();
  // The disk has room again, but the owner does not know of the failure yet.
  enqueue(2);
  while (queue_.stats().failed < 2) std::this_thread::yield();
  EXPECT_EQ(next().status.error().code, ErrorCode::kNoSpace);
  // It has heard of 1, not yet of 2.
  enqueue(3);
  EXPECT_EQ(completions(2), "!2 !3");
  EXPECT_FALSE(holds(2));
  for (std::uint64_t token = 1; token <= 3; ++token) enqueue(token);
  EXPECT_EQ(completions(3), "1 2 3");
  EXPECT_TRUE(holds(1) && holds(2) && holds(3));
}

TEST_F(CommitQueueTest, StoresFailApartAndTakeTurns) {
  MemoryStore other;
  enqueue(1);
  store_.wait_for_commits(1);
  for (std::uint64_t token = 2; token <= 4; ++token) enqueue(token, kGroupBytesMax);
  queue_.enqueue(other, row(9), 9);
  store_.memory.fail_commits({ErrorCode::kIo, "injected"}, 1);
  store_.permit(100);
  EXPECT_EQ(completions(5), "!1 !2 9 !3 !4") << "9 waits for one group of the other store only";
}

TEST(CommitQueue, CommitsWhatWaitsBeforeItEnds) {
  SlowStore store;
  {
    CommitQueue queue([] {});
    for (std::uint64_t token = 1; token <= 50; ++token) {
      queue.enqueue(store, put(Table::kEntries, std::to_string(token), "v"), token);
    }
    store.permit(100);
  }
  int rows = 0;
  ASSERT_TRUE(store.scan(Table::kEntries, {}, {}, [&](ByteView, ByteView) { return ++rows > 0; }));
  EXPECT_EQ(rows, 50);
}

TEST(CommitQueue, WorksOnDisk) {
  TemporaryDirectory directory;
  const auto provider = *LmdbStoreProvider::open_directory(directory / "data");
  Store& store = **provider->open("a1");
  CommitQueue queue([] {});
  for (std::uint64_t token = 1; token <= 2000; ++token) {
    queue.enqueue(store, put(Table::kEntries, std::to_string(token), "v"), token);
  }
  for (std::uint64_t token = 1; token <= 2000;) {
    const auto done = queue.poll_completion();
    if (!done) continue;
    ASSERT_TRUE(done->status);
    ASSERT_EQ(done->token, token++);
  }
  EXPECT_LT(queue.stats().transactions, 1000u);
}

}  // namespace
}  // namespace coterie::storage::testing
