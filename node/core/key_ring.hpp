// KeyRing: the epoch keys of one workspace that this device holds.
//
// Content is sealed under epoch keys; an epoch is named by the commitment of its key. At rest each
// key is a sealed row of kKeys.
//
// Owned by the Ledger; single-threaded.

#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "node/core/membership/membership.hpp"
#include "node/core/schema.hpp"
#include "storage/store.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

class KeyRing {
 public:
  /// Writes a row with the ledger's next batch.
  using Put = std::function<void(storage::Table table, Bytes key, Bytes value)>;

  /// All referred to must outlive the ring.
  KeyRing(const crypto::SigningKey& identity, SecureRandom& random, const RowSealer& sealer,
          Put put);

  /// Reads and checks the stored keys. Errors: kCorrupt, kIo.
  Status load(const storage::Store& store);

  /// Takes in a key, to be stored with the next batch. Nothing happens if it is here already.
  void add(crypto::SecretKey key);
  /// Null if it is not here. Stays valid: keys are never dropped.
  const crypto::SecretKey* find(const Hash& commitment) const;
  /// The key to write with, and its commitment. Null before there is one.
  const crypto::SecretKey* write_key(const Membership& membership, Hash& commitment) const;

  /// All keys, sealed to `device`. Errors: kMalformed (its id is no valid key).
  Result<std::vector<SealedKey>> sealed_for(const DeviceId& device) const;
  /// Takes in keys sealed to this device; those that do not open or do not match are ignored.
  void take(const std::vector<SealedKey>& keys);

  /// Whether a key came since this was last asked.
  bool take_news() { return std::exchange(news_, false); }

 private:
  const crypto::SigningKey& identity_;
  SecureRandom& random_;
  const RowSealer& sealer_;
  Put put_;
  std::map<Hash, crypto::SecretKey> keys_;
  bool news_ = false;
};

}  // namespace coterie::node
