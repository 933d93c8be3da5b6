#include "transport/crypto/crypto.hpp"

#include <sodium.h>

#include <algorithm>

namespace coterie::crypto {
namespace {

static_assert(DeviceId::kBytes == crypto_sign_PUBLICKEYBYTES);
static_assert(Signature::kBytes == crypto_sign_BYTES);
static_assert(SecretKey::kBytes == crypto_sign_SEEDBYTES);
static_assert(SecretKey::kBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(SecretKey::kBytes == crypto_box_SECRETKEYBYTES);
static_assert(SecretKey::kBytes <= crypto_generichash_KEYBYTES_MAX);
static_assert(Nonce::kBytes == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(Nonce::kBytes == crypto_box_NONCEBYTES);
static_assert(CurveKey::kBytes == crypto_box_PUBLICKEYBYTES);
static_assert(kAeadOverheadBytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(Hash::kBytes >= crypto_generichash_BYTES_MIN);

constexpr std::size_t kSealedOverheadBytes = crypto_box_SEALBYTES;
static_assert(kSealedOverheadBytes == CurveKey::kBytes + crypto_box_MACBYTES);
static_assert(KeyBox::kBytes == SecretKey::kBytes + crypto_box_MACBYTES);
static_assert(KeyBox::kBytes == SecretKey::kBytes + kAeadOverheadBytes);

/// libsodium's 64-byte secret key (seed and public key), wiped when it goes out of scope.
struct ExpandedKey {
  ExpandedKey() = default;
  ExpandedKey(const ExpandedKey&) = delete;
  ExpandedKey& operator=(const ExpandedKey&) = delete;
  ~ExpandedKey() { sodium_memzero(bytes, sizeof bytes); }

  std::uint8_t bytes[crypto_sign_SECRETKEYBYTES];
};

/// Keyed BLAKE2b-256 of `context`.
Hash keyed_hash(const SecretKey& key, std::string_view context) {
  const ByteView message = as_bytes(context);
  Hash out;
  crypto_generichash(out.bytes.data(), out.bytes.size(), message.data(), message.size(),
                     key.view().data(), key.view().size());
  return out;
}

/// Writes plaintext.size() + kAeadOverheadBytes bytes to `out`.
void encrypt(std::uint8_t* out, const SecretKey& key, const Nonce& nonce, ByteView associated,
             ByteView plaintext) {
  crypto_aead_xchacha20poly1305_ietf_encrypt(out, nullptr, plaintext.data(), plaintext.size(),
                                             associated.data(), associated.size(), nullptr,
                                             nonce.bytes.data(), key.view().data());
}

/// As crypto_box_seal() chooses it: unique because the ephemeral key is.
Nonce sealed_box_nonce(ByteView ephemeral, const CurveKey& to) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, Nonce::kBytes);
  crypto_generichash_update(&state, ephemeral.data(), ephemeral.size());
  crypto_generichash_update(&state, to.bytes.data(), to.bytes.size());
  Nonce nonce;
  crypto_generichash_final(&state, nonce.bytes.data(), nonce.bytes.size());
  return nonce;
}

constexpr std::string_view kChainContext = "coterie key chain v1";

/// Fixed: the encrypting key is for chains alone, and seals one key under each nonce.
Nonce chain_nonce(const Hash& inner) { return *Nonce::from(inner.view().first(Nonce::kBytes)); }

class SystemRandom final : public SecureRandom {
 public:
  void fill(std::span<std::uint8_t> out) override { randombytes_buf(out.data(), out.size()); }
};

}  // namespace

Status initialise() {
  if (sodium_init() < 0) return Error{ErrorCode::kUnavailable, "libsodium did not initialise"};
  return {};
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.bytes_.data(), kBytes);
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  sodium_memzero(other.bytes_.data(), kBytes);
  return *this;
}

SecretKey::~SecretKey() { sodium_memzero(bytes_.data(), kBytes); }

SecretKey SecretKey::generate(SecureRandom& random) {
  SecretKey key;
  random.fill(key.bytes_);
  return key;
}

Result<SecretKey> SecretKey::from(ByteView bytes) {
  if (bytes.size() != kBytes) return Error{ErrorCode::kMalformed, "secret key of wrong length"};
  SecretKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

SecretKey SecretKey::clone() const {
  SecretKey copy;
  copy.bytes_ = bytes_;
  return copy;
}

SigningKey SigningKey::generate(SecureRandom& random) {
  return from_seed(SecretKey::generate(random));
}

SigningKey SigningKey::from_seed(const SecretKey& seed) {
  SigningKey key;
  key.seed_ = seed.clone();
  ExpandedKey expanded;
  crypto_sign_seed_keypair(key.id_.bytes.data(), expanded.bytes, seed.view().data());
  return key;
}

Signature SigningKey::sign(ByteView message) const {
  // Seed and public half side by side is libsodium's own form: no second key generation.
  ExpandedKey expanded;
  std::copy(seed_.view().begin(), seed_.view().end(), expanded.bytes);
  std::copy(id_.bytes.begin(), id_.bytes.end(), expanded.bytes + SecretKey::kBytes);
  Signature signature;
  crypto_sign_detached(signature.bytes.data(), nullptr, message.data(), message.size(),
                       expanded.bytes);
  return signature;
}

SecretKey SigningKey::curve_secret() const {
  ExpandedKey expanded;
  std::copy(seed_.view().begin(), seed_.view().end(), expanded.bytes);
  std::copy(id_.bytes.begin(), id_.bytes.end(), expanded.bytes + SecretKey::kBytes);
  std::uint8_t curve[SecretKey::kBytes];
  crypto_sign_ed25519_sk_to_curve25519(curve, expanded.bytes);
  SecretKey secret = *SecretKey::from(curve);
  sodium_memzero(curve, sizeof curve);
  return secret;
}

bool verify(const DeviceId& signer, ByteView message, const Signature& signature) {
  return crypto_sign_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                     signer.bytes.data()) == 0;
}

Result<CurveKey> curve_key(const DeviceId& id) {
  CurveKey key;
  if (crypto_sign_ed25519_pk_to_curve25519(key.bytes.data(), id.bytes.data()) != 0) {
    return Error{ErrorCode::kMalformed, "device id is not a point of the main subgroup"};
  }
  return key;
}

Hash hash(std::initializer_list<ByteView> parts) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, Hash::kBytes);
  for (const ByteView part : parts) {
    crypto_generichash_update(&state, part.data(), part.size());
  }
  Hash out;
  crypto_generichash_final(&state, out.bytes.data(), out.bytes.size());
  return out;
}

