// The device key file: who a node is.
//
//     { "coterie_device": 1, "device": "<64 hex>", "name": "red", "seed": "<64 hex>" }
//
// or, with a passphrase,
//
//     { "coterie_device": 1, "device": "<64 hex>",
//       "stretch": { "name": "argon2id", "passes": 3, "memory_kib": 262144, "salt": "<32 hex>" },
//       "sealed": "<hex>" }
//
// `coterie_device` is the version of the format, `seed` the secret Ed25519 seed, `device` its
// public key (which shows damage to either). `sealed` is nonce:24 and the XChaCha20-Poly1305
// ciphertext of seed:32 name under the stretched passphrase; its associated data is
// "coterie device v1" device salt:16 passes:u64 memory_kib:u64. Unknown members are ignored.
//
// Everything else in the data directory is sealed under keys that come from the seed. Whoever reads
// this file (and knows the passphrase, if there is one) can act as the device: it lives in a 0700
// directory with mode 0600, and one that others can read is refused rather than used.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "crdt/base/random.hpp"
#include "crdt/base/result.hpp"
#include "node/identity/data_dir.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

/// Longest device name, in bytes of UTF-8.
inline constexpr std::size_t kDeviceNameBytesMax = 64;
/// A key file is some 500 bytes; a larger one is not ours.
inline constexpr std::size_t kDeviceFileBytesMax = 4096;

struct DeviceKeyFile {
  std::string name;  ///< Shown to other members.
  crypto::SigningKey key;
  bool locked = false;  ///< A passphrase protects the file.
};

/// What the file tells without the passphrase.
struct DeviceSummary {
  DeviceId device;
  bool locked = false;
};

/// Gets the passphrase of a locked file from whoever knows it. May block.
using AskPassphrase = std::function<Result<crypto::SecretText>()>;

/// 1 to kDeviceNameBytesMax bytes of UTF-8 without control characters. Errors: kMalformed.
Status check_device_name(std::string_view name);

/// Makes the data directory and a new key in it, locked unless `passphrase` is empty. Durable when
/// it returns; after a crash there is a whole key file or none. Errors: of check_device_name(),
/// create_data_dir(), DataDirLock::acquire() and crypto::stretch(); kIo, kNoSpace.
Result<DeviceKeyFile> create_device(const DataDir& dir, std::string_view name, SecureRandom& random,
                                    const crypto::SecretText& passphrase = {},
                                    crypto::StretchCost cost = {});

/// Calls `ask` once if the file is locked. Errors: of check_data_dir() and of `ask`; kNotFound (no
/// device here: run `coterie init`), kUnauthorized (open to others), kUnauthenticated (the
/// passphrase is wrong, or the file was changed), kUnavailable (locked, and no `ask`; or no memory
/// to stretch with), kCorrupt (damaged, foreign, or of a newer version), kIo.
Result<DeviceKeyFile> load_device(const DataDir& dir, const AskPassphrase& ask = {});

/// Errors: as load_device() without those of the passphrase.
Result<DeviceSummary> inspect_device(const DataDir& dir);

/// Writes `device` again, locked with `passphrase`, or open when that is empty. After a crash there
/// is the old file or the new one. The old one's bytes are overwritten, as far as the file system
/// lets us. Errors: of crypto::stretch(); kIo, kNoSpace.
Status protect_device(const DataDir& dir, const DeviceKeyFile& device,
                      const crypto::SecretText& passphrase, SecureRandom& random,
                      crypto::StretchCost cost = {});

}  // namespace coterie::node
