#include "node/core/views.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/dependencies.hpp"
#include "node/core/limits.hpp"
#include "node/core/replay.hpp"

namespace coterie::node {

using storage::Table;
using Verdict = EntryJudge::Verdict;
using Position = Admission::Position;

namespace {

/// Acknowledgements of a removal may be on their way.
constexpr Duration kRebuildDelay = std::chrono::seconds(2);
/// Until the next one, more for each entry that was read, so that rebuilds take a small part of the
/// time, whoever causes them; and as for so many where reading began anew.
constexpr Duration kRebuildDelayPerEntry = std::chrono::microseconds(20);
constexpr std::uint64_t kEntriesPerRange = 50;
/// After one that failed: an entry is being dropped, say.
constexpr Duration kRebuildRetry = std::chrono::seconds(10);
/// Updates kept in memory during a rebuild; what is beyond is read twice.
constexpr std::size_t kGatheredBytesMax = 64u << 20;
constexpr std::size_t kPathsShownMax = 100;
constexpr Seq kSeqMax = ~Seq{0};

DocumentId document_of(const Record& record) {
  if (const auto* update = std::get_if<UpdateRecord>(&record)) return update->document;
  if (const auto* part = std::get_if<PartRecord>(&record)) return part->document;
  if (const auto* document = std::get_if<DocumentRecord>(&record)) return document->document;
  if (const auto* reverted = std::get_if<RevertedRecord>(&record)) return reverted->document;
  if (const auto* version = std::get_if<VersionRecord>(&record)) return version->document;
  return {};
}

/// Judged whenever it is read.
bool is_of_room(const Record& record) {
  return std::holds_alternative<MessageRecord>(record) ||
         std::holds_alternative<AmendRecord>(record) ||
         std::holds_alternative<PropertiesRecord>(record) ||
         std::holds_alternative<StateWord>(record) ||
         std::holds_alternative<AttendRecord>(record) ||
         std::holds_alternative<GuestRecord>(record);
}

/// For the keeper, or for people: no part of a document.
bool is_for_host(const Record& record) {
  return std::holds_alternative<ReportRecord>(record) ||
         std::holds_alternative<CheckpointRecord>(record) ||
         std::holds_alternative<VouchRecord>(record);
}

bool is_update(const Record& record) {
  return std::holds_alternative<UpdateRecord>(record) || std::holds_alternative<PartRecord>(record);
}

Bytes disputes_key(const DeviceId& device) {
  Bytes key = meta_key("j");
  append(key, device.view());
  return key;
}

Hash fingerprint(const EntryJudge::Disputes& disputes) {
  Bytes all;
  for (const auto& [restriction, marks] : disputes) {
    append(all, restriction.first.view());
    all.push_back(restriction.second ? 1 : 0);
    append_u64(all, marks.size());
    for (const auto& [mark, held] : marks) {
      const auto& [log, seq, hash, scope] = mark;
      append(all, position_key(log, seq));
      append(all, hash.view());
      all.push_back(scope.others ? 1 : 0);
      append_u64(all, scope.some.size());
      for (const DocumentId& document : scope.some) append(all, document.view());
      all.push_back(held ? 1 : 0);
    }
  }
  return crypto::hash(all);
}

/// Whether `now` may dispute what `before` did not.
bool disputes_more(const EntryJudge::Disputes& before, const EntryJudge::Disputes& now) {
  return std::any_of(now.begin(), now.end(), [&](const auto& one) {
    const auto known = before.find(one.first);
    if (known == before.end()) return true;
    return std::any_of(known->second.begin(), known->second.end(), [&](const auto& mark) {
      const auto kept = one.second.find(mark.first);
      return kept == one.second.end() || (mark.second && !kept->second);
    });
  });
}

LogHead before(const EntryRef& ref) { return {ref.seq - 1, ref.previous}; }

}  // namespace

Status Views::load() {
  COTERIE_CHECK(admission_.load());
  const Bytes prefix = meta_key("j");
  return ledger_.store().scan(Table::kMeta, prefix, end_of_prefix(prefix),
                              [&](ByteView key, ByteView value) {
                                const auto device = DeviceId::from(key.subspan(1));
                                const auto hash = Hash::from(value);
                                if (device && hash) stored_disputes_[*device] = *hash;
                                return true;
                              });
}

// Records as they come.

bool Views::has_room_for(const DocumentId& document) const {
  return documents_.find(document) != nullptr || documents_.all().size() < kDocumentsMax;
}

void Views::take(Now now, const std::vector<LedgerRecord>& records) {
  for (const LedgerRecord& one : records) {
    const auto record = decode_record(ledger_.workspace(), one.record);
    // Of an unknown kind: a later version wrote it, and will judge it.
    if (!record || std::holds_alternative<UnknownRecord>(*record)) continue;
    // Read from the logs.
    if (std::holds_alternative<RevertedRecord>(*record)) continue;
    if (std::holds_alternative<VersionRecord>(*record)) continue;
    if (const auto* properties = std::get_if<PropertiesRecord>(&*record)) {
      host_.properties_spoken(now, one, *properties);
      continue;
    }
    if (is_of_room(*record)) {
      host_.room_spoken(now, one, *record);
      continue;
    }
    if (is_for_host(*record)) {
      const Verdict verdict =
          judge_.judge(one.ref, one.hash, one.heads, right_for(*record), judged_document(*record));
      if (verdict != Verdict::kCounts) continue;
      if (const auto* report = std::get_if<ReportRecord>(&*record)) {
        host_.reported(now, one, *report);
      } else {
        host_.checkpoint_spoken(now, one, *record);
      }
      continue;
    }
    if (const auto* declaration = std::get_if<ClientsRecord>(&*record)) {
      if (UpdateGate* gate = documents_.gate()) gate->declared(one.ref.log.device, *declaration);
      continue;
    }
    switch (
        judge_.judge(one.ref, one.hash, one.heads, right_for(*record), judged_document(*record))) {
      case Verdict::kCounts:
        feed(now, one, *record);
        break;
      case Verdict::kUnknown:
        unknown_.insert(one.ref.log.device);
        [[fallthrough]];
      case Verdict::kDisputed:
        put_aside(now, one, *record);
        break;
      case Verdict::kRefused:
        break;
    }
  }
}

void Views::feed(Now now, const LedgerRecord& record, const Record& decoded) {
  const DocumentId id = document_of(decoded);
  if (!has_room_for(id)) return;
  if (const auto* created = std::get_if<DocumentRecord>(&decoded)) {
    documents_.record(*documents_.make(id), *created);
    return;
  }
  if (const auto* update = std::get_if<UpdateRecord>(&decoded)) {
    watch(now, id, update->update);
  } else {
    // Parts: not worth more.
    const auto& part = std::get<PartRecord>(decoded);
    const bool branched = part.index > 0 && has_forked(ledger_, record.ref.log.device);
    if (branched || !admission_.of(id).empty()) documents_.schedule_rebuild(id);
  }
  Document& document = *documents_.make(id);
  const DocumentStore::Applied applied =
      documents_.accept(now, document, record.ref, record.record, HybridClock::millis(record.time));
  if (applied.changed) host_.document_grew(now, document, applied.update);
}

void Views::note_written(Now now, const DocumentId& document, ByteView update) {
  watch(now, document, update);
}

/// An update counts: does it change what is stood upon?
void Views::watch(Now now, const DocumentId& document, ByteView update) {
  const Contest* known = contest(now, document);
  if (known == nullptr) return;
  bool concerned = overlap(provided_ids(update), known->stood_upon);
  if (!concerned && !known->open.empty()) {
    const auto stands_on = foundations(update);
    concerned = std::any_of(stands_on.begin(), stands_on.end(),
                            [&](const crdt::Id& id) { return known->open.contains(id); });
  }
  if (concerned) documents_.schedule_rebuild(document);
}

void Views::put_aside(Now now, const LedgerRecord& record, const Record& decoded) {
  const auto known = contests_.find(document_of(decoded));
  const Disputed& one = admission_.add(record, decoded);
  const auto& all = admission_.all();
  // Its key came late, and what comes after it in its log is stood upon: so is it.
  for (auto next = all.lower_bound({LogId{one.ref.log.device, 0}, 0});
       admission_.stood_upon() > 0 && next != all.end() &&
       next->first.first.device == one.ref.log.device;
       ++next) {
    if (next->second.stood_upon && follows(next->first, {one.ref.log, one.ref.seq})) {
      documents_.schedule_rebuild(next->second.document);
    }
  }
  if (!one.ends_update()) return;
  const crdt::IdSet ids = provided_ids(whole_update(one));
  if (known != contests_.end()) known->second.open.merge(ids);
  const Contest& contested = *contest(now, one.document);
  bool concerned = overlap(ids, contested.stood_upon);
  const Document* document = documents_.find(one.document);
  if (!concerned && document != nullptr && document->doc != nullptr) {
    const auto missing = missing_foundations(*document->doc);
    concerned = std::any_of(missing.begin(), missing.end(),
                            [&](const crdt::Id& id) { return ids.contains(id); });
  }
  if (concerned) documents_.schedule_rebuild(one.document);
}

/// Null when nothing in `document` is disputed. Loads it.
Views::Contest* Views::contest(Now now, const DocumentId& id) {
  const std::set<Position>& positions = admission_.of(id);
  if (positions.empty()) return nullptr;
  if (const auto known = contests_.find(id); known != contests_.end()) return &known->second;
  Contest& made = contests_[id];
  for (const Position& position : positions) {
    const Disputed& one = admission_.all().at(position);
    if (!one.ends_update()) continue;
    (one.stood_upon ? made.stood_upon : made.open).merge(provided_ids(whole_update(one)));
  }
  Document* document = documents_.find(id);
  if (document == nullptr || !documents_.load(now, *document)) return &made;
  // What is placed was brought by what counts: by undisputed entries, where nothing is stood upon.
  if (!overlap(made.open, made.stood_upon)) {
    made.open = beyond(made.open, document->doc->state_vector());
  }
  return &made;
}

std::optional<LedgerRecord> Views::read(const EntryRef& ref) const {
  std::optional<LedgerRecord> found;
  (void)ledger_.visit(ref.log, before(ref), [&](const HashedEntry& one) {
    auto record = ledger_.open_record(one.entry);
    if (record) {
      found = LedgerRecord{ref, one.hash, one.entry.time, one.entry.heads, std::move(*record)};
    }
    return false;
  });
  return found;
}

/// Whether `later` comes after `earlier` in one log, on one branch, or is it.
bool Views::follows(const Position& later, const Position& earlier) const {
  const auto segment = ledger_.segments().segment_of(later.first, later.second);
  return segment &&
         ledger_.segments().follows(*segment, later.second, earlier.first, earlier.second);
}

/// The update that ends at `last`; empty when its parts do not fit together.
Bytes Views::whole_update(const Disputed& last) const {
  Bytes whole;
  LogHead from = before(last.ref);
  if (last.kind == RecordKind::kPart) {
    if (last.ref.seq <= last.part_index) return {};
    const auto first = admission_.all().find({last.ref.log, last.ref.seq - last.part_index});
    from = first == admission_.all().end() ? LogHead{} : before(first->second.ref);
  }
  const Seq begin = last.ref.seq - last.part_index;
  bool whole_so_far = true;
  (void)ledger_.visit(last.ref.log, from, [&](const HashedEntry& one) {
    const Seq seq = one.entry.position.seq;
    if (seq < begin) return true;
    const auto bytes = ledger_.open_record(one.entry);
    const auto record =
        bytes ? decode_record(ledger_.workspace(), *bytes) : Result<Record>(bytes.error());
    const auto* update = record ? std::get_if<UpdateRecord>(&*record) : nullptr;
    const auto* part = record ? std::get_if<PartRecord>(&*record) : nullptr;
    const bool fits = part != nullptr && part->document == last.document &&
                      part->index == seq - begin && part->count == last.part_count;
    if (update != nullptr && seq == last.ref.seq) {
      append(whole, update->update);
    } else if (fits) {
      append(whole, part->bytes);
    } else {
      whole_so_far = false;
    }
    return whole_so_far && seq < last.ref.seq;
  });
  return whole_so_far ? whole : Bytes();
}

// Judging again.

void Views::pump(Now now) {
  if (epoch_ != judge_.epoch()) judge_again(now);
  if (!due_ && !documents_.to_rebuild().empty()) {
    due_ = std::max(now.steady + kRebuildDelay, rested_at_);
  }
}

void Views::judge_again(Now now) {
  const bool first = !epoch_;
  epoch_ = judge_.epoch();
  host_.membership_moved(now);
  if (UpdateGate* gate = documents_.gate()) gate->order_moved();
  std::set<DeviceId> devices;
  for (const auto& [log, head] : ledger_.held()) devices.insert(log.device);
  auto current = judge_.disputes(devices);
  std::set<DeviceId> concerned = std::exchange(unknown_, {});
  std::set<DeviceId> aside;
  for (const auto& [position, one] : admission_.all()) aside.insert(position.first.device);
  // What is not known to be disputed by something: after a start, or because its log is new here.
  for (const DeviceId& device : aside) {
    if (first || disputes_.count(device) == 0) concerned.insert(device);
  }
  for (const DeviceId& device : concerned) judge_device(now, device);
  for (const auto& [device, disputes] : current) concerned.insert(device);
  for (const auto& [device, disputes] : disputes_) concerned.insert(device);
  for (const auto& [device, hash] : stored_disputes_) concerned.insert(device);
  for (const DeviceId& device : concerned) judge_again(now, device, current[device]);
}

void Views::judge_again(Now now, const DeviceId& device, const EntryJudge::Disputes& disputes) {
  const auto known = disputes_.find(device);
  const auto stored = stored_disputes_.find(device);
  const bool had_row = stored != stored_disputes_.end();
  bool more = false;
  if (had_row) {
    // The first time since this process began: all was judged if they are the same.
    const bool same = stored->second == fingerprint(disputes);
    stored_disputes_.erase(stored);
    if (same) {
      disputes_[device] = disputes;
      return;
    }
    more = true;
  } else if (known == disputes_.end()) {
    if (disputes.empty()) return;
    more = true;
  } else if (known->second == disputes) {
    return;
  } else {
    more = disputes_more(known->second, disputes);
  }
  if (more) {
    for (const auto& [log, head] : ledger_.held()) {
      if (log.device == device) rescan_log(log);
    }
  }
  judge_device(now, device);
  store_disputes(device, disputes, had_row);
}

void Views::store_disputes(const DeviceId& device, const EntryJudge::Disputes& disputes,
                           bool stored) {
  const bool had = disputes_.erase(device) > 0;
  if (disputes.empty()) {
    if (had || stored) ledger_.staged().batch.erase(Table::kMeta, disputes_key(device));
    return;
  }
  const Hash hash = fingerprint(disputes);
  ledger_.staged().put(Table::kMeta, disputes_key(device),
                       Bytes(hash.view().begin(), hash.view().end()));
  disputes_[device] = disputes;
}

/// Looks through what is set aside of `device`.
void Views::judge_device(Now now, const DeviceId& device) {
  std::vector<Disputed> released;
  const auto& all = admission_.all();
  for (auto it = all.lower_bound({LogId{device, 0}, 0});
       it != all.end() && it->first.first.device == device; ++it) {
    const Disputed& one = it->second;
    const Verdict verdict = judge_.judge(one.ref, one.hash, *one.heads, Right::kEdit, one.document);
    if (verdict == Verdict::kUnknown) unknown_.insert(device);
    if (verdict == Verdict::kCounts || verdict == Verdict::kRefused) released.push_back(one);
  }
  for (const Disputed& one : released) release(now, one);
}

/// Finds what was applied and does not count any more.
void Views::rescan_log(const LogId& log) {
  const auto stays = [](Verdict verdict) {
    return verdict == Verdict::kCounts || verdict == Verdict::kRefused;
  };
  const bool limited = judge_.is_limited(log.device);
  const Status visited = ledger_.visit(log, {}, [&](const HashedEntry& one) {
    if (one.entry.entry_class != EntryClass::kContent) return true;
    const EntryRef ref = ledger_.ref_of(log, one.entry);
    if (Ledger::covers(ledger_.base(), ref.log, ref.seq)) return true;  // It is settled.
    const Verdict by_role = judge_.judge(ref, one.hash, one.entry.heads, Right::kEdit, {});
    if (by_role == Verdict::kRefused || (!limited && stays(by_role))) return true;
    if (admission_.find(ref) != nullptr) return true;
    const auto bytes = ledger_.open_record(one.entry);
    if (!bytes) return true;  // Never applied.
    const auto record = decode_record(ledger_.workspace(), *bytes);
    if (!record || std::holds_alternative<UnknownRecord>(*record) ||
        std::holds_alternative<ClientsRecord>(*record) ||
        std::holds_alternative<RevertedRecord>(*record) ||
        std::holds_alternative<VersionRecord>(*record) || is_for_host(*record) ||
        is_of_room(*record)) {
      return true;
    }
    const DocumentId document = document_of(*record);
    const bool same =
        limited && stays(judge_.judge(ref, one.hash, one.entry.heads, Right::kEdit, document));
    if (same) return true;
    admission_.add({ref, one.hash, one.entry.time, one.entry.heads, {}}, *record);
    contests_.erase(document);
    documents_.schedule_rebuild(document);
    return true;
  });
  if (!visited) context_.report("a log cannot be read: " + to_string(visited.error()));
}

/// A disputed entry counts by itself now.
void Views::release(Now now, const Disputed& one) {
  admission_.remove({one.ref.log, one.ref.seq});
  contests_.erase(one.document);
  const bool refused = judge_.judge(one.ref, one.hash, *one.heads, Right::kEdit, one.document) ==
                       Verdict::kRefused;  // Of unknown past.
  if (one.stood_upon || one.kind == RecordKind::kPart) {
    documents_.schedule_rebuild(one.document);
    return;
  }
  // What is to be rebuilt takes it from the logs.
  if (refused || documents_.to_rebuild().count(one.document) > 0) return;
  const auto record = read(one.ref);
  const auto decoded =
      record ? decode_record(ledger_.workspace(), record->record)
             : Result<Record>(Error{ErrorCode::kCorrupt, "an entry set aside is missing"});
  if (decoded) feed(now, *record, *decoded);
}

// Rebuilding.

/// An update in the logs: one entry, or several parts.
struct Views::Update {
  LogId segment;  ///< Where its last entry is: the same on all replicas, which a strand is not.
  EntryRef first;
  EntryRef last;
  std::vector<Position> disputed;  ///< Which of its entries are.
  bool ends_disputed = false;      ///< The last one is.
  bool carried = false;            ///< By its record.
  std::uint8_t rank = 0;
  std::optional<Bytes> bytes;  ///< Unless there was no room to keep them.
  Hash hash;                   ///< Of its last entry,
  std::uint64_t time = 0;      ///< and when that was written.
};

/// What the logs hold of one document, refused entries left out. In order of log and seq.
struct Views::Gathered {
  struct Naming {
    std::optional<Position> disputed;
    DocumentRecord record;
  };
  struct Unfinished {
    Update update;
    Document::Assembly assembly;
  };
  std::vector<Update> updates;
  std::vector<std::pair<DeviceId, crdt::IdSet>> put_back;
  std::vector<Naming> namings;
  std::map<LogId, Unfinished> unfinished;
  std::vector<NamedVersion> named;
  WallMillis changed = 0;
};

/// What undisputed entries make of a document.
struct Views::Analysis {
  crdt::Doc doc;
  crdt::IdSet waiting;
  std::vector<crdt::IdSet>
      provided;  ///< By each of Gathered::updates that is disputed; else empty.

