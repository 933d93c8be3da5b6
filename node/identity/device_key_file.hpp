// The device key file: who a node is.
//
//     { "coterie_device": 1, "name": "red", "device": "<64 hex>", "seed": "<64 hex>" }
//
// `coterie_device` is the version of the format, `seed` the secret Ed25519 seed, `device` its
// public key (which shows damage to either). Unknown members are ignored. Whoever reads this file
// can act as the device: it lives in a 0700 directory with mode 0600, and one that others can read
// is refused rather than used.

#pragma once

#include <string>
#include <string_view>

#include "crdt/base/random.hpp"
#include "crdt/base/result.hpp"
#include "node/identity/data_dir.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

/// Longest device name, in bytes of UTF-8.
inline constexpr std::size_t kDeviceNameBytesMax = 64;
/// A key file is some 200 bytes; a larger one is not ours.
inline constexpr std::size_t kDeviceFileBytesMax = 4096;

struct DeviceKeyFile {
  std::string name;  ///< Shown to other members.
  crypto::SigningKey key;
};

/// 1 to kDeviceNameBytesMax bytes of UTF-8 without control characters. Errors: kMalformed.
Status check_device_name(std::string_view name);

/// Makes the data directory and a new key in it. Durable when it returns; after a crash there is a
/// whole key file or none. Errors: of check_device_name(), create_data_dir() and
/// DataDirLock::acquire(); kIo, kNoSpace.
Result<DeviceKeyFile> create_device(const DataDir& dir, std::string_view name,
                                    SecureRandom& random);

/// Errors: of check_data_dir(); kNotFound (no device here: run `coterie init`), kUnauthorized (open
/// to others), kCorrupt (damaged, foreign, or of a newer version), kIo.
Result<DeviceKeyFile> load_device(const DataDir& dir);

}  // namespace coterie::node
