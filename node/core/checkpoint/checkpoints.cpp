#include "node/core/checkpoint/checkpoints.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr std::uint8_t kRowVersion = 1;
constexpr std::string_view kRootDomain = "coterie checkpoint v1";

Bytes row_key(const Hash& entry) {
  Bytes key = meta_key("P");
  append(key, entry.view());
  return key;
}

Bytes encode_row(const Checkpoints::Spoken& spoken, const Record& record) {
  Bytes row{kRowVersion};
  append(row, position_key(spoken.ref.log, spoken.ref.seq));
  append(row, spoken.ref.previous.view());
  append_u64(row, spoken.time);
  append_varuint(row, spoken.heads.size());
  for (const Hash& head : spoken.heads) append(row, head.view());
  append(row, encode_record(record));
  return row;
}

Result<std::pair<Checkpoints::Spoken, Bytes>> decode_row(ByteView row) {
  ByteReader in(row);
  Checkpoints::Spoken spoken;
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kRowVersion) return Error{ErrorCode::kCorrupt, "row of an unknown version"};
  COTERIE_TRY(const ByteView position, in.read_bytes(position_key({}, 0).size()));
  COTERIE_TRY(spoken.ref, read_position(position));
  COTERIE_TRY(spoken.ref.previous, read_id<Hash>(in));
  COTERIE_TRY(spoken.time, read_u64(in));
  COTERIE_TRY(const std::uint64_t count, in.read_varuint());
  if (count > kEntryHeadsMax) return Error{ErrorCode::kCorrupt, "row with too many heads"};
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(const Hash head, read_id<Hash>(in));
    spoken.heads.push_back(head);
  }
  COTERIE_TRY(const ByteView record, in.read_bytes(in.remaining()));
  return std::make_pair(std::move(spoken), Bytes(record.begin(), record.end()));
}

bool newer(const Checkpoints::Spoken& a, const Checkpoints::Spoken& b) {
  return std::tie(a.time, a.hash) > std::tie(b.time, b.hash);
}

}  // namespace

Status Checkpoints::load() {
  Status status;
  const Bytes prefix = meta_key("P");
  const auto take_row = [&](ByteView key, ByteView value) -> Status {
    COTERIE_TRY(const Hash hash, Hash::from(key.subspan(1)));
    COTERIE_TRY(const Bytes row, ledger_.sealer().open(Table::kMeta, key, value));
    COTERIE_TRY(auto decoded, decode_row(row));
    auto& [spoken, bytes] = decoded;
    spoken.hash = hash;
    COTERIE_TRY(auto record, decode_record(ledger_.workspace(), bytes));
    if (auto* checkpoint = std::get_if<CheckpointRecord>(&record)) {
      checkpoints_.emplace(hash, Checkpoint{std::move(spoken), std::move(*checkpoint)});
    } else if (auto* vouch = std::get_if<VouchRecord>(&record)) {
      vouches_.emplace(hash, Vouch{std::move(spoken), std::move(*vouch)});
    }
    return {};
  };
  COTERIE_CHECK(ledger_.store().scan(
      Table::kMeta, prefix, end_of_prefix(prefix), [&](ByteView key, ByteView value) {
        if (!take_row(key, value)) status = Error{ErrorCode::kCorrupt, "a checkpoint is damaged"};
        return status.has_value();
      }));
  return status;
}

void Checkpoints::store(const Spoken& spoken, const Record& record) {
  Bytes key = row_key(spoken.hash);
  Bytes row = ledger_.sealer().seal(Table::kMeta, key, encode_row(spoken, record));
  ledger_.staged().put(Table::kMeta, std::move(key), std::move(row));
  looked_at_ = ~std::size_t{0};
}

void Checkpoints::forget(const Hash& entry) {
  ledger_.staged().batch.erase(Table::kMeta, row_key(entry));
}

/// Forgets what is too old of `device`. What this node is based on stays: it is served from.
template <typename Kind>
void Checkpoints::bound(std::map<Hash, Kind>& all, const DeviceId& device) {
  const Hash& base = ledger_.base().checkpoint;
  const auto stays = [&](const Hash& hash, const Kind& one) {
    if constexpr (std::is_same_v<Kind, Vouch>) {
      return one.record.checkpoint == base;
    } else {
      return hash == base;
    }
  };
  for (;;) {
    std::size_t count = 0;
    auto oldest = all.end();
    for (auto it = all.begin(); it != all.end(); ++it) {
      if (it->second.ref.log.device != device || stays(it->first, it->second)) continue;
      ++count;
      if (oldest == all.end() || newer(oldest->second, it->second)) oldest = it;
    }
    // A device may vouch for what each of several wrote.
    const std::size_t most = (std::is_same_v<Kind, Vouch> ? 4 : 1) * kCheckpointsPerDeviceMax;
    if (count <= most) return;
    forget(oldest->first);
    all.erase(oldest);
  }
}

