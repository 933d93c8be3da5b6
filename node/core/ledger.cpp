#include "node/core/ledger.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/room_index.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {

using storage::Table;
using transport::EntryRun;

namespace {

/// How often operations are looked at that there was no room for.
constexpr int kMembershipPassesMax = 4;

LogId real_log(const DeviceId& device, std::uint64_t random) {
  return {device, random & ~kBranchBit};
}

Error corrupt(const char* what) { return {ErrorCode::kCorrupt, what}; }

}  // namespace

void Ledger::Staged::put(Table table, Bytes key, Bytes value) {
  bytes += key.size() + value.size();
  batch.put(table, std::move(key), std::move(value));
}

Ledger::Genesis Ledger::make_genesis(Now now, const std::string& name,
                                     const crypto::SigningKey& identity, SecureRandom& random) {
  Genesis genesis;
  genesis.incarnation = real_log({}, random.next_u64()).incarnation;
  genesis.key = crypto::SecretKey::generate(random);
  const Bytes operation =
      encode_operation(CreateOperation{name, crypto::key_commitment(genesis.key)});
  HybridClock clock;
  const Entry entry =
      sign_entry({{}, {identity.id(), genesis.incarnation}, 1, {}}, EntryClass::kGenesis,
                 clock.next(now.wall), {}, identity, operation, genesis.hash);
  genesis.workspace.bytes = genesis.hash.bytes;
  genesis.stored = encode_stored(entry);
  return genesis;
}

Ledger::Ledger(const WorkspaceId& workspace, storage::Store& store,
               const crypto::SigningKey& identity, SecureRandom& random,
               std::function<bool()> in_step, Origin origin, std::uint64_t relay_quota)
    : workspace_(workspace),
      store_(workspace, store, identity, random),
      identity_(identity),
      random_(random),
      in_step_(std::move(in_step)),
      origin_(std::move(origin)),
      sealer_(workspace, identity, random),
      membership_(workspace),
      own_{identity.id(), 0},
      relay_quota_(relay_quota),
      keys_(identity, random, sealer_,
            [this](Table table, Bytes key, Bytes value) {
              staged_.put(table, std::move(key), std::move(value));
            }),
      index_(store_) {}

// Opening.

Status Ledger::load() {
  COTERIE_CHECK(load_meta());
  COTERIE_CHECK(keys_.load(store_));
  COTERIE_CHECK(load_segments());
  COTERIE_CHECK(load_base("base", base_));
  COTERIE_CHECK(load_base("floor", floor_));
  COTERIE_CHECK(load_membership());
  COTERIE_CHECK(index_.load());
  if (!index_.ready() && !segments_.all().empty()) COTERIE_CHECK(fill_index());
  COTERIE_TRY(const auto place, store_.get(Table::kMeta, meta_key("place")));
  check_origin(place);
  return follow_role();
}

Status Ledger::load_meta() {
  COTERIE_TRY(const auto id, store_.get(Table::kMeta, meta_key("workspace")));
  if (id && !equal(*id, workspace_.view())) return corrupt("store belongs to another workspace");
  COTERIE_TRY(const auto incarnation, store_.get(Table::kMeta, meta_key("incarnation")));
  if (incarnation) {
    ByteReader in(*incarnation);
    const auto number = read_u64(in);
    if (!number || !in.at_end()) return corrupt("incarnation of wrong length");
    own_.incarnation = *number;
  }
  const Bytes counts = meta_key("aside");
  COTERIE_CHECK(
      store_.scan(Table::kMeta, counts, end_of_prefix(counts), [&](ByteView key, ByteView value) {
        ByteReader in(value);
        const auto device = DeviceId::from(key.subspan(counts.size()));
        const auto count = read_u64(in);
        if (device && count) aside_[*device] = *count;
        return true;
      }));
  const Bytes prefix = meta_key("w");
  const Bytes end = end_of_prefix(prefix);
  Status status;
  COTERIE_CHECK(store_.scan(Table::kMeta, prefix, end, [&](ByteView key, ByteView value) {
    // "workspace" shares the letter; positions have a fixed length.
    if (key.size() != 1 + 48) return true;
    ByteReader in(value);
    const auto previous = read_id<Hash>(in);
    const auto time = read_u64(in);
    if (!previous || !time || !in.at_end()) {
      status = corrupt("the row of an entry that waits for its key is damaged");
      return false;
    }
    waiting_.emplace(Bytes(key.begin(), key.end()), Waiting{*previous, *time});
    waiting_from_ = Bytes();  // A crash may have cut short what a key began.
    return true;
  }));
  return status;
}

