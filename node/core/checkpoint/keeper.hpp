// Keeper: makes checkpoints, vouches for those of others, builds on those that stand, prunes below
// them, and gives and takes bundles (checkpoints.hpp, bundle.hpp, transfer.hpp).
//
//     make()     what all documents are at our frontier, as a record
//     vouch      a checkpoint of somebody else came: a little later its documents are made anew
//     from
//                our entries, and a record says whether they are the same
//     adopt      a checkpoint stands: it becomes the base, on every replica, and what its entries
//                make of each document is stored
//     prune()    the newest checkpoint that stands and is old enough becomes the floor:
//                    floor   what its entries make of each document is stored, for histories that
//                            begin there: one batch
//                    tails   snapshots of all documents are renewed: none needs an older entry
//                    logs    updates below it are dropped, some at a time
//                A crash in between is taken up where it was left.
//     take()     a bundle of somebody who pruned what we lack: checked, installed in one batch, and
//                the documents made anew
//
// Making documents anew blocks, about 5 us an entry since the base; how often others can make us do
// it is bounded by a pause that grows with the entries.
//
// Single-threaded owner.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "node/core/authors.hpp"
#include "node/core/checkpoint/bundle.hpp"
#include "node/core/checkpoint/checkpoints.hpp"
#include "node/core/context.hpp"
#include "node/core/document_store.hpp"
#include "node/core/transfer.hpp"
#include "node/core/views.hpp"

namespace coterie::node {

class Keeper final : public CheckpointTransfer::Source, public CheckpointTransfer::Sink {
 public:
  /// What becomes of it.
  class Host {
   public:
    virtual ~Host() = default;
    /// Records and operations came with a base, and are durable.
    virtual void base_installed(Now now, const Ledger::Received& received) = 0;
    /// Makes entries of what clients wrote, where that is possible now.
    virtual void flush_all(Now now) = 0;
  };

  /// All must outlive it.
  Keeper(Ledger& ledger, DocumentStore& documents, Views& views, Authors& authors, Context& context,
         Host& host);

  /// Errors: kCorrupt, kIo.
  Status load();

  /// A record about checkpoints that counts.
  void spoken(Now now, const LedgerRecord& record, const Record& decoded);
  /// Membership is another one: something may stand now.
  void membership_moved(Now now);

  /// Writes a checkpoint of what is durable here. Precondition: this device may write, and edit.
  /// Errors: kUnavailable (an update is not whole there), kLimitExceeded (kCheckpointBytesMax,
  /// kCheckpointLogsMax), kConflict (nothing new since the newest), kCorrupt, kIo. Cost: as
  /// Views::states_at().
  Result<Hash> make(Now now);
  /// Begins to prune below the newest checkpoint that stands and is `age` old. Errors: kNotFound
  /// (there is none that is newer than the floor), kUnavailable (it is not the base yet, or it is
  /// being done), those of Views::states_at().
  Result<Hash> prune(Now now, std::chrono::milliseconds age = {});
  bool pruning() const { return stage_ != Stage::kNone; }

  /// How long history is kept here; nothing: for ever. With a time, a host makes a checkpoint each
  /// quarter of it, and what is older than all of it is pruned.
  std::optional<std::chrono::hours> retention() const { return retention_; }
  void set_retention(Now now, std::optional<std::chrono::hours> retention);

  /// Newest first.
  std::vector<CheckpointInfo> list() const;
  std::uint64_t pruned_entries() const;

  /// `able`: entries can be written. Without, what is due is tried again a little later.
  void handle_timeout(Now now, bool able);
  std::optional<Instant> next_deadline() const;
  /// A batch is durable: the next step may follow.
  void landed(Now now);

  // CheckpointTransfer::Source.
  std::optional<CheckpointOffer> offer() const override;
  Result<Bytes> read(const Hash& hash, std::uint64_t offset, std::size_t bytes_max) const override;
  // CheckpointTransfer::Sink.
  bool wants(const CheckpointOffer& offer) const override;
  CheckpointTransfer::Verdict take(Now now, const CheckpointOffer& offer, Bytes& bundle) override;

 private:
  enum class Stage : std::uint8_t { kNone, kTails, kLogs };
  /// A bundle, checked.
  struct Checked {
    Bundle bundle;
    Bundle::Entries kept;  ///< Operations below the checkpoint included.
    Ledger::Base base;
  };

  Result<Frontier> agreeable_frontier() const;
  bool holds(const Frontier& frontier) const;
  bool plausible(Now now, const Checkpoints::Checkpoint& one) const;
  static bool goes_on(const Ledger::Base& base, const Frontier& later);
  Result<Hash> root_at(Now now, const Frontier& frontier, std::map<DocumentId, Bytes>& states);
  void begin_cutting();
  void write(Now now, const Record& record);
  void vouch(Now now);
  void adopt(Now now);
  void agree(Now now);
  void take_over(const Checkpoints::Checkpoint& standing,
                 const std::map<DocumentId, Bytes>& states);
  void waive(Now now);
  void follow_break(Now now);
  void keep_to_retention(Now now);
  void step(Now now);
  bool cut_some_tails(Now now);
  void plan(Now now);
  Duration pause() const;
  void drop_bundle() { bundle_.reset(); }
  Result<Bundle> make_bundle() const;
  Result<Checked> check(ByteView bytes, const CheckpointOffer& offer);

  Ledger& ledger_;
  DocumentStore& documents_;
  Views& views_;
  Authors& authors_;
  Context& context_;
  Host& host_;
  Checkpoints checkpoints_;
  std::optional<std::chrono::hours> retention_;

  /// What the entries of a checkpoint make here, which is what it says: not to be made twice.
  struct Made {
    Hash checkpoint;
    std::map<DocumentId, Bytes> states;
  };
  std::optional<Made> made_;
  std::optional<Instant> agree_at_;  ///< When to vouch, and to adopt.
  Instant agree_not_before_{};
  Instant next_look_{};  ///< At what age decides.

  Stage stage_ = Stage::kNone;
  std::vector<DocumentId> uncut_;  ///< Whose tails may go below the floor.
  std::vector<DocumentId> cut_;    ///< To be unloaded when that is durable.
  std::optional<Instant> step_at_;

  /// What is served, made when it is first asked for.
  struct Served {
    CheckpointOffer offer;
    Bytes bytes;
  };
  mutable std::unique_ptr<Served> bundle_;
  mutable Hash too_large_;  ///< Of what checkpoint it would be.
};

}  // namespace coterie::node
