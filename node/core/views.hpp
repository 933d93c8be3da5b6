// Views: keeps what is materialised (documents) equal to what counts.
//
// A record that counts is applied as it comes. One that is disputed is set aside (admission.hpp).
// When membership moves, what was set aside is judged again, and so is what was applied of devices
// that lost a right. Whatever can not be done by applying one more update is done by a rebuild:
// marked documents are made anew, two seconds later (acknowledgements may be on their way), from
// all their entries that count (document_index.hpp), in canonical order. Only a rebuild decides
// what is stood upon: from nothing, so that the result is a function of the entries held; between
// two of them the rules below say what could change it, and mark the document:
//
//     - an update that counts stands on, or brings, what a disputed one brings;
//     - a disputed update brings what waits for it, or what another is stood upon for;
//     - an entry that was stood upon counts by itself now.
//
// So what nobody disputes costs one look at a map, and a removed device can make others rebuild,
// but not more often than the pause between two rebuilds, which grows with what the last one read.
//
// Every step is one batch: rows of what is set aside, marks of documents to be rebuilt, the new
// snapshot with the tail erased. A crash in between is taken up where it was left.
//
// Single-threaded owner.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/core/admission.hpp"
#include "node/core/context.hpp"
#include "node/core/document_store.hpp"

namespace coterie::node {

class Views {
 public:
  /// What becomes of it.
  class Host {
   public:
    virtual ~Host() = default;
    /// `update` was applied: for clients.
    virtual void document_grew(Now now, Document& document, ByteView update) = 0;
    /// Its replica is another one: who is attached holds what does not count.
    virtual void document_replaced(Now now, Document& document) = 0;
    /// Membership is another one; before what follows from it.
    virtual void membership_moved(Now now) = 0;
    /// Somebody says what all documents were, or that it is so: it counts.
    virtual void checkpoint_spoken(Now now, const LedgerRecord& record, const Record& decoded) = 0;
    /// Somebody said something in a room: it may count or not.
    virtual void properties_spoken(Now now, const LedgerRecord& record,
                                   const PropertiesRecord& decoded) = 0;
    virtual void room_spoken(Now now, const LedgerRecord& record, const Record& decoded) = 0;
    /// A report that counts, as it comes.
    virtual void reported(Now now, const LedgerRecord& record, const ReportRecord& report) = 0;
    /// Makes entries of what clients wrote, if that is possible now.
    virtual void flush_queue(Now now, Document& document) = 0;
  };

  /// All must outlive the views.
  Views(Ledger& ledger, DocumentStore& documents, const EntryJudge& judge, Context& context,
        Host& host)
      : ledger_(ledger),
        documents_(documents),
        judge_(judge),
        context_(context),
        host_(host),
        admission_(ledger) {}

  /// Errors: kCorrupt, kIo.
  Status load();

  /// Takes in records that were received.
  void take(Now now, const std::vector<LedgerRecord>& records);
  /// An update was written here. It counts; others may be stood upon by it.
  void note_written(Now now, const DocumentId& document, ByteView update);

  /// After every input: judges again when membership moved.
  void pump(Now now);
  /// Rebuilds what is due. Returns whether anything was. Precondition: the store can be written.
  bool handle_timeout(Now now);
  std::optional<Instant> next_deadline() const { return due_; }

  /// What devices did in a document: ids of what only they inserted and only they deleted, by
  /// entries that count.
  struct Deeds {
    DocumentId document;
    crdt::IdSet inserted;
    crdt::IdSet deleted;
  };
  /// Calls `each` for the documents in which `devices` did something from the first entry of a log
  /// on that says it is of `since` or later (it says what its author likes), with the document as
  /// it is and all that was ever deleted in it, to be changed at will. Ends with the first error.
  /// Cost: as a rebuild of those documents. Errors: kCorrupt, kIo.
  Status for_each_deed(Now now, const std::set<DeviceId>& devices, WallMillis since,
                       const std::function<Status(const Deeds&, crdt::Doc&)>& each);