Status Ledger::load_segments() {
  Status status;
  std::map<LogId, Seq> strands;
  COTERIE_CHECK(store_.scan(Table::kFrontier, {}, {}, [&](ByteView key, ByteView value) {
    ByteReader in(key);
    const auto device = read_id<DeviceId>(in);
    const auto incarnation = read_u64(in);
    if (!device || !incarnation || !in.at_end()) {
      status = corrupt("damaged log head");
      return false;
    }
    const LogId name{*device, *incarnation};
    auto segment = decode_segment(name, value);
    if (!segment) {
      status = segment.error();
      return false;
    }
    Seq& last = strands[segment->strand];
    last = std::max(last, segment->last);
    segments_.put(name, std::move(*segment));
    return true;
  }));
  COTERIE_CHECK(status);
  COTERIE_CHECK(segments_.link());
  for (const auto& [name, segment] : segments_.all()) {
    if (segment.empty()) continue;
    COTERIE_CHECK(check_head(name, segment, segment.last == strands.at(segment.strand)));
    frontier_.emplace(name, Segments::head_of(name, segment));
  }
  return {};
}

/// Whether the newest entry of a segment is the one its row names, and signed: with the chain, that
/// vouches for the segment.
Status Ledger::check_head(const LogId& name, const Segment& segment, bool newest_of_strand) const {
  const Bytes key = position_key(segment.strand, segment.last);
  if (newest_of_strand) {
    const Bytes prefix = log_key(segment.strand);
    COTERIE_TRY(const auto last, store_.last(Table::kEntries, prefix, end_of_prefix(prefix)));
    if (!last || last->first != key) return corrupt("a log does not end where its head says");
  }
  COTERIE_TRY(const auto stored, store_.get(Table::kEntries, key));
  if (!stored) return corrupt("a log does not end where its head says");
  const auto entry =
      decode_stored({workspace_, segment.chain, segment.last, segment.head_previous}, *stored);
  if (!entry || entry_hash(*entry) != segment.head ||
      !crypto::verify(name.device, entry_digest(*entry).view(), entry->signature)) {
    return corrupt("the newest entry of a log does not verify");
  }
  return {};
}

Status Ledger::load_membership() {
  struct Row {
    EntryRef ref;
    Hash hash;
  };
  std::vector<Row> rows;
  Status status;
  const Bytes prefix = meta_key("m");
  const Bytes end = end_of_prefix(prefix);
  COTERIE_CHECK(store_.scan(Table::kMeta, prefix, end, [&](ByteView key, ByteView value) {
    auto ref = read_position(key.subspan(1));
    if (!ref || value.size() != 2 * Hash::kBytes) {
      status = corrupt("damaged index of membership");
      return false;
    }
    Row row{*ref, *Hash::from(value.first(Hash::kBytes))};
    row.ref.previous = *Hash::from(value.last(Hash::kBytes));
    rows.push_back(row);
    return true;
  }));
  COTERIE_CHECK(status);
  // Of each log in ascending order, whatever strands its branches are in.
  std::stable_sort(rows.begin(), rows.end(), [this](const Row& a, const Row& b) {
    return std::make_pair(segments_.chain_of(a.ref.log), a.ref.seq) <
           std::make_pair(segments_.chain_of(b.ref.log), b.ref.seq);
  });
  // The genesis first, and what there was no room for again while that may help: who is a host is
  // known when it is in. One operation too many has no effect; it is no reason not to open.
  std::stable_partition(rows.begin(), rows.end(), [this](const Row& row) {
    return equal(row.hash.view(), workspace_.view());
  });
  for (int pass = 0; pass < kMembershipPassesMax && !rows.empty(); ++pass) {
    std::vector<Row> left;
    for (const Row& row : rows) {
      auto entry = entry_at(row.ref);
      if (!entry) return entry.error();
      const HashedEntry operation{*std::move(entry), row.hash};
      if (entry_hash(operation.entry) != row.hash) {
        return corrupt("a membership operation is damaged");
      }
      if (!membership_.add(operation_entry(operation))) left.push_back(row);
    }
    if (left.size() == rows.size()) break;
    rows = std::move(left);
  }
  return {};
}

OperationEntry Ledger::operation_entry(const HashedEntry& entry) {
  const EntryPosition& position = entry.entry.position;
  return {entry.hash,
          position.log,
          position.seq,
          entry.entry.time,
          entry.entry.heads,
          entry.entry.payload,
          entry.entry.entry_class == EntryClass::kGenesis};
}

/// Whether this data directory is where it was, and was used by nobody since: what would make it
/// safe to go on with our log.
void Ledger::check_origin(const std::optional<Bytes>& place) {
  if (own_.incarnation == 0) return;  // Not used yet.
  const bool known = !origin_.found.empty() && place && *place == origin_.found;
  own_safe_ = known;
  // In doubt. (At many logs the first entry decides, when peers may have been found in step.)
  if (!known && !origin_.now.empty() && own_logs() < kOwnIncarnationsMax) new_incarnation();
  if (!origin_.now.empty() && own_safe_ && place != origin_.now) {
    staged_.put(Table::kMeta, meta_key("place"), origin_.now);
  }
}

