// Membership operations: the payloads of membership entries, readable without a content key.
//
//     operation   := kind:varuint body
//     create      := 1 name:varstring key:32
//                    founds the workspace; its author is the first host; `key` is the commitment of
//                    the first epoch key
//     invite      := 2 invite:32 role:varuint expires_ms:varuint uses:varuint flags:varuint
//                    [document:16]
//                    `invite` is the public half of the one-time key in the invite string; flags:
//                    1 approval, 2 from_now, 4 own_device, 8 document: whom it lets in has its role
//                    there, and is a viewer in all others
//     admit       := 3 device:32 name:varstring role:varuint invite:32 proof:64
//                    count:varuint (key:32 sealed:varbytes)*
//                    `proof` is the invite key's signature of admission_proof(); epoch keys sealed
//                    to the new device
//     request     := 4 device:32 name:varstring invite:32 proof:64
//                    somebody asks to be let in by an invite that wants a host's approval
//     revoke      := 5 invite:32
//     role        := 6 device:32 role:varuint marks
//     remove      := 7 device:32 whole_person:u8 (0 or 1) marks
//     acknowledge := 8 operation:32 marks
//                    `operation` is the remove, lowering role or void admission that is answered
//     rekey       := 9 key:32 ephemeral:32 previous:(count:varuint (key:32 box:48)*)
//                    boxes:(count:varuint box:48*)
//                    a new epoch: commitment of its key; older keys under the new one; the new key
//                    for each member that may hold keys (all but relays), ascending by device
//     document_role := 10 device:32 document:16 role:varuint marks
//                    the person of `device` has at most that role (2 to 4) in the document; all
//                    zero: in those that no operation of this kind names for that person
//     marks       := count:varuint (device:32 incarnation:u64 seq:varuint hash:32)*
//                    how far its author holds the logs concerned; strictly ascending
//
// Operations of other kinds are kept, relayed and take part in the causal order, without effect.

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "node/core/role.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Persistent format: never renumber.
enum class OperationKind : std::uint8_t {
  kCreate = 1,
  kInvite = 2,
  kAdmit = 3,
  kRequest = 4,
  kRevoke = 5,
  kRole = 6,
  kRemove = 7,
  kAcknowledge = 8,
  kRekey = 9,
  kDocumentRole = 10,
};

/// "create", "invite", ...; "unknown" for others.
const char* operation_name(std::uint64_t kind);

struct CreateOperation {
  std::string name;
  Hash key;
};
struct InviteOperation {
  DeviceId invite;
  Role role = Role::kEditor;
  WallMillis expires = 0;
  std::uint32_t uses = 1;
  bool approval = false;    ///< Only a host's admission counts.
  bool from_now = false;    ///< The newcomer gets no key of before.
  bool own_device = false;  ///< Links the newcomer to the person of the invite's author.
  /// The newcomer has the role in this one only, and is a viewer in the others. Zero: in all.
  DocumentId document{};
};
/// An epoch key that only one device can open.
struct SealedKey {
  Hash commitment;
  Bytes sealed;
};
struct AdmitOperation {
  DeviceId device;
  std::string name;
  Role role = Role::kEditor;
  DeviceId invite;
  crypto::Signature proof;
  std::vector<SealedKey> keys;
};
struct RequestOperation {
  DeviceId device;
  std::string name;
  DeviceId invite;
  crypto::Signature proof;
};
struct RevokeOperation {
  DeviceId invite;
};
/// How far a log is held: its newest entry there.
struct LogMark {
  LogId log;
  Seq seq = 0;
  Hash hash;

  bool operator==(const LogMark&) const = default;
};
struct RoleOperation {
  DeviceId device;
  Role role = Role::kEditor;
  std::vector<LogMark> seen;
};
struct RemoveOperation {
  DeviceId device;
  bool whole_person = false;
  std::vector<LogMark> seen;
};
struct AcknowledgeOperation {
  Hash operation;
  std::vector<LogMark> seen;
};
/// An older epoch key under a newer one (crypto::chain_key).
struct ChainedKey {
  Hash commitment;  ///< Of the older key.
  crypto::KeyBox box;
};
struct RekeyOperation {
  Hash key;                          ///< Commitment.
  crypto::CurveKey ephemeral;        ///< For all boxes (crypto::seal_key).
  std::vector<ChainedKey> previous;  ///< Strictly ascending by commitment.
  /// One per member that may hold keys (any but relays), ascending by device.
  std::vector<crypto::KeyBox> boxes;
};
struct DocumentRoleOperation {
  DeviceId device;
  DocumentId document;  ///< Zero: those of which nothing is said.
  Role role = Role::kEditor;
  std::vector<LogMark> seen;
};
struct UnknownOperation {
  std::uint64_t kind = 0;
};
using Operation =
    std::variant<CreateOperation, InviteOperation, AdmitOperation, RequestOperation,
                 RevokeOperation, RoleOperation, RemoveOperation, AcknowledgeOperation,
                 RekeyOperation, DocumentRoleOperation, UnknownOperation>;

/// The kind's number.
std::uint64_t operation_kind(const Operation& operation);

Bytes encode_operation(const Operation& operation);

/// Errors: kMalformed, kLimitExceeded.
Result<Operation> decode_operation(ByteView payload);

/// What the holder of an invite signs with its key so that `device` may be admitted: of the
/// workspace's id the first half, which is what its holder knows.
Hash admission_proof(const WorkspaceId& workspace, const DeviceId& device);

void append_sealed_keys(Bytes& out, const std::vector<SealedKey>& keys);
Result<std::vector<SealedKey>> read_sealed_keys(ByteReader& in);

}  // namespace coterie::node