  bool has(const crdt::Id& id) const {
    return id.clock < doc.state_vector().clock_of(id.client) || waiting.contains(id);
  }
};

/// One rebuild, from the marks to the staged snapshots.
class Views::Rebuild {
 public:
  Rebuild(Views& views, Now now, From from = From::kBase)
      : views_(views),
        now_(now),
        from_(from == From::kBase ? views.ledger_.base() : views.ledger_.floor()),
        from_states_(from == From::kBase ? Table::kBases : Table::kFloors) {}

  /// Errors: kCorrupt, kIo; nothing is changed then.
  Status run() {
    marked_ = views_.documents_.to_rebuild();
    for (const DocumentId& id : marked_) {
      Document* document = views_.documents_.find(id);
      if (document != nullptr) views_.host_.flush_queue(now_, *document);
    }
    marked_ = views_.documents_.to_rebuild();
    for (const DocumentId& id : marked_) gathered_[id];
    for (const auto& [id, positions] : views_.admission_.documents()) gathered_[id];
    COTERIE_CHECK(gather_all());
    find_stood_upon();
    settle();
    return {};
  }

  /// What reading cost, in entries.
  std::uint64_t entries_read() const { return entries_read_; }

  /// Views::for_each_deed(). Changes nothing.
  Status tell_deeds(const std::set<DeviceId>& devices, WallMillis since,
                    const std::function<Status(const Deeds&, crdt::Doc&)>& each);

