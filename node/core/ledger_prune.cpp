// Ledger: what is dropped below the base, and beginning from one.

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/ledger.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"

namespace coterie::node {

using storage::Table;

namespace {

Bytes hash_row(const Hash& hash, const Hash& previous) {
  Bytes row(hash.view().begin(), hash.view().end());
  append(row, previous.view());
  return row;
}

}  // namespace

Status Ledger::load_base(const char* name, Base& base) const {
  COTERIE_TRY(const auto row, store_.get(Table::kMeta, meta_key(name)));
  if (!row) return {};
  ByteReader in(*row);
  const auto checkpoint = read_id<Hash>(in);
  const auto time = read_u64(in);
  auto frontier = read_frontier(in);
  if (!checkpoint || !time || !frontier || !in.at_end()) {
    return Error{ErrorCode::kCorrupt, "the base's row is damaged"};
  }
  base = {*checkpoint, *time, *std::move(frontier)};
  return {};
}

bool Ledger::covers(const Base& base, const LogId& log, Seq seq) {
  const auto found = base.frontier.find(log);
  return found != base.frontier.end() && seq <= found->second.seq;
}

/// Whether members agreed on that entry, so that there is no other one in its place. On every
/// replica: else those who keep all, and those who do not, would differ for good.
bool Ledger::is_settled(const LogId& chain, Seq seq) const {
  return covers(base_, chain, seq) || covers(next_base_, chain, seq);
}

bool Ledger::can_be_based(const LogId& log) const {
  const Segment* segment = segments_.find(log);
  return segment != nullptr && !is_branch(log) && !segment->parent && !segment->closed() &&
         !segment->empty() && segment->strand == log;
}

Result<Hash> Ledger::hash_of(const LogId& log, Seq seq) const {
  const Segment* segment = segments_.find(log);
  if (segment == nullptr || seq < segment->first || seq > segment->last) {
    return Error{ErrorCode::kNotFound, "the entry is not held"};
  }
  return hash_at(*segment, seq);
}

bool Ledger::keeps(const HashedEntry& entry) const {
  if (entry.entry.entry_class != EntryClass::kContent) return true;
  const auto record = open_record(entry.entry);
  if (!record) return true;
  ByteReader in(*record);
  const auto kind = in.read_varuint();
  if (!kind) return true;
  switch (static_cast<RecordKind>(*kind)) {
    case RecordKind::kUpdate:
    case RecordKind::kPart:
    case RecordKind::kCarried:
    case RecordKind::kCarriedPart:
      return false;
    default:
      return true;
  }
}

void Ledger::set_base(Base base) {
  for (const auto& [log, head] : base.frontier) {
    COTERIE_ASSERT(can_be_based(log));
    const auto committed = frontier_.find(log);
    COTERIE_ASSERT(committed != frontier_.end() && committed->second.seq >= head.seq);
  }
  store_base("base", base);
  next_base_ = base;
  // Not before what was stored for it can be read.
  staged_.after.push_back([this, base = std::move(base)](Now) { base_ = base; });
}

void Ledger::set_floor(Base floor) {
  for (const auto& [log, head] : floor.frontier) COTERIE_ASSERT(covers(base_, log, head.seq));
  store_base("floor", floor);
  staged_.after.push_back([this, floor = std::move(floor)](Now) { floor_ = floor; });
}

void Ledger::store_base(const char* name, const Base& base) {
  Bytes row(base.checkpoint.view().begin(), base.checkpoint.view().end());
  append_u64(row, base.time);
  append_frontier(row, base.frontier);
  staged_.put(Table::kMeta, meta_key(name), std::move(row));
}

bool Ledger::prunes() const {
  return std::any_of(floor_.frontier.begin(), floor_.frontier.end(), [this](const auto& one) {
    const Segment* segment = segments_.find(one.first);
    return segment != nullptr && can_be_based(one.first) && segment->pruned.seq < one.second.seq;
  });
}

Status Ledger::reindex() { return fill_index(); }

Status Ledger::prune_step(std::size_t most) {
  if (!pruning_.empty() || !pruned_.empty()) return {};  // The step before has not landed.
  for (const auto& [log, head] : floor_.frontier) {
    const Segment* segment = segments_.find(log);
    // One that forked since keeps what it has.
    if (segment == nullptr || !can_be_based(log) || segment->pruned.seq >= head.seq) continue;
    if (most == 0) break;
    COTERIE_CHECK(prune_log(log, head.seq, most));
  }
  return {};
}

/// What an entry that is kept, or an operation, follows. Errors: kNotFound, kCorrupt, kIo.
Result<Hash> Ledger::before_kept(const Segment& segment, Seq seq) const {
  for (const char prefix : {'m', 'K'}) {
    COTERIE_TRY(const auto row,
                store_.get(Table::kMeta, prefixed_position(prefix, segment.strand, seq)));
    if (!row) continue;
    if (row->size() != 2 * Hash::kBytes) break;
    return Hash::from(ByteView(*row).last(Hash::kBytes));
  }
  return Error{ErrorCode::kNotFound, "what a kept entry follows is not known"};
}

/// The last entry below an older base was kept for nothing else.
Status Ledger::drop_older_end(const Segment& segment) {
  if (segment.pruned.seq == 0) return {};
  const Seq seq = segment.pruned.seq;
  const Bytes row = prefixed_position('K', segment.strand, seq);
  COTERIE_TRY(const auto hashes, store_.get(Table::kMeta, row));
  if (!hashes || hashes->size() != 2 * Hash::kBytes) return {};
  const EntryRef ref{segment.strand, seq, *Hash::from(ByteView(*hashes).last(Hash::kBytes))};
  COTERIE_TRY(Entry entry, entry_at(ref));
  if (keeps({std::move(entry), segment.pruned.hash})) return {};
  staged_.batch.erase(Table::kMeta, row);
  staged_.batch.erase(Table::kEntries, position_key(segment.strand, seq));
  return {};
}

Status Ledger::prune_log(const LogId& log, Seq through, std::size_t& most) {
  const Segment& segment = *segments_.find(log);
  const Seq begin = std::max(segment.pruned.seq + 1, segment.first);
  LogHead at = segment.pruned.seq > 0 ? segment.pruned : LogHead{begin - 1, segment.before};
  COTERIE_CHECK(drop_older_end(segment));
  Seq drop_from = begin;
  const auto drop_to = [&](Seq end) {
    if (drop_from < end) {
      staged_.batch.erase_range(Table::kEntries, position_key(log, drop_from),
                                position_key(log, end));
    }
    drop_from = end + 1;
  };
  Status status;
  COTERIE_CHECK(store_.scan(
      Table::kEntries, position_key(log, begin), position_key(log, through + 1),
      [&](ByteView, ByteView stored) {
        if (most == 0) return false;
        --most;
        auto entry = decode_stored({workspace_, segment.chain, at.seq + 1, at.hash}, stored);
        if (!entry) {
          status = Error{ErrorCode::kCorrupt, "an entry is damaged"};
          return false;
        }
        const Hash hash = entry_hash(*entry);
        const HashedEntry one{std::move(*entry), hash};
        const Hash previous = std::exchange(at.hash, one.hash);
        ++at.seq;
        // The last is what a newcomer's log is checked by.
        if (at.seq < through && !keeps(one)) return true;
        drop_to(at.seq);
        if (one.entry.entry_class == EntryClass::kContent) {
          staged_.put(Table::kMeta, prefixed_position('K', log, at.seq),
                      hash_row(one.hash, previous));
        }
        return true;
      }));
  COTERIE_CHECK(status);
  if (at.seq < begin) return Error{ErrorCode::kCorrupt, "entries of a log are missing"};
  if (drop_from <= at.seq) drop_to(at.seq + 1);
  staged_.batch.erase_range(Table::kMeta, prefixed_position('h', log, begin),
                            prefixed_position('h', log, at.seq + 1));
  pruning_[log] = at;
  staged_.touched.insert(log);
  served_.reset();
  return {};
}

/// The entries that are here of those up to `through`, which is pruned.
Status Ledger::visit_kept(const Segment& segment, Seq through,
                          const std::function<bool(const HashedEntry&)>& visit) const {
  Status status;
  COTERIE_CHECK(store_.scan(
      Table::kEntries, position_key(segment.strand, segment.first),
      position_key(segment.strand, through + 1), [&](ByteView key, ByteView stored) {
        const auto ref = read_position(key);
        if (!ref) {
          status = ref.error();
          return false;
        }
        const auto previous = before_kept(segment, ref->seq);
        if (!previous) {
          status = previous.error();
          return false;
        }
        auto entry = decode_stored({workspace_, segment.chain, ref->seq, *previous}, stored);
        if (!entry) {
          status = Error{ErrorCode::kCorrupt, "an entry is damaged"};
          return false;
        }
        HashedEntry one{std::move(*entry), {}};
        one.hash = entry_hash(one.entry);
        return visit(one);
      }));
  return status;
}

Result<std::vector<Ledger::KeptEntry>> Ledger::kept_below(const Frontier& base) const {
  std::vector<KeptEntry> list;
  for (const auto& one : base) {
    const LogId& log = one.first;
    const LogHead& head = one.second;
    const Segment* segment = segments_.find(log);
    if (segment == nullptr || segment->last < head.seq) {
      return Error{ErrorCode::kNotFound, "a log ends before that"};
    }
    const auto add = [&](const HashedEntry& entry) {
      const EntryPosition& at = entry.entry.position;
      list.push_back({log, at.seq, at.previous, encode_stored(entry.entry)});
    };
    const Seq pruned = std::min(segment->pruned.seq, head.seq);
    if (segment->pruned.seq > 0) {
      COTERIE_CHECK(visit_kept(*segment, pruned, [&](const HashedEntry& entry) {
        // What an older base ended with is here, too.
        if (entry.entry.position.seq == head.seq || keeps(entry)) add(entry);
        return true;
      }));
    }
    if (segment->pruned.seq >= head.seq) continue;
    const LogHead from =
        segment->pruned.seq > 0 ? segment->pruned : LogHead{segment->first - 1, segment->before};
    // `visit` takes zero for the whole, which this is then.
    COTERIE_CHECK(visit(log, from, [&](const HashedEntry& entry) {
      const Seq seq = entry.entry.position.seq;
      if (seq > pruned && seq <= head.seq && (seq == head.seq || keeps(entry))) add(entry);
      return seq < head.seq;
    }));
  }
  return list;
}

Result<Ledger::KeptEntry> Ledger::placed(const EntryRef& ref) const {
  COTERIE_TRY(const Entry entry, entry_at(ref));
  return KeptEntry{segments_.chain_of(ref.log), ref.seq, ref.previous, encode_stored(entry)};
}

Result<std::vector<Ledger::KeptEntry>> Ledger::operations() const {
  std::vector<EntryRef> refs;
  const Bytes prefix = meta_key("m");
  COTERIE_CHECK(
      store_.scan(Table::kMeta, prefix, end_of_prefix(prefix), [&](ByteView key, ByteView value) {
        auto ref = read_position(key.subspan(1));
        if (!ref || value.size() != 2 * Hash::kBytes) return true;
        ref->previous = *Hash::from(value.last(Hash::kBytes));
        refs.push_back(*ref);
        return true;
      }));
  std::vector<KeptEntry> list;
  for (const EntryRef& ref : refs) {
    COTERIE_TRY(auto one, placed(ref));
    list.push_back(std::move(one));
  }
  return list;
}

std::vector<std::pair<LogId, Seq>> Ledger::waiting() const {
  std::vector<std::pair<LogId, Seq>> list;
  for (const auto& [key, one] : waiting_) {
    if (const auto ref = read_position(ByteView(key).subspan(1))) {
      list.emplace_back(ref->log, ref->seq);
    }
  }
  return list;
}

Result<Ledger::Received> Ledger::install_base(Now now, Base base, std::span<const KeptEntry> kept) {
  struct Part {
    std::span<const KeptEntry> entries;
    bool taken = false;
  };
  std::map<LogId, Part> parts;
  for (std::size_t i = 0; i < kept.size();) {
    std::size_t end = i;
    while (end < kept.size() && kept[end].log == kept[i].log) ++end;
    parts[kept[i].log].entries = kept.subspan(i, end - i);
    i = end;
  }
  for (const auto& [log, head] : base.frontier) {
    Part& part = parts[log];
    const bool whole = !part.entries.empty() && part.entries.back().seq == head.seq;
    if (!whole || is_branch(log)) return Error{ErrorCode::kMalformed, "a base without its logs"};
    const Segment* segment = segments_.find(log);
    if (segment == nullptr) {
      part.taken = has_room_for(log, false);
      if (!part.taken) return Error{ErrorCode::kConflict, "a member has too many logs"};
      continue;
    }
    if (!can_be_based(log)) return Error{ErrorCode::kConflict, "a log forked here"};
    part.taken = segment->last < head.seq;
    if (part.taken) continue;
    const auto hash = hash_at(*segment, head.seq);
    const bool same = hash ? *hash == head.hash : segment->pruned.seq > head.seq;
    if (!same) return Error{ErrorCode::kConflict, "a log says otherwise here"};
  }
  Received out;
  for (const auto& one : base.frontier) {
    const LogId& log = one.first;
    const LogHead& head = one.second;
    const Part& part = parts.at(log);
    if (!part.taken) continue;
    COTERIE_CHECK(index_.drop_below(log, head.seq + 1));
    // Ours was ahead elsewhere: as if an entry of it came (see receive()).
    const bool own = log == own_;
    const Bytes prefix = log_key(log);
    staged_.batch.erase_range(Table::kEntries, prefix, end_of_prefix(prefix));
    for (const char row : {'h', 'K', 'w'}) {
      staged_.batch.erase_range(Table::kMeta, prefixed_position(row, log, 0),
                                prefixed_position(row, log, head.seq + 1));
    }
    std::erase_if(waiting_, [&](const auto& waiting) {
      const auto ref = read_position(ByteView(waiting.first).subspan(1));
      return ref && ref->log == log;
    });
    fresh_.erase(log);
    Segment segment;
    segment.chain = segment.strand = log;
    segment.last = head.seq;
    segment.head = head.hash;
    segment.head_previous = part.entries.back().previous;
    segment.pruned = head;
    segments_.put(log, segment);
    staged_.touched.insert(log);
    for (const KeptEntry& kept_entry : part.entries) {
      const auto entry =
          decode_stored({workspace_, log, kept_entry.seq, kept_entry.previous}, kept_entry.stored);
      if (!entry) continue;  // It was verified.
      const HashedEntry hashed{*entry, entry_hash(*entry)};
      clock_.witness(now.wall, entry->time);
      staged_.put(Table::kEntries, position_key(log, kept_entry.seq), kept_entry.stored);
      ++out.stored;
      if (entry->entry_class != EntryClass::kContent) {
        out.membership_changed |= accept_operation(hashed, log);
      } else {
        staged_.put(Table::kMeta, prefixed_position('K', log, kept_entry.seq),
                    hash_row(hashed.hash, kept_entry.previous));
        if (keeps(hashed)) {
          accept_content(hashed, log, out);
        } else if (const auto record = open_record(*entry)) {
          index_record({log, kept_entry.seq, kept_entry.previous}, hashed.hash, entry->time,
                       *record);
        }
      }
    }
    if (own) new_incarnation();
  }
  marks_.clear();
  served_.reset();
  aliases_.clear();
  out.verdict = transport::RunVerdict::kStored;
  store_base("base", base);
  store_base("floor", base);
  installing_ = true;
  staged_.after.push_back([this, base = std::move(base)](Now) {
    base_ = floor_ = base;
    installing_ = false;
  });
  return out;
}

}  // namespace coterie::node