void Ledger::adopt() {
  new_incarnation();
  index_.clear(staged_.batch);
  staged_.put(Table::kMeta, meta_key("workspace"),
              Bytes(workspace_.view().begin(), workspace_.view().end()));
}

void Ledger::found(const Genesis& genesis) {
  adopt();
  own_.incarnation = genesis.incarnation;
  Bytes incarnation;
  append_u64(incarnation, own_.incarnation);
  staged_.put(Table::kMeta, meta_key("incarnation"), std::move(incarnation));
  keys_.add(genesis.key.clone());
  const auto run = verify_run(workspace_, own_, {}, std::span(&genesis.stored, 1));
  COTERIE_ASSERT(run.has_value());
  stage_own(run->front());
  accept_operation(run->front(), own_);
}

// Reading.

Result<Hash> Ledger::hash_at(const Segment& segment, Seq seq) const {
  if (seq + 1 == segment.first) return segment.before;
  if (seq == segment.last) return segment.head;
  COTERIE_ASSERT(seq >= segment.first && seq < segment.last);
  const auto fresh = fresh_.find(segment.strand);
  if (fresh != fresh_.end() && seq >= fresh->second.first) {
    return fresh->second.hashes.at(seq - fresh->second.first);
  }
  if (seq == segment.pruned.seq) return segment.pruned.hash;
  if (seq + 1 == segment.pruned.seq) return before_kept(segment, segment.pruned.seq);
  if (seq < segment.pruned.seq) return Error{ErrorCode::kNotFound, "the entry is pruned"};
  LogHead at{segment.first - 1, segment.before};
  if (segment.pruned.seq > 0) at = segment.pruned;
  if (const Seq anchor = seq - seq % kAnchorDistance; anchor > at.seq) {
    COTERIE_TRY(const auto row,
                store_.get(Table::kMeta, prefixed_position('h', segment.strand, anchor)));
    if (!row) return corrupt("the hash of an entry is missing");
    COTERIE_TRY(at.hash, Hash::from(*row));
    at.seq = anchor;
  }
  COTERIE_CHECK(store_.scan(
      Table::kEntries, position_key(segment.strand, at.seq + 1),
      position_key(segment.strand, seq + 1), [&](ByteView, ByteView stored) {
        const auto entry = decode_stored({workspace_, segment.chain, at.seq + 1, at.hash}, stored);
        if (!entry) return false;
        at = {at.seq + 1, entry_hash(*entry)};
        return true;
      }));
  if (at.seq != seq) return corrupt("entries of a log are missing or damaged");
  return at.hash;
}

Result<Entry> Ledger::entry_at(const EntryRef& ref) const {
  COTERIE_TRY(const auto stored, store_.get(Table::kEntries, position_key(ref.log, ref.seq)));
  if (!stored) return corrupt("an entry is missing");
  auto entry =
      decode_stored({workspace_, segments_.chain_of(ref.log), ref.seq, ref.previous}, *stored);
  if (!entry) return corrupt("an entry is damaged");
  return entry;
}

transport::EntryRun Ledger::read(const LogId& log, Seq first, std::size_t bytes_max) const {
  EntryRun run{log, first, {}};
  const auto head = frontier_.find(log);
  const Segment* segment = segments_.find(log);
  if (head == frontier_.end() || segment == nullptr || first == 0) return run;
  // A fork that waits for the disk has shortened the segment already.
  const Seq last = std::min(Segments::seq_of(log, *segment, head->second.seq), segment->last);
  Seq next = Segments::seq_of(log, *segment, first);
  if (next > last) return run;
  if (segment->pruned.seq > 0 && next <= segment->pruned.seq) return run;
  if (next < segment->first) {
    run.entries.push_back(
        encode_descriptor({segment->chain.incarnation, segment->first, segment->before}));
    next = segment->first;
  }
  const std::size_t extra = run.entries.size();
  std::size_t bytes = 0;
  const Status status =
      store_.scan(Table::kEntries, position_key(segment->strand, next),
                  position_key(segment->strand, last + 1), [&](ByteView, ByteView value) {
                    const bool empty = run.entries.size() == extra;
                    if (!empty && bytes + value.size() > bytes_max) return false;
                    run.entries.emplace_back(value.begin(), value.end());
                    bytes += value.size();
                    return bytes < bytes_max;
                  });
  if (!status) run.entries.clear();  // A disk that cannot be read has nothing to give.
  if (run.entries.size() <= extra) return {log, first, {}};
  end_soundly(*segment, next, last, extra, run.entries);
  if (run.entries.size() <= extra) run.entries.clear();
  return run;
}

