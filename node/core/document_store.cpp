#include "node/core/document_store.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/compression.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr std::uint8_t kRowVersion = 1;
/// Replicas that nobody uses and that are kept all the same.
constexpr std::size_t kLoadedIdleMax = 256;
/// A document that is not loaded may have a longer tail, by this factor: cutting it means loading.
constexpr std::uint64_t kUnloadedTailFactor = 4;
/// The row on disk may be this much behind with `changed`: one write a minute, not one an edit.
constexpr WallMillis kChangedLagMs = 60'000;

Bytes row_key(const DocumentId& id) { return Bytes(id.view().begin(), id.view().end()); }

}  // namespace

Status DocumentStore::load_rows() {
  Status status;
  const Bytes marks = meta_key("r");
  COTERIE_CHECK(
      ledger_.store().scan(Table::kMeta, marks, end_of_prefix(marks), [&](ByteView key, ByteView) {
        if (const auto id = DocumentId::from(key.subspan(1))) to_rebuild_.insert(*id);
        return true;
      }));
  COTERIE_CHECK(ledger_.store().scan(Table::kDocuments, {}, {}, [&](ByteView key, ByteView value) {
    const auto id = DocumentId::from(key);
    const auto opened = ledger_.sealer().open(Table::kDocuments, key, value);
    if (!id || !opened) {
      status = Error{ErrorCode::kCorrupt, "a document's row is damaged"};
      return false;
    }
    ByteReader in(*opened);
    const auto version = in.read_u8();
    const auto path = read_text(in, kPathBytesMax);
    const auto created = in.read_varuint();
    const auto changed = in.read_varuint();
    const auto generation = in.at_end() ? Result<std::uint64_t>(0) : in.read_varuint();
    if (!version || *version != kRowVersion || !path || !created || !changed || !generation) {
      status = Error{ErrorCode::kCorrupt, "a document's row is damaged"};
      return false;
    }
    Document* document = make(*id);
    document->path = *path;
    document->created = *created;
    document->changed = document->changed_stored = *changed;
    document->generation = *generation;
    document->recorded = !path->empty();
    (void)place_anew(*document);
    return true;
  }));
  return status;
}

Document* DocumentStore::make(const DocumentId& id) {
  auto& document = documents_[id];
  if (document == nullptr) {
    document = std::make_unique<Document>();
    document->id = id;
  }
  return document.get();
}

Document* DocumentStore::find(const DocumentId& id) const {
  const auto found = documents_.find(id);
  return found == documents_.end() ? nullptr : found->second.get();
}

Document* DocumentStore::find_path(std::string_view path) const {
  const auto id = directory_.find(path);
  return id ? find(*id) : nullptr;
}

const std::string& DocumentStore::name_of(const Document& document) const {
  if (const std::string* name = directory_.name_of(document.id)) return *name;
  return document.place.path.empty() ? document.path : document.place.path;
}

bool DocumentStore::place_anew(Document& document) {
  auto place = places_ == nullptr ? DocumentPlaces::Place{} : places_->place_of(document.id);
  const bool moved = place != document.place;
  document.place = std::move(place);
  std::optional<Directory::Claim> claim;
  if (document.place.trashed > 0) {
    // Its path is free.
  } else if (document.recorded && !document.place.path.empty()) {
    claim = {document.place.path, document.place.since};
  } else if (document.recorded) {
    claim = {document.path, document.created};
  } else if (document.preview) {
    claim = {document.preview->path, 0};
  }
  directory_.set(document.id, std::move(claim));
  return moved;
}

Result<Document*> DocumentStore::open_path(std::string_view path) {
  if (Document* known = find_path(path)) return known;
  COTERIE_CHECK(check_document_path(path));
  for (std::uint64_t generation = 0; generation <= kGenerationMax; ++generation) {
    const DocumentId id = document_id(ledger_.workspace(), path, generation);
    Document* document = find(id);
    // It has moved away, or is in the trash; or what says so came before what makes it.
    if (document != nullptr && (document->recorded || document->preview)) continue;
    if (places_ != nullptr && places_->place_of(id) != DocumentPlaces::Place{}) continue;
    if (document == nullptr) {
      if (documents_.size() >= kDocumentsMax) break;
      document = make(id);
      document->tail_known = true;
    }
    document->path = path;
    document->generation = generation;
    return document;
  }
  return Error{ErrorCode::kLimitExceeded, "too many documents in this workspace",
               documents_.size()};
}