  /// Views::states_at().
  Result<std::map<DocumentId, Bytes>> states_at(const Frontier& frontier);

  /// Views::for_each_update().
  Result<HistoryNotes> tell_updates(const DocumentId& id,
                                    const std::function<Status(const CountedUpdate&)>& visit);

 private:
  using Open = std::optional<std::pair<DocumentId, Gathered::Unfinished>>;
  using Beginnings = std::map<LogId, Seq>;  ///< From which entry on.
  Status find_deeds(const LogId& log, WallMillis since, Beginnings& begin);
  Deeds deeds_of(const DocumentId& id, const std::set<DeviceId>& devices, const Beginnings& begin,
                 Replay& replay) const;
  Status gather_all();
  Status gather_bases();
  Status gather(const LogId& log, std::span<const SeqRange> ranges, Open& open);
  void keep(Update& update, Bytes bytes);
  Bytes bytes_of(const Update& update) const;
  std::vector<const Update*> ordered(const DocumentId& id) const;
  template <typename Wanted>
  crdt::Doc replay(const DocumentId& id, Wanted wanted) const;
  Analysis& analysis(const DocumentId& id);
  void need(const DocumentId& id, const crdt::Id& element);
  void stand_upon(const Position& last);
  void find_stood_upon();
  bool counts(const Update& update) const;
  bool counts(const std::optional<Position>& disputed) const {
    return !disputed || stood_upon_.count(*disputed) > 0;
  }
  std::set<DocumentId> wanted() const;
  void settle_entries();
  void install(const DocumentId& id);
  crdt::Doc make(const DocumentId& id);
  void settle();