/// Makes `items`, entries from `next` on after `extra` others, end with an entry that is signed
/// rightly: with further ones if they fit a frame, else with fewer. (A member can chain entries
/// with wrong signatures between right ones. The right ones vouch for them, but nobody could take a
/// run that ends with a wrong one.)
void Ledger::end_soundly(const Segment& segment, Seq next, Seq last, std::size_t extra,
                         std::vector<Bytes>& items) const {
  const auto before = served_ && served_->strand == segment.strand && served_->head.seq + 1 == next
                          ? Result<Hash>(served_->head.hash)
                          : hash_at(segment, next - 1);
  const auto run = before ? hash_run(workspace_, segment.chain, {next - 1, *before},
                                     std::span<const Bytes>(items).subspan(extra))
                          : Result<std::vector<HashedEntry>>(before.error());
  if (!run) {
    items.clear();
    return;
  }
  served_ = Served{segment.strand, {next + run->size() - 1, run->back().hash}};
  // The end of a segment is checked when it is stored.
  if (served_->head.seq == last || verify_signature(run->back())) return;
  std::size_t sound = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < run->size(); ++i) {
    if (verify_signature((*run)[i])) sound = i + 1;
    bytes += items[extra + i].size();
  }
  items.resize(extra + run->size());
  LogHead at = served_->head;
  (void)store_.scan(
      Table::kEntries, position_key(segment.strand, at.seq + 1),
      position_key(segment.strand, last + 1), [&](ByteView, ByteView value) {
        bytes += value.size();
        const std::size_t count = items.size() + 1;
        if (bytes > transport::kEntryBytesMax - transport::kFrameOverheadBytesMax - 5 * count ||
            count > transport::kEntriesPerFrameMax) {
          return false;
        }
        const Bytes stored(value.begin(), value.end());
        const auto one = hash_run(workspace_, segment.chain, at, std::span(&stored, 1));
        if (!one) return false;
        items.push_back(stored);
        at = {at.seq + 1, one->front().hash};
        if (!verify_signature(one->front())) return true;
        sound = items.size() - extra;
        return false;
      });
  items.resize(extra + sound);
}

transport::HeldLog Ledger::held(const LogId& log) const {
  transport::HeldLog held;
  held.full = declined_.contains(log);
  if (const Segment* segment = segments_.find(log)) {
    held.closed = segment->closed();
    held.pruned = segment->pruned.seq;
    if (const auto head = frontier_.find(log); head != frontier_.end()) held.head = head->second;
    return held;
  }
  const auto alias = aliases_.find(log);
  if (alias == aliases_.end()) return held;
  const Segment* segment = segments_.find(alias->second.segment);
  const auto head = frontier_.find(alias->second.segment);
  if (segment == nullptr || head == frontier_.end()) return held;
  const Seq last = Segments::seq_of(alias->second.segment, *segment, head->second.seq);
  if (last < alias->second.first) return held;
  held.closed = segment->closed();
  held.head = {last - alias->second.first + 2, head->second.hash};
  return held;
}

std::uint64_t Ledger::entries() const {
  std::uint64_t total = 0;
  for (const auto& [log, head] : frontier_) total += head.seq - (is_branch(log) ? 1 : 0);
  return total;
}

Result<std::vector<Ledger::Fork>> Ledger::forks() const {
  std::vector<Fork> forks;
  for (const auto& [name, segment] : segments_.all()) {
    if (!segment.closed()) continue;
    Fork fork{segment.chain.device, segment.chain.incarnation, segment.last + 1, {}};
    for (const LogId& child : segment.children) {
      COTERIE_TRY(const Hash first, hash_at(*segments_.find(child), fork.seq));
      fork.entries.push_back(first);
    }
    forks.push_back(std::move(fork));
  }
  return forks;
}

Result<Bytes> Ledger::read_record(const EntryRef& ref) const {
  COTERIE_TRY(const Entry entry, entry_at(ref));
  return open_record(entry);
}

Result<LedgerRecord> Ledger::record_at(const EntryRef& ref) const {
  COTERIE_TRY(const Entry entry, entry_at(ref));
  COTERIE_TRY(Bytes record, open_record(entry));
  return LedgerRecord{ref, entry_hash(entry), entry.time, entry.heads, std::move(record)};
}

Result<Bytes> Ledger::open_record(const Entry& entry) const {
  const crypto::SecretKey* key = keys_.find(entry.key);
  if (key == nullptr) return Error{ErrorCode::kNotFound, "the key of an entry is not here"};
  auto record = open_entry(entry, *key);
  if (!record) return corrupt("an entry does not decrypt");
  return record;
}

