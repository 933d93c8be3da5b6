// Doctor: checks what a workspace's store holds against itself, entry by entry, and says how to
// rebuild what follows from the logs.
//
//     what                 checked                                       when it is wrong
//     entries (kEntries)   decode; each chains to the one before, and a  the log is cut before it:
//                          later one or itself is signed rightly         peers send the rest again
//     log rows (kFrontier) name the entries that are there               made anew of the entries
//     anchors, membership  equal what the entries say, none missing or   made anew
//     index, waiting rows  too many
//     index of documents   equals what the entries say                   made anew
//     native client ids    (N) equal what the entries declare            made anew
//     other rows of who    (U, C, X, O) are of devices and logs that     erased, and documents made
//     wrote what           are held; whether one is missing nobody can   anew
//                          tell before the documents are made anew
//     keys                 open, and are what they are named             cannot be mended
//     sealed rows          open with this device's key                   documents: made anew;
//                                                                        endpoints: erased
//     snapshots, tails     open, decode, refer to entries that are there documents are made anew
//
// Whether what is materialised says what the logs say is for the engine to find out, which makes
// documents anew (DocumentStore::schedule_rebuild); daemon/doctor.hpp has both.
//
// Pure and single-threaded. Memory: O(logs + membership operations + documents), and 16 bytes for
// each stretch of entries that speak of one document.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "crdt/base/random.hpp"
#include "storage/store.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

struct Finding {
  enum class Kind : std::uint8_t {
    kNote,        ///< Unusual, and all right.
    kRepairable,  ///< Damage that follows from the logs, or that peers mend.
    kDamage,      ///< Neither.
  };
  Kind kind = Kind::kNote;
  std::string what;  ///< For people; no content, names or keys.
};

struct Checkup {
  std::uint64_t logs = 0;
  std::uint64_t entries = 0;
  std::uint64_t operations = 0;  ///< Membership operations.
  std::uint64_t documents = 0;
  std::uint64_t keys = 0;
  std::vector<Finding> findings;  ///< At most kFindingsMax of one sort; then they are counted.
  /// What repairs all that can be, in one batch; as a Ledger's it is to be written whole.
  storage::WriteBatch repair;
  bool logs_were_cut = false;

  bool healthy() const;
  bool repairable() const;  ///< And nothing beyond repair.
};

inline constexpr std::size_t kFindingsMax = 20;

/// `progress` gets the entries checked so far. Costs about 60 us an entry, most of it signatures.
/// Errors: kIo, kCorrupt (of the store itself).
Result<Checkup> check_up(const WorkspaceId& workspace, const storage::Store& store,
                         const crypto::SigningKey& identity, SecureRandom& random,
                         const std::function<void(std::uint64_t)>& progress = {});

/// Has every document made anew at the next opening.
void rebuild_all(const storage::Store& store, storage::WriteBatch& batch);

}  // namespace coterie::node