void DocumentStore::release(Document& document) {
  const bool empty = !document.recorded && document.clients.empty() && document.tail_known &&
                     document.tail_next == 0 && document.queue.empty() && !document.preview;
  if (!empty) return;
  loaded_.erase(document.id);
  directory_.set(document.id, std::nullopt);
  documents_.erase(document.id);
}

void DocumentStore::store_row(Document& document) {
  Bytes row{kRowVersion};
  append_varstring(row, document.recorded ? document.path : std::string());
  append_varuint(row, document.created);
  append_varuint(row, document.changed);
  if (document.generation > 0) append_varuint(row, document.generation);
  const Bytes key = row_key(document.id);
  ledger_.staged().put(Table::kDocuments, key, ledger_.sealer().seal(Table::kDocuments, key, row));
  document.changed_stored = document.changed;
}

void DocumentStore::record(Document& document, const DocumentRecord& made) {
  const bool news = !document.recorded || made.created < document.created;
  if (!news) return;
  document.recorded = true;
  document.path = made.path;
  document.generation = made.generation;
  document.created = made.created;
  document.changed = std::max(document.changed, made.created);
  store_row(document);
  (void)place_anew(document);
}

void DocumentStore::touch(Document& document, WallMillis changed) {
  document.changed = std::max(document.changed, changed);
  if (document.changed > document.changed_stored + kChangedLagMs) store_row(document);
}

// The tail.

void DocumentStore::know_tail(Document& document) {
  if (document.tail_known) return;
  document.tail_known = true;
  const Bytes prefix = row_key(document.id);
  const Bytes end = end_of_prefix(prefix);
  const auto last = ledger_.store().last(Table::kTails, prefix, end);
  if (!last || !*last) return;
  const auto counter = tail_counter((*last)->first);
  const auto run = decode_tail_row((*last)->second);
  if (!counter) return;
  // A row that is damaged is met when the document is loaded; it is not written over.
  document.tail_next = *counter + (run ? run->count : 1);
  if (run) document.tail_run = *run;
  document.tail_first = *counter;
  (void)ledger_.store().scan(Table::kTails, prefix, end, [&](ByteView key, ByteView) {
    if (const auto first = tail_counter(key)) document.tail_first = *first;
    return false;
  });  // Best effort: the count only decides when to cut.
}

void DocumentStore::extend_tail(Document& document, const EntryRef& ref) {
  know_tail(document);
  TailRun& run = document.tail_run;
  const bool goes_on =
      run.count > 0 && run.first.log == ref.log && run.first.seq + run.count == ref.seq;
  if (!goes_on) run = {ref, 0};
  const std::uint64_t number = document.tail_next++ - run.count++;
  ledger_.staged().put(Table::kTails, tail_key(document.id, number), encode_tail_row(run));
  document.written_in = ledger_.staging_number();
}

void DocumentStore::prune_unwritten(Document& document) {
  auto& list = document.unwritten;
  const std::uint64_t landed = ledger_.landed_number();
  list.erase(std::remove_if(list.begin(), list.end(),
                            [landed](const auto& one) { return one.batch <= landed; }),
             list.end());
}

bool DocumentStore::assemble(Document& document, const EntryRef& ref, const PartRecord& part,
                             Bytes& update) {
  if (part.index == 0) document.assemblies[ref.log] = {part.count, {}, {}};
  const auto found = document.assemblies.find(ref.log);
  if (found == document.assemblies.end()) return false;
  Document::Assembly& assembly = found->second;
  const bool next = part.count == assembly.count && part.index == assembly.refs.size() &&
                    (assembly.refs.empty() || assembly.refs.back().seq + 1 == ref.seq);
  if (!next) {
    // Its author broke off: what is there will never be whole.
    document.assemblies.erase(found);
    return false;
  }
  append(assembly.bytes, part.bytes);
  assembly.refs.push_back(ref);
  if (assembly.refs.size() < assembly.count) return false;
  update = std::move(assembly.bytes);
  document.assemblies.erase(found);
  return true;
}

// Replicas.

crdt::Doc DocumentStore::blank() const {
  const auto client_id = static_cast<crdt::ClientId>(context_.random.next_u64() >> 32);
  return crdt::Doc(crdt::Doc::Options{client_id, true});
}

