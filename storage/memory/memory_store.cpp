#include "storage/memory/memory_store.hpp"

#include <utility>

namespace coterie::storage {
namespace {

using Lock = std::lock_guard<std::recursive_mutex>;

Bytes copy(ByteView view) { return {view.begin(), view.end()}; }

/// The half-open range of `rows` between two keys; an empty `end` is the end of the table.
template <typename Map>
auto range(Map& rows, ByteView begin, ByteView end) {
  const auto first = rows.lower_bound(copy(begin));
  const auto past = end.empty() ? rows.end() : rows.lower_bound(copy(end));
  const bool inverted = !end.empty() && copy(end) < copy(begin);
  return std::make_pair(first, inverted ? first : past);
}

}  // namespace

std::optional<Error> MemoryStore::Fault::take() {
  if (left == 0) return std::nullopt;
  --left;
  return error;
}

void MemoryStore::set(Table table, Bytes key, std::optional<Bytes> value) {
  Rows& target = rows(table);
  Undo undo{table, key, std::nullopt};
  const auto held = target.find(key);
  if (held == target.end() && !value) return;
  if (held != target.end()) {
    bytes_used_ -= key.size() + held->second.size();
    undo.before = std::move(held->second);
  }
  if (value) {
    bytes_used_ += key.size() + value->size();
    target.insert_or_assign(std::move(key), *std::move(value));
  } else {
    target.erase(held);
  }
  undo_.push_back(std::move(undo));
}

void MemoryStore::apply(const WriteBatch& batch) {
  for (const auto& operation : batch.operations) {
    if (const auto* put = std::get_if<WriteBatch::Put>(&operation)) {
      set(put->table, put->key, put->value);
    } else if (const auto* erase = std::get_if<WriteBatch::Erase>(&operation)) {
      set(erase->table, erase->key, std::nullopt);
    } else {
      const auto& erased = std::get<WriteBatch::EraseRange>(operation);
      auto [row, past] = range(rows(erased.table), erased.begin, erased.end);
      while (row != past) {
        Bytes key = row->first;
        ++row;
        set(erased.table, std::move(key), std::nullopt);
      }
    }
  }
}

void MemoryStore::roll_back(std::size_t undo_size) {
  while (undo_.size() > undo_size) {
    Undo undo = std::move(undo_.back());
    undo_.pop_back();
    Rows& target = rows(undo.table);
    const auto held = target.find(undo.key);
    if (held != target.end()) {
      bytes_used_ -= held->first.size() + held->second.size();
      target.erase(held);
    }
    if (undo.before) {
      bytes_used_ += undo.key.size() + undo.before->size();
      target.emplace(std::move(undo.key), *std::move(undo.before));
    }
  }
}

Status MemoryStore::commit(std::span<const WriteBatch> batches) {
  const Lock lock(mutex_);
  COTERIE_ASSERT(scans_running_ == 0);
  if (const auto fault = commit_fault_.take()) return *fault;
  for (const WriteBatch& batch : batches) COTERIE_CHECK(check_keys(batch));
  const std::size_t before = undo_.size();
  const std::uint64_t bytes_before = bytes_used_;
  for (const WriteBatch& batch : batches) apply(batch);
  // A batch that frees room must pass on a full disk, or the disk could never be cleared.
  if (capacity_bytes_ && bytes_used_ > *capacity_bytes_ && bytes_used_ >= bytes_before) {
    roll_back(before);
    return Error{ErrorCode::kNoSpace, "simulated disk is full"};
  }
  ++commit_count_;
  if (auto_sync_) undo_.clear();
  return {};
}

Result<std::optional<Bytes>> MemoryStore::get(Table table, ByteView key) const {
  const Lock lock(mutex_);
  if (const auto fault = read_fault_.take()) return *fault;
  const auto row = rows(table).find(copy(key));
  if (row == rows(table).end()) return std::optional<Bytes>();
  return std::optional<Bytes>(row->second);
}

Status MemoryStore::scan(Table table, ByteView begin, ByteView end,
                         const std::function<bool(ByteView, ByteView)>& visit) const {
  const Lock lock(mutex_);
  if (const auto fault = read_fault_.take()) return *fault;
  auto [row, past] = range(rows(table), begin, end);
  ++scans_running_;
  while (row != past && visit(row->first, row->second)) ++row;
  --scans_running_;
  return {};
}

Result<std::optional<std::pair<Bytes, Bytes>>> MemoryStore::last(Table table, ByteView begin,
                                                                 ByteView end) const {
  const Lock lock(mutex_);
  if (const auto fault = read_fault_.take()) return *fault;
  const auto [first, past] = range(rows(table), begin, end);
  if (first == past) return std::optional<std::pair<Bytes, Bytes>>();
  const auto row = std::prev(past);
  return std::optional<std::pair<Bytes, Bytes>>(std::in_place, row->first, row->second);
}

void MemoryStore::set_auto_sync(bool on) {
  const Lock lock(mutex_);
  auto_sync_ = on;
  if (on) undo_.clear();
}

void MemoryStore::sync() {
  const Lock lock(mutex_);
  undo_.clear();
}

void MemoryStore::crash() {
  const Lock lock(mutex_);
  roll_back(0);
}

void MemoryStore::fail_commits(Error error, std::size_t count) {
  const Lock lock(mutex_);
  commit_fault_ = {error, count};
}

void MemoryStore::fail_reads(Error error, std::size_t count) {
  const Lock lock(mutex_);
  read_fault_ = {error, count};
}

void MemoryStore::set_capacity_bytes(std::optional<std::uint64_t> capacity) {
  const Lock lock(mutex_);
  capacity_bytes_ = capacity;
}

std::uint64_t MemoryStore::bytes_used() const {
  const Lock lock(mutex_);
  return bytes_used_;
}

std::uint64_t MemoryStore::commit_count() const {
  const Lock lock(mutex_);
  return commit_count_;
}

std::unique_ptr<MemoryStore> MemoryStore::clone_durable() const {
  const Lock lock(mutex_);
  auto copy = std::make_unique<MemoryStore>();
  copy->tables_ = tables_;
  copy->bytes_used_ = bytes_used_;
  copy->undo_ = undo_;
  copy->crash();
  return copy;
}

Result<std::vector<std::string>> MemoryStoreProvider::list() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  names.reserve(stores_.size());
  for (const auto& [name, store] : stores_) names.push_back(name);
  return names;
}

Result<Store*> MemoryStoreProvider::open(const std::string& name) {
  if (!is_store_name(name)) return Error{ErrorCode::kMalformed, "store name is not hexadecimal"};
  const std::lock_guard lock(mutex_);
  auto& store = stores_[name];
  if (!store) store = std::make_unique<MemoryStore>();
  return static_cast<Store*>(store.get());
}

MemoryStore* MemoryStoreProvider::store(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto held = stores_.find(name);
  return held == stores_.end() ? nullptr : held->second.get();
}

void MemoryStoreProvider::crash() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, store] : stores_) store->crash();
}

std::unique_ptr<MemoryStoreProvider> MemoryStoreProvider::clone_durable() const {
  const std::lock_guard lock(mutex_);
  auto copy = std::make_unique<MemoryStoreProvider>();
  for (const auto& [name, store] : stores_) copy->stores_[name] = store->clone_durable();
  return copy;
}

}  // namespace coterie::storage
