// A Store in memory, for tests and simulations: behaves like a disk that can lose power, fill up
// and fail.
//
//     MemoryStoreProvider disk;              // Outlives the engines that use it.
//     Store* store = *disk.open("a1");       // The engine's view.
//     disk.store("a1")->set_auto_sync(false);
//     store->commit(batches);                // Visible, not yet durable ...
//     disk.crash();                          // ... and gone.
//
// By default every commit is durable when it returns, as Store promises. With auto sync off,
// commits are visible at once but only sync() makes them durable: a disk that lies about fsync, or
// a commit that is still under way.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.hpp"

namespace coterie::storage {

/// Thread-safe. Store pointers stay valid across crash().
class MemoryStore final : public Store {
 public:
  MemoryStore() = default;

  Status commit(std::span<const WriteBatch> batches) override;
  Result<std::optional<Bytes>> get(Table table, ByteView key) const override;
  Status scan(Table table, ByteView begin, ByteView end,
              const std::function<bool(ByteView key, ByteView value)>& visit) const override;
  Result<std::optional<std::pair<Bytes, Bytes>>> last(Table table, ByteView begin,
                                                      ByteView end) const override;

  /// Off: commits become durable only by sync(). Turning it on syncs.
  void set_auto_sync(bool on);
  /// Makes every commit so far durable.
  void sync();
  /// Loses every commit that is not durable. O(what is lost).
  void crash();

  /// The next `count` commits fail with `error` and change nothing.
  void fail_commits(Error error, std::size_t count);
  /// The next `count` reads (get, scan, last) fail with `error`.
  void fail_reads(Error error, std::size_t count);
  /// Commits that would leave more than this many bytes of keys and values fail with kNoSpace.
  /// Lowering it below what is held makes the disk full; it loses nothing.
  void set_capacity_bytes(std::optional<std::uint64_t> capacity);

  std::uint64_t bytes_used() const;
  /// Commits that succeeded, for tests that count fsyncs.
  std::uint64_t commit_count() const;

  /// What is durable now, as a new store: a backup, or a cloned disk. Faults are not copied.
  std::unique_ptr<MemoryStore> clone_durable() const;

 private:
  using Rows = std::map<Bytes, Bytes>;
  struct Undo {
    Table table;
    Bytes key;
    std::optional<Bytes> before;
  };
  struct Fault {
    Error error{ErrorCode::kIo, "no fault"};
    std::size_t left = 0;

    /// The error, if one is due now.
    std::optional<Error> take();
  };

  Rows& rows(Table table) { return tables_[static_cast<std::size_t>(table)]; }
  const Rows& rows(Table table) const { return tables_[static_cast<std::size_t>(table)]; }
  void set(Table table, Bytes key, std::optional<Bytes> value);
  void apply(const WriteBatch& batch);
  void roll_back(std::size_t undo_size);

  /// Recursive, because a scan's visitor may read.
  mutable std::recursive_mutex mutex_;
  std::array<Rows, kTableCount> tables_;
  std::vector<Undo> undo_;  ///< Since the last sync, oldest first.
  std::uint64_t bytes_used_ = 0;
  std::uint64_t commit_count_ = 0;
  std::optional<std::uint64_t> capacity_bytes_;
  Fault commit_fault_;
  mutable Fault read_fault_;
  mutable int scans_running_ = 0;
  bool auto_sync_ = true;
};

/// The disk of one simulated machine. Thread-safe.
class MemoryStoreProvider final : public StoreProvider {
 public:
  Result<std::vector<std::string>> list() override;
  Result<Store*> open(const std::string& name) override;

  /// Null when there is none of that name.
  MemoryStore* store(const std::string& name);

  /// MemoryStore::crash() of every store.
  void crash();
  /// A copy of what is durable now: a backup, or a cloned machine.
  std::unique_ptr<MemoryStoreProvider> clone_durable() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<MemoryStore>> stores_;
};

}  // namespace coterie::storage
