// What the tests of stores on a real disk share.

#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "storage/lmdb/lmdb_store.hpp"
#include "tests/storage/store_fixtures.hpp"

namespace coterie::storage::testing {

using Provider = std::unique_ptr<LmdbStoreProvider>;

/// Runs `body` in a child; its return value is the exit status. For what must not touch this
/// process: mounts, limits, locks, death.
template <typename Body>
pid_t start_child(Body body) {
  const pid_t child = ::fork();
  COTERIE_ASSERT(child >= 0);
  if (child == 0) ::_exit(body());
  return child;
}

inline int wait_for(pid_t child) {
  int status = 0;
  COTERIE_ASSERT(::waitpid(child, &status, 0) == child);
  return status;
}

class LmdbStoreTest : public ::testing::Test {
 protected:
  std::string data() const { return directory_ / "data"; }
  std::string file() const { return data() + "/a1/data.mdb"; }

  /// A store "a1" with `rows` rows "1", "2" ... of 1,000 bytes; closed again.
  void make_store(int rows) {
    const Provider provider = *LmdbStoreProvider::open_directory(data());
    Store& store = **provider->open("a1");
    for (int i = 1; i <= rows; ++i) {
      ASSERT_TRUE(commit(store, put(Table::kEntries, std::to_string(i), std::string(1000, 'v'))));
    }
  }

  /// The error of opening "a1" and reading every row, or "ok <rows>".
  std::string open_and_read() {
    auto provider = LmdbStoreProvider::open_directory(data());
    if (!provider) return to_string(provider.error());
    const auto store = (*provider)->open("a1");
    if (!store) return to_string(store.error());
    int rows = 0;
    const Status scanned = (*store)->scan(Table::kEntries, {}, {}, [&](ByteView, ByteView value) {
      if (as_text(value) == std::string(1000, 'v')) ++rows;
      return true;
    });
    return scanned ? "ok " + std::to_string(rows) : to_string(scanned.error());
  }

  TemporaryDirectory directory_;
};

}  // namespace coterie::storage::testing
