// What one durable commit costs, and what group commit makes of it: beside the floor, one bare
// fsync, and beside SQLite (WAL, synchronous=FULL), in turns on the same disk in the same run.
//
// Claims: a commit of ours costs two fsyncs, of data and of the page that names it. While batches
// arrive faster than the disk can fsync, the rate of durable batches follows the arrivals and the
// wait stays near two commits. Run with the directory to measure in; the disk under it is what is
// measured. The stores of other Yjs servers are in run.mjs.

#include <fcntl.h>
#include <unistd.h>

#ifdef COTERIE_WITH_SQLITE
#include <sqlite3.h>
#endif

#include <algorithm>
#include <atomic>
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

double at(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void report(const char* what, std::vector<double> values, const char* unit,
            const std::vector<double>& floor = {}) {
  std::sort(values.begin(), values.end());
  std::printf("%-38s median %9.1f  p99 %9.1f  max %9.1f %s", what, at(values, 0.5),
              at(values, 0.99), at(values, 1), unit);
  if (!floor.empty()) {
    std::vector<double> sorted = floor;
    std::sort(sorted.begin(), sorted.end());
    std::printf("  %5.2f x the floor, p99 %5.2f x", at(values, 0.5) / at(sorted, 0.5),
                at(values, 0.99) / at(sorted, 0.99));
  }
  std::printf("\n");
}

/// The floor: bytes at the end of a file, then fsync.
class BareFile {
 public:
  explicit BareFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}
  ~BareFile() { ::close(fd_); }
  void commit() {
    const Bytes bytes(kEntryBytes, 7);
    if (::write(fd_, bytes.data(), bytes.size()) < 0 || ::fsync(fd_) != 0) std::abort();
  }

 private:
  int fd_;
};

#ifdef COTERIE_WITH_SQLITE
/// The same two rows in the database that people would take otherwise.
class Sqlite {
 public:
  explicit Sqlite(const std::string& path) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) std::abort();
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
    const char* put = "INSERT OR REPLACE INTO entries VALUES (?, ?)";
    if (sqlite3_prepare_v2(db_, put, -1, &put_, nullptr) != SQLITE_OK) std::abort();
  }
  ~Sqlite() {
    sqlite3_finalize(put_);
    sqlite3_close(db_);
  }
  void commit(std::uint64_t first, std::uint64_t count) {
    run("BEGIN IMMEDIATE");
    for (std::uint64_t i = first; i < first + count; ++i) {
      const WriteBatch batch = entry(i);
      for (const auto& operation : batch.operations) {
        const auto& row = std::get<WriteBatch::Put>(operation);
        const auto size = [](const Bytes& bytes) { return static_cast<int>(bytes.size()); };
        sqlite3_bind_blob(put_, 1, row.key.data(), size(row.key), SQLITE_STATIC);
        sqlite3_bind_blob(put_, 2, row.value.data(), size(row.value), SQLITE_STATIC);
        if (sqlite3_step(put_) != SQLITE_DONE) std::abort();
        sqlite3_reset(put_);
      }
    }
    run("COMMIT");
  }

 private:
  void run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) std::abort();
  }

  sqlite3* db_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
};
#endif

template <typename Action>
double time_of(Action action) {
  const auto start = Clock::now();
  action();
  return micros(Clock::now() - start);
}

/// In turns, so that all see the same disk.
void measure_single(Store& store, const std::string& directory, int count) {
  BareFile bare(directory + "/bare");
  std::vector<double> floor;
  std::vector<double> ours;
  std::vector<double> sqlite;
#ifdef COTERIE_WITH_SQLITE
  Sqlite other(directory + "/sqlite");
#endif
  for (int i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint64_t>(i);
    floor.push_back(time_of([&] { bare.commit(); }));
    const WriteBatch batch = entry(number);
    ours.push_back(time_of([&] {
      if (!store.commit({&batch, 1})) std::abort();
    }));
#ifdef COTERIE_WITH_SQLITE
    sqlite.push_back(time_of([&] { other.commit(number, 1); }));
#endif
  }
  report("one bare fsync", floor, "us");
  report("one batch, one commit", ours, "us", floor);
  if (!sqlite.empty()) report("the same in SQLite, WAL, FULL", sqlite, "us", floor);
}

