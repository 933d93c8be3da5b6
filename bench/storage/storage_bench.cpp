// What one durable commit costs, and what group commit makes of it.
//
// Claim: while batches arrive faster than the disk can fsync, the rate of durable batches follows
// the arrivals and the wait stays near two fsyncs. Run with the directory to measure in; the disk
// under it is what is measured.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "storage/commit_queue.hpp"
#include "storage/lmdb/lmdb_store.hpp"

namespace {

using namespace coterie;
using namespace coterie::storage;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kEntryBytes = 400;  // A coalesced entry of typing, with its signature.

WriteBatch entry(std::uint64_t number) {
  const std::string key = std::to_string(1'000'000'000 + number);
  WriteBatch batch;
  batch.put(Table::kEntries, {key.begin(), key.end()}, Bytes(kEntryBytes, 7));
  batch.put(Table::kFrontier, {'h'}, {key.begin(), key.end()});
  return batch;
}

double micros(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

void report(const char* what, std::vector<double> values, const char* unit) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  std::printf("%-34s median %9.1f  p99 %9.1f  max %9.1f %s\n", what, at(0.5), at(0.99), at(1),
              unit);
}

void measure_single(Store& store, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const WriteBatch batch = entry(static_cast<std::uint64_t>(i));
    const auto start = Clock::now();
    if (!store.commit({&batch, 1})) std::abort();
    times.push_back(micros(Clock::now() - start));
  }
  report("one batch, one fsync", std::move(times), "us");
}

void measure_group(Store& store, int per_second, int seconds) {
  CommitQueue queue([] {});
  const int count = per_second * seconds;
  const auto start = Clock::now();
  int done = 0;
  const auto take = [&] {
    while (const auto completion = queue.poll_completion()) {
      if (!completion->status) std::abort();
      ++done;
    }
  };
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_until(start + std::chrono::microseconds(1'000'000LL * i / per_second));
    queue.enqueue(store, entry(static_cast<std::uint64_t>(i)), static_cast<std::uint64_t>(i));
    take();
  }
  while (done < count) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    take();
  }
  const double elapsed = micros(Clock::now() - start) / 1e6;
  const CommitQueue::Stats stats = queue.stats();
  std::printf(
      "%6d batches/s offered: %7.0f/s durable, %5.1f a transaction (max %llu), wait median %6lld "
      "p99 %6lld us\n",
      per_second, count / elapsed,
      static_cast<double>(count) / static_cast<double>(stats.transactions),
      static_cast<unsigned long long>(stats.batches_in_one_max),
      static_cast<long long>(stats.wait_median.count()),
      static_cast<long long>(stats.wait_p99.count()));
}

void measure_reads(const Store& store, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const std::string key = std::to_string(1'000'000'000 + i % 100);
    const auto start = Clock::now();
    if (!store.get(Table::kEntries, as_bytes(key))) std::abort();
    times.push_back(micros(Clock::now() - start));
  }
  report("one read", std::move(times), "us");
}

/// Opening checks every page: what a start costs per megabyte.
void measure_open(const std::string& directory, std::size_t megabytes) {
  {
    const auto provider = *LmdbStoreProvider::open_directory(directory);
    Store& store = **provider->open("a2");
    std::uint64_t number = 0;
    for (std::size_t chunk = 0; chunk < megabytes; ++chunk) {
      WriteBatch batch;
      for (std::size_t i = 0; i < (1 << 20) / kEntryBytes; ++i) {
        const std::string key = std::to_string(1'000'000'000 + number++);
        batch.put(Table::kEntries, {key.begin(), key.end()}, Bytes(kEntryBytes, 7));
      }
      if (!store.commit({&batch, 1})) std::abort();
    }
  }
  const auto provider = *LmdbStoreProvider::open_directory(directory);
  const auto start = Clock::now();
  if (!provider->open("a2")) std::abort();
  const auto bytes = std::filesystem::file_size(directory + "/a2/data.mdb");
  std::printf("open and check %4zu MB: %26.1f ms\n", static_cast<std::size_t>(bytes) >> 20,
              micros(Clock::now() - start) / 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  // Short runs in ctest, so that the benchmark cannot rot; long ones by hand.
  const bool quick = argc > 2 && std::string(argv[2]) == "--quick";
  const std::string directory = parent + "/coterie-storage-bench";
  std::filesystem::remove_all(directory);
  {
    auto provider = LmdbStoreProvider::open_directory(directory);
    if (!provider) {
      std::fprintf(stderr, "%s\n", to_string(provider.error()).c_str());
      return 1;
    }
    Store& store = **(*provider)->open("a1");
    measure_single(store, quick ? 100 : 2000);
    for (const int rate : {100, 1000, 10'000}) measure_group(store, rate, quick ? 1 : 5);
    measure_reads(store, quick ? 1000 : 100'000);
  }
  measure_open(directory, quick ? 4 : 300);
  std::filesystem::remove_all(directory);
  return 0;
}
