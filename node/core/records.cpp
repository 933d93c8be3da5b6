#include "node/core/records.hpp"

#include <algorithm>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kDocumentDomain = "coterie document v1";
constexpr std::string_view kClientDomain = "coterie client v1";

void append_kind(Bytes& out, RecordKind kind) {
  append_varuint(out, static_cast<std::uint64_t>(kind));
}

/// Control characters of ASCII and Latin-1, in UTF-8.
bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<std::uint8_t>(text[i + 1]) < 0xa0) {
      return true;
    }
  }
  return false;
}

struct Encoder {
  Bytes& out;

  void operator()(const UpdateRecord& update) const {
    append_kind(out, update.carried ? RecordKind::kCarried : RecordKind::kUpdate);
    append(out, update.document.view());
    append(out, update.update);
  }
  void operator()(const PartRecord& part) const {
    append_kind(out, part.carried ? RecordKind::kCarriedPart : RecordKind::kPart);
    append(out, part.document.view());
    append_varuint(out, part.index);
    append_varuint(out, part.count);
    append(out, part.bytes);
  }
  void operator()(const DocumentRecord& document) const {
    append_kind(out, RecordKind::kDocument);
    append(out, document.document.view());
    append_varstring(out, document.path);
    append_varuint(out, document.created);
    if (document.generation > 0) append_varuint(out, document.generation);
  }
  void operator()(const ClientsRecord& clients) const {
    append_kind(out, RecordKind::kClients);
    append(out, clients.salt);
  }
  void operator()(const RevertedRecord& reverted) const {
    append_kind(out, RecordKind::kReverted);
    append(out, reverted.document.view());
    append(out, reverted.ids);
  }
  void operator()(const VersionRecord& version) const {
    append_kind(out, RecordKind::kVersion);
    append(out, version.document.view());
    append_varuint(out, version.moment);
    append_varstring(out, version.name);
    append(out, version.snapshot);
  }
  void operator()(const CheckpointRecord& checkpoint) const {
    append_kind(out, RecordKind::kCheckpoint);
    append(out, checkpoint.root.view());
    append_frontier(out, checkpoint.frontier);
  }
  void operator()(const VouchRecord& vouch) const {
    append_kind(out, RecordKind::kVouch);
    append(out, vouch.checkpoint.view());
    out.push_back(vouch.same ? 1 : 0);
    append_varuint(out, vouch.waived.size());
    for (const DeviceId& device : vouch.waived) append(out, device.view());
  }
  void operator()(const ReportRecord& report) const {
    append_kind(out, RecordKind::kReport);
    append(out, report.device.view());
    out.push_back(report.reason);
  }
  void operator()(const MessageRecord& message) const {
    append_kind(out, RecordKind::kMessage);
    append_message(out, message);
  }
  void operator()(const AmendRecord& amendment) const {
    append_kind(out, RecordKind::kAmend);
    append_amendment(out, amendment);
  }
  void operator()(const PropertiesRecord& properties) const {
    append_kind(out, RecordKind::kProperties);
    append_properties(out, properties);
  }
  void operator()(const StateWord& word) const {
    append_kind(out, RecordKind::kState);
    append_state(out, word);
  }
  void operator()(const AttendRecord& record) const {
    append_kind(out, RecordKind::kAttend);
    append_attendance(out, record);
  }
  void operator()(const GuestRecord& guest) const {
    append_kind(out, RecordKind::kGuest);
    append_guest(out, guest);
  }
  void operator()(const UnknownRecord&) const { COTERIE_ASSERT(false); }
};

Result<Record> decode_part(ByteReader& in, bool carried) {
  PartRecord part;
  part.carried = carried;
  COTERIE_TRY(part.document, read_id<DocumentId>(in));
  COTERIE_TRY(part.index, read_number(in));
  COTERIE_TRY(part.count, read_number(in));
  if (part.count > kRecordPartsMax) {
    return Error{ErrorCode::kLimitExceeded, "update in too many parts", part.count};
  }
  if (part.count < 2 || part.index >= part.count) {
    return malformed("part of an update out of range", part.index);
  }
  COTERIE_TRY(part.bytes, in.read_bytes(in.remaining()));
  if (part.bytes.size() > kRecordPartBytes) {
    return Error{ErrorCode::kLimitExceeded, "part of an update too large", part.bytes.size()};
  }
  return Record(part);
}

