// One LMDB environment with its tables: the only place that holds LMDB handles.

#pragma once

#include <lmdb.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "storage/lmdb/lmdb_store.hpp"
#include "storage/store.hpp"

namespace coterie::storage::internal {

/// LMDB moves its map only while no transaction is open. Readers pass the gate for as long as they
/// read; a resize closes it to newcomers and waits until those inside have left. A thread that is
/// already reading may enter again even then, or a nested read would wait for itself.
class ReadGate {
 public:
  void enter() {
    std::unique_lock lock(mutex_);
    if (reads_of_thread_ == 0) changed_.wait(lock, [this] { return !closed_; });
    ++reads_of_thread_;
    ++readers_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --reads_of_thread_;
    if (--readers_ == 0 && closed_) changed_.notify_all();
  }
  /// Must not be called by a thread that reads, nor by two threads at once.
  template <typename Action>
  auto alone(Action action) {
    std::unique_lock lock(mutex_);
    COTERIE_ASSERT(reads_of_thread_ == 0);
    closed_ = true;
    changed_.wait(lock, [this] { return readers_ == 0; });
    auto result = action();
    closed_ = false;
    changed_.notify_all();
    return result;
  }

 private:
  /// Across all gates: that may let a thread in early, but never makes it wait for itself.
  // NOLINTNEXTLINE(readability-identifier-naming): a private member, that it is static or not.
  static inline thread_local std::size_t reads_of_thread_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t readers_ = 0;
  bool closed_ = false;
};

/// The Error for an LMDB return code. Precondition: `code` is not MDB_SUCCESS.
Error lmdb_error(int code, const char* what);

/// The step from `version` on. Errors: kCorrupt (there is none: the store is too old).
Result<const Migration*> migration_from(const LmdbOptions& options, std::uint32_t version);

/// Aborted at the end of scope unless committed. `txn()` is null if it could not begin.
class Transaction {
 public:
  /// `env` is null while one that failed could not be opened again.
  Transaction(MDB_env* env, unsigned flags) {
    code_ = env == nullptr ? MDB_PANIC : mdb_txn_begin(env, nullptr, flags, &txn_);
  }
  ~Transaction() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  int begin_code() const { return code_; }
  MDB_txn* txn() const { return txn_; }
  int commit() {
    MDB_txn* txn = txn_;
    txn_ = nullptr;  // Freed by LMDB whatever the outcome.
    return mdb_txn_commit(txn);
  }

 private:
  MDB_txn* txn_ = nullptr;
  int code_ = 0;
};

class Cursor {
 public:
  Cursor(MDB_txn* txn, MDB_dbi table) { code_ = mdb_cursor_open(txn, table, &cursor_); }
  ~Cursor() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  int open_code() const { return code_; }
  int move(MDB_cursor_op operation) { return mdb_cursor_get(cursor_, &key_, &value_, operation); }
  /// To the first key at or after `at`, which may be empty or longer than keys can be.
  int seek(ByteView at);
  int erase() { return mdb_cursor_del(cursor_, 0); }
  ByteView key() const { return {static_cast<const std::uint8_t*>(key_.mv_data), key_.mv_size}; }
  ByteView value() const {
    return {static_cast<const std::uint8_t*>(value_.mv_data), value_.mv_size};
  }

 private:
  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{};
  MDB_val value_{};
  int code_ = 0;
};

/// Thread-safe, but write transactions must not overlap (LMDB would make one wait).
class Environment {
 public:
  /// Makes the tables in an empty `directory`.
  static Status create(const std::string& directory, const LmdbOptions& options);

  Environment() = default;
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// Opens and checks what create() made. Call once. Makes tables that an older schema had not.
  /// Errors: kCorrupt, kIo, kNoSpace.
  Status open(const std::string& directory, const LmdbOptions& options);
  /// As it was opened; the caller migrates.
  std::uint32_t schema() const { return schema_; }
  /// Writes the version in `txn`; returns LMDB's code.
  static int put_schema(MDB_txn* txn, std::uint32_t version);
  /// Of a store that nobody opens here: for those that only copy it. Errors: kCorrupt, kIo.
  static Result<std::uint32_t> read_schema(const std::string& directory);

  MDB_env* env() const { return env_; }
  MDB_dbi table(Table table) const { return tables_[static_cast<std::size_t>(table)]; }
  ReadGate& gate() const { return gate_; }

  /// Doubles the map, waiting for readers. No write transaction may be open.
  Status grow();

  /// Whether LMDB has given up, as it does when it cannot say what a commit left: then it neither
  /// writes nor reads until reopen().
  bool has_failed() const;
  /// Goes back to what the disk holds, waiting for readers. No write transaction may be open. On
  /// failure it may be tried again. Errors: kIo, kNoSpace, kCorrupt.
  Status reopen();

 private:
  Status start(std::size_t map_bytes, unsigned flags = 0);
  void close();
  /// `create`: 0, or the schema version to write; with it the tables are made where missing.
  Status open_tables(std::uint32_t create);
  /// Errors: kCorrupt (foreign, or newer than `newest`).
  Status check_schema(std::uint32_t newest);

  std::string directory_;
  MDB_env* env_ = nullptr;
  std::size_t map_bytes_ = 0;
  std::uint32_t schema_ = 0;
  std::array<MDB_dbi, kTableCount> tables_{};
  mutable ReadGate gate_;
};

}  // namespace coterie::storage::internal
