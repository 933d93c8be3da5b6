// Ledger: one workspace's logs, membership and keys (KeyRing), and the single file of writes to its
// store.
//
// Everything this node writes for a workspace goes through staged(): entries, heads, document rows.
// One batch is in flight at a time; what comes meanwhile is staged into the next. So batches are
// committed in order by construction, a failed batch can be tried again, and a slow disk makes
// batches larger instead of more.
//
// frontier() and read() show committed entries only: nothing uncommitted reaches a peer.
//
// Own log. One per workspace: (device, incarnation). A device restored from a backup, or cloned,
// must not write a second branch of a log that others have already. So after opening, the first
// entry goes to a new incarnation unless a peer was found in step with us since (or there is no
// peer); and whenever a peer has our log longer than we do, the incarnation is left behind and the
// longer log pulled like anybody's.
//
// Single-threaded owner. Reads block on the store (memory map); nothing else blocks.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/core/key_ring.hpp"
#include "node/core/log/entry.hpp"
#include "node/core/log/hybrid_clock.hpp"
#include "node/core/membership/membership.hpp"
#include "node/core/schema.hpp"
#include "storage/store.hpp"
#include "transport/core/mesh.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

/// A decrypted content entry that is new here.
struct LedgerRecord {
  EntryRef ref;
  Hash hash;
  std::uint64_t time = 0;
  std::vector<Hash> heads;  ///< Membership operations its author had seen.
  Bytes record;
};

class Ledger {
 public:
  using Action = std::function<void(Now)>;

  /// Writes that become durable together, and what may happen once they are.
  struct Staged {
    struct StoredRun {
      transport::EntryRun run;
      std::optional<transport::LinkId> from;
    };

    storage::WriteBatch batch;
    std::size_t bytes = 0;
    std::vector<StoredRun> runs;
    std::map<LogId, LogHead> heads;
    std::vector<Action> after;

    void put(storage::Table table, Bytes key, Bytes value);
    bool empty() const { return batch.empty() && after.empty(); }
  };

  struct Received {
    transport::RunVerdict verdict = transport::RunVerdict::kRefused;
    std::vector<LedgerRecord> records;
    bool membership_changed = false;
    const char* warning = nullptr;  ///< For the operator; no content.
  };

  /// What a founder makes: the workspace's name is its hash.
  struct Genesis {
    WorkspaceId workspace;
    std::uint64_t incarnation = 0;
    Hash hash;
    Bytes stored;
    crypto::SecretKey key;
  };
  static Genesis make_genesis(Now now, const std::string& name, const crypto::SigningKey& identity,
                              SecureRandom& random);

  /// `store`, `identity` and `random` must outlive the ledger. `in_step` says whether a peer was
  /// found with the same frontier since this process began.
  Ledger(const WorkspaceId& workspace, storage::Store& store, const crypto::SigningKey& identity,
         SecureRandom& random, std::function<bool()> in_step);

  /// Reads the store and checks it: each log's newest entry against its head and signature, every
  /// membership operation, every key. A store without anything is fine. Errors: kCorrupt, kIo.
  Status load();

  void found(const Genesis& genesis);
  /// The first thing written when joining: makes the store ours.
  void adopt();

  const WorkspaceId& workspace() const { return workspace_; }
  const Membership& membership() const { return membership_; }
  const Frontier& frontier() const { return frontier_; }
  transport::EntryRun read(const LogId& log, Seq first, std::size_t bytes_max) const;
  std::uint64_t entries() const;
  const storage::Store& store() const { return store_; }
  const RowSealer& sealer() const { return sealer_; }

  /// This device's role, once it is a member.
  std::optional<Role> role() const;
  /// Member, may write, and holds a key to write with.
  bool can_write() const;

  const KeyRing& keys() const { return keys_; }
  KeyRing& keys() { return keys_; }