/// What gets done in slices of time.
class Rate {
 public:
  /// Calls `round`, which returns how much it did, for `seconds`.
  template <typename Round>
  void run(double seconds, Round round) {
    const auto start = Clock::now();
    while (micros(Clock::now() - start) < seconds * 1e6) done_ += round(done_);
    seconds_ += micros(Clock::now() - start) / 1e6;
  }
  double per_second() const { return static_cast<double>(done_) / seconds_; }

 private:
  std::uint64_t done_ = 0;
  double seconds_ = 0;
};

/// As many as the disk takes while `waiting` are always there to be written.
class Throughput {
 public:
  Throughput(Store& store, const std::string& directory, std::uint64_t waiting)
      : store_(store),
        waiting_(waiting),
        bare_(directory + "/bare"),
#ifdef COTERIE_WITH_SQLITE
        sqlite_(directory + "/sqlite-" + std::to_string(waiting)),
#endif
        queue_([this] {
          ready_ = true;
          ready_.notify_one();
        }) {
  }

  /// In turns, so that all see the same disk.
  void run(double seconds) {
    floor_.run(seconds, [&](std::uint64_t) {
      bare_.commit();
      return std::uint64_t{1};
    });
    ours_.run(seconds, [&](std::uint64_t done) { return one_round(done); });
#ifdef COTERIE_WITH_SQLITE
    sqlite_single_.run(seconds, [&](std::uint64_t done) {
      sqlite_.commit(done, 1);
      return std::uint64_t{1};
    });
    sqlite_grouped_.run(seconds, [&](std::uint64_t done) {
      sqlite_.commit(done, waiting_);
      return waiting_;
    });
#endif
  }

  void print() const {
    const double ours = ours_.per_second();
    std::printf("%4llu waiting: %8.0f durable batches/s; bare fsyncs %6.0f/s (%.1f x)",
                static_cast<unsigned long long>(waiting_), ours, floor_.per_second(),
                ours / floor_.per_second());
#ifdef COTERIE_WITH_SQLITE
    std::printf("; SQLite %6.0f/s one by one (%.1f x), %8.0f/s in groups of as many (%.1f x)",
                sqlite_single_.per_second(), ours / sqlite_single_.per_second(),
                sqlite_grouped_.per_second(), ours / sqlite_grouped_.per_second());
#endif
    std::printf("\n");
  }

 private:
  std::uint64_t one_round(std::uint64_t done) {
    for (; sent_ < done + waiting_; ++sent_) queue_.enqueue(store_, entry(sent_), sent_);
    ready_.wait(false);
    ready_ = false;
    std::uint64_t taken = 0;
    while (const auto completion = queue_.poll_completion()) {
      if (!completion->status) std::abort();
      ++taken;
    }
    return taken;
  }

  Store& store_;
  const std::uint64_t waiting_;
  BareFile bare_;
#ifdef COTERIE_WITH_SQLITE
  Sqlite sqlite_;
  Rate sqlite_single_;
  Rate sqlite_grouped_;
#endif
  Rate floor_;
  Rate ours_;
  std::uint64_t sent_ = 0;
  std::atomic<bool> ready_ = false;
  CommitQueue queue_;  // Last: its thread uses what is above.
};

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
    measure_single(store, directory, quick ? 100 : 2000);
    for (const std::uint64_t waiting : {1u, 16u, 256u}) {
      Throughput throughput(store, directory, waiting);
      for (int slice = 0; slice < (quick ? 1 : 10); ++slice) throughput.run(quick ? 0.05 : 0.4);
      throughput.print();
    }
    for (const int rate : {100, 1000, 10'000}) measure_group(store, rate, quick ? 1 : 5);
    measure_reads(store, quick ? 1000 : 100'000);
  }
  measure_open(directory, quick ? 4 : 300);
  std::filesystem::remove_all(directory);
  return 0;
}
