#include "storage/lmdb/lmdb_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "storage/lmdb/internal/environment.hpp"

namespace coterie::storage {
namespace {

using internal::Cursor;
using internal::Environment;
using internal::lmdb_error;
using internal::Transaction;

Bytes copy(ByteView view) { return {view.begin(), view.end()}; }

/// Bytewise order, as LMDB's.
bool less(ByteView a, ByteView b) {
  const int order = std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
  return order != 0 ? order < 0 : a.size() < b.size();
}

bool before_end(ByteView key, ByteView end) { return end.empty() || less(key, end); }

MDB_val to_val(const Bytes& bytes) {
  return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())};  // LMDB takes, but keeps, const.
}

/// Holds the gate open while in scope.
class GatePass {
 public:
  explicit GatePass(internal::ReadGate& gate) : gate_(gate) { gate_.enter(); }
  ~GatePass() { gate_.leave(); }
  GatePass(const GatePass&) = delete;
  GatePass& operator=(const GatePass&) = delete;

 private:
  internal::ReadGate& gate_;
};

class Reading {
 public:
  explicit Reading(const Environment& environment)
      : pass_(environment.gate()), transaction_(environment.env(), MDB_RDONLY) {}

  int begin_code() const { return transaction_.begin_code(); }
  MDB_txn* txn() const { return transaction_.txn(); }

 private:
  GatePass pass_;  // Outlives the transaction.
  Transaction transaction_;
};

int erase_range(MDB_txn* txn, MDB_dbi table, const WriteBatch::EraseRange& range) {
  Cursor cursor(txn, table);
  int code = cursor.open_code();
  while (code == 0) {
    code = cursor.seek(range.begin);
    if (code != 0 || !before_end(cursor.key(), range.end)) break;
    code = cursor.erase();
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int apply(const Environment& environment, MDB_txn* txn, const WriteBatch& batch) {
  for (const auto& operation : batch.operations) {
    int code = 0;
    if (const auto* put = std::get_if<WriteBatch::Put>(&operation)) {
      MDB_val key = to_val(put->key);
      MDB_val value = to_val(put->value);
      code = mdb_put(txn, environment.table(put->table), &key, &value, 0);
    } else if (const auto* erase = std::get_if<WriteBatch::Erase>(&operation)) {
      MDB_val key = to_val(erase->key);
      code = mdb_del(txn, environment.table(erase->table), &key, nullptr);
      if (code == MDB_NOTFOUND) code = 0;
    } else {
      const auto& range = std::get<WriteBatch::EraseRange>(operation);
      code = erase_range(txn, environment.table(range.table), range);
    }
    if (code != 0) return code;
  }
  return 0;
}

class LmdbStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& directory,
                                             const LmdbOptions& options) {
    auto store = std::make_unique<LmdbStore>(directory);
    COTERIE_CHECK(store->environment_.open(directory, options));
    COTERIE_CHECK(store->migrate(options));
    return std::unique_ptr<Store>(std::move(store));
  }

  explicit LmdbStore(std::string directory) : directory_(std::move(directory)) {}

  Status commit(std::span<const WriteBatch> batches) override {
    for (const WriteBatch& batch : batches) COTERIE_CHECK(check_keys(batch));
    if (std::all_of(batches.begin(), batches.end(), [](const auto& b) { return b.empty(); })) {
      return {};
    }
    return commit_as(batches, 0);
  }

  Result<std::optional<Bytes>> get(Table table, ByteView key) const override {
    if (key.empty() || key.size() > kKeyBytesMax) return std::optional<Bytes>();
    const Reading read(environment_);
    if (read.begin_code() != 0) return read_error(read.begin_code());
    MDB_val sought = {key.size(), const_cast<std::uint8_t*>(key.data())};
    MDB_val value{};
    const int code = mdb_get(read.txn(), environment_.table(table), &sought, &value);
    if (code == MDB_NOTFOUND) return std::optional<Bytes>();
    if (code != 0) return read_error(code);
    const auto* data = static_cast<const std::uint8_t*>(value.mv_data);
    return std::optional<Bytes>(std::in_place, data, data + value.mv_size);
  }

  Status scan(Table table, ByteView begin, ByteView end,
              const std::function<bool(ByteView, ByteView)>& visit) const override {
    const Reading read(environment_);
    if (read.begin_code() != 0) return read_error(read.begin_code());
    Cursor cursor(read.txn(), environment_.table(table));
    int code = cursor.open_code();
    for (code = code != 0 ? code : cursor.seek(begin); code == 0; code = cursor.move(MDB_NEXT)) {
      if (!before_end(cursor.key(), end) || !visit(cursor.key(), cursor.value())) return {};
    }
    if (code != MDB_NOTFOUND) return read_error(code);
    return {};
  }

  Result<std::optional<std::pair<Bytes, Bytes>>> last(Table table, ByteView begin,
                                                      ByteView end) const override {
    using Row = std::optional<std::pair<Bytes, Bytes>>;
    const Reading read(environment_);
    if (read.begin_code() != 0) return read_error(read.begin_code());
    Cursor cursor(read.txn(), environment_.table(table));
    int code = cursor.open_code();
    if (code == 0 && !end.empty()) {
      code = cursor.seek(end);
      if (code == 0) {
        code = cursor.move(MDB_PREV);
      } else if (code == MDB_NOTFOUND) {
        code = cursor.move(MDB_LAST);
      }
    } else if (code == 0) {
      code = cursor.move(MDB_LAST);
    }
    if (code == MDB_NOTFOUND) return Row();
    if (code != 0) return read_error(code);
    if (less(cursor.key(), begin)) return Row();
    return Row(std::in_place, copy(cursor.key()), copy(cursor.value()));
  }

 private:
  /// On top of what a batch holds: pages that are copied and the tree above them.
  static constexpr std::size_t kProbeBytes = std::size_t{1} << 20;

  static Error read_error(int code) { return lmdb_error(code, "cannot read the data file"); }

  /// With the schema version unless it is 0.
  Status commit_as(std::span<const WriteBatch> batches, std::uint32_t schema) {
    const std::lock_guard lock(write_mutex_);
    if (environment_.has_failed()) COTERIE_CHECK(environment_.reopen());
    int code = try_commit(batches, schema);
    while (code == MDB_MAP_FULL) {
      COTERIE_CHECK(environment_.grow());
      code = try_commit(batches, schema);
    }
    if (code == 0) return {};
    // Now, not before the next commit: until then nothing could be read. If it cannot be done, the
    // next commit tries again.
    if (environment_.has_failed()) (void)environment_.reopen();
    // LMDB says EIO for a write that was cut short, which is how a full disk begins.
    if (code == EIO) {
      std::size_t bytes = kProbeBytes;
      for (const WriteBatch& batch : batches) bytes += payload_bytes(batch);
      if (files::disk_is_full(directory_, bytes)) code = ENOSPC;
    }
    return lmdb_error(code, "cannot write to the data file");
  }

  Status migrate(const LmdbOptions& options) {
    for (std::uint32_t version = environment_.schema(); version < options.schema; ++version) {
      COTERIE_TRY(const Migration* step, internal::migration_from(options, version));
      WriteBatch changes;
      COTERIE_CHECK(step->run(*this, changes));
      COTERIE_CHECK(commit_as(std::span(&changes, 1), version + 1));
    }
    return {};
  }

  int try_commit(std::span<const WriteBatch> batches, std::uint32_t schema) {
    Transaction write(environment_.env(), 0);
    if (write.begin_code() != 0) return write.begin_code();
    for (const WriteBatch& batch : batches) {
      const int code = apply(environment_, write.txn(), batch);
      if (code != 0) return code;
    }
    if (schema != 0) {
      const int code = Environment::put_schema(write.txn(), schema);
      if (code != 0) return code;
    }
    return write.commit();
  }

  const std::string directory_;
  std::mutex write_mutex_;
  Environment environment_;
};

}  // namespace