/// Snapshot and tail as the store has them.
Status DocumentStore::load_stored(Document& document, crdt::Doc& doc, std::vector<TailRun>& tail) {
  // The tail before the snapshot: a commit in between moves rows from the one into the other, and
  // applying them twice is harmless.
  const Bytes prefix = row_key(document.id);
  Status status;
  COTERIE_CHECK(ledger_.store().scan(Table::kTails, prefix, end_of_prefix(prefix),
                                     [&](ByteView, ByteView value) {
                                       auto run = decode_tail_row(value);
                                       if (!run) {
                                         status = run.error();
                                         return false;
                                       }
                                       tail.push_back(*run);
                                       return true;
                                     }));
  COTERIE_CHECK(status);
  COTERIE_TRY(const auto sealed, ledger_.store().get(Table::kSnapshots, prefix));
  if (!sealed) return {};
  COTERIE_TRY(const Bytes opened, ledger_.sealer().open(Table::kSnapshots, prefix, *sealed));
  COTERIE_TRY(const Bytes snapshot, decompress(opened, kSnapshotBytesMax));
  if (!doc.load_update(snapshot)) {
    return Error{ErrorCode::kCorrupt, "a document's snapshot does not apply"};
  }
  return {};
}

Status DocumentStore::load(Now now, Document& document) {
  document.used = now.steady;
  if (document.doc != nullptr) return {};
  know_tail(document);
  prune_unwritten(document);
  auto doc = std::make_unique<crdt::Doc>(blank());
  std::vector<TailRun> tail;
  if (document.fresh && document.fresh->batch > ledger_.landed_number()) {
    (void)doc->load_update(document.fresh->snapshot);  // We encoded it.
  } else {
    COTERIE_CHECK(load_stored(document, *doc, tail));
  }
  document.fresh.reset();
  document.doc = std::move(doc);
  document.whole.reset();
  document.assemblies.clear();
  loaded_.insert(document.id);
  for (const TailRun& run : tail) {
    const Status applied = apply_run(document, run);
    if (applied) continue;
    document.doc.reset();
    document.whole.reset();
    loaded_.erase(document.id);
    return applied;
  }
  for (const auto& one : document.unwritten) apply_record(document, one.ref, one.record);
  document.unwritten.clear();
  return {};
}

Result<crdt::Doc*> DocumentStore::look_at(Now now, Document& document) {
  if (!document.preview) {
    COTERIE_CHECK(load(now, document));
    return document.doc.get();
  }
  if (document.preview->doc == nullptr) {
    document.preview->doc = std::make_unique<crdt::Doc>(blank());
    // It was checked when it came.
    (void)document.preview->doc->load_update(std::exchange(document.preview->state, {}));
  }
  return document.preview->doc.get();
}

Status DocumentStore::set_preview(const DocumentId& id, std::string_view path, Bytes state) {
  COTERIE_CHECK(crdt::validate_update(state));
  Document* document = find(id);
  if (document == nullptr) {
    if (documents_.size() >= kDocumentsMax) {
      return Error{ErrorCode::kLimitExceeded, "too many documents in this workspace",
                   documents_.size()};
    }
    document = make(id);
    document->tail_known = true;
  }
  // Who looks at what is here already goes on so.
  if (document->preview || !document->clients.empty()) return {};
  document->preview = Document::Preview{std::string(path), std::move(state), nullptr};
  previewed_.insert(document->id);
  (void)place_anew(*document);
  return {};
}

std::unique_ptr<crdt::Doc> DocumentStore::end_preview(Document& document) {
  document.whole.reset();
  auto shown = std::move(document.preview->doc);
  document.preview.reset();
  previewed_.erase(document.id);
  (void)place_anew(document);
  return shown;
}

/// Applies what a row of the tail refers to.
Status DocumentStore::apply_run(Document& document, const TailRun& run) {
  LogHead at{run.first.seq - 1, run.first.previous};
  const Seq end = run.first.seq + run.count;
  while (at.seq + 1 < end) {
    const Seq before = at.seq;
    Status status;
    // To the end of a segment at most: the log may have forked since.
    COTERIE_CHECK(ledger_.visit(run.first.log, at, [&](const HashedEntry& one) {
      const EntryPosition& position = one.entry.position;
      const auto record = ledger_.open_record(one.entry);
      if (!record) {
        status = record.error();
        return false;
      }
      apply_record(document, {run.first.log, position.seq, position.previous}, *record);
      at = {position.seq, one.hash};
      return at.seq + 1 < end;
    }));
    COTERIE_CHECK(status);
    if (at.seq == before) return Error{ErrorCode::kCorrupt, "an entry is missing"};
  }
  return {};
}