// By document.

void Ledger::index_record(const EntryRef& ref, const Hash& hash, std::uint64_t time,
                          ByteView record) {
  if (const auto document = indexed_document(record)) index_.put(*document, ref.log, ref.seq);
  for (auto& [key, row] : room_rows_of(ref, hash, time, record)) {
    staged_.put(Table::kRooms, std::move(key), std::move(row));
  }
  note_edit(ref.log.device, time, record);
}

/// The rows of an hour's edits are put once, as far as can be told from memory.
void Ledger::note_edit(const DeviceId& device, std::uint64_t time, ByteView record) {
  const auto document = edited_document(record);
  if (!document) return;
  const EditHour hour{HybridClock::millis(time) / kEditHourMs, *document, device};
  if (edit_hours_.contains(hour)) return;
  if (edit_hours_.size() == kEditHoursKept) edit_hours_.clear();
  edit_hours_.insert(hour);
  for (Bytes& key : room_rows::edit_rows(*document, device, time)) {
    staged_.put(Table::kRooms, std::move(key), {});
  }
}

/// Makes the index of what is held. What waits for its key is put when that has come.
Status Ledger::fill_index() {
  index_.clear(staged_.batch);
  staged_.batch.erase_range(Table::kRooms, {}, {});
  edit_hours_.clear();
  for (const auto& [log, segment] : segments_.all()) {
    if (segment.empty()) continue;
    const LogId& strand = segment.strand;
    COTERIE_CHECK(visit(log, {}, [&](const HashedEntry& one) {
      const Seq seq = one.entry.position.seq;
      if (one.entry.entry_class != EntryClass::kContent) return true;
      if (!waiting_.empty() && waiting_.contains(prefixed_position('w', strand, seq))) return true;
      const auto record = open_record(one.entry);
      if (!record) return true;
      index_record({strand, seq, one.entry.position.previous}, one.hash, one.entry.time, *record);
      return true;
    }));
  }
  return {};
}

Result<std::map<LogId, Ledger::Ranges>> Ledger::entries_of(const std::set<DocumentId>& documents) {
  std::map<LogId, Ranges> found;
  const auto read = [&]() -> Status {
    for (const DocumentId& document : documents) {
      COTERIE_CHECK(index_.for_each(document, [&](const LogId& strand, const SeqRange& range) {
        found[strand].push_back(range);
      }));
    }
    return {};
  };
  Status status = index_.ready() ? read() : Status(corrupt("no index of documents"));
  if (!status && status.error().code == ErrorCode::kCorrupt) {
    COTERIE_CHECK(fill_index());
    found.clear();
    status = read();
  }
  COTERIE_CHECK(status);
  for (auto& [strand, ranges] : found) join_ranges(ranges);
  return found;
}

Status Ledger::visit_ranges(const LogId& log, std::span<const SeqRange> ranges,
                            const std::function<bool(const HashedEntry&)>& visit) const {
  const Segment* segment = segments_.find(log);
  bool more = true;
  Seq begin = segment->first;
  if (segment->pruned.seq > 0) {
    begin = segment->pruned.seq + 1;
    COTERIE_CHECK(visit_kept(*segment, segment->pruned.seq, [&](const HashedEntry& one) {
      const Seq seq = one.entry.position.seq;
      const auto range = std::partition_point(
          ranges.begin(), ranges.end(), [&](const SeqRange& each) { return each.last < seq; });
      return more = range == ranges.end() || seq < range->first || visit(one);
    }));
  }
  auto at = std::partition_point(ranges.begin(), ranges.end(),
                                 [&](const SeqRange& range) { return range.last < begin; });
  while (more && at != ranges.end() && at->first <= segment->last) {
    // What begins before the next anchor is reached by reading on.
    auto end = std::next(at);
    for (; end != ranges.end() && end->first <= segment->last; ++end) {
      const Seq anchor = (end->first - 1) - (end->first - 1) % kAnchorDistance;
      if (anchor > std::prev(end)->last) break;
    }
    const Seq first = std::max(at->first, begin);
    const Seq last = std::min(std::prev(end)->last, segment->last);
    COTERIE_TRY(const Hash before, hash_at(*segment, first - 1));
    COTERIE_CHECK(this->visit(log, {first - 1, before}, [&](const HashedEntry& one) {
      const Seq seq = one.entry.position.seq;
      while (at->last < seq) ++at;
      more = seq < at->first || visit(one);
      return more && seq < last;
    }));
    at = end;
  }
  return {};
}

Ledger::SealedEntries Ledger::sealed_entries() const {
  SealedEntries sealed{waiting_.size(), 0};
  for (const auto& [key, one] : waiting_) sealed.newest = std::max(sealed.newest, one.time);
  return sealed;
}

