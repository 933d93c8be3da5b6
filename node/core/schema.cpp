#include "node/core/schema.hpp"

#include "node/core/codec.hpp"

namespace coterie::node {
namespace {

Error corrupt(const char* what) { return {ErrorCode::kCorrupt, what}; }

}  // namespace

Bytes meta_key(std::string_view name) { return Bytes(name.begin(), name.end()); }

Bytes log_key(const LogId& log) {
  Bytes key;
  key.reserve(48);
  append(key, log.device.view());
  append_u64(key, log.incarnation);
  return key;
}

Bytes position_key(const LogId& log, Seq seq) {
  Bytes key = log_key(log);
  append_u64(key, seq);
  return key;
}

Bytes prefixed_position(char prefix, const LogId& log, Seq seq) {
  Bytes key{static_cast<std::uint8_t>(prefix)};
  append(key, position_key(log, seq));
  return key;
}

Bytes tail_key(const DocumentId& document, std::uint64_t counter) {
  Bytes key;
  append(key, document.view());
  append_u64(key, counter);
  return key;
}

Result<EntryRef> read_position(ByteView key) {
  ByteReader in(key);
  const auto device = read_id<DeviceId>(in);
  const auto incarnation = read_u64(in);
  const auto seq = read_u64(in);
  if (!device || !incarnation || !seq || !in.at_end()) return corrupt("position of wrong length");
  return EntryRef{{*device, *incarnation}, *seq, {}};
}

Bytes encode_segment(const Segment& segment) {
  Bytes value;
  value.reserve(4 * 8 + 3 * Hash::kBytes);
  append_u64(value, segment.chain.incarnation);
  append_u64(value, segment.strand.incarnation);
  append_u64(value, segment.first);
  append_u64(value, segment.last);
  append(value, segment.before.view());
  append(value, segment.head.view());
  append(value, segment.head_previous.view());
  if (segment.pruned.seq > 0) {
    append_u64(value, segment.pruned.seq);
    append(value, segment.pruned.hash.view());
  }
  return value;
}

Result<Segment> decode_segment(const LogId& name, ByteView value) {
  constexpr std::size_t kWhole = 4 * 8 + 3 * Hash::kBytes;
  const bool pruned = value.size() == kWhole + 8 + Hash::kBytes;
  if (value.size() != kWhole && !pruned) return corrupt("a log's row of wrong length");
  ByteReader in(value);
  Segment segment;
  segment.chain.device = segment.strand.device = name.device;
  COTERIE_TRY(segment.chain.incarnation, read_u64(in));
  COTERIE_TRY(segment.strand.incarnation, read_u64(in));
  COTERIE_TRY(segment.first, read_u64(in));
  COTERIE_TRY(segment.last, read_u64(in));
  COTERIE_TRY(segment.before, read_id<Hash>(in));
  COTERIE_TRY(segment.head, read_id<Hash>(in));
  COTERIE_TRY(segment.head_previous, read_id<Hash>(in));
  if (pruned) {
    COTERIE_TRY(segment.pruned.seq, read_u64(in));
    COTERIE_TRY(segment.pruned.hash, read_id<Hash>(in));
  }
  if (segment.first == 0 || segment.last < segment.first) return corrupt("a log without entries");
  if (segment.pruned.seq > segment.last) return corrupt("a log ends before what is pruned of it");
  return segment;
}

Bytes encode_tail_row(const TailRun& run) {
  Bytes value = position_key(run.first.log, run.first.seq);
  append(value, run.first.previous.view());
  append_varuint(value, run.count);
  return value;
}

Result<TailRun> decode_tail_row(ByteView value) {
  ByteReader in(value);
  TailRun run;
  COTERIE_TRY(run.first.log.device, read_id<DeviceId>(in));
  COTERIE_TRY(run.first.log.incarnation, read_u64(in));
  COTERIE_TRY(run.first.seq, read_u64(in));
  COTERIE_TRY(run.first.previous, read_id<Hash>(in));
  COTERIE_TRY(run.count, in.read_varuint());
  if (run.count == 0 || !in.at_end()) return corrupt("a row of a tail is damaged");
  return run;
}

Result<std::uint64_t> tail_counter(ByteView key) {
  if (key.size() != DocumentId::kBytes + 8) return corrupt("tail key of wrong length");
  ByteReader in(key.subspan(DocumentId::kBytes));
  return read_u64(in);
}

Bytes end_of_prefix(ByteView prefix) {
  Bytes end(prefix.begin(), prefix.end());
  while (!end.empty() && end.back() == 0xff) end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

RowSealer::RowSealer(const WorkspaceId& workspace, const crypto::SigningKey& identity,
                     SecureRandom& random)
    : workspace_(workspace),
      key_(crypto::derive_key(identity.seed(), "coterie storage v1")),
      random_(&random) {}

Bytes RowSealer::associated(storage::Table table, ByteView key) const {
  Bytes place{static_cast<std::uint8_t>(table)};
  append(place, workspace_.view());
  append(place, key);
  return place;
}

Bytes RowSealer::seal(storage::Table table, ByteView key, ByteView row) const {
  return crypto::seal_with_nonce(key_, *random_, associated(table, key), row);
}

Result<Bytes> RowSealer::open(storage::Table table, ByteView key, ByteView sealed) const {
  auto row = crypto::open_with_nonce(key_, associated(table, key), sealed);
  if (!row) return corrupt("a stored row does not open with this device's key");
  return row;
}

}  // namespace coterie::node
