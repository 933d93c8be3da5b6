#include "node/core/membership/operations.hpp"

#include <array>
#include <tuple>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kProofDomain = "coterie admission v1";
/// An invite names so much of the workspace's id (invite.hpp).
constexpr std::size_t kProofWorkspaceBytes = 16;

constexpr std::uint64_t kFlagApproval = 1;
constexpr std::uint64_t kFlagFromNow = 2;
constexpr std::uint64_t kFlagOwnDevice = 4;
constexpr std::uint64_t kFlagDocument = 8;

void append_kind(Bytes& out, OperationKind kind) {
  append_varuint(out, static_cast<std::uint64_t>(kind));
}

Result<Role> read_role(ByteReader& in) {
  const std::size_t offset = in.offset();
  COTERIE_TRY(const std::uint64_t role, read_number(in));
  if (role < static_cast<std::uint64_t>(Role::kHost) ||
      role > static_cast<std::uint64_t>(Role::kRelay)) {
    return malformed("unknown role", offset);
  }
  return static_cast<Role>(role);
}

Result<std::string> read_name(ByteReader& in) {
  COTERIE_TRY(std::string name, read_text(in, kNameBytesMax));
  COTERIE_CHECK(check_name(name));
  return name;
}

struct Encoder {
  Bytes& out;

  void operator()(const CreateOperation& create) const {
    append_kind(out, OperationKind::kCreate);
    append_varstring(out, create.name);
    append(out, create.key.view());
  }
  void operator()(const InviteOperation& invite) const {
    append_kind(out, OperationKind::kInvite);
    append(out, invite.invite.view());
    append_varuint(out, static_cast<std::uint64_t>(invite.role));
    append_varuint(out, invite.expires);
    append_varuint(out, invite.uses);
    append_varuint(out, (invite.approval ? kFlagApproval : 0) |
                            (invite.from_now ? kFlagFromNow : 0) |
                            (invite.own_device ? kFlagOwnDevice : 0) |
                            (invite.document.is_zero() ? 0 : kFlagDocument));
    if (!invite.document.is_zero()) append(out, invite.document.view());
  }
  void operator()(const AdmitOperation& admit) const {
    append_kind(out, OperationKind::kAdmit);
    append(out, admit.device.view());
    append_varstring(out, admit.name);
    append_varuint(out, static_cast<std::uint64_t>(admit.role));
    append(out, admit.invite.view());
    append(out, admit.proof.view());
    append_sealed_keys(out, admit.keys);
  }
  void operator()(const RequestOperation& request) const {
    append_kind(out, OperationKind::kRequest);
    append(out, request.device.view());
    append_varstring(out, request.name);
    append(out, request.invite.view());
    append(out, request.proof.view());
  }
  void operator()(const RevokeOperation& revoke) const {
    append_kind(out, OperationKind::kRevoke);
    append(out, revoke.invite.view());
  }
  void operator()(const RoleOperation& role) const {
    append_kind(out, OperationKind::kRole);
    append(out, role.device.view());
    append_varuint(out, static_cast<std::uint64_t>(role.role));
    append_marks(out, role.seen);
  }
  void operator()(const RemoveOperation& remove) const {
    append_kind(out, OperationKind::kRemove);
    append(out, remove.device.view());
    out.push_back(remove.whole_person ? 1 : 0);
    append_marks(out, remove.seen);
  }
  void operator()(const AcknowledgeOperation& acknowledge) const {
    append_kind(out, OperationKind::kAcknowledge);
    append(out, acknowledge.operation.view());
    append_marks(out, acknowledge.seen);
  }
  void operator()(const RekeyOperation& rekey) const {
    append_kind(out, OperationKind::kRekey);
    append(out, rekey.key.view());
    append(out, rekey.ephemeral.view());
    append_varuint(out, rekey.previous.size());
    for (const ChainedKey& older : rekey.previous) {
      append(out, older.commitment.view());
      append(out, older.box.view());
    }
    append_varuint(out, rekey.boxes.size());
    for (const crypto::KeyBox& box : rekey.boxes) append(out, box.view());
  }
  void operator()(const DocumentRoleOperation& role) const {
    append_kind(out, OperationKind::kDocumentRole);
    append(out, role.device.view());
    append(out, role.document.view());
    append_varuint(out, static_cast<std::uint64_t>(role.role));
    append_marks(out, role.seen);
  }
  void operator()(const UnknownOperation&) const { COTERIE_ASSERT(false); }

  static void append_marks(Bytes& out, const std::vector<LogMark>& marks) {
    append_varuint(out, marks.size());
    for (const LogMark& mark : marks) {
      append(out, mark.log.device.view());
      append_u64(out, mark.log.incarnation);
      append_varuint(out, mark.seq);
      append(out, mark.hash.view());
    }
  }
};

