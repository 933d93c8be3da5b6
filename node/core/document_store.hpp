// Documents of one workspace: their rows, and their Yjs replicas while somebody uses them.
//
// At rest a document is a sealed snapshot and a tail of references to the entries since: a row for
// those that follow each other in a log. Opening is snapshot plus tail. A document that nobody has
// open here costs a row in memory and, for an entry that arrives, one tail row on disk: its replica
// is not loaded.
//
// Single-threaded owner.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/admission.hpp"
#include "node/core/context.hpp"
#include "node/core/ledger.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/directory.hpp"
#include "node/core/sync_protocol.hpp"

namespace coterie::node {

struct Client;

/// Where documents are that are not where they were made: rooms/properties.hpp.
class DocumentPlaces {
 public:
  struct Place {
    std::string path;        ///< Empty: where it was made,
    WallMillis since = 0;    ///< else since when.
    WallMillis trashed = 0;  ///< In the trash, since when; else 0.
    bool archived = false;

    bool operator==(const Place&) const = default;
  };

  virtual ~DocumentPlaces() = default;
  virtual Place place_of(const DocumentId& document) const = 0;
};

struct Document {
  DocumentId id;
  std::string path;  ///< Where it was made; empty while only updates of it have come.
  std::uint64_t generation = 0;
  DocumentPlaces::Place place;
  WallMillis created = 0;
  WallMillis changed = 0;
  WallMillis changed_stored = 0;  ///< As its row on disk says.
  bool recorded = false;          ///< A document record is in some log.

  /// Entries of the tail: [tail_first, tail_next), and what its last row holds. Known after the
  /// first use.
  bool tail_known = false;
  std::uint64_t tail_first = 0;
  std::uint64_t tail_next = 0;
  TailRun tail_run;  ///< Its number is tail_next - count; none with a count of 0.
  /// The batch that holds its newest tail row.
  std::uint64_t written_in = 0;
  /// Updates in the tail that the store does not show yet, while not loaded.
  struct Unwritten {
    std::uint64_t batch;
    EntryRef ref;
    Bytes record;
  };
  std::vector<Unwritten> unwritten;

  /// The snapshot of a document that was made anew while not loaded, until the store shows it: what
  /// the store shows before is not to be used.
  struct Fresh {
    std::uint64_t batch;
    Bytes snapshot;
  };
  std::optional<Fresh> fresh;

  /// The replica, while in use.
  std::unique_ptr<crdt::Doc> doc;
  Instant used;
  /// Parts of a large update that have come so far, by log.
  struct Assembly {
    std::uint64_t count = 0;
    Bytes bytes;
    std::vector<EntryRef> refs;
  };
  std::map<LogId, Assembly> assemblies;

  /// What whoever let us in says that it is, until its entries are here: shown instead of the
  /// replica, and written nowhere.
  struct Preview {
    std::string path;
    Bytes state;
    std::unique_ptr<crdt::Doc> doc;  ///< Made when it is first looked at.
  };
  std::optional<Preview> preview;

  /// What its clients hold. Precondition: somebody looked at it (DocumentStore::look_at()).
  const crdt::Doc& shown() const { return preview ? *preview->doc : *doc; }

  /// What a client that holds `have` lacks: updates, the last of them a step 2. For those who hold
  /// nothing it is made once, until the document changes.
  std::vector<Message> answer(const crdt::StateVector& have);
  struct Whole {
    const crdt::Doc* doc;
    std::uint64_t revision;
    std::vector<Message> parts;
  };
  std::optional<Whole> whole;

  /// Clients attached, and what they wrote that is in no entry yet.
  std::vector<Client*> clients;
  std::vector<Bytes> queue;
  std::size_t queue_bytes = 0;
  std::set<ClientHandle> senders;
  std::set<Hash> pending_logged;  ///< Raw updates that wait for others, to log each once.
  Instant last_flush{};
  std::optional<Instant> flush_at;
};

class DocumentStore {
 public:
  DocumentStore(Ledger& ledger, Context& context) : ledger_(ledger), context_(context) {}

  /// Asked before an update is applied; must outlive the store. None: all are.
  void set_gate(UpdateGate* gate) { gate_ = gate; }
  /// Asked where a document is; must outlive the store. None: all are where they were made.
  void set_places(const DocumentPlaces* places) { places_ = places; }
  UpdateGate* gate() const { return gate_; }

  /// Reads all rows. Errors: kCorrupt, kIo.
  Status load_rows();

  Document* find(const DocumentId& id) const;
  /// The document that has that name now.
  Document* find_path(std::string_view path) const;
  /// What it is called; in the trash: what it was.
  const std::string& name_of(const Document& document) const;
  /// Names of documents that people are shown, those in the trash left out.
  const Directory::Names& names() const { return directory_.names(); }
  /// It may be somewhere else than before. Whether it is.
  bool place_anew(Document& document);
  const std::map<DocumentId, std::unique_ptr<Document>>& all() const { return documents_; }
  /// The document of that name, or else a new one, made there, with a row in memory only until it
  /// is recorded. Errors: kMalformed, kLimitExceeded (path; kDocumentsMax, kGenerationMax).
  Result<Document*> open_path(std::string_view path);
  /// Forgets a row that came to nothing: no record, no tail, no clients.
  void release(Document& document);