/// Applies a record of the tail. Errors were reported when it came.
void DocumentStore::apply_record(Document& document, const EntryRef& ref, ByteView bytes) {
  const auto record = decode_record(ledger_.workspace(), bytes);
  if (!record) return;
  if (const auto* update = std::get_if<UpdateRecord>(&*record)) {
    (void)apply_gated(document, ref, update->update, update->carried);
  } else if (const auto* part = std::get_if<PartRecord>(&*record)) {
    Bytes whole;
    if (assemble(document, ref, *part, whole)) {
      (void)apply_gated(document, ref, whole, part->carried);
    }
  }
}

/// An update that leaves out deletes that it implies would have done more where it came first.
Result<crdt::ApplyResult> DocumentStore::apply_whole(crdt::Doc& doc, ByteView update) {
  COTERIE_TRY(const Bytes told, crdt::state_deletes(update));
  return doc.apply_update(told);
}

/// Applies to the replica what the gate lets through; nothing if that is nothing.
std::optional<Result<crdt::ApplyResult>> DocumentStore::apply_gated(const Document& document,
                                                                    const EntryRef& ref,
                                                                    ByteView update, bool carried) {
  if (gate_ == nullptr) return apply_whole(*document.doc, update);
  const auto judged = gate_->judge(document.id, *document.doc, {ref, update, carried});
  if (judged.verdict == UpdateGate::Verdict::kRebuild) schedule_rebuild(document.id);
  if (judged.verdict != UpdateGate::Verdict::kApply) return std::nullopt;
  return apply_whole(*document.doc, judged.rest ? ByteView(*judged.rest) : update);
}

void DocumentStore::schedule_rebuild(const DocumentId& document) {
  if (!to_rebuild_.insert(document).second) return;
  Bytes key = meta_key("r");
  append(key, document.view());
  ledger_.staged().put(Table::kMeta, std::move(key), {});
}

void DocumentStore::clear_rebuild_marks() {
  for (const DocumentId& document : to_rebuild_) {
    Bytes key = meta_key("r");
    append(key, document.view());
    ledger_.staged().batch.erase(Table::kMeta, std::move(key));
  }
  to_rebuild_.clear();
}

Result<std::optional<Bytes>> DocumentStore::state_in(Table table,
                                                     const DocumentId& document) const {
  const Bytes key = row_key(document);
  COTERIE_TRY(const auto sealed, ledger_.store().get(table, key));
  if (!sealed) return std::optional<Bytes>();
  COTERIE_TRY(const Bytes opened, ledger_.sealer().open(table, key, *sealed));
  COTERIE_TRY(Bytes state, decompress(opened, kSnapshotBytesMax));
  return std::optional<Bytes>(std::move(state));
}

Result<std::map<DocumentId, Bytes>> DocumentStore::states_in(Table table) const {
  std::map<DocumentId, Bytes> states;
  Status status;
  COTERIE_CHECK(ledger_.store().scan(table, {}, {}, [&](ByteView key, ByteView value) {
    const auto id = DocumentId::from(key);
    const auto opened = ledger_.sealer().open(table, key, value);
    auto state = opened ? decompress(*opened, kSnapshotBytesMax) : opened;
    if (!id || !state) {
      status = Error{ErrorCode::kCorrupt, "a document's state at a checkpoint is damaged"};
      return false;
    }
    states.emplace(*id, *std::move(state));
    return true;
  }));
  COTERIE_CHECK(status);
  return states;
}

void DocumentStore::set_states(Table table, const std::map<DocumentId, Bytes>& states) {
  auto& staged = ledger_.staged();
  staged.batch.erase_range(table, {}, {});
  for (const auto& [id, state] : states) {
    const Bytes key = row_key(id);
    staged.put(table, key, ledger_.sealer().seal(table, key, compress(state)));
  }
}