Result<Record> decode_document(const WorkspaceId& workspace, ByteReader& in) {
  DocumentRecord document;
  COTERIE_TRY(document.document, read_id<DocumentId>(in));
  COTERIE_TRY(document.path, read_text(in, kPathBytesMax));
  COTERIE_TRY(document.created, read_number(in));
  if (!in.at_end()) {
    COTERIE_TRY(document.generation, read_number(in));
    if (document.generation == 0) return malformed("a generation of none", in.offset());
    if (document.generation > kGenerationMax) {
      return Error{ErrorCode::kLimitExceeded, "too many generations", document.generation};
    }
  }
  COTERIE_CHECK(expect_end(in));
  COTERIE_CHECK(check_document_path(document.path));
  if (document.document != document_id(workspace, document.path, document.generation)) {
    return malformed("document id is not that of its path", 0);
  }
  return Record(std::move(document));
}

Result<Record> decode_version(ByteReader& in) {
  VersionRecord version;
  COTERIE_TRY(version.document, read_id<DocumentId>(in));
  COTERIE_TRY(version.moment, read_number(in));
  COTERIE_TRY(version.name, read_text(in, kNameBytesMax));
  if (!version.name.empty()) COTERIE_CHECK(check_name(version.name));
  COTERIE_TRY(version.snapshot, in.read_bytes(in.remaining()));
  if (version.snapshot.size() > kVersionSnapshotBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "snapshot too large", version.snapshot.size()};
  }
  return Record(std::move(version));
}

Result<Record> decode_checkpoint(ByteReader& in) {
  CheckpointRecord checkpoint;
  COTERIE_TRY(checkpoint.root, read_id<Hash>(in));
  COTERIE_TRY(checkpoint.frontier, read_frontier(in));
  COTERIE_CHECK(expect_end(in));
  return Record(std::move(checkpoint));
}

Result<Record> decode_vouch(ByteReader& in) {
  VouchRecord vouch;
  COTERIE_TRY(vouch.checkpoint, read_id<Hash>(in));
  COTERIE_TRY(const std::uint8_t same, in.read_u8());
  if (same > 1) return malformed("neither the same nor not", in.offset());
  vouch.same = same == 1;
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kWaivedMax) return Error{ErrorCode::kLimitExceeded, "too many devices", count};
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(const DeviceId device, read_id<DeviceId>(in));
    const bool ascends = vouch.waived.empty() || vouch.waived.back() < device;
    if (!ascends) return malformed("devices out of order", in.offset());
    vouch.waived.push_back(device);
  }
  COTERIE_CHECK(expect_end(in));
  return Record(std::move(vouch));
}

}  // namespace

void append_frontier(Bytes& out, const Frontier& frontier) {
  append_varuint(out, frontier.size());
  for (const auto& [log, head] : frontier) {
    append(out, log.device.view());
    append_u64(out, log.incarnation);
    append_varuint(out, head.seq);
    append(out, head.hash.view());
  }
}

Result<Frontier> read_frontier(ByteReader& in) {
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kCheckpointLogsMax) return Error{ErrorCode::kLimitExceeded, "too many logs", count};
  Frontier frontier;
  for (std::uint64_t i = 0; i < count; ++i) {
    LogId log;
    LogHead head;
    COTERIE_TRY(log.device, read_id<DeviceId>(in));
    COTERIE_TRY(log.incarnation, read_u64(in));
    COTERIE_TRY(head.seq, read_number(in));
    COTERIE_TRY(head.hash, read_id<Hash>(in));
    const bool ascends = frontier.empty() || frontier.rbegin()->first < log;
    if (!ascends) return malformed("logs out of order", in.offset());
    if (head.seq == 0) return malformed("a log without entries", in.offset());
    frontier.emplace_hint(frontier.end(), log, head);
  }
  return frontier;
}

Bytes encode_record(const Record& record) {
  Bytes out;
  std::visit(Encoder{out}, record);
  return out;
}

