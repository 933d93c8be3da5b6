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
// Forks. A log may turn out to be a tree (log/segments.hpp). frontier(), read() and runs speak of
// segments and their items, as the mesh does; an EntryRef stays valid whatever forks.
//
// Pruning. The *base* is a frontier that several members vouched for (checkpoint/checkpoints.hpp):
// what documents are follows from it and the updates after it. Below the *floor*, which is not
// above the base, updates of documents are not kept: prune_step() drops them, and what remains of a
// log is its operations, its other records, and all from the floor on. To peers nothing changes but
// that read() gives nothing from before; a newcomer installs a base with what is kept below it.
//
// Own log. One per workspace: (device, incarnation). A device restored from a backup, or cloned,
// must not write a second branch of a log that others have already. So it goes on with a new
// incarnation when its log is found forked, or longer at a peer than here; and at start when this
// data directory is not certainly where it was last used (Origin).
//
// Single-threaded owner. Reads block on the store (memory map); nothing else blocks.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "node/core/closed_store.hpp"
#include "node/core/document_index.hpp"
#include "node/core/key_ring.hpp"
#include "node/core/log/entry.hpp"
#include "node/core/log/hybrid_clock.hpp"
#include "node/core/log/segments.hpp"
#include "node/core/membership/membership.hpp"
#include "node/core/quota.hpp"
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
      LogId strand;   ///< Where its entries are,
      Seq first = 0;  ///< the first of them under this number.
    };

    storage::WriteBatch batch;
    std::size_t bytes = 0;
    std::vector<StoredRun> runs;
    std::set<LogId> touched;  ///< Segments that are longer, shorter or new.
    std::vector<Action> after;
    // Since launch():
    std::map<LogId, LogHead> heads;  ///< Of `touched`; seq 0 where there is nothing any more.
    std::map<LogId, Seq> strands;    ///< How far their entries are written.

    void put(storage::Table table, Bytes key, Bytes value);
    bool empty() const { return batch.empty() && after.empty(); }
  };

  struct Received {
    /// About the whole run. What was stored of a run that is not wanted whole comes before what
    /// made it so.
    transport::RunVerdict verdict = transport::RunVerdict::kRefused;
    std::size_t stored = 0;  ///< Entries that are staged now.
    std::vector<LedgerRecord> records;
    bool membership_changed = false;
    bool over_quota = false;  ///< There was no room for something in it.
    std::string warning;      ///< For the operator; no content.
  };

  /// Where a data directory is, as far as can be told: `found` when the process began, `now` what
  /// to find next time. Equal bytes mean the same place, and that nobody used it since. Empty when
  /// it cannot be told.
  struct Origin {
    Bytes found;
    Bytes now;
  };

  /// A device that wrote several entries of one number.
  struct Fork {
    DeviceId device;
    std::uint64_t incarnation = 0;
    Seq seq = 0;
    std::vector<Hash> entries;  ///< Two or more, all signed by it.
  };

  /// A frontier at which what documents are is stored.
  struct Base {
    Hash checkpoint;         ///< Of the entry that it is from,
    std::uint64_t time = 0;  ///< and when that was written (hybrid clock).
    Frontier frontier;       ///< Empty without one.
  };
  /// An entry that is kept below a base, as others need it.
  struct KeptEntry {
    LogId log;
    Seq seq = 0;
    Hash previous;
    Bytes stored;
  };

  /// What a founder makes: the workspace's name is its hash.
  struct Genesis {
    WorkspaceId workspace;
    std::uint64_t incarnation = 0;
    Hash hash;
    Bytes stored;
    crypto::SecretKey key;
  };
  static OperationEntry operation_entry(const HashedEntry& entry);
  static Genesis make_genesis(Now now, const std::string& name, const crypto::SigningKey& identity,
                              SecureRandom& random);

  /// `store`, `identity` and `random` must outlive the ledger. `in_step` says whether a peer was
  /// found with the same frontier since this process began. `relay_quota` is how many bytes of
  /// entries are kept while this device is a relay.
  Ledger(const WorkspaceId& workspace, storage::Store& store, const crypto::SigningKey& identity,
         SecureRandom& random, std::function<bool()> in_step, Origin origin = {},
         std::uint64_t relay_quota = UINT64_MAX);

  /// Reads the store and checks it: each log's newest entry against its head and signature, every
  /// membership operation, every key. A store without anything is fine. May stage a new incarnation
  /// (see Origin). Errors: kCorrupt, kIo.
  Status load();

  void found(const Genesis& genesis);
  /// The first thing written when joining: makes the store ours.
  void adopt();

  const WorkspaceId& workspace() const { return workspace_; }
  const Membership& membership() const { return membership_; }
  const Frontier& frontier() const { return frontier_; }
  /// Items of a segment from `first` on (transport::EntrySource). Never ends with an entry whose
  /// signature is wrong if it can be helped: whoever gets it could not verify it.
  transport::EntryRun read(const LogId& log, Seq first, std::size_t bytes_max) const;
  /// What a relay keeps; null where this device is none. Nothing is taken of content beyond it;
  /// operations are.
  const Quota* quota() const { return quota_ ? &*quota_ : nullptr; }
  /// Logs of which nothing more was taken for the quota. Forgotten when the membership changes.
  std::size_t declined() const { return declined_.size(); }
  /// As transport::EntrySource::held(): also of branches that peers name and that are no branches
  /// here, because what they branch from is not here.
  transport::HeldLog held(const LogId& log) const;
  const Segments& segments() const { return segments_; }
  /// Every place where a log forked. Cost: O(forks), with reads. Errors: kCorrupt, kIo.
  Result<std::vector<Fork>> forks() const;
  std::uint64_t entries() const;
  const storage::Store& store() const { return store_; }
  const RowSealer& sealer() const { return sealer_; }

  /// The log that this device goes on with.
  const LogId& own_log() const { return own_; }
  /// This device's role, once it is a member.
  std::optional<Role> role() const;
  /// Member with a role that writes content.
  bool may_write() const;
  /// And there is a key to write with.
  bool can_write() const;

  const KeyRing& keys() const { return keys_; }
  KeyRing& keys() { return keys_; }

  // Writing. Precondition: can_write() for records, membership for operations.
  EntryRef append_record(Now now, ByteView record, LedgerRecord* written = nullptr);
  void append_operation(Now now, const Operation& operation);

  /// Verifies a run of a peer and stages what is new in it.
  Received receive(Now now, const transport::EntryRun& run, transport::LinkId from);
  /// Entries that waited for a key that is here now, of the next `most` that wait. Cheap unless a
  /// key came since all were looked at.
  std::vector<LedgerRecord> take_waiting(std::size_t most);
  /// Whether take_waiting() has something to look at.
  bool has_news_of_waiting() const { return waiting_from_ || keys_.has_news(); }

  /// Decrypts an entry that is stored here. Errors: kCorrupt, kNotFound (its key is not here), kIo.
  Result<Bytes> read_record(const EntryRef& ref) const;
  /// With what is said of it. Errors: as read_record().
  Result<LedgerRecord> record_at(const EntryRef& ref) const;

  /// All segments held with their newest items, those that wait for the disk included.
  Frontier held() const;
  /// Visits the entries of segment `log` after `after` in order, those that wait for the disk
  /// included, until `visit` returns false. `after` is number and hash of an entry, or zero for the
  /// whole, without what is pruned of it: its hash is what the next one chains to. (With the strand
  /// and the predecessor of an EntryRef it begins there, and ends where that segment does.) Costs a
  /// hash an entry. Errors: kCorrupt, kIo. How far each log of `device` is held, each branch of it,
  /// those that wait for the disk included; ascending.
  std::vector<LogMark> marks(const DeviceId& device) const;
  Status visit(const LogId& log, const LogHead& after,
               const std::function<bool(const HashedEntry&)>& visit) const;
  /// Where an entry that visit() showed is kept. Precondition: `log` is held.
  EntryRef ref_of(const LogId& log, const Entry& entry) const;
  /// Whether the entry at `ref` is the one that `mark` names or comes before it in its log. False
  /// while the entry that is named is not held. Cost: a lookup, after the first time; that one up
  /// to 256 hashes.
  bool reaches(const LogMark& mark, const EntryRef& ref) const;
  /// Whether the entry that `mark` names is held. Cost: as reaches().
  bool holds(const LogMark& mark) const { return strand_of(mark).has_value(); }
  /// Decrypts a content entry. Errors: kCorrupt, kNotFound (its key is not here).
  Result<Bytes> open_record(const Entry& entry) const;

  // Pruning.
  const Base& base() const { return base_; }
  const Base& floor() const { return floor_; }
  /// Whether an entry of `log` with that number is covered by `base`.
  static bool covers(const Base& base, const LogId& log, Seq seq);
  /// Whether a log may be part of a base: one that never forked.
  bool can_be_based(const LogId& log) const;
  /// The hash of an entry of such a log that is held. Errors: kNotFound (not held, or pruned),
  /// kCorrupt, kIo.
  Result<Hash> hash_of(const LogId& log, Seq seq) const;
  /// Whether an entry stays when others below the floor go: all but updates of documents. One whose
  /// key is not here stays.
  bool keeps(const HashedEntry& entry) const;
  /// Sets the base or the floor, with the batch being staged, once it has landed. Precondition:
  /// every log can_be_based() and is held, as far as it says, durably; the base covers the floor.
  void set_base(Base base);
  void set_floor(Base floor);
  /// Whether prune_step() has something to do.
  bool prunes() const;
  /// Drops what is not kept below the floor, looking at `most` entries or fewer. Cost: a hash and a
  /// decryption an entry. Errors: kCorrupt, kIo.
  Status prune_step(std::size_t most);
  /// Makes the index by document anew, when nothing is left to prune. Cost: as reading what is
  /// kept. Errors: kCorrupt, kIo.
  Status reindex();
  /// What is kept up to `base`, by log and number: what others need to begin from there. The newest
  /// of each log is in it, kept or not. Errors: kCorrupt, kIo.
  Result<std::vector<KeptEntry>> kept_below(const Frontier& base) const;
  /// Begins from a base that somebody else made, which is the floor then, too: takes in what is
  /// kept below it, and what is held of logs that do not reach it goes. `kept`: verified, by log
  /// and number, with the newest of each log. Precondition: settled(). Errors: kConflict (what is
  /// here is another branch; nothing is changed), kMalformed.
  Result<Received> install_base(Now now, Base base, std::span<const KeptEntry> kept);
  /// Until that has landed, what is held does not fit together.
  bool installing() const { return installing_; }
  /// An entry that is stored here. Errors: kCorrupt, kIo.
  Result<KeptEntry> placed(const EntryRef& ref) const;
  /// All membership operations that are on disk. Errors: kCorrupt, kIo.
  Result<std::vector<KeptEntry>> operations() const;
  /// Where content entries are whose key is not here.
  std::vector<std::pair<LogId, Seq>> waiting() const;
  // By document.
  using Ranges = std::vector<SeqRange>;
  /// The entries whose record speaks of any of `documents`, by strand, those that wait for the disk
  /// included; of those that cannot be read here none. Makes the index anew if it is damaged.
  /// Errors: kCorrupt, kIo.
  Result<std::map<LogId, Ranges>> entries_of(const std::set<DocumentId>& documents);
  /// As visit(), of segment `log` only what is in `ranges` of its strand (ascending, joined). Costs
  /// up to kAnchorDistance hashes more for each range: an entry does not say what it chains to.
  Status visit_ranges(const LogId& log, std::span<const SeqRange> ranges,
                      const std::function<bool(const HashedEntry&)>& visit) const;
  /// Content entries held under keys that are not here, and when the newest of them was written
  /// (hybrid clock). Cost: O(them).
  struct SealedEntries {
    std::uint64_t count = 0;
    std::uint64_t newest = 0;
  };
  SealedEntries sealed_entries() const;
  /// For who drops entries, in the batch that does (DocumentIndex::drop_below).
  DocumentIndex& index() { return index_; }

  // Batches.
  Staged& staged() { return staged_; }
  const Staged& staged() const { return staged_; }
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
  storage::WriteBatch relaunch() const { return store_.close(in_flight_->batch); }
  /// The batch in flight is durable: its heads are committed now. The caller runs what follows.
  Staged landed();

 private:
  /// Where a received run claims to go.
  struct Aim {
    LogId chain;
    Seq first = 0;               ///< Number of its first entry.
    Hash previous;               ///< Hash of the entry before that.
    std::optional<LogId> start;  ///< The segment that holds the entry before. None: a new log.
    bool descriptor = false;     ///< The run begins with one.
    std::span<const Bytes> entries;
  };
  /// A branch that a peer named and that is, here, the end of a segment which is not split.
  struct Alias {
    LogId segment;
    Seq first = 0;
  };
  /// Why an entry is not stored, or that it is.
  enum class Judgement : std::uint8_t { kTake, kSetAside, kUnknownPast, kRefuse };

  Status load_meta();
  Status load_segments();
  Status check_head(const LogId& name, const Segment& segment, bool newest_of_strand) const;
  Status load_membership();
  bool is_settled(const LogId& chain, Seq seq) const;
  Status load_base(const char* name, Base& base) const;
  void store_base(const char* name, const Base& base);
  Status prune_log(const LogId& log, Seq through, std::size_t& most);
  Result<Hash> before_kept(const Segment& segment, Seq seq) const;
  Status drop_older_end(const Segment& segment);
  Status visit_kept(const Segment& segment, Seq through,
                    const std::function<bool(const HashedEntry&)>& visit) const;
  Status fill_index();
  void index_record(const EntryRef& ref, const Hash& hash, std::uint64_t time, ByteView record);
  void note_edit(const DeviceId& device, std::uint64_t time, ByteView record);
  void check_origin(const std::optional<Bytes>& place);
  Result<Hash> hash_at(const Segment& segment, Seq seq) const;
  Result<Entry> entry_at(const EntryRef& ref) const;
  void end_soundly(const Segment& segment, Seq next, Seq last, std::size_t extra,
                   std::vector<Bytes>& items) const;
  std::optional<LogId> strand_of(const LogMark& mark) const;

  std::optional<transport::RunVerdict> aim(const transport::EntryRun& run, Aim& aim) const;
  std::optional<transport::RunVerdict> judge_author(const Aim& aim) const;
  Judgement judge(const HashedEntry& entry) const;
  Judgement disputed(const HashedEntry& entry, const std::vector<const Restriction*>& by) const;
  bool has_room_for(const LogId& chain, bool splits) const;
  void take(Now now, const LogId& log, const Aim& aim, const Segments::Place& place,
            std::span<const HashedEntry> fresh, std::span<const Bytes> stored,
            transport::LinkId from, Received& out);
  bool sound_end(const LogId& segment, Seq at) const;
  std::optional<LogId> open_place(const Segments::Place& place, const Aim& aim,
                                  const HashedEntry& first, Received& out);
  void stage_row(const LogId& name, const HashedEntry& entry, Bytes stored);
  bool accept_operation(const HashedEntry& entry, const LogId& strand);
  Status follow_role();
  void accept_content(const HashedEntry& entry, const LogId& strand, Received& out);
  EntryPosition next_position();
  EntryRef stage_own(const HashedEntry& entry);
  std::size_t own_logs() const { return segments_.count(own_.device); }
  void choose_incarnation();
  void new_incarnation();

  WorkspaceId workspace_;
  ClosedStore store_;
  const crypto::SigningKey& identity_;
  SecureRandom& random_;
  std::function<bool()> in_step_;
  Origin origin_;
  RowSealer sealer_;
  Membership membership_;
  HybridClock clock_;

  Segments segments_;  ///< What waits for the disk included.
  Frontier frontier_;  ///< Committed.
  Base base_;
  Base next_base_;  ///< Set, and not landed.
  Base floor_;
  bool installing_ = false;
  std::map<LogId, LogHead> pruning_;  ///< How far logs are pruned once what is staged,
  std::map<LogId, LogHead> pruned_;   ///< or in flight, has landed.
  /// Hashes of entries that wait for the disk, by strand, from a number on.
  struct Fresh {
    Seq first = 0;
    std::vector<Hash> hashes;
  };
  std::map<LogId, Fresh> fresh_;
  std::map<LogId, Alias> aliases_;
  /// Where read() ended last: reading on needs no hashing of what was before.
  struct Served {
    LogId strand;
    LogHead head;
  };
  mutable std::optional<Served> served_;
  /// What strand_of() found so far, or that it found nothing: reading for it is expensive, and
  /// members can make a thousand marks that name nothing.
  struct MarkFound {
    std::optional<LogId> strand;
    std::uint64_t looked_through = 0;  ///< Segments with an entry of that number.
  };
  mutable std::map<std::tuple<LogId, Seq, Hash>, MarkFound> marks_;
  std::map<DeviceId, std::uint64_t> aside_;  ///< Entries stored of devices in dispute.
  LogId own_;
  bool own_safe_ = false;  ///< Our log may be continued.
  std::uint64_t relay_quota_;
  std::optional<Quota> quota_;  ///< Of a relay: what waits for the disk included.
  std::set<LogId> declined_;

  KeyRing keys_;
  DocumentIndex index_;
  /// Hour, document and device of rows that were put lately.
  using EditHour = std::tuple<std::uint64_t, DocumentId, DeviceId>;
  static constexpr std::size_t kEditHoursKept = 4096;
  std::set<EditHour> edit_hours_;
  /// Of an entry without a key.
  struct Waiting {
    Hash previous;
    std::uint64_t time = 0;
  };
  std::map<Bytes, Waiting> waiting_;   ///< By kMeta key.
  std::optional<Bytes> waiting_from_;  ///< Those from there on may be opened by a key that came.

  Staged staged_;
  std::optional<Staged> in_flight_;
  std::uint64_t staging_number_ = 1;
  std::uint64_t landed_number_ = 0;
};

}  // namespace coterie::node