bool DocumentStore::has_tail(Document& document) {
  know_tail(document);
  return document.tail_next > document.tail_first;
}

void DocumentStore::stage_snapshot(const Bytes& key, ByteView state) {
  ledger_.staged().put(Table::kSnapshots, key,
                       ledger_.sealer().seal(Table::kSnapshots, key, compress(state)));
}

DocumentStore::Installed DocumentStore::install(Now now, Document& document, Contents contents) {
  Installed out;
  know_tail(document);
  const Bytes state = contents.doc.encode_state_as_update();
  // The replica has in it what clients wrote since; the snapshot has not, until it is in an entry.
  for (const Bytes& update : document.queue) (void)contents.doc.load_update(update);
  const Bytes key = row_key(document.id);
  if (document.doc != nullptr) {
    const auto grown = document.doc->apply_update(state);
    if (grown && document.doc->encode_state_as_update() == contents.doc.encode_state_as_update()) {
      out.kind = grown->changed ? Installed::Kind::kGrew : Installed::Kind::kSame;
      out.update = grown->update;
    } else {
      document.doc = std::make_unique<crdt::Doc>(std::move(contents.doc));
      document.whole.reset();
      document.pending_logged.clear();
      out.kind = Installed::Kind::kReplaced;
    }
  } else if (!contents.assemblies.empty()) {
    document.doc = std::make_unique<crdt::Doc>(std::move(contents.doc));
    document.whole.reset();
    document.used = now.steady;
    loaded_.insert(document.id);
  } else {
    document.fresh = Document::Fresh{ledger_.staging_number(), state};
    fresh_.insert(document.id);
  }
  document.unwritten.clear();
  auto& staged = ledger_.staged();
  stage_snapshot(key, state);
  staged.batch.erase_range(Table::kTails, key, end_of_prefix(key));
  document.tail_first = document.tail_next;
  document.tail_run = {};
  document.assemblies = std::move(contents.assemblies);
  for (const auto& [log, assembly] : document.assemblies) {
    for (const EntryRef& ref : assembly.refs) extend_tail(document, ref);
  }
  document.written_in = ledger_.staging_number();
  document.recorded = contents.named.has_value();
  if (contents.named) {
    document.path = contents.named->path;
    document.generation = contents.named->generation;
    document.created = contents.named->created;
  }
  document.changed = std::max(contents.changed, document.created);
  store_row(document);
  (void)place_anew(document);
  return out;
}

DocumentStore::Applied DocumentStore::accept(Now now, Document& document, const EntryRef& ref,
                                             ByteView bytes, WallMillis changed) {
  Applied applied;
  const auto record = decode_record(ledger_.workspace(), bytes);
  if (!record) return applied;
  const auto* part = std::get_if<PartRecord>(&*record);
  const auto* update = std::get_if<UpdateRecord>(&*record);
  if (document.doc == nullptr) {
    if (update != nullptr && !crdt::validate_update(update->update)) {
      warn_once("a member wrote an update that does not parse; it is kept and not applied");
      return applied;
    }
    extend_tail(document, ref);
    touch(document, changed);
    prune_unwritten(document);
    document.unwritten.push_back(
        {ledger_.staging_number(), ref, Bytes(bytes.begin(), bytes.end())});
    const std::uint64_t most = context_.options.tail_entries_max * kUnloadedTailFactor;
    if (document.tail_next - document.tail_first > most && load(now, document)) cut(document);
    // Large ones are rare, and not looked into before they are whole.
    const bool contested = part != nullptr
                               ? part->index + 1 == part->count
                               : gate_ != nullptr && update != nullptr &&
                                     gate_->contested(document.id, ref.log, update->update);
    if (contested && document.doc == nullptr) (void)load(now, document);  // Tried again when used.
    return applied;
  }
  Bytes whole;
  ByteView content;
  if (part != nullptr) {
    extend_tail(document, ref);
    const auto begun = document.assemblies.find(ref.log);
    if (begun != document.assemblies.end() && !begun->second.refs.empty() &&
        begun->second.refs.back().seq > ref.seq) {
      // Older than what is being put together (its key came late): the logs know how it fits.
      schedule_rebuild(document.id);
      return applied;
    }
    if (!assemble(document, ref, *part, whole)) return applied;
    content = whole;
  } else if (update != nullptr) {
    content = update->update;
  }
  const bool carried = part != nullptr ? part->carried : update != nullptr && update->carried;
  auto gated = apply_gated(document, ref, content, carried);
  if (!gated) return applied;
  auto& result = *gated;
  if (!result) {
    warn_once("a member wrote an update that does not apply; it is kept and not applied");
    return applied;
  }
  if (part == nullptr) extend_tail(document, ref);
  touch(document, changed);
  applied.changed = result->changed;
  applied.update = std::move(result->update);
  cut_if_long(document);
  return applied;
}