  Views& views_;
  Now now_;
  const Ledger::Base& from_;
  storage::Table from_states_;
  const Frontier* until_ = nullptr;  ///< What is gathered.
  std::set<DocumentId> marked_;
  std::map<DocumentId, Gathered> gathered_;
  std::size_t kept_bytes_ = 0;
  std::map<DocumentId, std::optional<Bytes>> bases_;  ///< Of the documents that are gathered.
  std::uint64_t entries_read_ = 0;
  std::map<DocumentId, Analysis> analyses_;
  std::set<Position> stood_upon_;
  std::vector<std::pair<DocumentId, crdt::Id>> needed_;
  std::map<DocumentId, std::set<std::size_t>> entered_;  ///< Disputed updates that count by now.
};

Status Views::Rebuild::gather_all() {
  std::set<DocumentId> documents;
  for (const auto& [id, gathered] : gathered_) documents.insert(id);
  COTERIE_TRY(const auto entries, views_.ledger_.entries_of(documents));
  for (const auto& [strand, ranges] : entries) {
    for (const SeqRange& range : ranges) {
      entries_read_ += range.last - range.first + 1 + kEntriesPerRange;
    }
  }
  entries_read_ = std::min(entries_read_, views_.ledger_.entries());
  // What a branch goes on with comes before it.
  const auto& segments = views_.ledger_.segments().all();
  std::vector<std::pair<Seq, LogId>> order;
  for (const auto& [log, segment] : segments) order.emplace_back(segment.first, log);
  std::sort(order.begin(), order.end());
  std::map<LogId, Open> open_at_end;
  for (const auto& [first, log] : order) {
    const Segment& segment = segments.at(log);
    if (until_ != nullptr && !until_->contains(log)) continue;
    Open open;
    if (segment.parent) open = open_at_end[*segment.parent];
    const auto ranges = entries.find(segment.strand);
    if (!segment.empty()) {
      COTERIE_CHECK(gather(log, ranges == entries.end() ? Ledger::Ranges{} : ranges->second, open));
    }
    if (segment.closed()) {
      open_at_end[log] = std::move(open);
    } else if (open) {
      const LogId strand = open->second.update.last.log;
      gathered_[open->first].unfinished[strand] = std::move(open->second);
    }
  }
  for (auto& [id, gathered] : gathered_) {
    std::sort(gathered.updates.begin(), gathered.updates.end(),
              [](const Update& a, const Update& b) {
                return std::tie(a.segment, a.last.seq) < std::tie(b.segment, b.last.seq);
              });
  }
  return gather_bases();
}

Status Views::Rebuild::gather_bases() {
  for (const auto& [id, gathered] : gathered_) {
    if (from_.frontier.empty()) {
      bases_[id] = std::nullopt;
    } else {
      COTERIE_TRY(bases_[id], views_.documents_.state_in(from_states_, id));
    }
  }
  return {};
}

/// `open`: parts of an update that is not whole, where the segment begins; then, where it ends.
Status Views::Rebuild::gather(const LogId& log, std::span<const SeqRange> ranges, Open& open) {
  const Seq end = until_ == nullptr ? kSeqMax : until_->at(log).seq;
  COTERIE_CHECK(views_.ledger_.visit_ranges(log, ranges, [&](const HashedEntry& one) {
    if (one.entry.position.seq > end) return false;
    auto current = std::exchange(open, std::nullopt);
    // Whatever comes between its parts breaks an update off.
    if (current && current->second.update.last.seq + 1 != one.entry.position.seq) current.reset();
    auto bytes = views_.ledger_.open_record(one.entry);
    if (!bytes) return true;
    const auto record = decode_record(views_.ledger_.workspace(), *bytes);
    if (!record) return true;
    const DocumentId id = document_of(*record);
    const auto into = gathered_.find(id);
    if (id == DocumentId{} || into == gathered_.end()) return true;
    const EntryRef ref = views_.ledger_.ref_of(log, one.entry);
    if (is_update(*record) && Ledger::covers(from_, ref.log, ref.seq)) return true;
    const Verdict verdict =
        views_.judge_.judge(ref, one.hash, one.entry.heads, right_for(*record), id);
    if (verdict == Verdict::kRefused) return true;
    const bool disputed = verdict != Verdict::kCounts;
    const Position position{ref.log, ref.seq};
    Gathered& gathered = into->second;
    if (!disputed) {
      gathered.changed = std::max(gathered.changed, HybridClock::millis(one.entry.time));
    }
    if (const auto* reverted = std::get_if<RevertedRecord>(&*record)) {
      ByteReader in(reverted->ids);
      auto ids = crdt::IdSet::decode(in);
      if (ids && !disputed) gathered.put_back.emplace_back(ref.log.device, *std::move(ids));
      return true;
    }
    if (const auto* version = std::get_if<VersionRecord>(&*record)) {
      if (disputed) return true;
      NamedVersion named{ref, one.hash, one.entry.time, *version, {}};
      named.snapshot.assign(version->snapshot.begin(), version->snapshot.end());
      named.record.snapshot = {};
      gathered.named.push_back(std::move(named));
      return true;
    }
    if (const auto* naming = std::get_if<DocumentRecord>(&*record)) {
      gathered.namings.push_back({disputed ? std::optional(position) : std::nullopt, *naming});
      return true;
    }
    Bytes whole;
    if (const auto* part = std::get_if<PartRecord>(&*record)) {
      const bool goes_on = current && current->first == id && part->index > 0 &&
                           current->second.assembly.count == part->count &&
                           current->second.assembly.refs.size() == part->index;
      if (part->index == 0) {
        current.emplace(id, Gathered::Unfinished{});
        current->second.update.first = ref;
        current->second.assembly.count = part->count;
      } else if (!goes_on) {
        return true;
      }
      auto& [update, assembly] = current->second;
      update.last = ref;
      if (disputed) update.disputed.push_back(position);
      update.ends_disputed = disputed;
      append(assembly.bytes, part->bytes);
      assembly.refs.push_back(ref);
      if (assembly.refs.size() < assembly.count) {
        open = std::move(current);
        return true;
      }
      gathered.updates.push_back(std::move(update));
      whole = std::move(assembly.bytes);
    } else if (const auto* update = std::get_if<UpdateRecord>(&*record)) {
      gathered.updates.push_back({log, ref, ref, {}, disputed, false, 0, std::nullopt, {}, 0});
      if (disputed) gathered.updates.back().disputed.push_back(position);
      whole.assign(update->update.begin(), update->update.end());
    } else {
      return true;
    }
    Update& added = gathered.updates.back();
    const auto* last = std::get_if<PartRecord>(&*record);
    added.carried = last != nullptr ? last->carried : std::get<UpdateRecord>(*record).carried;
    if (const UpdateGate* gate = views_.documents_.gate()) added.rank = gate->rank(added.carried);
    added.segment = log;
    added.hash = one.hash;
    added.time = one.entry.time;
    keep(added, std::move(whole));
    return true;
  }));
  if (open && open->second.update.last.seq != views_.ledger_.segments().find(log)->last) {
    open.reset();
  }
  return {};
}

void Views::Rebuild::keep(Update& update, Bytes bytes) {
  // What may lie on two branches is not read twice.
  const bool scattered =
      update.first.seq != update.last.seq && has_forked(views_.ledger_, update.last.log.device);
  if (!scattered && kept_bytes_ + bytes.size() > kGatheredBytesMax) return;
  kept_bytes_ += bytes.size();
  update.bytes = std::move(bytes);
}

Bytes Views::Rebuild::bytes_of(const Update& update) const {
  if (update.bytes) return *update.bytes;
  Bytes whole;
  (void)views_.ledger_.visit(update.first.log, before(update.first), [&](const HashedEntry& one) {
    const auto bytes = views_.ledger_.open_record(one.entry);
    const auto record =
        bytes ? decode_record(views_.ledger_.workspace(), *bytes) : Result<Record>(bytes.error());
    if (record) {
      if (const auto* part = std::get_if<PartRecord>(&*record)) append(whole, part->bytes);
      if (const auto* all = std::get_if<UpdateRecord>(&*record)) append(whole, all->update);
    }
    return one.entry.position.seq < update.last.seq;
  });
  return whole;
}

/// The canonical order.
std::vector<const Views::Update*> Views::Rebuild::ordered(const DocumentId& id) const {
  std::vector<const Update*> list;
  for (const Update& update : gathered_.at(id).updates) list.push_back(&update);
  std::stable_sort(list.begin(), list.end(), [this](const Update* a, const Update* b) {
    if (a->rank != b->rank) return a->rank < b->rank;
    return views_.judge_.precedes(a->last.log.device, b->last.log.device);
  });
  return list;
}

/// The document of those updates that are `wanted`.
template <typename Wanted>
crdt::Doc Views::Rebuild::replay(const DocumentId& id, Wanted wanted) const {
  Replay replay(views_.documents_.gate(), id, bases_.at(id));
  for (const Update* update : ordered(id)) {
    if (wanted(*update)) replay.take(update->last, bytes_of(*update), update->carried);
  }
  crdt::Doc doc = views_.documents_.blank();
  replay.finish(doc);
  return doc;
}

Views::Analysis& Views::Rebuild::analysis(const DocumentId& id) {
  if (const auto known = analyses_.find(id); known != analyses_.end()) return known->second;
  Analysis made{replay(id, [](const Update& update) { return update.disputed.empty(); }), {}, {}};
  made.waiting = waiting_ids(made.doc);
  const auto& updates = gathered_.at(id).updates;
  made.provided.resize(updates.size());
  for (std::size_t i = 0; i < updates.size(); ++i) {
    if (updates[i].ends_disputed) made.provided[i] = provided_ids(bytes_of(updates[i]));
  }
  return analyses_.emplace(id, std::move(made)).first->second;
}

/// Something that counts stands on `element`.
void Views::Rebuild::need(const DocumentId& id, const crdt::Id& element) {
  const Analysis& known = analysis(id);
  if (known.has(element)) return;
  for (std::size_t i = 0; i < known.provided.size(); ++i) {
    if (!known.provided[i].contains(element)) continue;
    const EntryRef& last = gathered_.at(id).updates[i].last;
    stand_upon({last.log, last.seq});
    return;
  }
}

/// What is at `last`, and all that is disputed before it in its log, counts.
void Views::Rebuild::stand_upon(const Position& last) {
  const auto& all = views_.admission_.all();
  std::set<DocumentId> touched;
  for (auto it = all.lower_bound({LogId{last.first.device, 0}, 0});
       it != all.end() && it->first.first.device == last.first.device; ++it) {
    if (!views_.follows(last, it->first)) continue;
    if (!stood_upon_.insert(it->first).second) continue;
    touched.insert(it->second.document);
  }
  for (const DocumentId& id : touched) {
    const auto& updates = gathered_.at(id).updates;
    for (std::size_t i = 0; i < updates.size(); ++i) {
      if (updates[i].disputed.empty() || !counts(updates[i])) continue;
      if (!entered_[id].insert(i).second) continue;
      for (const crdt::Id& below : foundations(bytes_of(updates[i]))) {
        needed_.emplace_back(id, below);
      }
    }
  }
}

bool Views::Rebuild::counts(const Update& update) const {
  return std::all_of(update.disputed.begin(), update.disputed.end(),
                     [this](const Position& position) { return stood_upon_.count(position) > 0; });
}

void Views::Rebuild::find_stood_upon() {
  for (const auto& [id, positions] : views_.admission_.documents()) {
    // Elsewhere nothing that is disputed is needed: the document would be marked.
    const bool asked = marked_.count(id) > 0 ||
                       std::any_of(positions.begin(), positions.end(), [this](const auto& at) {
                         return views_.admission_.all().at(at).stood_upon;
                       });
    if (!asked) continue;
    for (const crdt::Id& element : missing_foundations(analysis(id).doc)) {
      needed_.emplace_back(id, element);
    }
  }
  while (!needed_.empty()) {
    const auto [id, element] = needed_.back();
    needed_.pop_back();
    need(id, element);
  }
}

crdt::Doc Views::Rebuild::make(const DocumentId& id) {
  const auto known = analyses_.find(id);
  if (known != analyses_.end() && entered_.find(id) == entered_.end()) {
    return std::move(known->second.doc);
  }
  return replay(id, [this](const Update& update) { return counts(update); });
}

// Deeds.

Status Views::Rebuild::find_deeds(const LogId& log, WallMillis since, Beginnings& begin) {
  return views_.ledger_.visit(log, {}, [&](const HashedEntry& one) {
    if (one.entry.entry_class != EntryClass::kContent) return true;
    const EntryRef ref = views_.ledger_.ref_of(log, one.entry);
    if (begin.count(ref.log) == 0) {
      if (HybridClock::millis(one.entry.time) < since) return true;
      begin.emplace(ref.log, ref.seq);
    }
    const auto bytes = views_.ledger_.open_record(one.entry);
    const auto record =
        bytes ? decode_record(views_.ledger_.workspace(), *bytes) : Result<Record>(bytes.error());
    if (record && document_of(*record) != DocumentId{}) gathered_[document_of(*record)];
    return true;
  });
}

Views::Deeds Views::Rebuild::deeds_of(const DocumentId& id, const std::set<DeviceId>& devices,
                                      const Beginnings& begin, Replay& replay) const {
  std::vector<crdt::IdRange> inserted[2];
  std::vector<crdt::IdRange> deleted[2];
  for (const Update* update : ordered(id)) {
    if (!counts(*update)) continue;
    const Bytes bytes = bytes_of(*update);
    const auto taken = replay.take(update->last, bytes, update->carried);
    if (!taken) continue;
    const auto listing = crdt::inspect_update(*taken);
    if (!listing) continue;
    const auto from = begin.find(update->last.log);
    const bool theirs = from != begin.end() && update->last.seq >= from->second && !update->carried;
    auto& into = inserted[theirs ? 1 : 0];
    into.insert(into.end(), listing->structs.begin(), listing->structs.end());
    auto& gone = deleted[theirs ? 1 : 0];
    gone.insert(gone.end(), listing->deletes.begin(), listing->deletes.end());
  }
  Deeds deeds{id, without(crdt::IdSet(inserted[1]), crdt::IdSet(inserted[0])),
              without(crdt::IdSet(deleted[1]), crdt::IdSet(deleted[0]))};
  for (const auto& [device, ids] : gathered_.at(id).put_back) {
    if (devices.count(device) == 0) deeds.deleted = without(deeds.deleted, ids);
  }
  return deeds;
}

Status Views::Rebuild::tell_deeds(const std::set<DeviceId>& devices, WallMillis since,
                                  const std::function<Status(const Deeds&, crdt::Doc&)>& each) {
  Beginnings begin;
  for (const auto& [log, segment] : views_.ledger_.segments().all()) {
    if (segment.empty() || devices.count(log.device) == 0) continue;
    COTERIE_CHECK(find_deeds(log, since, begin));
  }
  if (gathered_.empty()) return {};
  COTERIE_CHECK(gather_all());
  for (const auto& [position, one] : views_.admission_.all()) {
    if (one.stood_upon) stood_upon_.insert(position);
  }
  for (const auto& [id, gathered] : gathered_) {
    Replay replay(views_.documents_.gate(), id, bases_.at(id));
    const Deeds deeds = deeds_of(id, devices, begin, replay);
    if (deeds.inserted.empty() && deeds.deleted.empty()) continue;
    COTERIE_CHECK(each(deeds, replay.uncollected()));
  }
  return {};
}

Result<std::map<DocumentId, Bytes>> Views::Rebuild::states_at(const Frontier& frontier) {
  const auto covers = [&](const EntryRef& ref) {
    const auto head = frontier.find(ref.log);
    return head != frontier.end() && ref.seq <= head->second.seq;
  };
  for (const auto& [position, one] : views_.admission_.all()) {
    if (covers(one.ref)) return Error{ErrorCode::kUnavailable, "some of it is disputed"};
  }
  for (const auto& [log, seq] : views_.ledger_.waiting()) {
    if (covers({log, seq, {}})) {
      return Error{ErrorCode::kUnavailable, "keys to some of it are not here"};
    }
  }
  until_ = &frontier;
  for (const auto& [id, document] : views_.documents_.all()) gathered_[id];
  COTERIE_CHECK(gather_all());
  std::map<DocumentId, Bytes> states;
  std::size_t bytes = 0;
  for (auto& [id, gathered] : gathered_) {
    if (!gathered.unfinished.empty()) {
      return Error{ErrorCode::kUnavailable, "an update is not whole there"};
    }
    if (gathered.updates.empty() && !bases_.at(id)) continue;
    const UpdateGate* gate = views_.documents_.gate();
    Replay replay(gate, bases_.at(id));
    for (const Update* update : ordered(id)) {
      (void)replay.take(update->last, bytes_of(*update), update->carried);
    }
    crdt::Doc doc = views_.documents_.blank();
    replay.finish(doc);
    Bytes state = doc.encode_state_as_update();
    bytes += state.size();
    if (bytes > kCheckpointBytesMax) {
      return Error{ErrorCode::kLimitExceeded, "too much for a checkpoint", bytes};
    }
    states.emplace(id, std::move(state));
    gathered = {};
  }
  return states;
}

Result<std::map<DocumentId, Bytes>> Views::states_at(Now now, const Frontier& frontier, From from) {
  return Rebuild(*this, now, from).states_at(frontier);
}

void Views::settle(const Ledger::Base& base) {
  std::vector<Position> settled;
  for (const auto& [position, one] : admission_.all()) {
    if (Ledger::covers(base, position.first, position.second)) settled.push_back(position);
  }
  for (const Position& position : settled) {
    contests_.erase(admission_.all().at(position).document);
    admission_.remove(position);
  }
}

Result<Views::HistoryNotes> Views::Rebuild::tell_updates(
    const DocumentId& id, const std::function<Status(const CountedUpdate&)>& visit) {
  Gathered& gathered = gathered_[id];
  COTERIE_CHECK(gather_all());
  for (const Position& position : views_.admission_.of(id)) {
    if (views_.admission_.all().at(position).stood_upon) stood_upon_.insert(position);
  }
  if (const auto& base = bases_.at(id)) {
    COTERIE_CHECK(visit({{}, from_.checkpoint, from_.time, false, true, *base}));
  }
  for (const Update* update : ordered(id)) {
    if (!counts(*update)) continue;
    const Bytes bytes = bytes_of(*update);
    COTERIE_CHECK(visit({update->last, update->hash, update->time, update->carried, false, bytes}));
  }
  const auto sealed = views_.ledger_.sealed_entries();
  return HistoryNotes{std::move(gathered.named), sealed.count, HybridClock::millis(sealed.newest)};
}

Result<Views::HistoryNotes> Views::for_each_update(
    Now now, const DocumentId& document, const std::function<Status(const CountedUpdate&)>& visit) {
  return Rebuild(*this, now, From::kFloor).tell_updates(document, visit);
}

Status Views::for_each_deed(Now now, const std::set<DeviceId>& devices, WallMillis since,
                            const std::function<Status(const Deeds&, crdt::Doc&)>& each) {
  return Rebuild(*this, now, From::kFloor).tell_deeds(devices, since, each);
}

/// Documents that are marked, or of which other entries count than before.
std::set<DocumentId> Views::Rebuild::wanted() const {
  std::set<DocumentId> wanted = marked_;
  for (const auto& [position, one] : views_.admission_.all()) {
    const bool changed = one.stood_upon != (stood_upon_.count(position) > 0);
    if (changed) wanted.insert(one.document);
  }
  return wanted;
}

/// Nothing fails from here on; all goes into one batch.
void Views::Rebuild::settle() {
  const std::set<DocumentId> documents = wanted();
  settle_entries();
  views_.documents_.clear_rebuild_marks();
  for (const DocumentId& id : documents) install(id);
}

void Views::Rebuild::settle_entries() {
  std::vector<Position> changed;
  for (const auto& [position, one] : views_.admission_.all()) {
    if (one.stood_upon != (stood_upon_.count(position) > 0)) changed.push_back(position);
  }
  for (const Position& position : changed) {
    views_.admission_.stand_upon(position, stood_upon_.count(position) > 0);
  }
}

void Views::Rebuild::install(const DocumentId& id) {
  const Gathered& gathered = gathered_.at(id);
  DocumentStore::Contents contents{make(id), std::nullopt, {}, gathered.changed};
  analyses_.erase(id);
  for (const auto& naming : gathered.namings) {
    if (!counts(naming.disputed)) continue;
    if (!contents.named || naming.record.created < contents.named->created) {
      contents.named = naming.record;
    }
  }
  for (const auto& [log, unfinished] : gathered.unfinished) {
    if (counts(unfinished.update)) contents.assemblies.emplace(log, unfinished.assembly);
  }
  views_.contests_.erase(id);
  const bool nothing = gathered.updates.empty() && !contents.named && !bases_.at(id);
  Document* document = views_.documents_.find(id);
  if (document == nullptr) {
    if (nothing || !views_.has_room_for(id)) return;
    document = views_.documents_.make(id);
  }
  const auto installed = views_.documents_.install(now_, *document, std::move(contents));
  if (installed.kind == DocumentStore::Installed::Kind::kGrew) {
    views_.host_.document_grew(now_, *document, installed.update);
  } else if (installed.kind == DocumentStore::Installed::Kind::kReplaced) {
    views_.host_.document_replaced(now_, *document);
  }
}

bool Views::handle_timeout(Now now) {
  if (!due_ || *due_ > now.steady) return false;
  due_.reset();
  Rebuild rebuild(*this, now);
  if (const Status done = rebuild.run(); !done) {
    context_.report("documents cannot be rebuilt: " + to_string(done.error()));
    due_ = now.steady + kRebuildRetry;
  }
  rested_at_ =
      now.steady + kRebuildDelayPerEntry * static_cast<std::int64_t>(rebuild.entries_read());
  return true;
}

std::vector<SetAsideInfo> Views::set_aside() const {
  std::map<DeviceId, std::pair<SetAsideInfo, std::set<DocumentId>>> by_device;
  for (const auto& [position, one] : admission_.all()) {
    if (one.stood_upon) continue;
    auto& [info, documents] = by_device[position.first.device];
    const WallMillis time = HybridClock::millis(one.time);
    info.device = position.first.device;
    info.first = info.entries == 0 ? time : std::min(info.first, time);
    info.last = std::max(info.last, time);
    ++info.entries;
    documents.insert(one.document);
  }
  std::vector<SetAsideInfo> list;
  for (auto& [device, found] : by_device) {
    auto& [info, documents] = found;
    info.documents = documents.size();
    for (const DocumentId& id : documents) {
      const Document* document = documents_.find(id);
      if (document == nullptr || document->path.empty()) continue;
      if (info.paths.size() == kPathsShownMax) break;
      info.paths.push_back(documents_.name_of(*document));
    }
    std::sort(info.paths.begin(), info.paths.end());
    list.push_back(std::move(info));
  }
  return list;
}

}  // namespace coterie::node