  /// Takes note of a document record, ours or another's, and stages the row. Earliest creation
  /// wins.
  void record(Document& document, const DocumentRecord& made);

  /// Loads the replica unless it is loaded. Cost: O(document). Errors: kCorrupt, kIo.
  Status load(Now now, Document& document);
  /// What people are shown: its preview, or the replica. Valid while the document is used, and as
  /// long as it has a preview or not. As load(). Errors: kCorrupt, kIo.
  Result<crdt::Doc*> look_at(Now now, Document& document);

  /// `state`, an update (v1), is shown as that document, under the name `path`. Errors: kMalformed
  /// (state), kLimitExceeded (kDocumentsMax).
  Status set_preview(const DocumentId& id, std::string_view path, Bytes state);
  const std::set<DocumentId>& previewed() const { return previewed_; }
  /// From here on the replica is shown. Returns what was before, if anybody looked at it.
  std::unique_ptr<crdt::Doc> end_preview(Document& document);

  /// What a record of another device did to a document that is loaded.
  struct Applied {
    bool changed = false;
    Bytes update;  ///< For clients; empty unless changed.
  };
  /// Takes in an update or part record that is staged at `ref`. Never fails: what cannot be applied
  /// stays in the log, and the operator is told.
  Applied accept(Now now, Document& document, const EntryRef& ref, ByteView record,
                 WallMillis changed);

  /// Has `document` made anew from all that counts, soon: what it holds is not what it should be.
  /// Survives a crash. Cheap when it is marked already.
  void schedule_rebuild(const DocumentId& document);
  const std::set<DocumentId>& to_rebuild() const { return to_rebuild_; }
  void clear_rebuild_marks();

  /// What a document should hold: made from the log, with what still waits for the disk, and
  /// without what clients wrote that is in no entry yet.
  struct Contents {
    crdt::Doc doc;
    std::optional<DocumentRecord> named;  ///< One that counts.
    std::map<LogId, Document::Assembly> assemblies;
    WallMillis changed = 0;
  };
  struct Installed {
    enum class Kind : std::uint8_t {
      kSame,
      kGrew,      ///< The replica has taken in what it lacked; `update` is for clients.
      kReplaced,  ///< It held more or other things than it should: it is another one now.
    };
    Kind kind = Kind::kSame;
    Bytes update;
  };
  /// Makes `document` hold `contents`: snapshot, empty tail (but for parts of what is not whole
  /// yet), row, and the replica if it is loaded. All in the batch being staged.
  Installed install(Now now, Document& document, Contents contents);
  /// An empty replica as the documents' ones are.
  crdt::Doc blank() const;

  /// What the entries in the ledger's base make of a document (kBases), or those below its floor
  /// (kFloors), as a state (v1); nothing where they make nothing of it. Errors: kCorrupt, kIo.
  Result<std::optional<Bytes>> state_in(storage::Table table, const DocumentId& document) const;
  /// All of them, by document. Errors: kCorrupt, kIo.
  Result<std::map<DocumentId, Bytes>> states_in(storage::Table table) const;
  /// Replaces all of them, with the batch being staged.
  void set_states(storage::Table table, const std::map<DocumentId, Bytes>& states);
  bool has_tail(Document& document);

  /// Notes that entry `ref`, written here and applied already, belongs to the tail.
  void extend_tail(Document& document, const EntryRef& ref);
  void touch(Document& document, WallMillis changed);

  /// Unloads a replica that holds what is in no entry and never will be. Precondition: no clients,
  /// an empty queue, and its tail is durable.
  void forget_replica(Document& document);

  /// Writes a snapshot and cuts the tail. Precondition: loaded. Does nothing while edits wait to be
  /// written: a snapshot must not hold what no entry does.
  void cut(Document& document);
  void cut_if_long(Document& document);
  /// Cuts what has grown, unloads what was not used for a while.
  void sweep(Now now);
  /// Snapshots everything loaded that has a tail.
  void cut_all();

  Document* make(const DocumentId& id);

 private:
  void know_tail(Document& document);
  void store_row(Document& document);
  void stage_snapshot(const Bytes& key, ByteView state);
  /// Parts: whether `record` completes an update; then `update` is whole.
  bool assemble(Document& document, const EntryRef& ref, const PartRecord& part, Bytes& update);
  static Result<crdt::ApplyResult> apply_whole(crdt::Doc& doc, ByteView update);
  void apply_record(Document& document, const EntryRef& ref, ByteView record);
  void prune_unwritten(Document& document);
  Status load_stored(Document& document, crdt::Doc& doc, std::vector<TailRun>& tail);
  Status apply_run(Document& document, const TailRun& run);
  std::optional<Result<crdt::ApplyResult>> apply_gated(const Document& document,
                                                       const EntryRef& ref, ByteView update,
                                                       bool carried);
  void warn_once(const char* what);

  Ledger& ledger_;
  Context& context_;
  std::map<DocumentId, std::unique_ptr<Document>> documents_;
  std::set<DocumentId> loaded_;
  std::set<DocumentId> previewed_;
  UpdateGate* gate_ = nullptr;
  const DocumentPlaces* places_ = nullptr;
  Directory directory_;
  std::set<DocumentId> to_rebuild_;
  std::set<DocumentId> fresh_;  ///< With Document::fresh.
  std::set<const char*> warned_;
};

}  // namespace coterie::node
