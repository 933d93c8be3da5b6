// ClosedStore: the store of a workspace, so that nothing in it can be read without this device's
// key.
//
// Content entries are encrypted under epoch keys, and all other rows are sealed by who writes them
// (schema.hpp); but membership entries are in clear, because relays have to check them: they hold
// names of devices and the workspace's. So what is no content entry is sealed on its way to the
// disk and opened on its way back: 0xff, then the sealed entry. (An entry begins with its version.)
//
// Single-threaded, as RowSealer is.

#pragma once

#include "node/core/schema.hpp"
#include "storage/store.hpp"

namespace coterie::node {

class ClosedStore final : public storage::Store {
 public:
  /// `store`, `identity` and `random` must outlive it.
  ClosedStore(const WorkspaceId& workspace, storage::Store& store,
              const crypto::SigningKey& identity, SecureRandom& random);

  /// The entry in a row of kEntries as the store below has it. Errors: kCorrupt (it does not open).
  static Result<Bytes> open_entry(const RowSealer& sealer, ByteView key, ByteView value);

  /// `batch` as it is to be written to the store below.
  storage::WriteBatch close(storage::WriteBatch batch) const;

  /// Seals as close() does. Errors: of the store below.
  Status commit(std::span<const storage::WriteBatch> batches) override;
  // Errors: of the store below; kCorrupt (a row does not open).
  Result<std::optional<Bytes>> get(storage::Table table, ByteView key) const override;
  Status scan(storage::Table table, ByteView begin, ByteView end,
              const std::function<bool(ByteView key, ByteView value)>& visit) const override;
  Result<std::optional<std::pair<Bytes, Bytes>>> last(storage::Table table, ByteView begin,
                                                      ByteView end) const override;

 private:
  storage::Store& store_;
  RowSealer sealer_;
};

}  // namespace coterie::node
