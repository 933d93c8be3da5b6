#include "node/core/closed_store.hpp"

#include <optional>
#include <utility>

#include "node/core/log/entry.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr std::uint8_t kSealed = 0xff;
/// Of an entry: version, class.
constexpr std::size_t kClassAt = 1;

bool is_sealed(Table table, ByteView value) {
  return table == Table::kEntries && !value.empty() && value[0] == kSealed;
}

bool in_clear(Table table, ByteView value) {
  return table == Table::kEntries &&
         (value.size() <= kClassAt ||
          value[kClassAt] != static_cast<std::uint8_t>(EntryClass::kContent));
}

}  // namespace

ClosedStore::ClosedStore(const WorkspaceId& workspace, storage::Store& store,
                         const crypto::SigningKey& identity, SecureRandom& random)
    : store_(store), sealer_(workspace, identity, random) {}

storage::WriteBatch ClosedStore::close(storage::WriteBatch batch) const {
  for (auto& operation : batch.operations) {
    auto* put = std::get_if<storage::WriteBatch::Put>(&operation);
    if (put == nullptr || !in_clear(put->table, put->value)) continue;
    Bytes sealed{kSealed};
    append(sealed, sealer_.seal(put->table, put->key, put->value));
    put->value = std::move(sealed);
  }
  return batch;
}

Status ClosedStore::commit(std::span<const storage::WriteBatch> batches) {
  std::vector<storage::WriteBatch> closed;
  for (const storage::WriteBatch& batch : batches) closed.push_back(close(batch));
  return store_.commit(closed);
}

Result<Bytes> ClosedStore::open_entry(const RowSealer& sealer, ByteView key, ByteView value) {
  if (!is_sealed(Table::kEntries, value)) return Bytes(value.begin(), value.end());
  return sealer.open(Table::kEntries, key, value.subspan(1));
}

Result<std::optional<Bytes>> ClosedStore::get(Table table, ByteView key) const {
  COTERIE_TRY(auto value, store_.get(table, key));
  if (!value || !is_sealed(table, *value)) return value;
  COTERIE_TRY(Bytes entry, open_entry(sealer_, key, *value));
  return std::optional<Bytes>(std::move(entry));
}

Status ClosedStore::scan(Table table, ByteView begin, ByteView end,
                         const std::function<bool(ByteView key, ByteView value)>& visit) const {
  std::optional<Error> failed;
  COTERIE_CHECK(store_.scan(table, begin, end, [&](ByteView key, ByteView value) {
    if (!is_sealed(table, value)) return visit(key, value);
    const auto entry = open_entry(sealer_, key, value);
    if (entry) return visit(key, *entry);
    failed = entry.error();
    return false;
  }));
  if (failed) return *failed;
  return {};
}

Result<std::optional<std::pair<Bytes, Bytes>>> ClosedStore::last(Table table, ByteView begin,
                                                                 ByteView end) const {
  COTERIE_TRY(auto found, store_.last(table, begin, end));
  if (!found || !is_sealed(table, found->second)) return found;
  COTERIE_TRY(found->second, open_entry(sealer_, found->first, found->second));
  return found;
}

}  // namespace coterie::node
