// Signatures, hashes, authenticated encryption and key derivation: the only door to libsodium.
//
// Every function is a thin, typed form of one libsodium primitive:
//   sign / verify          Ed25519 (crypto_sign_detached)
//   hash                   BLAKE2b-256 (crypto_generichash)
//   seal / open            XChaCha20-Poly1305 (crypto_aead_xchacha20poly1305_ietf)
//   seal_to / open_sealed  X25519 + XSalsa20-Poly1305 with an ephemeral key (crypto_box)
//   seal_key / open_key    the same, one key to many devices with one ephemeral key
//   derive_key             keyed BLAKE2b-256 over a context string
//   stretch                Argon2id (crypto_pwhash)
//   verify_hmac_sha256     HMAC-SHA-256 (crypto_auth_hmacsha256), for what others made
//
// All functions are thread-safe after initialise().

#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/random.hpp"
#include "crdt/base/result.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::crypto {

/// Call once before anything else; calling again is harmless. Errors: kUnavailable.
Status initialise();

/// 32 secret bytes: zeroed on destruction, not printable. Movable; copying is explicit (clone()).
class SecretKey {
 public:
  static constexpr std::size_t kBytes = 32;

  SecretKey() = default;  ///< All zero.
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey();

  static SecretKey generate(SecureRandom& random);
  /// Errors: kMalformed (not 32 bytes).
  static Result<SecretKey> from(ByteView bytes);

  SecretKey clone() const;
  ByteView view() const { return bytes_; }

 private:
  std::array<std::uint8_t, kBytes> bytes_{};
};

using Signature = FixedId<struct SignatureTag, 64>;
using Nonce = FixedId<struct NonceTag, 24>;
/// X25519 public key, as CURVE and sealed boxes use it.
using CurveKey = FixedId<struct CurveKeyTag, 32>;

/// An Ed25519 key pair; its public half is a DeviceId (or names an invite).
class SigningKey {
 public:
  static SigningKey generate(SecureRandom& random);
  static SigningKey from_seed(const SecretKey& seed);
  SigningKey(SigningKey&&) noexcept = default;
  SigningKey& operator=(SigningKey&&) noexcept = default;

  const DeviceId& id() const { return id_; }
  const SecretKey& seed() const { return seed_; }
  Signature sign(ByteView message) const;
  /// The X25519 secret key that belongs to curve_key(id()).
  SecretKey curve_secret() const;
  SigningKey clone() const { return from_seed(seed_); }

 private:
  SigningKey() = default;
  SecretKey seed_;
  DeviceId id_;
};

bool verify(const DeviceId& signer, ByteView message, const Signature& signature);

/// The X25519 form of an Ed25519 public key. Errors: kMalformed (not a point of the main subgroup).
Result<CurveKey> curve_key(const DeviceId& id);

/// Hash of the concatenation of `parts`.
Hash hash(std::initializer_list<ByteView> parts);
inline Hash hash(ByteView message) { return hash({message}); }

/// Whether `mac` is HMAC-SHA-256 of `message` under `key`, a key of any size. In constant time.
bool verify_hmac_sha256(ByteView key, ByteView message, ByteView mac);

/// RFC 4648, section 5, without padding.
std::string to_base64url(ByteView bytes);
/// Errors: kMalformed (other letters, padding, bits that say nothing).
Result<Bytes> from_base64url(std::string_view text);

/// A key for one purpose, told apart by `context` ("coterie storage v1").
SecretKey derive_key(const SecretKey& key, std::string_view context);

/// Text that is nobody's business: zeroed on destruction, not printable. Movable.
class SecretText {
 public:
  SecretText() = default;
  /// Wipes `text`.
  explicit SecretText(std::string&& text);
  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText();

  std::string_view view() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  void wipe();
  std::string text_;
};

/// Overwrites `text` so that no compiler leaves it out, and empties it.
void wipe(std::string& text);
void wipe(Bytes& bytes);