Frontier Ledger::held() const {
  Frontier all;
  for (const auto& [name, segment] : segments_.all()) {
    if (!segment.empty()) all.emplace(name, Segments::head_of(name, segment));
  }
  return all;
}

std::vector<LogMark> Ledger::marks(const DeviceId& device) const {
  std::vector<LogMark> marks;
  const auto& all = segments_.all();
  for (auto it = all.lower_bound({device, 0}); it != all.end() && it->first.device == device;
       ++it) {
    const Segment& segment = it->second;
    if (!segment.closed() && !segment.empty()) {
      marks.push_back({segment.chain, segment.last, segment.head});
    }
  }
  std::sort(marks.begin(), marks.end(), [](const LogMark& a, const LogMark& b) {
    return std::tie(a.log, a.seq, a.hash) < std::tie(b.log, b.seq, b.hash);
  });
  return marks;
}

Status Ledger::visit(const LogId& log, const LogHead& after,
                     const std::function<bool(const HashedEntry&)>& visit) const {
  const Segment* segment = segments_.find(log);
  const bool whole = after.seq == 0 && after.hash.is_zero();
  const bool inside = segment != nullptr && !segment->empty() &&
                      (whole || (after.seq + 1 >= segment->first && after.seq < segment->last));
  if (!inside) {
    // Of a strand that goes on behind a fork.
    const auto found = segments_.segment_of(log, after.seq + 1);
    if (!found) return {};
    segment = segments_.find(*found);
  }
  LogHead at = whole ? LogHead{segment->first - 1, segment->before} : after;
  bool more = true;
  Status status;
  if (whole && segment->pruned.seq > 0) {
    COTERIE_CHECK(visit_kept(*segment, segment->pruned.seq,
                             [&](const HashedEntry& one) { return more = visit(one); }));
    if (!more) return {};
    at = segment->pruned;
  }
  const auto take = [&](ByteView stored) {
    auto entry = decode_stored({workspace_, segment->chain, at.seq + 1, at.hash}, stored);
    if (!entry) {
      status = corrupt("an entry is damaged");
      return false;
    }
    HashedEntry one{std::move(*entry), {}};
    one.hash = entry_hash(one.entry);
    at = {at.seq + 1, one.hash};
    more = visit(one);
    return more;
  };
  COTERIE_CHECK(store_.scan(Table::kEntries, position_key(segment->strand, at.seq + 1),
                            position_key(segment->strand, segment->last + 1),
                            [&](ByteView key, ByteView stored) {
                              const auto here = read_position(key);
                              if (!here || here->seq != at.seq + 1) return false;
                              return take(stored);
                            }));
  for (const Staged* batch : {in_flight_ ? &*in_flight_ : nullptr, &staged_}) {
    if (batch == nullptr) continue;
    for (const auto& one : batch->runs) {
      if (one.strand != segment->strand) continue;
      const std::size_t extra = is_branch(one.run.log) && one.run.first == 1 ? 1 : 0;
      for (std::size_t i = extra; more && status && i < one.run.entries.size(); ++i) {
        const Seq seq = one.first + i - extra;
        if (seq == at.seq + 1 && seq <= segment->last) take(one.run.entries[i]);
      }
    }
  }
  COTERIE_CHECK(status);
  const bool dropped = at.seq < segment->pruned.seq;
  if (more && at.seq < segment->last && !dropped) return corrupt("entries of a log are missing");
  return {};
}

EntryRef Ledger::ref_of(const LogId& log, const Entry& entry) const {
  return {segments_.find(log)->strand, entry.position.seq, entry.position.previous};
}

/// The strand that holds the marked entry.
std::optional<LogId> Ledger::strand_of(const LogMark& mark) const {
  constexpr std::size_t kRememberedMax = 1u << 16;
  const auto key = std::make_tuple(mark.log, mark.seq, mark.hash);
  // What was not found may be once there is another entry of that number: when this has changed.
  std::uint64_t looked_through = 0;
  const auto found = marks_.find(key);
  if (found != marks_.end() && found->second.strand) return found->second.strand;
  const auto& all = segments_.all();
  for (auto it = all.lower_bound({mark.log.device, 0});
       it != all.end() && it->first.device == mark.log.device; ++it) {
    const Segment& one = it->second;
    const bool has = one.chain == mark.log && one.first <= mark.seq && mark.seq <= one.last;
    looked_through += has ? 1 : 0;
    // Whatever it was called: all up to there is settled.
    if (has && mark.seq < one.pruned.seq) return one.strand;
  }
  if (looked_through == 0) return std::nullopt;
  if (found != marks_.end() && found->second.looked_through == looked_through) return std::nullopt;
  const auto segment =
      segments_.find_entry(mark.log, mark.seq, mark.hash,
                           [this](const Segment& one, Seq seq) { return hash_at(one, seq); });
  if (!segment) return std::nullopt;  // Not readable now.
  if (marks_.size() >= kRememberedMax) marks_.clear();
  MarkFound& mine = marks_[key];
  mine.looked_through = looked_through;
  if (*segment) mine.strand = segments_.find(**segment)->strand;
  return mine.strand;
}

