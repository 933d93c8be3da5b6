// Signatures, hashes, authenticated encryption and key derivation: the only door to libsodium.
//
// Every function is a thin, typed form of one libsodium primitive:
//   sign / verify          Ed25519 (crypto_sign_detached)
//   hash                   BLAKE2b-256 (crypto_generichash)
//   seal / open            XChaCha20-Poly1305 (crypto_aead_xchacha20poly1305_ietf)
//   seal_to / open_sealed  X25519 + XSalsa20-Poly1305 with an ephemeral key (crypto_box)
//   derive_key             keyed BLAKE2b-256 over a context string
//
// All functions are thread-safe after initialise().

#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

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

/// A key for one purpose, told apart by `context` ("coterie storage v1").
SecretKey derive_key(const SecretKey& key, std::string_view context);

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

Nonce random_nonce(SecureRandom& random);

/// The operating system's generator (randombytes_buf). Thread-safe.
SecureRandom& system_random();

}  // namespace coterie::crypto
