#include "node/core/membership/operations.hpp"

#include <limits>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kProofDomain = "coterie admission v1";

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
  void operator()(const UnknownOperation&) const { COTERIE_ASSERT(false); }
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

}  // namespace

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
    default:
      return Operation(UnknownOperation{kind});
  }
}

Hash admission_proof(const WorkspaceId& workspace, const DeviceId& device) {
  return crypto::hash({as_bytes(kProofDomain), workspace.view(), device.view()});
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
