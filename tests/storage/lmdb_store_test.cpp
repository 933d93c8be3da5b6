// What only a store on a real disk can get wrong: two processes, a map that must grow under
// readers, a full disk, kill -9.

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "tests/storage/lmdb_fixture.hpp"
#include "tests/support/choices.hpp"

namespace coterie::storage::testing {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777u : 0;
}

TEST_F(LmdbStoreTest, OnlyItsUserCanReadIt) {
  const mode_t before = ::umask(0);
  make_store(1);
  ::umask(before);
  EXPECT_EQ(mode_of(data()), 0700u);
  EXPECT_EQ(mode_of(data() + "/lock"), 0600u);
  EXPECT_EQ(mode_of(data() + "/a1"), 0700u);
  EXPECT_EQ(mode_of(file()), 0600u);
  EXPECT_EQ(mode_of(data() + "/a1/lock.mdb"), 0600u);
}

TEST_F(LmdbStoreTest, OneProcessAtATime) {
  Provider held = *LmdbStoreProvider::open_directory(data());
  const auto refused = LmdbStoreProvider::open_directory(data());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().detail, static_cast<std::uint64_t>(::getpid()));
  const pid_t child = start_child([&] {
    const auto other = LmdbStoreProvider::open_directory(data());
    return !other && other.error().code == ErrorCode::kConflict ? 0 : 1;
  });
  EXPECT_EQ(wait_for(child), 0);
  held.reset();
  EXPECT_TRUE(LmdbStoreProvider::open_directory(data())) << "the lock goes with its holder";
}

TEST_F(LmdbStoreTest, LockOfADeadProcessIsFree) {
  const pid_t child = start_child([&] {
    const auto provider = LmdbStoreProvider::open_directory(data());
    ::raise(SIGKILL);
    return provider ? 0 : 1;
  });
  wait_for(child);
  EXPECT_TRUE(LmdbStoreProvider::open_directory(data()));
}

TEST_F(LmdbStoreTest, RefusesADirectoryThatIsAFile) {
  std::ofstream(data()) << "x";
  const auto refused = LmdbStoreProvider::open_directory(data());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
}

TEST_F(LmdbStoreTest, ClearsAStoreThatWasNeverFinished) {
  fs::create_directories(data() + "/a1.new");
  std::ofstream(data() + "/a1.new/data.mdb") << "half";
  const Provider provider = *LmdbStoreProvider::open_directory(data());
  EXPECT_TRUE(provider->list()->empty());
  ASSERT_TRUE(provider->open("a1"));
  EXPECT_FALSE(fs::exists(data() + "/a1.new"));
}

TEST_F(LmdbStoreTest, MapGrowsWhileReadersRead) {
  const Provider provider =
      *LmdbStoreProvider::open_directory(data(), {.map_bytes_initial = std::size_t{1} << 18});
  Store& store = **provider->open("a1");
  ASSERT_TRUE(commit(store, put(Table::kMeta, "first", "value")));
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        std::string last;
        const Status scanned = store.scan(Table::kEntries, {}, {}, [&](ByteView key, ByteView) {
          const auto nested = store.get(Table::kMeta, as_bytes("first"));
          if (!nested || !*nested || as_text(**nested) != "value") ++wrong;
          if (std::string(as_text(key)) <= last) ++wrong;
          last = as_text(key);
          return true;
        });
        if (!scanned) ++wrong;
        ++reads;
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const Status written =
        commit(store, put(Table::kEntries, std::to_string(1000 + i), std::string(50000, 'v')));
    ASSERT_TRUE(written) << to_string(written.error());
  }
  while (reads < 10) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(fs::file_size(file()), 10'000'000u);
}

TEST_F(LmdbStoreTest, OpensFilesLargerThanItsInitialMap) {
  make_store(600);
  const Provider provider = *LmdbStoreProvider::open_directory(data(), {.map_bytes_initial = 0});
  const auto store = provider->open("a1");
  ASSERT_TRUE(store) << to_string(store.error());
  EXPECT_TRUE(commit(**store, put(Table::kMeta, "k", "v")));
}

/// Fills a small disk, frees some, writes again. Returns the number of the step that went wrong.
int fill_disk(const std::string& directory) {
  auto provider = LmdbStoreProvider::open_directory(directory + "/data");
  if (!provider) return 1;
  const auto opened = (*provider)->open("a1");
  if (!opened) return 2;
  Store& store = **opened;
  if (!commit(store, put(Table::kMeta, "kept", "value"))) return 3;
  std::ofstream ballast(directory + "/ballast");
  ballast << std::string(std::size_t{1} << 20, 'b') << std::flush;
  int rows = 0;
  Status status;
  while (status && rows < 1000) {
    status = commit(store, put(Table::kEntries, std::to_string(rows++), std::string(30000, 'v')));
  }
  if (status) return 4;
  if (status.error().code != ErrorCode::kNoSpace) return 5;
  // Every acknowledged row is there, the refused one is not, and the store still answers.
  int held = 0;
  if (!store.scan(Table::kEntries, {}, {}, [&](ByteView, ByteView) { return ++held > 0; }))
    return 6;
  if (held != rows - 1) return 7;
  if (commit(store, put(Table::kEntries, "big", std::string(3'000'000, 'v')))) return 8;
  // Room again.
  ballast.close();
  fs::remove(directory + "/ballast");
  if (!commit(store, put(Table::kEntries, "after", "v"))) return 9;
  provider->reset();
  provider = LmdbStoreProvider::open_directory(directory + "/data");
  if (!provider) return 10;
  const auto again = (*provider)->open("a1");
  if (!again) return 11;
  const auto value = (*again)->get(Table::kMeta, as_bytes("kept"));
  if (!value || !*value || as_text(**value) != "value") return 12;
  const auto after = (*again)->get(Table::kEntries, as_bytes("after"));
  return after && *after ? 0 : 13;
}