void DocumentStore::cut_if_long(Document& document) {
  const std::uint64_t length = document.tail_next - document.tail_first;
  if (length > context_.options.tail_entries_max) cut(document);
}

void DocumentStore::forget_replica(Document& document) {
  document.doc.reset();
  document.whole.reset();
  document.assemblies.clear();
  loaded_.erase(document.id);
}

void DocumentStore::cut(Document& document) {
  if (!document.queue.empty()) return;
  ++context_.counters.compactions;
  const Bytes key = row_key(document.id);
  auto& staged = ledger_.staged();
  stage_snapshot(key, document.doc->encode_state_as_update());
  staged.batch.erase_range(Table::kTails, tail_key(document.id, document.tail_first),
                           tail_key(document.id, document.tail_next));
  document.tail_first = document.tail_next;
  document.tail_run = {};
  for (const auto& [log, assembly] : document.assemblies) {
    for (const EntryRef& ref : assembly.refs) extend_tail(document, ref);
  }
  document.written_in = ledger_.staging_number();
  store_row(document);
}

std::vector<Message> Document::answer(const crdt::StateVector& have) {
  const crdt::Doc& held = shown();
  const bool nothing = have.clocks().empty();
  if (nothing && whole && whole->doc == &held && whole->revision == held.revision()) {
    return whole->parts;
  }
  const Bytes update = held.encode_state_as_update(have);
  std::vector<Message> parts;
  auto split = crdt::split_update(update, kAnswerPartBytes);
  if (split && split->size() > 1) {
    for (const Bytes& part : std::span(*split).first(split->size() - 1)) {
      parts.push_back(update_message(part));
    }
    parts.push_back(step2_message(split->back()));
  } else {
    parts.push_back(step2_message(update));
  }
  if (nothing && update.size() >= kAnswerKeptBytesMin) whole = {&held, held.revision(), parts};
  return parts;
}

void DocumentStore::sweep(Now now) {
  for (auto it = fresh_.begin(); it != fresh_.end();) {
    Document* document = find(*it);
    const bool landed = document == nullptr || !document->fresh ||
                        document->fresh->batch <= ledger_.landed_number();
    if (landed && document != nullptr) document->fresh.reset();
    it = landed ? fresh_.erase(it) : std::next(it);
  }
  std::vector<std::pair<Instant, Document*>> idle;
  for (const DocumentId& id : loaded_) {
    Document& document = *documents_.at(id);
    document.whole.reset();  // Made again for the next who comes.
    const bool settled = document.queue.empty() && document.written_in <= ledger_.landed_number();
    if (document.clients.empty() && settled) idle.emplace_back(document.used, &document);
  }
  std::stable_sort(idle.begin(), idle.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < idle.size(); ++i) {
    Document& document = *idle[i].second;
    const bool crowded = idle.size() - i > kLoadedIdleMax;
    if (!crowded && document.used + context_.options.unload_after > now.steady) break;
    // A short tail is cheaper to apply at the next open than a snapshot is to write now.
    if (document.tail_next - document.tail_first > context_.options.tail_entries_max / 10) {
      cut(document);  // Unloaded at a later sweep, once this is durable.
      continue;
    }
    document.doc.reset();
    document.whole.reset();
    document.assemblies.clear();
    loaded_.erase(document.id);
    release(document);
  }
}

void DocumentStore::cut_all() {
  for (const DocumentId& id : loaded_) {
    Document& document = *documents_.at(id);
    if (document.tail_next > document.tail_first) cut(document);
  }
  for (const auto& [id, document] : documents_) {
    if (document->changed > document->changed_stored) store_row(*document);
  }
}

void DocumentStore::warn_once(const char* what) {
  if (warned_.insert(what).second) context_.warn(what);
}

}  // namespace coterie::node
