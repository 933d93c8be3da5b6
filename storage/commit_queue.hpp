// One writer thread that turns many small batches into few fsyncs.
//
// Batches that arrive while an fsync runs wait together and become the next single transaction.
//
//     owner thread                          writer thread
//     enqueue(store, batch, token) ──────►  store.commit({batch, batch, ...})
//     poll_completion() ◄── on_ready() ───  one completion a batch, in order
//
// Order after a failure: a batch builds on those before it, so once a batch of a store has failed,
// every batch of that store enqueued before the owner has polled all of them fails with the same
// error, uncommitted. What the owner enqueues after that is tried again.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "crdt/base/clock.hpp"
#include "storage/store.hpp"

namespace coterie::storage {

/// A transaction takes further waiting batches until it holds this many bytes of keys and values,
/// so that a burst cannot delay its own first batch for long.
inline constexpr std::size_t kGroupBytesMax = std::size_t{8} << 20;

/// Thread-safe; meant for one owner thread.
class CommitQueue {
 public:
  struct Completion {
    std::uint64_t token;
    Status status;  ///< As Store::commit() returned it for this batch.
  };

  /// Totals since the start; times are of the last kTimesKept batches or transactions.
  struct Stats {
    std::uint64_t batches = 0;       ///< Durable.
    std::uint64_t failed = 0;        ///< Reported with an error.
    std::uint64_t transactions = 0;  ///< That succeeded: one fsync each.
    std::uint64_t batches_in_one_max = 0;
    std::uint64_t rows = 0;  ///< Put or erased, of the durable batches; a range counts as one.
    std::uint64_t rows_in_one_max = 0;  ///< Of one transaction.
    std::uint64_t bytes = 0;            ///< Of keys and values that were put.
    std::size_t waiting = 0;            ///< Enqueued and not yet reported.
    Duration commit_median{};           ///< Of a transaction.
    Duration commit_p99{};
    Duration commit_max{};
    Duration wait_median{};  ///< Of a batch, from enqueue() to durable.
    Duration wait_p99{};
  };
  static constexpr std::size_t kTimesKept = 1024;

  /// `on_ready` is called on the writer thread when completions became available; it should only
  /// wake the owner.
  explicit CommitQueue(std::function<void()> on_ready);
  /// Commits everything that waits, then ends the thread. Completions not polled are dropped.
  ~CommitQueue();
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  /// Never blocks on disk. `store` must outlive the queue.
  void enqueue(Store& store, WriteBatch batch, std::uint64_t token);

  /// The next result; those of one store come in the order of their enqueue().
  std::optional<Completion> poll_completion();

  Stats stats() const;

 private:
  struct Waiting {
    WriteBatch batch;
    std::uint64_t token;
    std::size_t rows;
    std::size_t bytes;
    std::chrono::steady_clock::time_point since;
  };
  struct Lane {  ///< Of one store.
    std::deque<Waiting> waiting;
    std::size_t outstanding = 0;  ///< Enqueued and not yet polled.
    std::optional<Error> failure;
  };
  struct Done {
    Store* store;
    Completion completion;
  };
  /// The last kTimesKept durations.
  class Times {
   public:
    void add(Duration time);
    /// Zero when there are none. `share` is in [0, 1].
    Duration quantile(double share) const;

   private:
    std::vector<Duration> times_;
    std::size_t next_ = 0;
  };

  void run();
  std::vector<Waiting> take_group(Lane& lane);
  void commit_group(Store& store, std::vector<Waiting> group);
  void report(Store& store, const Waiting& batch, Status status);

  const std::function<void()> on_ready_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Store*, Lane> lanes_;
  std::deque<Store*> turns_;  ///< Stores with waiting batches, each once: they take turns.
  std::deque<Done> done_;
  Stats totals_;
  Times commit_times_;
  Times wait_times_;
  bool stopping_ = false;
  std::thread writer_;  ///< Last: it uses everything above.
};

}  // namespace coterie::storage