using Salt = FixedId<struct SaltTag, 16>;

/// What stretching a passphrase costs: passes over memory, and how much of it.
struct StretchCost {
  std::uint64_t passes = 3;
  std::uint64_t memory_kib = 256u << 10;  ///< libsodium's "moderate": about 0.7 s.

  bool operator==(const StretchCost&) const = default;
};
/// Costs come from a file: one that was tampered with must not stop the machine.
inline constexpr std::uint64_t kStretchPassesMax = 16;
inline constexpr std::uint64_t kStretchMemoryKibMin = 8;
inline constexpr std::uint64_t kStretchMemoryKibMax = 1u << 20;
inline constexpr std::size_t kPassphraseBytesMax = 1024;

/// A key from a passphrase, by Argon2id (RFC 9106) with one lane. Blocks for its cost. Errors:
/// kLimitExceeded (a cost or the passphrase out of bounds), kUnavailable (not enough memory).
Result<SecretKey> stretch(const SecretText& passphrase, const Salt& salt, StretchCost cost);

/// Hash that identifies a key without revealing it, and to which a ciphertext commits.
Hash key_commitment(const SecretKey& key);

inline constexpr std::size_t kAeadOverheadBytes = 16;

/// Ciphertext with its tag; `associated` is authenticated, not encrypted. Nonces must be random.
Bytes seal(const SecretKey& key, const Nonce& nonce, ByteView associated, ByteView plaintext);

/// Errors: kUnauthenticated.
Result<Bytes> open(const SecretKey& key, const Nonce& nonce, ByteView associated,
                   ByteView ciphertext);

/// Seals with a fresh nonce put in front: for data at rest.
Bytes seal_with_nonce(const SecretKey& key, SecureRandom& random, ByteView associated,
                      ByteView plaintext);
/// Errors: kMalformed (too short), kUnauthenticated.
Result<Bytes> open_with_nonce(const SecretKey& key, ByteView associated, ByteView sealed);

/// Encrypts to a device; anybody can, only the device can open. 48 bytes longer than `plaintext`.
/// Errors: kMalformed (`to` is no valid key).
Result<Bytes> seal_to(const DeviceId& to, SecureRandom& random, ByteView plaintext);
/// Errors: kUnauthenticated, kMalformed.
Result<Bytes> open_sealed(const SigningKey& to, ByteView sealed);

/// A secret key, encrypted: 32 bytes and a tag.
using KeyBox = FixedId<struct KeyBoxTag, SecretKey::kBytes + 16>;

/// One key for many devices: each can open its box, nobody else any. What a sealed box of its own
/// for each would cost (80 bytes, two multiplications on the curve) less the ephemeral keys.
struct KeyBoxes {
  CurveKey ephemeral;
  std::vector<KeyBox> boxes;  ///< In the order of the devices.
};

/// Seals `key` to each of `to`. A device whose id is no valid key gets a box of random bytes, so
/// that whoever let such a device in has not stopped everybody from changing keys. One
/// multiplication on the curve, and one check of the point, a device.
KeyBoxes seal_key(std::span<const DeviceId> to, SecureRandom& random, const SecretKey& key);
/// The box meant for `to`. Errors: kUnauthenticated.
Result<SecretKey> open_key(const SigningKey& to, const CurveKey& ephemeral, const KeyBox& box);

/// Encrypts `inner` under `outer`, for whoever holds that: a link of a key chain. The same bytes
/// each time.
KeyBox chain_key(const SecretKey& outer, const SecretKey& inner);
/// The key whose commitment is `inner`. Errors: kUnauthenticated (also when it is another key).
Result<SecretKey> unchain_key(const SecretKey& outer, const Hash& inner, const KeyBox& box);

Nonce random_nonce(SecureRandom& random);

/// The operating system's generator (randombytes_buf). Thread-safe.
SecureRandom& system_random();

}  // namespace coterie::crypto
