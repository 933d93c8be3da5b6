// KeyRing: the epoch keys of one workspace that this device holds, and which of them to write with.
//
// Content is sealed under epoch keys; an epoch begins with the genesis or a rekey, and is named by
// the commitment of its key. A rekey has a box with the new key for each member that may read, and
// the keys that its author held, encrypted under the new one (the chain). Who may know a key:
//
//     given it    its epoch's recipients and author, and devices admitted with it (by an operation
//                 that had seen the epoch)
//     through it  whoever may know a key whose chain reaches it
//
// clean   nobody may know the key who is no reader now (a member, not a relay), and its epoch has
//         every removal and demotion to relay that counts in its past: others may not have known of
//         one that it has not, and have led the key on to the device by operations that are not
//         here yet. Content goes under clean keys only: the newest held (no other clean one that
//         counts has its operation in its past; of several the smaller operation hash).
// fit     that there is such a key, and that every reader can read everything: it can be held to
//         know each *leaf*, a key that no chain seen to open leads to. What a break (a rekey with
//         an empty chain) has in its past is cut off on purpose and left out.
//
// A rekey chains all uncut leaves that its author holds, so that it makes the ring fit; and one
// that leaves out a leaf in its past says that its author could not open that (its box was
// garbage).
//
// At rest each key is a sealed row of kKeys. Owned by the Ledger; single-threaded. What is said of
// a membership is remembered until that has another operation.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
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
  /// Takes in keys sealed to this device; those that do not open or do not match are ignored.
  void take(const std::vector<SealedKey>& keys);
  /// Takes in what admissions and rekeys of `membership` hold for us, and follows chains. A box
  /// that did not open is not tried again. Cost: of what is new, one multiplication on the curve a
  /// box.
  void absorb(const Membership& membership);

  /// The key to write content with, and its commitment. Null: write nothing, wait for a rotation.
  const crypto::SecretKey* write_key(const Membership& membership, Hash& commitment) const;
  /// The epoch of write_key(). Null as that is. Valid until the next operation.
  const Epoch* write_epoch(const Membership& membership) const;
  /// Whether all readers can read all that is written and nobody else, as far as can be known here.
  bool fit(const Membership& membership) const;
  /// An epoch that counts is for us, and its box does not open: no rekey said so yet.
  bool locked_out(const Membership& membership) const;

  /// The operation of a new epoch for the readers at `heads`, and its key, which is not added. With
  /// `break_chain` it gives them no older key. Errors: kUnavailable (no key is held, or the past is
  /// not complete), kLimitExceeded (kRekeyBoxesMax).
  struct Rekey {
    RekeyOperation operation;
    crypto::SecretKey key;
  };
  Result<Rekey> make_rekey(const Membership& membership, bool break_chain) const;

  /// What a newcomer needs, sealed to it: the leaves, newest first, at most kSealedKeysMax; with
  /// `from_now` the write key alone. Errors: kMalformed (its id is no valid key), kUnavailable (no
  /// key to write with).
  Result<std::vector<SealedKey>> keys_for_newcomer(const Membership& membership,
                                                   const DeviceId& device, bool from_now) const;

  /// The keys that the chains of `given` lead to, sealed to `device` in their turn, newest first:
  /// whoever was given those can have these as well, once it holds the operations. With them it can
  /// read what comes before. At most kSealedKeysMax less `given`. Errors: kMalformed (its id is no
  /// valid key).
  Result<std::vector<SealedKey>> keys_behind(const Membership& membership, const DeviceId& device,
                                             const std::vector<SealedKey>& given) const;

  /// Whether a key came since take_news().
  bool has_news() const { return news_; }
  bool take_news() { return std::exchange(news_, false); }

 private:
  using Devices = std::set<DeviceId>;
  /// What follows from a membership, and from the keys held.
  struct View {
    std::size_t operations = 0;  ///< Of the membership it is of.
    std::size_t keys = 0;
    std::size_t links = 0;
    std::optional<std::size_t> write;  ///< Index in epochs().
    bool fit = false;
    bool locked_out = false;
    std::vector<std::size_t> leaves;  ///< Held, ascending by index.
    std::vector<std::size_t> uncut;   ///< Of these, those that no break cuts off.
  };
  class Survey;

  const View& view(const Membership& membership) const;

  const crypto::SigningKey& identity_;
  SecureRandom& random_;
  const RowSealer& sealer_;
  Put put_;
  std::map<Hash, crypto::SecretKey> keys_;
  std::set<Hash> tried_;  ///< Admissions and rekeys of which what is for us was tried.
  std::map<std::pair<Hash, Hash>, bool> chained_;  ///< Rekey and older key: whether that opened.
  bool news_ = false;
  mutable std::optional<View> view_;
};

}  // namespace coterie::node