bool verify_hmac_sha256(ByteView key, ByteView message, ByteView mac) {
  std::array<std::uint8_t, crypto_auth_hmacsha256_BYTES> right{};
  if (mac.size() != right.size()) return false;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, message.data(), message.size());
  crypto_auth_hmacsha256_final(&state, right.data());
  return sodium_memcmp(right.data(), mac.data(), right.size()) == 0;
}

std::string to_base64url(ByteView bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
  text.pop_back();  // It ends with a zero.
  return text;
}

Result<Bytes> from_base64url(std::string_view text) {
  Bytes bytes(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed =
      sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  if (failed != 0 || end != text.data() + text.size()) {
    return Error{ErrorCode::kMalformed, "this is not base64url"};
  }
  bytes.resize(size);
  return bytes;
}

SecretText::SecretText(std::string&& text) : text_(text) { crypto::wipe(text); }

SecretText::SecretText(SecretText&& other) noexcept : text_(other.text_) { other.wipe(); }

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  text_ = other.text_;
  other.wipe();
  return *this;
}

SecretText::~SecretText() { wipe(); }

void SecretText::wipe() { crypto::wipe(text_); }

void wipe(std::string& text) {
  // The capacity too: a string that shrank keeps what it held. A short one lies in the object.
  text.resize(text.capacity());
  sodium_memzero(text.data(), text.size());
  text.clear();
}