  // Writing. Precondition: can_write() for records, membership for operations.
  EntryRef append_record(Now now, ByteView record);
  void append_operation(Now now, const Operation& operation);

  /// Verifies a run of a peer and stages what is new in it.
  Received receive(Now now, const transport::EntryRun& run, transport::LinkId from);
  /// Entries that waited for a key that is here now. Cheap unless a key came since.
  std::vector<LedgerRecord> take_waiting();

  /// Decrypts an entry that is stored here. Errors: kCorrupt, kNotFound (its key is not here), kIo.
  Result<Bytes> read_record(const EntryRef& ref) const;

  /// All logs held with their newest entries, those that wait for the disk included.
  Frontier held() const;
  /// Visits the entries of `log` after `after` in order, those that wait for the disk included,
  /// until `visit` returns false. `after` is the place of an entry of that log, or zero: its hash
  /// is what the next one chains to. Costs a hash an entry. Errors: kCorrupt, kIo.
  Status visit(const LogId& log, const LogHead& after,
               const std::function<bool(const HashedEntry&)>& visit) const;
  /// Decrypts a content entry. Errors: kCorrupt, kNotFound (its key is not here).
  Result<Bytes> open_record(const Entry& entry) const;

  // Batches.
  Staged& staged() { return staged_; }
  /// Number of the batch being staged, and of the newest one that is durable. From 1.
  std::uint64_t staging_number() const { return staging_number_; }
  std::uint64_t landed_number() const { return landed_number_; }
  bool in_flight() const { return in_flight_.has_value(); }
  /// Nothing staged and nothing in flight: all that was accepted is durable.
  bool settled() const { return staged_.empty() && !in_flight(); }
  /// Runs `action` when all that was accepted so far has landed. Precondition: !settled().
  void when_last_lands(Action action);
  /// Bytes that wait for the disk.
  std::size_t pending_bytes() const { return staged_.bytes + (in_flight_ ? in_flight_->bytes : 0); }
  /// Moves what is staged into flight and gives the batch to write. Precondition: !in_flight().
  storage::WriteBatch launch();
  /// The batch in flight, to be written again.
  const storage::WriteBatch& relaunch() const { return in_flight_->batch; }
  /// The batch in flight is durable: its heads are committed now. The caller runs what follows.
  Staged landed();

 private:
  Status load_meta();
  Status load_frontier();
  Status check_head(const LogId& log, const StoredHead& stored) const;
  Status load_membership();
  std::optional<transport::RunVerdict> judge_author(const transport::EntryRun& run) const;
  bool acceptable(const std::vector<HashedEntry>& run) const;
  bool has_room_for(const LogId& log) const;
  void accept(Now now, const HashedEntry& entry, Bytes stored, Received& out);
  bool accept_operation(const HashedEntry& entry);
  void accept_content(const HashedEntry& entry, Received& out);
  LogHead head_of(const LogId& log) const;
  EntryPosition next_position();
  void stage_entry(const EntryPosition& position, const Hash& hash, Bytes stored);
  void choose_incarnation();
  void new_incarnation();

  WorkspaceId workspace_;
  storage::Store& store_;
  const crypto::SigningKey& identity_;
  SecureRandom& random_;
  std::function<bool()> in_step_;
  RowSealer sealer_;
  Membership membership_;
  HybridClock clock_;

  Frontier frontier_;               ///< Committed.
  std::map<LogId, LogHead> ahead_;  ///< Heads that are not committed yet.
  LogId own_;
  bool own_safe_ = false;  ///< Our log may be continued.

  KeyRing keys_;
  std::set<Bytes> waiting_;     ///< kMeta keys of entries without a key.
  bool retry_waiting_ = false;  ///< Some were staged and not readable when last tried.

  Staged staged_;
  std::optional<Staged> in_flight_;
  std::uint64_t staging_number_ = 1;
  std::uint64_t landed_number_ = 0;
};

}  // namespace coterie::node