constexpr int kCannotMount = 77;

TEST_F(LmdbStoreTest, FullDiskRefusesWritesAndRecovers) {
  const std::string mount_point = directory_ / "small";
  fs::create_directory(mount_point);
  // A mount namespace of its own, so that the mount ends with the child.
  const pid_t child = start_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=4m") != 0) {
      return kCannotMount;
    }
    return fill_disk(mount_point);
  });
  const int status = wait_for(child);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == kCannotMount) {
    GTEST_SKIP() << "NOT TESTED: a full disk needs a small tmpfs, and mounting one needs root";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0) << "step of fill_disk()";
}

TEST_F(LmdbStoreTest, ReadOnlyFilesAreAnErrorNotACrash) {
  make_store(1);
  fs::permissions(file(), fs::perms::owner_read);
  const bool root = ::geteuid() == 0;
  constexpr uid_t kNobody = 65534;
  if (root) {  // Root may write to anything, so the child becomes somebody else.
    for (const std::string& path : {directory_ / "", data(), data() + "/lock", data() + "/a1",
                                    data() + "/a1/lock.mdb", file()}) {
      ASSERT_EQ(::chown(path.c_str(), kNobody, kNobody), 0) << path;
    }
  }
  const pid_t child = start_child([&] {
    if (root && ::setuid(kNobody) != 0) return 2;
    const std::string found = open_and_read();
    return found.substr(0, 3) == "io:" ? 0 : 1;
  });
  EXPECT_EQ(wait_for(child), 0);
}

/// Commits records 1, 2 ... and reports each through the pipe once it is committed.
int commit_and_report(const std::string& directory, int pipe_fd, int first) {
  const auto provider =
      LmdbStoreProvider::open_directory(directory, {.map_bytes_initial = std::size_t{1} << 18});
  if (!provider) return 1;
  const auto store = (*provider)->open("a1");
  if (!store) return 2;
  for (int i = first;; ++i) {
    WriteBatch batch = put(Table::kEntries, std::to_string(i), std::string(700, 'v'));
    batch.put(Table::kMeta, bytes("newest"), bytes(std::to_string(i)));
    if (!commit(**store, batch)) return 3;
    if (::write(pipe_fd, &i, sizeof i) != sizeof i) return 4;
  }
}

/// Reads reports for `time`, from the start or from the first report on, kills the child, and reads
/// the rest. The greatest number reported.
int kill_after(std::chrono::microseconds time, bool from_first_report, pid_t child, int pipe_fd,
               int reported) {
  auto until = std::chrono::steady_clock::now() + time;
  if (from_first_report) {
    if (::read(pipe_fd, &reported, sizeof reported) != sizeof reported) return reported;
    until = std::chrono::steady_clock::now() + time;
  }
  bool killed = false;
  for (int number = 0;;) {
    if (!killed && std::chrono::steady_clock::now() >= until) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    pollfd readable = {pipe_fd, POLLIN, 0};
    if (::poll(&readable, 1, 1) == 0) continue;
    if (::read(pipe_fd, &number, sizeof number) != sizeof number) return reported;
    reported = number;
  }
}

TEST_F(LmdbStoreTest, WhatWasReportedSurvivesKillNine) {
  coterie::testing::SeededChoices choices(2);
  int reported = 0;
  int rounds_with_progress = 0;
  for (int round = 0; round < 40; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int first = reported + 1;
    const pid_t child = start_child([&] {
      ::close(ends[0]);
      return commit_and_report(data(), ends[1], first);
    });
    ::close(ends[1]);
    const int before = reported;
    reported = kill_after(std::chrono::microseconds(choices.below(60'000)), round % 2 == 0, child,
                          ends[0], reported);
    ::close(ends[0]);
    const int status = wait_for(child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child gave up at step " << WEXITSTATUS(status);
    if (reported > before) ++rounds_with_progress;

    const Provider provider = *LmdbStoreProvider::open_directory(data());
    const auto opened = provider->open("a1");
    ASSERT_TRUE(opened) << "round " << round << ": " << to_string(opened.error());
    Store& store = **opened;
    for (int i = 1; i <= reported; ++i) {
      const auto value = store.get(Table::kEntries, as_bytes(std::to_string(i)));
      ASSERT_TRUE(value && *value)
          << "record " << i << " of " << reported << " is lost, round " << round;
    }
    // At most one commit was under way, and both its rows came through or neither did.
    const auto newest = *store.get(Table::kMeta, as_bytes("newest"));
    const int held = newest ? std::stoi(std::string(as_text(*newest))) : 0;
    ASSERT_TRUE(held == reported || held == reported + 1) << held << " " << reported;
    ASSERT_EQ(store.get(Table::kEntries, as_bytes(std::to_string(reported + 1)))->has_value(),
              held == reported + 1);
    reported = held;
  }
  std::printf("%d records survived 40 kills, %d of them after progress\n", reported,
              rounds_with_progress);
  EXPECT_GE(rounds_with_progress, 20);
}

}  // namespace
}  // namespace coterie::storage::testing