  /// An update that counts, whole (parts joined): of its entry, or the last one of its parts.
  struct CountedUpdate {
    EntryRef ref;
    Hash hash;
    std::uint64_t time = 0;  ///< Hybrid clock.
    bool carried = false;
    /// What the entries below the ledger's floor made of it, any number of updates by anybody: the
    /// first one, of no entry, with the floor's time and the hash of its checkpoint.
    bool floor = false;
    ByteView update;  ///< Valid in the call.
  };
  /// A name for what the document was, that counts.
  struct NamedVersion {
    EntryRef ref;
    Hash hash;
    std::uint64_t time = 0;
    VersionRecord record;  ///< Without its snapshot.
    Bytes snapshot;
  };
  /// What besides updates the logs hold of a document.
  struct HistoryNotes {
    std::vector<NamedVersion> named;  ///< By log, then sequence number.
    /// Content entries of the workspace under keys that are not here, and the newest of them: a
    /// newcomer may know a document from when it came only.
    std::uint64_t sealed = 0;
    WallMillis sealed_until = 0;
  };
  /// Calls `visit` for every update of `document` that counts, in canonical order; the gate is not
  /// asked. Changes nothing. Ends with the first error. Cost: about 5 us for each entry of the
  /// document and up to 0.5 ms for each stretch of them (Ledger::visit_ranges). Errors: kCorrupt,
  /// kIo.
  Result<HistoryNotes> for_each_update(Now now, const DocumentId& document,
                                       const std::function<Status(const CountedUpdate&)>& visit);

  /// From what documents are made: with the updates after it.
  enum class From : std::uint8_t {
    kBase,   ///< On which replicas agree.
    kFloor,  ///< As long ago as possible here.
  };
  /// What the entries up to `frontier` make of all documents, as states (v1), made anew; from the
  /// base, the same on all replicas. Changes nothing. Cost: about 5 us for each of them. Errors:
  /// kUnavailable (some of them are disputed here, their keys are not here, or an update is not
  /// whole there), kLimitExceeded (kCheckpointBytesMax), kCorrupt, kIo.
  Result<std::map<DocumentId, Bytes>> states_at(Now now, const Frontier& frontier, From from);
  /// Forgets what is disputed of what `base` covers.
  void settle(const Ledger::Base& base);

  /// Rebuilds what is marked at the next handle_timeout().
  void rebuild_now(Now now) { due_ = now.steady; }

  const Admission& admission() const { return admission_; }
  /// What is set aside, per device, for those who may readmit it.
  std::vector<SetAsideInfo> set_aside() const;

 private:
  using Position = Admission::Position;
  /// Ids of disputed updates in one document.
  struct Contest {
    crdt::IdSet open;        ///< Of those set aside, without what undisputed ones bring.
    crdt::IdSet stood_upon;  ///< Of those that count for it.
  };
  struct Update;
  struct Gathered;
  struct Analysis;
  class Rebuild;

  void judge_again(Now now);
  void judge_again(Now now, const DeviceId& device, const EntryJudge::Disputes& disputes);
  void judge_device(Now now, const DeviceId& device);
  void rescan_log(const LogId& log);
  void release(Now now, const Disputed& disputed);
  void feed(Now now, const LedgerRecord& record, const Record& decoded);
  void put_aside(Now now, const LedgerRecord& record, const Record& decoded);
  void watch(Now now, const DocumentId& document, ByteView update);
  Contest* contest(Now now, const DocumentId& document);
  bool follows(const Position& later, const Position& earlier) const;
  Bytes whole_update(const Disputed& last) const;
  std::optional<LedgerRecord> read(const EntryRef& ref) const;
  bool has_room_for(const DocumentId& document) const;
  void store_disputes(const DeviceId& device, const EntryJudge::Disputes& disputes, bool stored);

  Ledger& ledger_;
  DocumentStore& documents_;
  const EntryJudge& judge_;
  Context& context_;
  Host& host_;
  Admission admission_;

  std::optional<EntryJudge::Epoch> epoch_;  ///< Of the judge, when all was judged last.
  std::map<DeviceId, EntryJudge::Disputes> disputes_;
  std::map<DeviceId, Hash> stored_disputes_;  ///< As of the last start, until compared.
  std::set<DeviceId> unknown_;                ///< Some of its entries name a past not here.
  std::map<DocumentId, Contest> contests_;    ///< Made when asked for.
  std::optional<Instant> due_;
  Instant rested_at_{};  ///< No rebuild before.
};

}  // namespace coterie::node
