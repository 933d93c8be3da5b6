#include "node/core/admission.hpp"

#include <algorithm>
#include <variant>

#include "node/core/codec.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr std::uint8_t kRowVersion = 1;
constexpr char kPrefix = 's';

Bytes row_key(const Admission::Position& position) {
  return prefixed_position(kPrefix, position.first, position.second);
}

Bytes encode_row(const Disputed& one) {
  Bytes row{kRowVersion};
  append(row, one.ref.previous.view());
  append(row, one.hash.view());
  append_u64(row, one.time);
  row.push_back(one.stood_upon ? 1 : 0);
  row.push_back(static_cast<std::uint8_t>(one.kind));
  append(row, one.document.view());
  append_varuint(row, one.part_index);
  append_varuint(row, one.part_count);
  append_varuint(row, one.heads->size());
  for (const Hash& head : *one.heads) append(row, head.view());
  return row;
}

Result<Disputed> decode_row(ByteView bytes) {
  ByteReader in(bytes);
  Disputed one;
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kRowVersion) return Error{ErrorCode::kCorrupt, "row of an unknown version"};
  COTERIE_TRY(one.ref.previous, read_id<Hash>(in));
  COTERIE_TRY(one.hash, read_id<Hash>(in));
  COTERIE_TRY(one.time, read_u64(in));
  COTERIE_TRY(const std::uint8_t stood_upon, in.read_u8());
  one.stood_upon = stood_upon != 0;
  COTERIE_TRY(const std::uint8_t kind, in.read_u8());
  one.kind = static_cast<RecordKind>(kind);
  COTERIE_TRY(one.document, read_id<DocumentId>(in));
  COTERIE_TRY(one.part_index, in.read_varuint());
  COTERIE_TRY(one.part_count, in.read_varuint());
  COTERIE_TRY(const std::uint64_t count, in.read_varuint());
  if (count > kEntryHeadsMax) return Error{ErrorCode::kCorrupt, "row with too many heads"};
  std::vector<Hash> heads(count);
  for (Hash& head : heads) {
    COTERIE_TRY(head, read_id<Hash>(in));
  }
  one.heads = std::make_shared<const std::vector<Hash>>(std::move(heads));
  return one;
}

Admission::Position position_of(const EntryRef& ref) { return {ref.log, ref.seq}; }

}  // namespace

Right right_for(const Record& record) {
  const bool speaks =
      std::holds_alternative<VouchRecord>(record) || std::holds_alternative<ReportRecord>(record) ||
      std::holds_alternative<MessageRecord>(record) ||
      std::holds_alternative<AmendRecord>(record) || std::holds_alternative<StateWord>(record) ||
      std::holds_alternative<AttendRecord>(record) || std::holds_alternative<UnknownRecord>(record);
  if (std::holds_alternative<GuestRecord>(record)) return Right::kHost;
  return speaks ? Right::kSpeak : Right::kEdit;
}

std::optional<DocumentId> judged_document(const Record& record) {
  return std::visit(
      [](const auto& one) -> std::optional<DocumentId> {
        using Kind = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Kind, VouchRecord> || std::is_same_v<Kind, ReportRecord> ||
                      std::is_same_v<Kind, GuestRecord>) {
          return std::nullopt;
        } else if constexpr (requires { one.document; }) {
          return one.document;
        } else {
          return DocumentId{};
        }
      },
      record);
}

// By membership.

EntryJudge::Verdict MembershipJudge::judge(const EntryRef& ref, const Hash&,
                                           std::span<const Hash> heads, Right right,
                                           const std::optional<DocumentId>& document) const {
  const Standing standing = ledger_.membership().standing(ref.log.device, heads, right, document);
  switch (standing.kind) {
    case Standing::Kind::kAdmitted:
      return Verdict::kCounts;
    case Standing::Kind::kRefused:
      return Verdict::kRefused;
    case Standing::Kind::kUnknownPast:
      return Verdict::kUnknown;
    case Standing::Kind::kDisputed:
      break;
  }
  const bool reached =
      std::all_of(standing.by.begin(), standing.by.end(), [&](const Restriction* restriction) {
        return restriction->any_mark(
            document, [&](const LogMark& mark) { return ledger_.reaches(mark, ref); });
      });
  return reached ? Verdict::kCounts : Verdict::kDisputed;
}

std::map<DeviceId, EntryJudge::Disputes> MembershipJudge::disputes(
    const std::set<DeviceId>& devices) const {
  std::map<DeviceId, Disputes> all;
  awaits_ = false;
  const DocumentScope everywhere{true, {}};
  for (const DeviceId& device : devices) {
    auto restrictions = ledger_.membership().restrictions_of(device);
    for (Restriction& limit : ledger_.membership().limits_of(device)) {
      restrictions.push_back(std::move(limit));
    }
    for (const Restriction& restriction : restrictions) {
      Marks& marks = all[device][{restriction.operation, restriction.counts}];
      const auto note = [&](const DocumentScope& scope, const LogMark& mark) {
        const bool held = ledger_.holds(mark);
        awaits_ = awaits_ || !held;
        marks.emplace(std::make_tuple(mark.log, mark.seq, mark.hash, scope), held);
      };
      for (const LogMark& mark : restriction.acknowledged) note(everywhere, mark);
      for (const auto& one : restriction.acknowledged_in) note(one.first, one.second);
    }
  }
  return all;
}