bool Ledger::reaches(const LogMark& mark, const EntryRef& ref) const {
  if (ref.seq > mark.seq || segments_.chain_of(ref.log) != mark.log) return false;
  const auto strand = strand_of(mark);
  if (!strand) return false;
  if (*strand == ref.log) return true;  // Entries of a strand follow each other.
  const auto segment = segments_.segment_of(*strand, mark.seq);
  return segment && segments_.follows(*segment, mark.seq, ref.log, ref.seq);
}

std::optional<Role> Ledger::role() const {
  const Member* self = membership_.find(identity_.id());
  if (self == nullptr) return std::nullopt;
  return self->role;
}

bool Ledger::may_write() const {
  const std::optional<Role> own = role();
  return own && node::may_write(*own);
}

bool Ledger::can_write() const {
  Hash commitment;
  return may_write() && keys_.write_key(membership_, commitment) != nullptr;
}

/// Counts what is held when this device becomes a relay. Cost: a pass over the stored entries,
/// then.
Status Ledger::follow_role() {
  declined_.clear();
  if (role() != Role::kRelay) {
    quota_.reset();
    return {};
  }
  if (quota_) return {};
  Quota quota(relay_quota_);
  COTERIE_CHECK(store_.scan(Table::kEntries, {}, {}, [&](ByteView key, ByteView stored) {
    if (const auto position = read_position(key)) quota.count(position->log.device, stored.size());
    return true;
  }));
  for (const Staged* batch : {in_flight_ ? &*in_flight_ : nullptr, &staged_}) {
    if (batch == nullptr) continue;
    for (const auto& one : batch->runs) {
      for (const Bytes& entry : one.run.entries) quota.count(one.run.log.device, entry.size());
    }
  }
  quota_ = std::move(quota);
  return {};
}

// Writing.

void Ledger::new_incarnation() {
  own_ = real_log(own_.device, random_.next_u64());
  own_safe_ = true;
  Bytes value;
  append_u64(value, own_.incarnation);
  staged_.put(Table::kMeta, meta_key("incarnation"), std::move(value));
  if (!origin_.now.empty()) staged_.put(Table::kMeta, meta_key("place"), origin_.now);
}

/// Before the first entry since this process began, if it was in doubt: is our log the one that
/// others know?
void Ledger::choose_incarnation() {
  const Segment* own = segments_.find(own_);
  if (own != nullptr && own->closed()) return new_incarnation();
  if (own_safe_) return;
  const bool alone = membership_.members().size() <= 1;
  const bool untouched = own == nullptr && own_.incarnation != 0;
  if (!alone && !untouched && !in_step_() && own_logs() < kOwnIncarnationsMax) {
    return new_incarnation();
  }
  own_safe_ = true;
  if (!origin_.now.empty()) staged_.put(Table::kMeta, meta_key("place"), origin_.now);
}

EntryPosition Ledger::next_position() {
  choose_incarnation();
  const Segment* own = segments_.find(own_);
  if (own == nullptr) return {workspace_, own_, 1, {}};
  return {workspace_, own_, own->last + 1, own->head};
}

/// Stages an entry that continues `name`, whose run is the newest of the batch.
void Ledger::stage_row(const LogId& name, const HashedEntry& entry, Bytes stored) {
  segments_.append(name, entry.hash);
  const Segment& segment = *segments_.find(name);
  Fresh& fresh = fresh_[segment.strand];
  if (fresh.hashes.empty()) fresh.first = segment.last;
  fresh.hashes.push_back(entry.hash);
  if (segment.last % kAnchorDistance == 0) {
    staged_.put(Table::kMeta, prefixed_position('h', segment.strand, segment.last),
                Bytes(entry.hash.view().begin(), entry.hash.view().end()));
  }
  if (quota_) quota_->count(name.device, stored.size());
  staged_.runs.back().run.entries.push_back(stored);
  staged_.put(Table::kEntries, position_key(segment.strand, segment.last), std::move(stored));
}

EntryRef Ledger::stage_own(const HashedEntry& entry) {
  const EntryPosition& position = entry.entry.position;
  segments_.root(own_);
  auto& runs = staged_.runs;
  const bool continues = !runs.empty() && !runs.back().from && runs.back().run.log == own_;
  if (!continues) runs.push_back({{own_, position.seq, {}}, std::nullopt, own_, position.seq});
  staged_.touched.insert(own_);
  stage_row(own_, entry, encode_stored(entry.entry));
  return {own_, position.seq, position.previous};
}