void wipe(Bytes& bytes) {
  sodium_memzero(bytes.data(), bytes.size());
  bytes.clear();
}

Result<SecretKey> stretch(const SecretText& passphrase, const Salt& salt, StretchCost cost) {
  static_assert(Salt::kBytes == crypto_pwhash_argon2id_SALTBYTES);
  static_assert(kStretchMemoryKibMin * 1024 >= crypto_pwhash_argon2id_MEMLIMIT_MIN);
  static_assert(kStretchPassesMax <= crypto_pwhash_argon2id_OPSLIMIT_MAX);
  if (cost.passes < crypto_pwhash_argon2id_OPSLIMIT_MIN || cost.passes > kStretchPassesMax ||
      cost.memory_kib < kStretchMemoryKibMin || cost.memory_kib > kStretchMemoryKibMax) {
    return Error{ErrorCode::kLimitExceeded, "cost of a passphrase out of bounds"};
  }
  const std::string_view text = passphrase.view();
  if (text.empty() || text.size() > kPassphraseBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a passphrase has 1 to 1,024 bytes", text.size()};
  }
  std::array<std::uint8_t, SecretKey::kBytes> bytes{};
  const int failed = crypto_pwhash_argon2id(bytes.data(), bytes.size(), text.data(), text.size(),
                                            salt.bytes.data(), cost.passes, cost.memory_kib * 1024,
                                            crypto_pwhash_argon2id_ALG_ARGON2ID13);
  auto key = SecretKey::from(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  if (failed != 0) {
    return Error{ErrorCode::kUnavailable, "not enough memory to try the passphrase"};
  }
  return key;
}

SecretKey derive_key(const SecretKey& key, std::string_view context) {
  Hash derived = keyed_hash(key, context);
  SecretKey out = *SecretKey::from(derived.view());
  sodium_memzero(derived.bytes.data(), derived.bytes.size());
  return out;
}

Hash key_commitment(const SecretKey& key) { return keyed_hash(key, "coterie key commitment v1"); }

Bytes seal(const SecretKey& key, const Nonce& nonce, ByteView associated, ByteView plaintext) {
  Bytes out(plaintext.size() + kAeadOverheadBytes);
  encrypt(out.data(), key, nonce, associated, plaintext);
  return out;
}

Result<Bytes> open(const SecretKey& key, const Nonce& nonce, ByteView associated,
                   ByteView ciphertext) {
  const Error refused{ErrorCode::kUnauthenticated, "ciphertext does not verify"};
  if (ciphertext.size() < kAeadOverheadBytes) return refused;
  Bytes out(ciphertext.size() - kAeadOverheadBytes);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          out.data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(), associated.data(),
          associated.size(), nonce.bytes.data(), key.view().data()) != 0) {
    return refused;
  }
  return out;
}

Bytes seal_with_nonce(const SecretKey& key, SecureRandom& random, ByteView associated,
                      ByteView plaintext) {
  const Nonce nonce = random_nonce(random);
  Bytes out(Nonce::kBytes + plaintext.size() + kAeadOverheadBytes);
  std::copy(nonce.bytes.begin(), nonce.bytes.end(), out.begin());
  encrypt(out.data() + Nonce::kBytes, key, nonce, associated, plaintext);
  return out;
}

Result<Bytes> open_with_nonce(const SecretKey& key, ByteView associated, ByteView sealed) {
  if (sealed.size() < Nonce::kBytes + kAeadOverheadBytes) {
    return Error{ErrorCode::kMalformed, "sealed bytes too short"};
  }
  COTERIE_TRY(const Nonce nonce, Nonce::from(sealed.first(Nonce::kBytes)));
  return open(key, nonce, associated, sealed.subspan(Nonce::kBytes));
}