Result<Record> decode_record(const WorkspaceId& workspace, ByteView record) {
  ByteReader in(record);
  COTERIE_TRY(const std::uint64_t kind, read_number(in));
  switch (kind) {
    case static_cast<std::uint64_t>(RecordKind::kUpdate):
    case static_cast<std::uint64_t>(RecordKind::kCarried): {
      UpdateRecord update;
      update.carried = kind == static_cast<std::uint64_t>(RecordKind::kCarried);
      COTERIE_TRY(update.document, read_id<DocumentId>(in));
      COTERIE_TRY(update.update, in.read_bytes(in.remaining()));
      return Record(update);
    }
    case static_cast<std::uint64_t>(RecordKind::kPart):
    case static_cast<std::uint64_t>(RecordKind::kCarriedPart):
      return decode_part(in, kind == static_cast<std::uint64_t>(RecordKind::kCarriedPart));
    case static_cast<std::uint64_t>(RecordKind::kDocument):
      return decode_document(workspace, in);
    case static_cast<std::uint64_t>(RecordKind::kClients): {
      ClientsRecord clients;
      COTERIE_TRY(const ByteView salt, in.read_bytes(clients.salt.size()));
      COTERIE_CHECK(expect_end(in));
      std::copy(salt.begin(), salt.end(), clients.salt.begin());
      return Record(clients);
    }
    case static_cast<std::uint64_t>(RecordKind::kReverted): {
      RevertedRecord reverted;
      COTERIE_TRY(reverted.document, read_id<DocumentId>(in));
      COTERIE_TRY(reverted.ids, in.read_bytes(in.remaining()));
      return Record(reverted);
    }
    case static_cast<std::uint64_t>(RecordKind::kVersion):
      return decode_version(in);
    case static_cast<std::uint64_t>(RecordKind::kCheckpoint):
      return decode_checkpoint(in);
    case static_cast<std::uint64_t>(RecordKind::kVouch):
      return decode_vouch(in);
    case static_cast<std::uint64_t>(RecordKind::kReport): {
      ReportRecord report;
      COTERIE_TRY(report.device, read_id<DeviceId>(in));
      COTERIE_TRY(report.reason, in.read_u8());
      COTERIE_CHECK(expect_end(in));
      return Record(report);
    }
    case static_cast<std::uint64_t>(RecordKind::kMessage): {
      COTERIE_TRY(MessageRecord message, read_message(in));
      return Record(std::move(message));
    }
    case static_cast<std::uint64_t>(RecordKind::kProperties): {
      COTERIE_TRY(PropertiesRecord properties, read_properties(in));
      return Record(std::move(properties));
    }
    case static_cast<std::uint64_t>(RecordKind::kAmend): {
      COTERIE_TRY(AmendRecord amendment, read_amendment(in));
      return Record(std::move(amendment));
    }
    case static_cast<std::uint64_t>(RecordKind::kState): {
      COTERIE_TRY(StateWord word, read_state(in));
      return Record(std::move(word));
    }
    case static_cast<std::uint64_t>(RecordKind::kAttend): {
      COTERIE_TRY(AttendRecord attendance, read_attendance(in));
      return Record(std::move(attendance));
    }
    case static_cast<std::uint64_t>(RecordKind::kGuest): {
      COTERIE_TRY(GuestRecord guest, read_guest(in));
      return Record(std::move(guest));
    }
    default:
      return Record(UnknownRecord{kind});
  }
}

std::optional<DocumentId> edited_document(ByteView record) {
  ByteReader in(record);
  const auto kind = read_number(in);
  const bool edits = kind && (*kind == static_cast<std::uint64_t>(RecordKind::kUpdate) ||
                              *kind == static_cast<std::uint64_t>(RecordKind::kPart));
  if (!edits) return std::nullopt;
  const auto document = read_id<DocumentId>(in);
  return document ? std::optional(*document) : std::nullopt;
}

