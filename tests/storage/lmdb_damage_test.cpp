// Damaged, foreign and newer data files: refused with a message, unchanged, and never by dying.

#include <gtest/gtest.h>
#include <lmdb.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "tests/storage/lmdb_fixture.hpp"
#include "tests/support/choices.hpp"

namespace coterie::storage::testing {
namespace {

namespace fs = std::filesystem;
using coterie::testing::Choices;
using coterie::testing::SeededChoices;

using LmdbDamageTest = LmdbStoreTest;

TEST_F(LmdbDamageTest, RefusesAMissingOrEmptyOrForeignDataFile) {
  make_store(1);
  const auto expect_corrupt = [&](const char* what) {
    const std::string found = open_and_read();
    EXPECT_EQ(found.substr(0, 8), "corrupt:") << what << ": " << found;
  };
  fs::rename(file(), file() + ".away");
  expect_corrupt("missing");
  EXPECT_FALSE(fs::exists(file())) << "a new database took the place of the lost one";
  std::ofstream(file()).close();
  expect_corrupt("empty");
  EXPECT_EQ(fs::file_size(file()), 0u);
  std::ofstream(file(), std::ios::trunc) << std::string(100000, 'x');
  expect_corrupt("text");
  std::ofstream(file(), std::ios::trunc) << "short";
  expect_corrupt("short text");
  fs::remove(file());
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, (data() + "/a1").c_str(), 0, 0600), 0);
  MDB_txn* txn = nullptr;
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  MDB_dbi table = 0;
  char word[] = "theirs";
  MDB_val row = {sizeof word, word};
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &table), 0);
  ASSERT_EQ(mdb_put(txn, table, &row, &row, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
  expect_corrupt("somebody else's LMDB database");
  EXPECT_NE(open_and_read().find("not made by coterie"), std::string::npos);
  fs::rename(file() + ".away", file());
  EXPECT_EQ(open_and_read(), "ok 1");
}

TEST_F(LmdbDamageTest, RefusesANewerSchema) {
  make_store(1);
  const auto set_schema = [&](std::uint8_t version) {
    MDB_env* env = nullptr;
    MDB_txn* txn = nullptr;
    MDB_dbi table = 0;
    char name[] = "coterie";
    MDB_val key = {7, name};
    MDB_val value = {1, &version};
    EXPECT_EQ(mdb_env_create(&env), 0);
    EXPECT_EQ(mdb_env_set_maxdbs(env, 1), 0);
    EXPECT_EQ(mdb_env_open(env, (data() + "/a1").c_str(), 0, 0600), 0);
    EXPECT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
    EXPECT_EQ(mdb_dbi_open(txn, "schema", 0, &table), 0);
    EXPECT_EQ(mdb_put(txn, table, &key, &value, 0), 0);
    EXPECT_EQ(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
  };
  set_schema(kSchemaVersion + 1);
  EXPECT_NE(open_and_read().find("newer coterie"), std::string::npos) << open_and_read();
  set_schema(0);
  EXPECT_EQ(open_and_read().substr(0, 8), "corrupt:");
  set_schema(kSchemaVersion);
  EXPECT_EQ(open_and_read(), "ok 1");
}

// Reading a mapped page beyond the end of the file kills the process with SIGBUS. So the file is
// cut at every page, and a child must either refuse it or find every row.
TEST_F(LmdbDamageTest, RefusesAFileThatWasCutShort) {
  make_store(60);
  {
    const Provider provider = *LmdbStoreProvider::open_directory(data());
    ASSERT_TRUE(
        commit(**provider->open("a1"), put(Table::kSnapshots, "s", std::string(20000, 's'))));
  }
  const std::string whole = file() + ".whole";
  fs::copy_file(file(), whole);
  const std::uintmax_t size = fs::file_size(whole);
  int refused = 0;
  for (std::uintmax_t cut = 512; cut <= size; cut += cut < 8192 ? 512 : 4096) {
    fs::copy_file(whole, file(), fs::copy_options::overwrite_existing);
    fs::resize_file(file(), cut);
    const pid_t child = start_child([&] {
      const std::string found = open_and_read();
      if (found == "ok 60") return 0;
      return found.substr(0, 8) == "corrupt:" ? 1 : 2;
    });
    const int status = wait_for(child);
    ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status) << " at " << cut;
    ASSERT_LE(WEXITSTATUS(status), 1) << "wrong answer at " << cut << " of " << size;
    if (WEXITSTATUS(status) == 1) {
      ++refused;
      EXPECT_EQ(fs::file_size(file()), cut) << "a refused file was changed";
    }
  }
  EXPECT_GT(refused, 20);
  EXPECT_EQ(open_and_read(), "ok 60") << "the whole file";
}

/// Rows of all sizes, some of which go again: branch, leaf, overflow and free pages.
void churn(Store& store, Choices& choices, int commits) {
  for (int i = 0; i < commits; ++i) {
    WriteBatch batch;
    for (std::uint64_t n = choices.below(60); n > 0; --n) {
      const auto table = static_cast<Table>(choices.below(kTableCount));
      const std::string key = std::to_string(choices.below(2000)) +
                              std::string(choices.chance(5) ? choices.below(500) : 0, 'k');
      const std::size_t size = choices.chance(5) ? choices.below(200'000) : choices.below(900);
      if (choices.chance(65)) {
        batch.put(table, bytes(key), Bytes(size, 7));
      } else if (choices.chance(90)) {
        batch.erase(table, bytes(key));
      } else {
        const std::string end = choices.chance(3) ? "" : key + "5";
        batch.erase_range(table, bytes(key), bytes(end));
      }
    }
    ASSERT_TRUE(commit(store, batch));
  }
}

// The check must never refuse what LMDB wrote: that would be data lost by a safety belt.
TEST_F(LmdbDamageTest, HealthyFilesAreNeverRefused) {
  coterie::testing::for_each_seed(6, [&](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    for (int round = 0; round < 12; ++round) {
      // Room enough not to grow, which would wait for the reader.
      const Provider provider =
          *LmdbStoreProvider::open_directory(data(), {.map_bytes_initial = std::size_t{256} << 20});
      const auto store = provider->open("a1");
      ASSERT_TRUE(store) << "round " << round << ": " << to_string(store.error());
      ASSERT_TRUE(commit(**store, put(Table::kMeta, "a", "b")));
      // A read that is under way keeps pages from being used again: the free list grows long.
      std::promise<void> reading;
      std::promise<void> release;
      std::thread reader([&] {
        EXPECT_TRUE((*store)->scan(Table::kMeta, {}, {}, [&](ByteView, ByteView) {
          reading.set_value();
          release.get_future().wait();
          return false;
        }));
      });
      reading.get_future().wait();
      churn(**store, choices, static_cast<int>(choices.below(12)));
      release.set_value();
      reader.join();
      churn(**store, choices, static_cast<int>(choices.below(4)));
    }
  });
}

/// Damages one place of `path`: a bit anywhere, a byte where pages keep their structure, or a page.
void damage(const std::string& path, Choices& choices) {
  const std::uintmax_t size = fs::file_size(path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::uintmax_t page = 0;
  // Most pages hold values; those of trees are what the check is about.
  for (int tries = 0; tries < 60; ++tries) {
    page = choices.below(size / 4096) * 4096;
    char header[16] = {};
    file.seekg(static_cast<std::streamoff>(page));
    file.read(header, sizeof header);
    const bool tree = (header[10] & 3) != 0 && header[11] == 0;
    if (tree || page < 8192) break;
  }
  const auto write = [&](std::uintmax_t at, const std::string& text) {
    file.seekp(static_cast<std::streamoff>(at));
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
  };
  const auto random_byte = [&] { return static_cast<char>(choices.below(256)); };
  switch (choices.below(4)) {
    case 0:
      write(choices.below(size), {random_byte()});
      break;
    case 1:
      write(page + choices.below(160), {random_byte()});
      break;
    case 2:
      write(page, std::string(4096, '\0'));
      break;
    default: {
      std::string garbage(4096, '\0');
      std::generate(garbage.begin(), garbage.end(), random_byte);
      write(page, garbage);
    }
  }
}

/// Opens, reads everything and writes some. 0: all went well; 1: refused at open, as corrupt.
int use(const std::string& directory) {
  const auto provider = LmdbStoreProvider::open_directory(directory);
  if (!provider) return 2;
  const auto opened = (*provider)->open("a1");
  if (!opened) return opened.error().code == ErrorCode::kCorrupt ? 1 : 3;
  std::size_t sum = 0;
  for (std::size_t table = 0; table < kTableCount; ++table) {
    if (!(*opened)->scan(static_cast<Table>(table), {}, {}, [&](ByteView key, ByteView value) {
          for (const std::uint8_t byte : key) sum += byte;
          for (const std::uint8_t byte : value) sum += byte;
          return true;
        })) {
      return 4;
    }
  }
  SeededChoices choices(sum + 1);
  churn(**opened, choices, 3);
  return ::testing::Test::HasFailure() ? 5 : 0;
}

TEST_F(LmdbDamageTest, DamagedPagesAreRefusedNotFollowed) {
  {
    const Provider provider =
        *LmdbStoreProvider::open_directory(data(), {.map_bytes_initial = std::size_t{1} << 18});
    SeededChoices choices(1);
    Store& store = **provider->open("a1");
    churn(store, choices, 6);
    for (int part = 0; part < 3; ++part) {
      WriteBatch batch;
      for (int i = 0; i < 400; ++i) {
        const std::string key = std::to_string(100'000 + 3 * i + part);
        batch.put(Table::kEntries, bytes(key), Bytes(300, 7));
      }
      ASSERT_TRUE(commit(store, batch));
    }
  }
  const std::string whole = file() + ".whole";
  fs::copy_file(file(), whole);
  int refused = 0;
  coterie::testing::for_each_seed(150, [&](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    fs::copy_file(whole, file(), fs::copy_options::overwrite_existing);
    damage(file(), choices);
    const int status = wait_for(start_child([&] { return use(data()); }));
    ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
    ASSERT_LE(WEXITSTATUS(status), 1) << "step of use()";
    refused += WEXITSTATUS(status);
  });
  std::printf("%d damaged files refused; the rest was damaged where nothing is kept\n", refused);
  if (std::getenv("COTERIE_SEED") == nullptr) {  // NOLINT(concurrency-mt-unsafe): no setenv here.
    EXPECT_GT(refused, 25);
  }
}

}  // namespace
}  // namespace coterie::storage::testing