// Same bytes as crypto_box_seal(), but with the ephemeral key drawn from `random`, so that a
// simulation replays exactly.
Result<Bytes> seal_to(const DeviceId& to, SecureRandom& random, ByteView plaintext) {
  COTERIE_TRY(const CurveKey to_curve, curve_key(to));
  const SecretKey ephemeral = SecretKey::generate(random);
  Bytes out(plaintext.size() + kSealedOverheadBytes);
  crypto_scalarmult_base(out.data(), ephemeral.view().data());
  const Nonce nonce = sealed_box_nonce(ByteView(out).first(CurveKey::kBytes), to_curve);
  if (crypto_box_easy(out.data() + CurveKey::kBytes, plaintext.data(), plaintext.size(),
                      nonce.bytes.data(), to_curve.bytes.data(), ephemeral.view().data()) != 0) {
    return Error{ErrorCode::kMalformed, "device id is of small order"};
  }
  return out;
}

Result<Bytes> open_sealed(const SigningKey& to, ByteView sealed) {
  if (sealed.size() < kSealedOverheadBytes) {
    return Error{ErrorCode::kMalformed, "sealed box too short"};
  }
  COTERIE_TRY(const CurveKey to_curve, curve_key(to.id()));
  Bytes out(sealed.size() - kSealedOverheadBytes);
  if (crypto_box_seal_open(out.data(), sealed.data(), sealed.size(), to_curve.bytes.data(),
                           to.curve_secret().view().data()) != 0) {
    return Error{ErrorCode::kUnauthenticated, "sealed box does not verify"};
  }
  return out;
}

// Each box with `ephemeral` in front is what crypto_box_seal() makes.
KeyBoxes seal_key(std::span<const DeviceId> to, SecureRandom& random, const SecretKey& key) {
  KeyBoxes sealed;
  const SecretKey ephemeral = SecretKey::generate(random);
  crypto_scalarmult_base(sealed.ephemeral.bytes.data(), ephemeral.view().data());
  sealed.boxes.reserve(to.size());
  for (const DeviceId& device : to) {
    KeyBox& box = sealed.boxes.emplace_back();
    const auto curve = curve_key(device);
    const bool made =
        curve && crypto_box_easy(box.bytes.data(), key.view().data(), key.view().size(),
                                 sealed_box_nonce(sealed.ephemeral.view(), *curve).bytes.data(),
                                 curve->bytes.data(), ephemeral.view().data()) == 0;
    if (!made) random.fill(box.bytes);
  }
  return sealed;
}

Result<SecretKey> open_key(const SigningKey& to, const CurveKey& ephemeral, const KeyBox& box) {
  COTERIE_TRY(const CurveKey curve, curve_key(to.id()));
  std::array<std::uint8_t, SecretKey::kBytes> clear{};
  const bool opened =
      crypto_box_open_easy(clear.data(), box.bytes.data(), box.bytes.size(),
                           sealed_box_nonce(ephemeral.view(), curve).bytes.data(),
                           ephemeral.bytes.data(), to.curve_secret().view().data()) == 0;
  if (!opened) return Error{ErrorCode::kUnauthenticated, "the box does not open"};
  SecretKey key = *SecretKey::from(clear);
  sodium_memzero(clear.data(), clear.size());
  return key;
}

KeyBox chain_key(const SecretKey& outer, const SecretKey& inner) {
  const Hash name = key_commitment(inner);
  KeyBox box;
  encrypt(box.bytes.data(), derive_key(outer, kChainContext), chain_nonce(name), name.view(),
          inner.view());
  return box;
}

Result<SecretKey> unchain_key(const SecretKey& outer, const Hash& inner, const KeyBox& box) {
  COTERIE_TRY(Bytes clear,
              open(derive_key(outer, kChainContext), chain_nonce(inner), inner.view(), box.view()));
  auto key = SecretKey::from(clear);
  sodium_memzero(clear.data(), clear.size());
  if (key_commitment(*key) != inner) {
    return Error{ErrorCode::kUnauthenticated, "another key than the chain says"};
  }
  return key;
}

Nonce random_nonce(SecureRandom& random) {
  Nonce nonce;
  random.fill(nonce.bytes);
  return nonce;
}

SecureRandom& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace coterie::crypto