EntryRef Ledger::append_record(Now now, ByteView record, LedgerRecord* written) {
  COTERIE_ASSERT(can_write());
  Hash commitment;
  const crypto::SecretKey* key = keys_.write_key(membership_, commitment);
  HashedEntry made;
  made.entry = seal_entry(next_position(), clock_.next(now.wall), membership_.heads(own_.device),
                          *key, commitment, random_, identity_, record, made.hash);
  const EntryRef ref = stage_own(made);
  if (written != nullptr) {
    *written = {ref, made.hash, made.entry.time, made.entry.heads,
                Bytes(record.begin(), record.end())};
  }
  index_record(ref, made.hash, made.entry.time, record);
  return ref;
}

void Ledger::append_operation(Now now, const Operation& operation) {
  COTERIE_ASSERT(role().has_value());
  HashedEntry made;
  made.entry =
      sign_entry(next_position(), EntryClass::kMembership, clock_.next(now.wall),
                 membership_.heads(own_.device), identity_, encode_operation(operation), made.hash);
  stage_own(made);
  accept_operation(made, own_);
}

std::vector<LedgerRecord> Ledger::take_waiting(std::size_t most) {
  std::vector<LedgerRecord> records;
  if (keys_.take_news()) waiting_from_ = Bytes();
  if (!waiting_from_) return records;
  auto it = waiting_.lower_bound(*waiting_from_);
  for (; it != waiting_.end() && most > 0; --most) {
    EntryRef ref = *read_position(ByteView(it->first).subspan(1));
    ref.previous = it->second.previous;
    bool opened = false;
    (void)visit(ref.log, {ref.seq - 1, ref.previous}, [&](const HashedEntry& one) {
      auto record = open_record(one.entry);
      opened = record || record.error().code != ErrorCode::kNotFound;
      if (record) {
        index_record(ref, one.hash, one.entry.time, *record);
        records.push_back({ref, one.hash, one.entry.time, one.entry.heads, std::move(*record)});
      }
      return false;
    });
    if (!opened) {
      ++it;
      continue;
    }
    staged_.batch.erase(Table::kMeta, it->first);
    it = waiting_.erase(it);
  }
  waiting_from_.reset();
  if (it != waiting_.end()) waiting_from_ = it->first;
  return records;
}

// Batches.

void Ledger::when_last_lands(Action action) {
  auto& batch = staged_.empty() ? *in_flight_ : staged_;
  batch.after.push_back(std::move(action));
}

storage::WriteBatch Ledger::launch() {
  COTERIE_ASSERT(!in_flight_);
  in_flight_ = std::exchange(staged_, Staged{});
  ++staging_number_;
  // One row a batch for each segment, however many entries it got.
  for (const LogId& name : in_flight_->touched) {
    const Segment& segment = *segments_.find(name);
    in_flight_->heads[name] = Segments::head_of(name, segment);
    if (segment.empty()) {
      in_flight_->batch.erase(Table::kFrontier, log_key(name));
    } else {
      Segment row = segment;
      if (const auto further = pruning_.find(name); further != pruning_.end()) {
        row.pruned = further->second;
      }
      in_flight_->put(Table::kFrontier, log_key(name), encode_segment(row));
    }
  }
  pruned_ = std::exchange(pruning_, {});
  index_.launch(in_flight_->batch);
  for (const auto& [strand, fresh] : fresh_) {
    in_flight_->strands[strand] = fresh.first + fresh.hashes.size() - 1;
  }
  return store_.close(in_flight_->batch);
}

Ledger::Staged Ledger::landed() {
  COTERIE_ASSERT(in_flight_);
  Staged done = std::move(*in_flight_);
  in_flight_.reset();
  index_.landed();
  for (const auto& [log, head] : std::exchange(pruned_, {})) {
    Segment segment = *segments_.find(log);
    segment.pruned = head;
    segments_.put(log, std::move(segment));
  }
  ++landed_number_;
  for (const auto& [name, head] : done.heads) {
    if (head.seq == 0) {
      frontier_.erase(name);
    } else {
      frontier_[name] = head;
    }
  }
  for (const auto& [strand, last] : done.strands) {
    const auto found = fresh_.find(strand);
    Fresh& fresh = found->second;
    const std::size_t written = last + 1 - fresh.first;
    if (written == fresh.hashes.size()) {
      fresh_.erase(found);
      continue;
    }
    fresh.hashes.erase(fresh.hashes.begin(),
                       fresh.hashes.begin() + static_cast<std::ptrdiff_t>(written));
    fresh.first = last + 1;
  }
  return done;
}

}  // namespace coterie::node
