#include "storage/commit_queue.hpp"

#include <algorithm>
#include <chrono>

namespace coterie::storage {
namespace {

using SteadyClock = std::chrono::steady_clock;

Duration since(SteadyClock::time_point start) {
  return std::chrono::duration_cast<Duration>(SteadyClock::now() - start);
}

}  // namespace

void CommitQueue::Times::add(Duration time) {
  if (times_.size() < kTimesKept) times_.resize(times_.size() + 1);
  times_[next_] = time;
  next_ = (next_ + 1) % kTimesKept;
}

Duration CommitQueue::Times::quantile(double share) const {
  if (times_.empty()) return {};
  std::vector<Duration> sorted = times_;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(index);
  std::nth_element(sorted.begin(), at, sorted.end());
  return *at;
}

CommitQueue::CommitQueue(std::function<void()> on_ready)
    : on_ready_(std::move(on_ready)), writer_([this] { run(); }) {}

CommitQueue::~CommitQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  writer_.join();
}

void CommitQueue::enqueue(Store& store, WriteBatch batch, std::uint64_t token) {
  const std::size_t rows = batch.operations.size();
  const std::size_t bytes = payload_bytes(batch);
  {
    const std::lock_guard lock(mutex_);
    Lane& lane = lanes_[&store];
    if (lane.waiting.empty()) turns_.push_back(&store);
    lane.waiting.push_back({std::move(batch), token, rows, bytes, SteadyClock::now()});
    ++lane.outstanding;
    ++totals_.waiting;
  }
  changed_.notify_one();
}

std::optional<CommitQueue::Completion> CommitQueue::poll_completion() {
  const std::lock_guard lock(mutex_);
  if (done_.empty()) return std::nullopt;
  const Done done = done_.front();
  done_.pop_front();
  Lane& lane = lanes_[done.store];
  // The owner knows of every failure now, so whatever comes next takes them into account.
  if (--lane.outstanding == 0) lane.failure.reset();
  return done.completion;
}

CommitQueue::Stats CommitQueue::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats = totals_;
  stats.commit_median = commit_times_.quantile(0.5);
  stats.commit_p99 = commit_times_.quantile(0.99);
  stats.commit_max = commit_times_.quantile(1);
  stats.wait_median = wait_times_.quantile(0.5);
  stats.wait_p99 = wait_times_.quantile(0.99);
  return stats;
}

void CommitQueue::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (turns_.empty()) return;
    Store& store = *turns_.front();
    turns_.pop_front();
    Lane& lane = lanes_[&store];
    std::vector<Waiting> group = take_group(lane);
    if (!lane.waiting.empty()) turns_.push_back(&store);
    lock.unlock();
    commit_group(store, std::move(group));
    on_ready_();
    lock.lock();
  }
}

std::vector<CommitQueue::Waiting> CommitQueue::take_group(Lane& lane) {
  std::vector<Waiting> group;
  std::size_t bytes = 0;
  while (!lane.waiting.empty() &&
         (group.empty() || bytes + lane.waiting.front().bytes <= kGroupBytesMax)) {
    bytes += lane.waiting.front().bytes;
    group.push_back(std::move(lane.waiting.front()));
    lane.waiting.pop_front();
  }
  return group;
}

void CommitQueue::commit_group(Store& store, std::vector<Waiting> group) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto failure = lanes_[&store].failure) {
      for (const Waiting& batch : group) report(store, batch, *failure);
      return;
    }
  }
  std::vector<WriteBatch> batches;
  batches.reserve(group.size());
  for (Waiting& waiting : group) batches.push_back(std::move(waiting.batch));
  const auto start = SteadyClock::now();
  const Status together = store.commit(batches);
  const Duration time = since(start);
  if (together) {
    const std::lock_guard lock(mutex_);
    commit_times_.add(time);
    ++totals_.transactions;
    totals_.batches_in_one_max = std::max(totals_.batches_in_one_max, std::uint64_t{group.size()});
    std::uint64_t rows = 0;
    for (const Waiting& batch : group) {
      rows += batch.rows;
      report(store, batch, {});
    }
    totals_.rows_in_one_max = std::max(totals_.rows_in_one_max, rows);
    return;
  }
  // One by one, so that a batch that cannot be written does not take those before it along.
  Status status = group.size() == 1 ? together : Status();
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (status) status = store.commit({&batches[i], 1});
    const std::lock_guard lock(mutex_);
    if (status) {
      ++totals_.transactions;
      totals_.rows_in_one_max = std::max(totals_.rows_in_one_max, std::uint64_t{group[i].rows});
    }
    report(store, group[i], status);
  }
}

/// Precondition: mutex_ is held.
void CommitQueue::report(Store& store, const Waiting& batch, Status status) {
  if (status) {
    ++totals_.batches;
    totals_.rows += batch.rows;
    totals_.bytes += batch.bytes;
    wait_times_.add(since(batch.since));
  } else {
    ++totals_.failed;
    lanes_[&store].failure = status.error();
  }
  --totals_.waiting;
  done_.push_back({&store, {batch.token, status}});
}

}  // namespace coterie::storage