EntryJudge::Epoch MembershipJudge::epoch() const {
  const auto& segments = ledger_.segments().all();
  const bool forks = std::any_of(segments.begin(), segments.end(),
                                 [](const auto& one) { return is_branch(one.first); });
  return {ledger_.membership().operations(), segments.size(),
          forks || awaits_ ? ledger_.entries() : 0};
}

bool has_forked(const Ledger& ledger, const DeviceId& device) {
  const auto& segments = ledger.segments().all();
  for (auto it = segments.lower_bound({device, 0});
       it != segments.end() && it->first.device == device; ++it) {
    if (is_branch(it->first)) return true;
  }
  return false;
}

bool MembershipJudge::precedes(const DeviceId& a, const DeviceId& b) const {
  return ledger_.membership().precedes(a, b);
}

// Rows.

Status Admission::load() {
  Status status;
  const Bytes prefix{static_cast<std::uint8_t>(kPrefix)};
  COTERIE_CHECK(ledger_.store().scan(
      Table::kMeta, prefix, end_of_prefix(prefix), [&](ByteView key, ByteView value) {
        const auto ref = read_position(key.subspan(1));
        const auto row = ledger_.sealer().open(Table::kMeta, key, value);
        auto one = row ? decode_row(*row) : Result<Disputed>(row.error());
        if (!ref || !one) {
          status = Error{ErrorCode::kCorrupt, "the row of an entry set aside is damaged"};
          return false;
        }
        one->ref.log = ref->log;
        one->ref.seq = ref->seq;
        index(std::move(*one));
        return true;
      }));
  return status;
}

void Admission::index(Disputed one) {
  const Position position = position_of(one.ref);
  if (last_heads_ != nullptr && *last_heads_ == *one.heads) one.heads = last_heads_;
  last_heads_ = one.heads;
  by_document_[one.document].insert(position);
  if (one.stood_upon) ++stood_upon_;
  disputed_.emplace(position, std::move(one));
}

void Admission::store_row(const Disputed& one) {
  Bytes key = row_key(position_of(one.ref));
  Bytes row = ledger_.sealer().seal(Table::kMeta, key, encode_row(one));
  ledger_.staged().put(Table::kMeta, std::move(key), std::move(row));
}

const Disputed* Admission::find(const EntryRef& ref) const {
  const auto found = disputed_.find(position_of(ref));
  return found == disputed_.end() ? nullptr : &found->second;
}

const std::set<Admission::Position>& Admission::of(const DocumentId& document) const {
  static const std::set<Position> kNone;
  const auto found = by_document_.find(document);
  return found == by_document_.end() ? kNone : found->second;
}

const Disputed& Admission::add(const LedgerRecord& record, const Record& decoded) {
  const Position position = position_of(record.ref);
  if (const auto known = disputed_.find(position); known != disputed_.end()) return known->second;
  Disputed one;
  one.ref = record.ref;
  one.hash = record.hash;
  one.time = record.time;
  one.heads = std::make_shared<const std::vector<Hash>>(record.heads);
  if (const auto* update = std::get_if<UpdateRecord>(&decoded)) {
    one.kind = RecordKind::kUpdate;
    one.document = update->document;
  } else if (const auto* part = std::get_if<PartRecord>(&decoded)) {
    one.kind = RecordKind::kPart;
    one.document = part->document;
    one.part_index = part->index;
    one.part_count = part->count;
  } else {
    one.kind = RecordKind::kDocument;
    one.document = std::get<DocumentRecord>(decoded).document;
  }
  store_row(one);
  index(std::move(one));
  return disputed_.at(position);
}

void Admission::stand_upon(const Position& position, bool yes) {
  const auto found = disputed_.find(position);
  if (found == disputed_.end() || found->second.stood_upon == yes) return;
  found->second.stood_upon = yes;
  yes ? ++stood_upon_ : --stood_upon_;
  store_row(found->second);
}

void Admission::remove(const Position& position) {
  const auto found = disputed_.find(position);
  if (found == disputed_.end()) return;
  if (found->second.stood_upon) --stood_upon_;
  const auto listed = by_document_.find(found->second.document);
  if (listed != by_document_.end()) {
    listed->second.erase(position);
    if (listed->second.empty()) by_document_.erase(listed);
  }
  disputed_.erase(found);
  ledger_.staged().batch.erase(Table::kMeta, row_key(position));
}

}  // namespace coterie::node
