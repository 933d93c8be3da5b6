// Checkpoints: what members say all documents were at a frontier, and which of it is agreed on.
//
// A member writes a *checkpoint*: a frontier, and a hash of all that its entries make (root()).
// Others that hold those entries make the same of them, or not, and say so in a *vouch*. A
// checkpoint *stands* when
//
//     - two devices that may edit made the same of it (one, where there was no second), its author
//       included; and
//     - every device that was a member when it was written, is one now, may write and ever did,
//       holds all of it, by its own word, or is waived by a host (it has been away for long).
//
// What it covers is settled then: those who write hold it, so that nothing will take rights from
// what is in it, and on all replicas it is the base, which documents are made from: whatever
// contradicts it comes after it. So a node may prune below it, and whoever lacks what is pruned
// begins from it (bundle.hpp). Being a function of entries and members, all replicas find the same
// ones to stand; and members that go make no difference, those who come later are not asked, so
// that what stands goes on doing so.
//
// Known checkpoints and vouches are kMeta 'P' rows, so that no log is read for them at start.
//
// Single-threaded owner.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "node/core/ledger.hpp"
#include "node/core/records.hpp"

namespace coterie::node {

class Checkpoints {
 public:
  /// Of a record that counts.
  struct Spoken {
    EntryRef ref;
    Hash hash;
    std::uint64_t time = 0;  ///< Hybrid clock.
    std::vector<Hash> heads;
  };
  struct Checkpoint : Spoken {
    CheckpointRecord record;
  };
  struct Vouch : Spoken {
    VouchRecord record;
  };
  /// Who said what of one.
  struct Support {
    std::set<DeviceId> same;     ///< Its author included.
    std::set<DeviceId> hold;     ///< Those included, and those that are waived.
    std::set<DeviceId> missing;  ///< Whom it waits for.
    std::size_t same_needed = 2;
    bool stands() const { return same.size() >= same_needed && missing.empty(); }
  };

  /// `ledger` must outlive it.
  explicit Checkpoints(Ledger& ledger) : ledger_(ledger) {}

  /// Errors: kCorrupt, kIo.
  Status load();

  /// Takes in a record that counts, with the batch being staged; of each device and kind the newest
  /// few. Others are ignored.
  void take(const LedgerRecord& record, const Record& decoded);

  const std::map<Hash, Checkpoint>& all() const { return checkpoints_; }
  const Checkpoint* find(const Hash& checkpoint) const;
  /// What was said of it.
  std::vector<const Vouch*> vouches(const Hash& checkpoint) const;
  const Vouch* vouch_of(const DeviceId& device, const Hash& checkpoint) const;
  /// Cost: O(members + vouches).
  Support support(const Checkpoint& checkpoint) const;
  /// How many devices have to find the same, of those in `roster`, which the author had seen.
  static std::size_t same_needed(const Roster& roster);

  /// The newest that stands (by time, then hash), or null. Found anew after each take(), and when
  /// membership moved; never one that is older than before.
  const Checkpoint* newest_standing();

 private:
  void store(const Spoken& spoken, const Record& record);
  void forget(const Hash& entry);
  template <typename Kind>
  void bound(std::map<Hash, Kind>& all, const DeviceId& device);

  Ledger& ledger_;
  std::map<Hash, Checkpoint> checkpoints_;
  std::map<Hash, Vouch> vouches_;
  std::optional<Hash> standing_;
  std::size_t looked_at_ = ~std::size_t{0};  ///< Membership operations, when it was found.
};

/// What a checkpoint's hash covers: where it is, what is kept of the logs, and every document.
///
///     root := BLAKE2b-256("coterie checkpoint v1" workspace frontier
///             kept:(count:varuint (log seq:varuint hash:32)*)
///             documents:(count:varuint (document:16 BLAKE2b-256(state):32)*))
Hash checkpoint_root(const WorkspaceId& workspace, const Frontier& frontier,
                     std::span<const Ledger::KeptEntry> kept,
                     const std::map<DocumentId, Bytes>& states);

}  // namespace coterie::node
