// Records: what a content entry carries once decrypted.
//
//     record   := kind:varuint body
//     update   := 1 document:16 update:rest            one Yjs update (v1)
//     part     := 2 document:16 index:varuint count:varuint bytes:rest
//                 an update too large for one entry: `count` consecutive entries of one log, index
//                 0 to count-1; applied when the last one is there
//     document := 3 document:16 path:varstring created_ms:varuint [generation:varuint]
//                 made at `path`, as the one of that generation; 0 is left out
//     4 is not used: a number is given once
//     clients  := 5 salt:16                            this device edits under the client id that
//                 native_client_id() makes of it
//     carried  := 6 document:16 update:rest            structs of other devices' native client ids,
//                 brought by a browser: who wrote them is not verified
//     carried part := 7, as part, of such an update
//     reverted := 8 document:16 ids                    elements (an IdSet, v1) that had been
//     deleted
//                 and that the author put back: not to be put back again
//     version  := 9 document:16 moment_ms:varuint name:varstring snapshot:rest
//                 the author names what the document was: a Yjs snapshot (v1); `moment_ms`, when
//                 the last change in it was made; an empty name takes the one it has away
//     checkpoint := 10 root:32 frontier                what all documents were there: what `root`
//                 covers says docs/PROTOCOL.md, "Checkpoints"
//     vouch    := 11 checkpoint:32 same:u8 count:varuint device:32*
//                 the author holds all up to the checkpoint of that entry; `same` 1: and it makes
//                 the same of it. A host does not wait for those devices any more
//     report   := 12 device:32 reason:u8               the author was flooded by that device
//                 (reason 1) and linked with it no more for a while
//     message, amend, state, attend := 13, 14, 16, 18: rooms/room_records.hpp
//     properties := 15: rooms/property_records.hpp
//     guest    := 17: rooms/guest_records.hpp
//     frontier := count:varuint (device:32 incarnation:u64 seq:varuint hash:32)*   ascending
//
// Records of other kinds are kept and relayed, and not applied: a later version wrote them.

#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "node/core/rooms/guest_records.hpp"
#include "node/core/rooms/property_records.hpp"
#include "node/core/rooms/room_records.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Persistent format: never renumber.
enum class RecordKind : std::uint8_t {
  kUpdate = 1,
  kPart = 2,
  kDocument = 3,
  kClients = 5,
  kCarried = 6,
  kCarriedPart = 7,
  kReverted = 8,
  kVersion = 9,
  kCheckpoint = 10,
  kVouch = 11,
  kReport = 12,
  kMessage = 13,
  kAmend = 14,
  kProperties = 15,
  kState = 16,
  kGuest = 17,
  kAttend = 18,
};

struct UpdateRecord {
  DocumentId document;
  ByteView update;  ///< Points into the decoded bytes.
  bool carried = false;
};
struct PartRecord {
  DocumentId document;
  std::uint64_t index = 0;
  std::uint64_t count = 0;  ///< 2 to kRecordPartsMax.
  ByteView bytes;           ///< Points into the decoded bytes.
  bool carried = false;
};
struct DocumentRecord {
  DocumentId document;  ///< Always document_id(workspace, path, generation).
  std::string path;
  WallMillis created = 0;
  std::uint64_t generation = 0;  ///< At most kGenerationMax.
};
struct ClientsRecord {
  std::array<std::uint8_t, 16> salt{};  ///< Random.
};
struct RevertedRecord {
  DocumentId document;
  ByteView ids;  ///< An IdSet (v1), unchecked. Points into the decoded bytes.
};
struct VersionRecord {
  DocumentId document;
  WallMillis moment = 0;
  std::string name;   ///< See check_name(); or empty.
  ByteView snapshot;  ///< A crdt::Snapshot (v1), unchecked. Points into the decoded bytes.
};
struct CheckpointRecord {
  Hash root;
  Frontier frontier;
};
struct VouchRecord {
  Hash checkpoint;  ///< Hash of its entry.
  bool same = false;
  std::vector<DeviceId> waived;  ///< Ascending.
};
struct ReportRecord {
  DeviceId device;
  std::uint8_t reason = 1;  ///< 1: it floods. Others are of later versions.
};
struct UnknownRecord {
  std::uint64_t kind = 0;
};
using Record = std::variant<UpdateRecord, PartRecord, DocumentRecord, ClientsRecord, RevertedRecord,
                            VersionRecord, CheckpointRecord, VouchRecord, ReportRecord,
                            MessageRecord, AmendRecord, PropertiesRecord, StateWord, GuestRecord,
                            AttendRecord, UnknownRecord>;

Bytes encode_record(const Record& record);

void append_frontier(Bytes& out, const Frontier& frontier);
/// Errors: kMalformed (truncated, not ascending, a number of zero), kLimitExceeded
/// (kCheckpointLogsMax).
Result<Frontier> read_frontier(ByteReader& in);

/// Errors: kMalformed, kLimitExceeded; a document whose id is not that of its path is kMalformed.
/// The result points into `record`.
Result<Record> decode_record(const WorkspaceId& workspace, ByteView record);

/// The document that `record` is about, as the index of documents has it: of whatever kind, and
/// whether the rest of it decodes or not. Cheap.
std::optional<DocumentId> indexed_document(ByteView record);

/// The document that `record` changes, if it is an update or the first part of one. Cheap.
std::optional<DocumentId> edited_document(ByteView record);

/// The records that carry `update`: one, or as many parts as it takes.
/// Precondition: update.size() <= kUpdateBytesMax.
std::vector<Bytes> encode_update(const DocumentId& document, ByteView update, bool carried = false);

/// Client ids from here on are native: made by native_client_id(), and nobody else's. Stock Yjs
/// clients draw 32 bits.
inline constexpr std::uint64_t kNativeClientsMin = std::uint64_t{1} << 52;

/// 2^52 and 52 bits of BLAKE2b("coterie client v1" workspace device salt). That it is a hash keeps
/// a member from declaring an id that another uses.
std::uint64_t native_client_id(const WorkspaceId& workspace, const DeviceId& device,
                               const ClientsRecord& record);

/// BLAKE2b-256("coterie document v1" workspace path), its first 16 bytes: two nodes that make the
/// same path while apart make one document. Where documents that were made there have moved away or
/// are in the trash, the next one is of the next generation: then 0 and the number (u64) are hashed
/// after the path.
DocumentId document_id(const WorkspaceId& workspace, std::string_view path,
                       std::uint64_t generation = 0);

/// 1 to kPathBytesMax bytes of UTF-8 without control characters or backslashes; segments divided by
/// single slashes, none of them "." or "..". Errors: kMalformed, kLimitExceeded.
Status check_document_path(std::string_view path);

/// 1 to kNameBytesMax bytes of UTF-8 without control characters. Errors: kMalformed,
/// kLimitExceeded.
Status check_name(std::string_view name);

/// "tcp://HOST:PORT", printable ASCII, at most kAddressBytesMax bytes. Errors: kMalformed,
/// kLimitExceeded.
Status check_address(std::string_view address);

}  // namespace coterie::node
