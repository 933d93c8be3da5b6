// Membership operations: the payloads of membership entries, readable without a content key.
//
//     operation := kind:varuint body
//     create    := 1 name:varstring key:32
//                  founds the workspace; its author is the first host; `key` is the commitment of
//                  the first epoch key
//     invite    := 2 invite:32 role:varuint expires_ms:varuint uses:varuint
//                  `invite` is the public half of the one-time key in the invite string
//     admit     := 3 device:32 name:varstring role:varuint invite:32 proof:64
//                  count:varuint (key:32 sealed:varbytes)*
//                  `proof` is the invite key's signature of admission_proof(); the epoch keys are
//                  sealed to the new device
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
enum class OperationKind : std::uint8_t { kCreate = 1, kInvite = 2, kAdmit = 3 };

struct CreateOperation {
  std::string name;
  Hash key;
};
struct InviteOperation {
  DeviceId invite;
  Role role = Role::kEditor;
  WallMillis expires = 0;
  std::uint32_t uses = 1;
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
struct UnknownOperation {
  std::uint64_t kind = 0;
};
using Operation = std::variant<CreateOperation, InviteOperation, AdmitOperation, UnknownOperation>;

Bytes encode_operation(const Operation& operation);

/// Errors: kMalformed, kLimitExceeded.
Result<Operation> decode_operation(ByteView payload);

/// What the holder of an invite signs with its key so that `device` may be admitted.
Hash admission_proof(const WorkspaceId& workspace, const DeviceId& device);

void append_sealed_keys(Bytes& out, const std::vector<SealedKey>& keys);
Result<std::vector<SealedKey>> read_sealed_keys(ByteReader& in);

}  // namespace coterie::node