std::optional<DocumentId> indexed_document(ByteView record) {
  ByteReader in(record);
  const auto kind = read_number(in);
  if (!kind) return std::nullopt;
  switch (static_cast<RecordKind>(*kind)) {
    case RecordKind::kUpdate:
    case RecordKind::kPart:
    case RecordKind::kDocument:
    case RecordKind::kCarried:
    case RecordKind::kCarriedPart:
    case RecordKind::kReverted:
    case RecordKind::kVersion: {
      const auto document = read_id<DocumentId>(in);
      return document ? std::optional(*document) : std::nullopt;
    }
    case RecordKind::kClients:
    case RecordKind::kCheckpoint:
    case RecordKind::kVouch:
    case RecordKind::kReport:
    case RecordKind::kMessage:
    case RecordKind::kAmend:
    case RecordKind::kProperties:
    case RecordKind::kState:
    case RecordKind::kAttend:
    case RecordKind::kGuest:
      break;
  }
  return std::nullopt;
}

std::uint64_t native_client_id(const WorkspaceId& workspace, const DeviceId& device,
                               const ClientsRecord& record) {
  const Hash hash =
      crypto::hash({as_bytes(kClientDomain), workspace.view(), device.view(), record.salt});
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | hash.bytes[i];
  return kNativeClientsMin | (bits & (kNativeClientsMin - 1));
}

std::vector<Bytes> encode_update(const DocumentId& document, ByteView update, bool carried) {
  COTERIE_ASSERT(update.size() <= kUpdateBytesMax);
  if (update.size() <= kRecordPartBytes) {
    return {encode_record(UpdateRecord{document, update, carried})};
  }
  std::vector<Bytes> records;
  const std::size_t count = (update.size() + kRecordPartBytes - 1) / kRecordPartBytes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t start = i * kRecordPartBytes;
    const std::size_t length = std::min(kRecordPartBytes, update.size() - start);
    records.push_back(
        encode_record(PartRecord{document, i, count, update.subspan(start, length), carried}));
  }
  return records;
}

DocumentId document_id(const WorkspaceId& workspace, std::string_view path,
                       std::uint64_t generation) {
  Bytes number;
  if (generation > 0) {
    number.push_back(0);  // Which no path holds.
    append_u64(number, generation);
  }
  const Hash whole =
      crypto::hash({as_bytes(kDocumentDomain), workspace.view(), as_bytes(path), number});
  DocumentId id;
  std::memcpy(id.bytes.data(), whole.bytes.data(), DocumentId::kBytes);
  return id;
}

Status check_document_path(std::string_view path) {
  if (path.empty()) return malformed("document path is empty", 0);
  if (path.size() > kPathBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "document path longer than 1,024 bytes", path.size()};
  }
  if (!is_utf8(path)) return malformed("document path is not UTF-8", 0);
  if (has_control_characters(path)) return malformed("document path has control characters", 0);
  if (path.find('\\') != std::string_view::npos) {
    return malformed("document path has a backslash", path.find('\\'));
  }
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment.empty()) return malformed("document path has an empty segment", start);
    if (segment == "." || segment == "..") {
      return malformed("document path has a segment of dots", start);
    }
    start = end + 1;
  }
  return {};
}

Status check_name(std::string_view name) {
  if (name.empty()) return malformed("name is empty", 0);
  if (name.size() > kNameBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "name longer than 200 bytes", name.size()};
  }
  if (!is_utf8(name)) return malformed("name is not UTF-8", 0);
  if (has_control_characters(name)) return malformed("name has control characters", 0);
  return {};
}

Status check_address(std::string_view address) {
  constexpr std::string_view kScheme = "tcp://";
  if (address.size() > kAddressBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "address too long", address.size()};
  }
  const std::size_t colon = address.rfind(':');
  const bool shaped = address.substr(0, kScheme.size()) == kScheme &&
                      colon != std::string_view::npos && colon > kScheme.size() &&
                      colon + 1 < address.size() && address.size() - colon <= 6;
  if (!shaped) return malformed("address is not tcp://HOST:PORT", 0);
  for (const char c : address) {
    if (c <= 0x20 || c >= 0x7f) return malformed("address is not tcp://HOST:PORT", 0);
  }
  std::uint32_t port = 0;
  for (const char c : address.substr(colon + 1)) {
    if (c < '0' || c > '9') return malformed("address is not tcp://HOST:PORT", colon);
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (port == 0 || port > 65'535) return malformed("port out of range", colon);
  return {};
}

}  // namespace coterie::node