void Checkpoints::take(const LedgerRecord& record, const Record& decoded) {
  const Spoken spoken{record.ref, record.hash, record.time, record.heads};
  if (const auto* checkpoint = std::get_if<CheckpointRecord>(&decoded)) {
    if (!checkpoints_.emplace(record.hash, Checkpoint{spoken, *checkpoint}).second) return;
    store(spoken, *checkpoint);
    bound(checkpoints_, record.ref.log.device);
  } else if (const auto* vouch = std::get_if<VouchRecord>(&decoded)) {
    if (!vouches_.emplace(record.hash, Vouch{spoken, *vouch}).second) return;
    store(spoken, *vouch);
    bound(vouches_, record.ref.log.device);
  }
}

const Checkpoints::Checkpoint* Checkpoints::find(const Hash& checkpoint) const {
  const auto found = checkpoints_.find(checkpoint);
  return found == checkpoints_.end() ? nullptr : &found->second;
}

std::vector<const Checkpoints::Vouch*> Checkpoints::vouches(const Hash& checkpoint) const {
  std::vector<const Vouch*> list;
  for (const auto& [hash, vouch] : vouches_) {
    if (vouch.record.checkpoint == checkpoint) list.push_back(&vouch);
  }
  return list;
}

const Checkpoints::Vouch* Checkpoints::vouch_of(const DeviceId& device,
                                                const Hash& checkpoint) const {
  for (const Vouch* vouch : vouches(checkpoint)) {
    if (vouch->ref.log.device == device) return vouch;
  }
  return nullptr;
}

Checkpoints::Support Checkpoints::support(const Checkpoint& checkpoint) const {
  Support support;
  const Membership& membership = ledger_.membership();
  const auto role_then = [&](const Spoken& spoken) -> std::optional<Role> {
    const auto roster = membership.at(spoken.heads);
    const Member* member = roster ? roster->find(spoken.ref.log.device) : nullptr;
    return member == nullptr ? std::nullopt : std::optional(member->elsewhere);
  };
  support.same.insert(checkpoint.ref.log.device);
  support.hold = support.same;
  for (const Vouch* vouch : vouches(checkpoint.hash)) {
    const std::optional<Role> role = role_then(*vouch);
    if (!role) continue;
    const DeviceId& device = vouch->ref.log.device;
    support.hold.insert(device);
    if (vouch->record.same && may_edit(*role)) support.same.insert(device);
    if (*role == Role::kHost) {
      support.hold.insert(vouch->record.waived.begin(), vouch->record.waived.end());
    }
  }
  const auto roster = membership.at(checkpoint.heads);
  if (roster != nullptr) support.same_needed = same_needed(*roster);
  for (const auto& [device, member] : membership.members()) {
    if (!may_write(member.role) || support.hold.contains(device)) continue;
    if (ledger_.segments().count(device) == 0) continue;  // It wrote nothing that could be lost.
    const bool was_there = roster == nullptr || roster->find(device) != nullptr;
    if (was_there) support.missing.insert(device);
  }
  return support;
}

std::size_t Checkpoints::same_needed(const Roster& roster) {
  std::size_t editors = 0;
  for (const auto& [device, member] : roster.members) {
    editors += may_edit(member.elsewhere) ? 1 : 0;
  }
  return editors > 1 ? 2 : 1;
}

const Checkpoints::Checkpoint* Checkpoints::newest_standing() {
  const std::size_t operations = ledger_.membership().operations();
  if (looked_at_ != operations) {
    looked_at_ = operations;
    const Checkpoint* best = standing_ ? find(*standing_) : nullptr;
    for (const auto& [hash, checkpoint] : checkpoints_) {
      if (best != nullptr && !newer(checkpoint, *best)) continue;
      if (support(checkpoint).stands()) best = &checkpoint;
    }
    if (best != nullptr) standing_ = best->hash;
  }
  return standing_ ? find(*standing_) : nullptr;
}

Hash checkpoint_root(const WorkspaceId& workspace, const Frontier& frontier,
                     std::span<const Ledger::KeptEntry> kept,
                     const std::map<DocumentId, Bytes>& states) {
  Bytes all;
  append(all, as_bytes(kRootDomain));
  append(all, workspace.view());
  append_frontier(all, frontier);
  append_varuint(all, kept.size());
  for (const Ledger::KeptEntry& one : kept) {
    append(all, log_key(one.log));
    append_varuint(all, one.seq);
    const auto entry = decode_stored({workspace, one.log, one.seq, one.previous}, one.stored);
    append(all, (entry ? entry_hash(*entry) : Hash()).view());
  }
  append_varuint(all, states.size());
  for (const auto& [document, state] : states) {
    append(all, document.view());
    append(all, crypto::hash(state).view());
  }
  return crypto::hash(all);
}

}  // namespace coterie::node