const std::vector<Migration>& schema_migrations() {
  static const std::vector<Migration> kNone;  // Version 1 is the first.
  return kNone;
}

Result<std::unique_ptr<LmdbStoreProvider>> LmdbStoreProvider::open_directory(
    const std::string& directory, LmdbOptions options) {
  COTERIE_CHECK(files::make_directory(directory));
  COTERIE_TRY(files::Descriptor lock, files::take_lock(directory + "/lock"));
  return std::unique_ptr<LmdbStoreProvider>(
      new LmdbStoreProvider(directory, options, std::move(lock)));
}

LmdbStoreProvider::LmdbStoreProvider(std::string directory, LmdbOptions options,
                                     files::Descriptor lock)
    : directory_(std::move(directory)), options_(options), lock_(std::move(lock)) {}

Result<std::vector<std::string>> LmdbStoreProvider::list() {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator item(directory_, error);
  for (; !error && item != std::filesystem::directory_iterator(); item.increment(error)) {
    const std::string name = item->path().filename().string();
    std::error_code unreadable;  // Then it is no directory of ours.
    if (is_store_name(name) && item->is_directory(unreadable)) names.push_back(name);
  }
  if (error) return files::file_error("cannot list the data directory", error.value());
  std::sort(names.begin(), names.end());
  return names;
}

Result<Store*> LmdbStoreProvider::open(const std::string& name) {
  if (!is_store_name(name)) return Error{ErrorCode::kMalformed, "store name is not hexadecimal"};
  const std::lock_guard lock(mutex_);
  const auto held = stores_.find(name);
  if (held != stores_.end()) return held->second.get();
  const std::string path = directory_ + "/" + name;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    if (error) return files::file_error("cannot read the data directory", error.value());
    // Made aside and renamed, so that an incomplete store is never taken for a damaged one.
    const std::string fresh = path + ".new";
    std::filesystem::remove_all(fresh, error);
    if (error) return files::file_error("cannot clear the data directory", error.value());
    COTERIE_CHECK(files::make_directory(fresh));
    COTERIE_CHECK(Environment::create(fresh, options_));
    COTERIE_CHECK(files::sync_directory(fresh));
    std::filesystem::rename(fresh, path, error);
    if (error) return files::file_error("cannot name the new store", error.value());
    COTERIE_CHECK(files::sync_directory(directory_));
  }
  COTERIE_TRY(auto store, LmdbStore::open(path, options_));
  return stores_.emplace(name, std::move(store)).first->second.get();
}

}  // namespace coterie::storage