Result<Operation> decode_create(ByteReader& in) {
  CreateOperation create;
  COTERIE_TRY(create.name, read_name(in));
  COTERIE_TRY(create.key, read_id<Hash>(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(create));
}

Result<Operation> decode_invite(ByteReader& in) {
  InviteOperation invite;
  COTERIE_TRY(invite.invite, read_id<DeviceId>(in));
  COTERIE_TRY(invite.role, read_role(in));
  COTERIE_TRY(invite.expires, read_number(in));
  COTERIE_TRY(const std::uint64_t uses, read_number(in));
  if (uses == 0) return malformed("invite without uses", in.offset());
  if (uses > kInviteUsesMax) return Error{ErrorCode::kLimitExceeded, "too many uses", uses};
  invite.uses = static_cast<std::uint32_t>(uses);
  COTERIE_TRY(const std::uint64_t flags, read_number(in));
  if (flags > (kFlagApproval | kFlagFromNow | kFlagOwnDevice | kFlagDocument)) {
    return malformed("unknown flags of an invite", in.offset());
  }
  invite.approval = (flags & kFlagApproval) != 0;
  invite.from_now = (flags & kFlagFromNow) != 0;
  invite.own_device = (flags & kFlagOwnDevice) != 0;
  if (invite.own_device && uses != 1) return malformed("own device of many uses", in.offset());
  if ((flags & kFlagDocument) != 0) {
    COTERIE_TRY(invite.document, read_id<DocumentId>(in));
    if (invite.document.is_zero()) return malformed("invite to no document", in.offset());
    if (invite.own_device || !is_document_role(invite.role)) {
      return malformed("no such invite to a document", in.offset());
    }
  }
  COTERIE_CHECK(expect_end(in));
  return Operation(invite);
}

Result<Operation> decode_admit(ByteReader& in) {
  AdmitOperation admit;
  COTERIE_TRY(admit.device, read_id<DeviceId>(in));
  COTERIE_TRY(admit.name, read_name(in));
  COTERIE_TRY(admit.role, read_role(in));
  COTERIE_TRY(admit.invite, read_id<DeviceId>(in));
  COTERIE_TRY(admit.proof, read_id<crypto::Signature>(in));
  COTERIE_TRY(admit.keys, read_sealed_keys(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(admit));
}

Result<std::vector<LogMark>> read_marks(ByteReader& in) {
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kLogMarksMax) return Error{ErrorCode::kLimitExceeded, "too many log marks", count};
  std::vector<LogMark> marks;
  for (std::uint64_t i = 0; i < count; ++i) {
    LogMark mark;
    COTERIE_TRY(mark.log.device, read_id<DeviceId>(in));
    COTERIE_TRY(mark.log.incarnation, read_u64(in));
    COTERIE_TRY(mark.seq, read_number(in));
    COTERIE_TRY(mark.hash, read_id<Hash>(in));
    if (mark.seq == 0) return malformed("log mark without an entry", in.offset());
    // One log has several ends if it forked.
    const auto place = [](const LogMark& one) { return std::tie(one.log, one.seq, one.hash); };
    if (!marks.empty() && !(place(marks.back()) < place(mark))) {
      return malformed("log marks not ascending", in.offset());
    }
    marks.push_back(mark);
  }
  return marks;
}

Result<Operation> decode_request(ByteReader& in) {
  RequestOperation request;
  COTERIE_TRY(request.device, read_id<DeviceId>(in));
  COTERIE_TRY(request.name, read_name(in));
  COTERIE_TRY(request.invite, read_id<DeviceId>(in));
  COTERIE_TRY(request.proof, read_id<crypto::Signature>(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(request));
}

Result<Operation> decode_revoke(ByteReader& in) {
  RevokeOperation revoke;
  COTERIE_TRY(revoke.invite, read_id<DeviceId>(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(revoke);
}

Result<Operation> decode_role(ByteReader& in) {
  RoleOperation role;
  COTERIE_TRY(role.device, read_id<DeviceId>(in));
  COTERIE_TRY(role.role, read_role(in));
  COTERIE_TRY(role.seen, read_marks(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(role));
}

Result<Operation> decode_document_role(ByteReader& in) {
  DocumentRoleOperation role;
  COTERIE_TRY(role.device, read_id<DeviceId>(in));
  COTERIE_TRY(role.document, read_id<DocumentId>(in));
  COTERIE_TRY(role.role, read_role(in));
  if (!is_document_role(role.role)) return malformed("no role in a document", in.offset());
  COTERIE_TRY(role.seen, read_marks(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(role));
}

Result<Operation> decode_remove(ByteReader& in) {
  RemoveOperation remove;
  COTERIE_TRY(remove.device, read_id<DeviceId>(in));
  COTERIE_TRY(const std::uint64_t whole, read_number(in));
  if (whole > 1) return malformed("neither a device nor a person", in.offset());
  remove.whole_person = whole == 1;
  COTERIE_TRY(remove.seen, read_marks(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(remove));
}

Result<Operation> decode_acknowledge(ByteReader& in) {
  AcknowledgeOperation acknowledge;
  COTERIE_TRY(acknowledge.operation, read_id<Hash>(in));
  COTERIE_TRY(acknowledge.seen, read_marks(in));
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(acknowledge));
}

Result<Operation> decode_rekey(ByteReader& in) {
  RekeyOperation rekey;
  COTERIE_TRY(rekey.key, read_id<Hash>(in));
  COTERIE_TRY(rekey.ephemeral, read_id<crypto::CurveKey>(in));
  COTERIE_TRY(const std::uint64_t older, read_number(in));
  if (older > kRekeyPreviousMax) {
    return Error{ErrorCode::kLimitExceeded, "too many older keys", older};
  }
  for (std::uint64_t i = 0; i < older; ++i) {
    ChainedKey key;
    COTERIE_TRY(key.commitment, read_id<Hash>(in));
    COTERIE_TRY(key.box, read_id<crypto::KeyBox>(in));
    if (!rekey.previous.empty() && !(rekey.previous.back().commitment < key.commitment)) {
      return malformed("older keys not ascending", in.offset());
    }
    rekey.previous.push_back(key);
  }
  COTERIE_TRY(const std::uint64_t boxes, read_number(in));
  if (boxes > kRekeyBoxesMax) return Error{ErrorCode::kLimitExceeded, "too many boxes", boxes};
  for (std::uint64_t i = 0; i < boxes; ++i) {
    COTERIE_TRY(const auto box, read_id<crypto::KeyBox>(in));
    rekey.boxes.push_back(box);
  }
  COTERIE_CHECK(expect_end(in));
  return Operation(std::move(rekey));
}

}  // namespace

const char* operation_name(std::uint64_t kind) {
  constexpr std::array<const char*, 11> kNames{
      "unknown", "create", "invite",      "admit", "request",       "revoke",
      "role",    "remove", "acknowledge", "rekey", "document_role",
  };
  return kind < kNames.size() ? kNames[kind] : kNames[0];
}

std::uint64_t operation_kind(const Operation& operation) {
  if (const auto* unknown = std::get_if<UnknownOperation>(&operation)) return unknown->kind;
  static_assert(std::is_same_v<std::variant_alternative_t<9, Operation>, DocumentRoleOperation>);
  return operation.index() + 1;  // The alternatives are in the order of their numbers.
}

const char* role_name(Role role) {
  switch (role) {
    case Role::kHost:
      return "host";
    case Role::kEditor:
      return "editor";
    case Role::kCommenter:
      return "commenter";
    case Role::kViewer:
      return "viewer";
    case Role::kRelay:
      return "relay";
  }
  return "unknown";
}

std::optional<Role> role_named(std::string_view name) {
  for (const Role role : {Role::kHost, Role::kEditor, Role::kCommenter, Role::kViewer}) {
    if (name == role_name(role)) return role;
  }
  return std::nullopt;
}

Bytes encode_operation(const Operation& operation) {
  Bytes out;
  std::visit(Encoder{out}, operation);
  return out;
}

Result<Operation> decode_operation(ByteView payload) {
  ByteReader in(payload);
  COTERIE_TRY(const std::uint64_t kind, read_number(in));
  switch (kind) {
    case static_cast<std::uint64_t>(OperationKind::kCreate):
      return decode_create(in);
    case static_cast<std::uint64_t>(OperationKind::kInvite):
      return decode_invite(in);
    case static_cast<std::uint64_t>(OperationKind::kAdmit):
      return decode_admit(in);
    case static_cast<std::uint64_t>(OperationKind::kRequest):
      return decode_request(in);
    case static_cast<std::uint64_t>(OperationKind::kRevoke):
      return decode_revoke(in);
    case static_cast<std::uint64_t>(OperationKind::kRole):
      return decode_role(in);
    case static_cast<std::uint64_t>(OperationKind::kRemove):
      return decode_remove(in);
    case static_cast<std::uint64_t>(OperationKind::kAcknowledge):
      return decode_acknowledge(in);
    case static_cast<std::uint64_t>(OperationKind::kRekey):
      return decode_rekey(in);
    case static_cast<std::uint64_t>(OperationKind::kDocumentRole):
      return decode_document_role(in);
    default:
      return Operation(UnknownOperation{kind});
  }
}

Hash admission_proof(const WorkspaceId& workspace, const DeviceId& device) {
  return crypto::hash(
      {as_bytes(kProofDomain), workspace.view().first(kProofWorkspaceBytes), device.view()});
}

void append_sealed_keys(Bytes& out, const std::vector<SealedKey>& keys) {
  append_varuint(out, keys.size());
  for (const SealedKey& key : keys) {
    append(out, key.commitment.view());
    append_varbytes(out, key.sealed);
  }
}

Result<std::vector<SealedKey>> read_sealed_keys(ByteReader& in) {
  // A sealed box around 32 bytes.
  constexpr std::size_t kSealedBytes = 80;
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kSealedKeysMax) return Error{ErrorCode::kLimitExceeded, "too many keys", count};
  std::vector<SealedKey> keys;
  for (std::uint64_t i = 0; i < count; ++i) {
    SealedKey key;
    COTERIE_TRY(key.commitment, read_id<Hash>(in));
    COTERIE_TRY(const ByteView sealed, read_blob(in));
    if (sealed.size() != kSealedBytes) return malformed("sealed key of wrong size", in.offset());
    key.sealed.assign(sealed.begin(), sealed.end());
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace coterie::node
