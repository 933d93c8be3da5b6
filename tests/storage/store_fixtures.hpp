// The stores under test, behind one shape: `store()`, and `restart()` as after kill -9.

#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/lmdb/lmdb_store.hpp"
#include "storage/memory/memory_store.hpp"
#include "storage/store.hpp"

namespace coterie::storage::testing {

class MemoryUnderTest {
 public:
  Store& store() { return **provider_.open("a1"); }
  StoreProvider& provider() { return provider_; }
  void restart() { provider_.crash(); }

 private:
  MemoryStoreProvider provider_;
};

/// A parent where a sync costs nothing, if the system has one: for tests that do not need a disk.
inline std::filesystem::path memory_directory() {
  std::error_code error;
  const std::filesystem::path memory = "/dev/shm";
  const bool there = std::filesystem::is_directory(memory, error);
  return there && ::access(memory.c_str(), W_OK) == 0 ? memory
                                                      : std::filesystem::temp_directory_path();
}

/// A fresh directory that goes with its owner.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = (parent / "coterie.XXXXXX").string();
    COTERIE_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;  // Best effort: the machine cleans its temporary files anyway.
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

class LmdbUnderTest {
 public:
  LmdbUnderTest() { restart(); }
  Store& store() { return **provider_->open("a1"); }
  StoreProvider& provider() { return *provider_; }
  void restart() {
    provider_.reset();
    provider_ = *LmdbStoreProvider::open_directory(directory_ / "data", options_);
  }

 private:
  TemporaryDirectory directory_;
  LmdbOptions options_{.map_bytes_initial = 1 << 18};  // Small, so that tests grow it.
  std::unique_ptr<LmdbStoreProvider> provider_;
};

inline Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

inline WriteBatch put(Table table, std::string_view key, std::string_view value) {
  WriteBatch batch;
  batch.put(table, bytes(key), bytes(value));
  return batch;
}

inline Status commit(Store& store, const WriteBatch& batch) { return store.commit({&batch, 1}); }

}  // namespace coterie::storage::testing
