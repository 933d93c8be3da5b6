// Ledger: taking in runs of entries from peers.

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/ledger.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {

using storage::Table;
using transport::EntryRun;
using transport::RunVerdict;

/// What `run` says about where it goes. An answer when it cannot be used.
std::optional<RunVerdict> Ledger::aim(const EntryRun& run, Aim& aim) const {
  const auto find_hash = [this](const Segment& one, Seq seq) { return hash_at(one, seq); };
  const LogId& name = run.log;
  if (run.first == 0 || run.first > transport::kSeqMax) return RunVerdict::kRefused;
  aim.entries = run.entries;
  const Segment* segment = segments_.find(name);
  const LogId* inside = &name;
  if (is_branch(name) && run.first == 1) {
    const auto descriptor = decode_descriptor(run.entries.front());
    if (!descriptor || run.entries.size() < 2) return RunVerdict::kRefused;
    aim.descriptor = true;
    aim.entries = aim.entries.subspan(1);
    aim.chain = {name.device, descriptor->incarnation};
    aim.first = descriptor->first;
    aim.previous = descriptor->previous;
    if (segment != nullptr) {
      const bool same = segment->chain == aim.chain && segment->first == aim.first &&
                        segment->before == aim.previous;
      if (!same) return RunVerdict::kRefused;
      aim.start = name;
      return std::nullopt;
    }
    const auto start = segments_.find_entry(aim.chain, aim.first - 1, aim.previous, find_hash);
    if (!start) return RunVerdict::kDeferred;  // Not readable now.
    aim.start = *start;
    if (!aim.start && aim.first > 1) return RunVerdict::kDeferred;
    return std::nullopt;
  }
  if (const auto alias = aliases_.find(name); segment == nullptr && alias != aliases_.end()) {
    aim.first = alias->second.first + run.first - 2;
    inside = &alias->second.segment;
    segment = segments_.find(*inside);
  } else if (segment != nullptr) {
    aim.first = Segments::seq_of(name, *segment, run.first);
  }
  if (segment == nullptr) {
    if (is_branch(name) || run.first != 1) return RunVerdict::kDeferred;
    aim.chain = name;
    aim.first = 1;
    return std::nullopt;
  }
  if (aim.first > segment->last + 1 || aim.first < segment->first) return RunVerdict::kDeferred;
  const auto previous = hash_at(*segment, aim.first - 1);
  if (!previous) return RunVerdict::kDeferred;
  aim.chain = segment->chain;
  aim.previous = *previous;
  aim.start = *inside;
  return std::nullopt;
}

/// Whether entries of this author can be judged here yet; nothing when they can.
std::optional<RunVerdict> Ledger::judge_author(const Aim& aim) const {
  if (membership_.founded()) {
    if (!membership_.was_ever_admitted(aim.chain.device)) return RunVerdict::kDeferred;
    return std::nullopt;
  }
  // Before the genesis is here, only a log that begins with it can be checked.
  if (aim.first != 1) return RunVerdict::kDeferred;
  const auto first = decode_stored({workspace_, aim.chain, 1, {}}, aim.entries.front());
  if (!first) return RunVerdict::kRefused;
  if (first->entry_class != EntryClass::kGenesis) return RunVerdict::kDeferred;
  return std::nullopt;
}

Ledger::Judgement Ledger::judge(const HashedEntry& one) const {
  const bool is_genesis = equal(one.hash.view(), workspace_.view());
  if ((one.entry.entry_class == EntryClass::kGenesis) != is_genesis) return Judgement::kRefuse;
  if (is_genesis) return Judgement::kTake;
  const DeviceId& device = one.entry.position.log.device;
  if (one.entry.entry_class == EntryClass::kContent) {
    const Standing standing = membership_.standing(device, one.entry.heads, Right::kSpeak);
    switch (standing.kind) {
      case Standing::Kind::kUnknownPast:
        return Judgement::kUnknownPast;
      case Standing::Kind::kRefused:
        return Judgement::kRefuse;
      case Standing::Kind::kAdmitted:
        return Judgement::kTake;
      case Standing::Kind::kDisputed:
        return disputed(one, standing.by);
    }
  }
  // Operations are judged by the resolver; they are stored if their author was a member when it
  // wrote them.
  const auto member = membership_.was_member(device, one.entry.heads);
  if (!member) return Judgement::kUnknownPast;
  if (!*member) return Judgement::kRefuse;
  if (membership_.find(device) != nullptr) return Judgement::kTake;
  const auto restrictions = membership_.restrictions_of(device);
  std::vector<const Restriction*> by;
  for (const Restriction& restriction : restrictions) by.push_back(&restriction);
  return disputed(one, by);
}

/// What somebody acknowledged that far, on whatever branch, will be asked for and takes no room of
/// what nobody did.
Ledger::Judgement Ledger::disputed(const HashedEntry& one,
                                   const std::vector<const Restriction*>& by) const {
  const EntryPosition& position = one.entry.position;
  const bool acknowledged = std::all_of(by.begin(), by.end(), [&](const Restriction* restriction) {
    return restriction->any_mark(std::nullopt, [&](const LogMark& mark) {
      return mark.log == position.log && mark.seq >= position.seq;
    });
  });
  return acknowledged ? Judgement::kTake : Judgement::kSetAside;
}

bool Ledger::has_room_for(const LogId& chain, bool splits) const {
  const std::size_t more = splits ? 2 : 1;
  return segments_.count(chain.device) + more <= kLogsPerDeviceMax &&
         segments_.all().size() + more <= transport::kLogsPerWorkspaceMax;
}

/// Whether entry `at` of a segment is signed rightly, so that the segment can end there.
bool Ledger::sound_end(const LogId& name, Seq at) const {
  const Segment& segment = *segments_.find(name);
  if (at + 1 == segment.first || at == segment.last) return true;  // Checked when it was stored.
  bool sound = false;
  const auto before = hash_at(segment, at - 1);
  if (!before) return false;
  (void)visit(name, {at - 1, *before}, [&](const HashedEntry& entry) {
    sound = verify_signature(entry);
    return false;
  });
  return sound;
}

/// Makes the segment that `first`, the first entry of a run that is new here, is to be appended to.
/// Nothing if it cannot be.
std::optional<LogId> Ledger::open_place(const Segments::Place& place, const Aim& aim,
                                        const HashedEntry& first, Received& out) {
  if (place.kind == Segments::Place::Kind::kExtends) {
    if (!aim.start) segments_.root(aim.chain);
    return place.segment;
  }
  const bool told = std::any_of(
      segments_.all().lower_bound({aim.chain.device, 0}), segments_.all().end(),
      [&](const auto& one) { return one.first.device == aim.chain.device && one.second.closed(); });
  const auto forked =
      segments_.fork(place.segment, place.at, first.hash,
                     [this](const Segment& one, Seq seq) { return hash_at(one, seq); });
  if (!forked) return std::nullopt;
  staged_.touched.insert(place.segment);
  if (forked->tail) staged_.touched.insert(*forked->tail);
  std::erase_if(aliases_, [&](const auto& one) {
    return one.first == forked->branch || one.first == forked->tail ||
           one.second.segment == place.segment;
  });
  const bool concerned = role() == Role::kHost || aim.chain.device == own_.device;
  if (!told && concerned) {
    out.warning = "device " + aim.chain.device.short_hex() +
                  " wrote two versions of its log (restored or copied?): both are kept";
  }
  return forked->branch;
}

Ledger::Received Ledger::receive(Now now, const EntryRun& run, transport::LinkId from) {
  Received out;
  if (run.entries.empty()) {
    out.verdict = RunVerdict::kStored;
    return out;
  }
  Aim aim;
  if (const auto verdict = this->aim(run, aim)) {
    out.verdict = *verdict;
    return out;
  }
  if (const auto verdict = judge_author(aim)) {
    out.verdict = *verdict;
    return out;
  }
  const auto verified = hash_run(workspace_, aim.chain, {aim.first - 1, aim.previous}, aim.entries);
  if (!verified) return out;
  if (aim.descriptor && branch_name(aim.chain, verified->front().hash) != run.log) return out;
  if (!verify_signature(verified->back())) {
    // It may continue another branch than ours.
    if (run.first > 1) out.verdict = RunVerdict::kApart;
    return out;
  }
  Segments::Place place;
  if (aim.start) {
    std::vector<Hash> hashes;
    hashes.reserve(verified->size());
    for (const HashedEntry& one : *verified) hashes.push_back(one.hash);
    const auto located =
        segments_.locate(*aim.start, aim.first, hashes,
                         [this](const Segment& one, Seq seq) { return hash_at(one, seq); });
    if (!located) {
      out.verdict = RunVerdict::kDeferred;  // Not readable now.
      return out;
    }
    place = *located;
  } else {
    place.kind = Segments::Place::Kind::kExtends;
    place.segment = aim.chain;
  }
  using Kind = Segments::Place::Kind;
  // A branch that is none here, for what it branches from has not come: known by that name, too.
  const auto remember = [&](const LogId& segment) {
    const Segment* found = segments_.find(segment);
    if (!is_branch(run.log) || segments_.find(run.log) != nullptr) return true;
    if (aliases_.contains(run.log)) return true;
    if (found == nullptr || aim.first < found->first) return false;
    if (aliases_.size() >= kAliasesMax) aliases_.clear();
    aliases_[run.log] = {segment, aim.first};
    return true;
  };
  if (place.kind == Kind::kHeld) {
    out.verdict = remember(place.segment) ? RunVerdict::kStored : RunVerdict::kDeferred;
    return out;
  }
  const auto fresh = std::span(*verified).subspan(place.known);
  const auto stored = aim.entries.subspan(place.known);
  const bool opens = place.kind == Kind::kForks || !aim.start;
  const bool splits = place.kind == Kind::kForks && place.at < segments_.find(place.segment)->last;
  if (opens && !has_room_for(aim.chain, splits)) {
    out.warning = "a member has too many logs; further ones are not stored";
    return out;
  }
  if (splits && is_settled(aim.chain, place.at + 1)) {
    out.verdict = RunVerdict::kDeferred;
    out.warning = "device " + aim.chain.device.short_hex() +
                  " wrote another version of what members agreed on; it is not taken";
    return out;
  }
  if (splits && !sound_end(place.segment, place.at)) return out;
  // Nothing is changed before it is clear that something will be stored.
  if (const Judgement first = judge(fresh.front());
      first == Judgement::kRefuse || first == Judgement::kUnknownPast) {
    if (first == Judgement::kUnknownPast) out.verdict = RunVerdict::kDeferred;
    return out;
  }
  take(now, run.log, aim, place, fresh, stored, from, out);
  if (out.stored > 0 && aim.chain == own_) {
    // Signed by us and not here: this store was restored or copied.
    new_incarnation();
    if (out.warning.empty()) {
      out.warning = "this device's log is ahead elsewhere (restored or copied?): a new log begins";
    }
  }
  if (place.kind == Kind::kExtends) (void)remember(place.segment);
  return out;
}

/// Stores `fresh`, the part of a verified run of `log` that is new, up to the first entry that is
/// not wanted here (yet).
void Ledger::take(Now now, const LogId& log, const Aim& aim, const Segments::Place& place,
                  std::span<const HashedEntry> fresh, std::span<const Bytes> stored,
                  transport::LinkId from, Received& out) {
  std::optional<LogId> target;
  const auto store_through = [&](std::size_t end) {
    if (!target && out.stored < end) {
      target = open_place(place, aim, fresh.front(), out);
      if (!target) return false;
      const Segment& segment = *segments_.find(*target);
      const bool descriptor = is_branch(*target) && segment.empty();
      const Seq item = descriptor ? 1 : Segments::item_of(*target, segment, segment.last + 1);
      staged_.runs.push_back({{*target, item, {}}, from, segment.strand, segment.last + 1});
      staged_.runs.back().run.entries.reserve(fresh.size() + 1);
      if (descriptor) {
        staged_.runs.back().run.entries.push_back(
            encode_descriptor({aim.chain.incarnation, segment.first, segment.before}));
      }
      staged_.touched.insert(*target);
    }
    for (; out.stored < end; ++out.stored) {
      const HashedEntry& one = fresh[out.stored];
      const LogId strand = segments_.find(*target)->strand;
      clock_.witness(now.wall, one.entry.time);
      stage_row(*target, one, stored[out.stored]);
      if (one.entry.entry_class == EntryClass::kContent) {
        accept_content(one, strand, out);
      } else if (accept_operation(one, strand)) {
        out.membership_changed = true;
      }
    }
    return true;
  };
  out.verdict = RunVerdict::kStored;
  std::size_t writers = 0;
  if (quota_) {
    for (const auto& [device, member] : membership_.members()) {
      writers += node::may_write(member.role) ? 1 : 0;
    }
  }
  std::size_t planned = 0;  // Bytes that will be stored and are not counted yet.
  std::size_t end = 0;
  std::uint64_t& aside = aside_[aim.chain.device];
  const std::uint64_t aside_before = aside;
  for (; end < fresh.size(); ++end) {
    const HashedEntry& one = fresh[end];
    const Judgement judgement = judge(one);
    if (judgement == Judgement::kUnknownPast) out.verdict = RunVerdict::kDeferred;
    if (judgement == Judgement::kRefuse) out.verdict = RunVerdict::kRefused;
    if (judgement == Judgement::kSetAside && ++aside > kSetAsideEntriesMax) {
      --aside;
      out.verdict = RunVerdict::kDeferred;  // No fault of whoever sent it.
    }
    if (out.verdict != RunVerdict::kStored) break;
    if (one.entry.entry_class == EntryClass::kContent) {
      if (!quota_) continue;
      planned += stored[end].size();
      if (quota_->takes(aim.chain.device, planned, writers)) {
        planned += kEntryRowBytes;
        continue;
      }
      out.verdict = RunVerdict::kDeferred;
      out.over_quota = true;
      declined_.insert(log);
      break;
    }
    planned = 0;
    // What follows may depend on an operation, so it takes effect at once; and as it does, it has
    // to be signed rightly itself.
    if (!verify_signature(one) || !store_through(end + 1)) {
      out.verdict = RunVerdict::kRefused;
      break;
    }
  }
  if (out.verdict != RunVerdict::kStored) {
    // The signature at the end of the run does not vouch for a part of it to those who get only
    // the part.
    for (std::size_t tries = kCutChecksMax; end > out.stored; --end) {
      if (tries-- == 0) end = out.stored;
      if (end == out.stored || verify_signature(fresh[end - 1])) break;
    }
  }
  if (!store_through(end)) out.verdict = RunVerdict::kRefused;
  if (aside != aside_before) {
    Bytes key = meta_key("aside");
    append(key, aim.chain.device.view());
    Bytes value;
    append_u64(value, aside);
    staged_.put(Table::kMeta, std::move(key), std::move(value));
  } else if (aside == 0) {
    aside_.erase(aim.chain.device);
  }
}

bool Ledger::accept_operation(const HashedEntry& entry, const LogId& strand) {
  const EntryPosition& position = entry.entry.position;
  Bytes row(entry.hash.view().begin(), entry.hash.view().end());
  append(row, position.previous.view());
  staged_.put(Table::kMeta, prefixed_position('m', strand, position.seq), std::move(row));
  const auto changed = membership_.add(operation_entry(entry));
  // Past the limit of operations the entry is kept without effect, on every replica's own count.
  if (!changed || !*changed) return false;
  (void)follow_role();  // A disk that cannot be read sets no limit.
  // At once, because what follows in this run may be sealed under it.
  const auto operation = decode_operation(entry.entry.payload);
  if (operation) {
    const auto* admit = std::get_if<AdmitOperation>(&*operation);
    const bool admits_us = admit != nullptr && admit->device == identity_.id();
    if (admits_us || std::holds_alternative<RekeyOperation>(*operation)) {
      keys_.absorb(membership_);
    }
  }
  return true;
}

void Ledger::accept_content(const HashedEntry& entry, const LogId& strand, Received& out) {
  const EntryPosition& position = entry.entry.position;
  const EntryRef ref{strand, position.seq, position.previous};
  const crypto::SecretKey* key = keys_.find(entry.entry.key);
  if (key == nullptr) {
    Bytes name = prefixed_position('w', strand, position.seq);
    Bytes row(position.previous.view().begin(), position.previous.view().end());
    append_u64(row, entry.entry.time);
    staged_.put(Table::kMeta, name, std::move(row));
    waiting_.emplace(std::move(name), Waiting{position.previous, entry.entry.time});
    return;
  }
  auto record = open_entry(entry.entry, *key);
  // Sealed under the right key's name with another: its author is broken. Kept, not applied.
  if (!record) {
    out.warning = "an entry of a member does not decrypt; it is kept and not applied";
    return;
  }
  index_record(ref, entry.hash, entry.entry.time, *record);
  out.records.push_back({ref, entry.hash, entry.entry.time, entry.entry.heads, std::move(*record)});
}

}  // namespace coterie::node
