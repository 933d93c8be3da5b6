// Known answers from the primitives' own specifications, then what the typed forms promise on top.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "transport/crypto/crypto.hpp"

namespace coterie::crypto {
namespace {

using Json = nlohmann::json;

/// As SecureRandom, but the same bytes every time.
class SeededRandom final : public SecureRandom {
 public:
  explicit SeededRandom(std::uint64_t seed) : random_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random_.next());
  }

 private:
  Random random_;
};

class Crypto : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(initialise()); }

  static Json vectors(const char* primitive) {
    std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/crypto/vectors.json");
    Json all = Json::parse(in);
    EXPECT_FALSE(all.at(primitive).empty());
    return all.at(primitive);
  }
  static Bytes bytes(const Json& item, const char* name) {
    return *from_hex(item.at(name).get<std::string>());
  }
  static SecretKey key(const Json& item, const char* name) {
    return *SecretKey::from(bytes(item, name));
  }

  SeededRandom random_{7};
};

TEST_F(Crypto, SignsAsRfc8032) {
  for (const Json& item : vectors("ed25519")) {
    const SigningKey signer = SigningKey::from_seed(key(item, "seed"));
    EXPECT_EQ(signer.id().hex(), item.at("public"));
    const Bytes message = bytes(item, "message");
    const Signature signature = signer.sign(message);
    EXPECT_EQ(signature.hex(), item.at("signature"));
    EXPECT_TRUE(verify(signer.id(), message, signature));
  }
}

TEST_F(Crypto, SealsAsTheXChaChaDraft) {
  for (const Json& item : vectors("xchacha20poly1305")) {
    const SecretKey secret = key(item, "key");
    const Nonce nonce = *Nonce::from(bytes(item, "nonce"));
    const Bytes associated = bytes(item, "associated");
    const Bytes plaintext = bytes(item, "plaintext");
    const Bytes sealed = seal(secret, nonce, associated, plaintext);
    EXPECT_EQ(to_hex(sealed), item.at("ciphertext"));
    EXPECT_EQ(*open(secret, nonce, associated, sealed), plaintext);
  }
}

TEST_F(Crypto, HashesAndDerivesAsBlake2b) {
  for (const Json& item : vectors("blake2b_256")) {
    const Bytes message = bytes(item, "message");
    if (item.at("key") == "") {
      EXPECT_EQ(hash(message).hex(), item.at("hash"));
      const ByteView view(message);
      const std::size_t half = message.size() / 2;
      EXPECT_EQ(hash({view.first(half), ByteView(), view.subspan(half)}).hex(), item.at("hash"));
    } else if (as_text(message) == "coterie key commitment v1") {
      EXPECT_EQ(key_commitment(key(item, "key")).hex(), item.at("hash"));
    } else {
      EXPECT_EQ(to_hex(derive_key(key(item, "key"), as_text(message)).view()), item.at("hash"));
    }
  }
}

TEST_F(Crypto, ConvertsDeviceKeysToCurveKeys) {
  for (const Json& item : vectors("ed25519_to_x25519")) {
    const SigningKey signer = SigningKey::from_seed(key(item, "seed"));
    EXPECT_EQ(curve_key(signer.id())->hex(), item.at("public"));
    EXPECT_EQ(to_hex(signer.curve_secret().view()), item.at("secret"));
  }
}

TEST_F(Crypto, StretchesPassphrasesAsArgon2id) {
  for (const Json& item : vectors("argon2id")) {
    const SecretText passphrase(item.at("passphrase").get<std::string>());
    const StretchCost cost{item.at("passes"), item.at("memory_kib")};
    const auto stretched = stretch(passphrase, *Salt::from(bytes(item, "salt")), cost);
    ASSERT_TRUE(stretched);
    EXPECT_EQ(to_hex(stretched->view()), item.at("key"));
  }
}

TEST_F(Crypto, StretchingHasBounds) {
  const StretchCost cheap{1, kStretchMemoryKibMin};
  const auto code = [](std::string text, StretchCost cost) {
    const auto key = stretch(SecretText(std::move(text)), {}, cost);
    return key ? std::optional<ErrorCode>() : key.error().code;
  };
  EXPECT_FALSE(code("x", cheap));
  EXPECT_FALSE(code(std::string(kPassphraseBytesMax, 'x'), cheap));
  EXPECT_EQ(code(std::string(kPassphraseBytesMax + 1, 'x'), cheap), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code("", cheap), ErrorCode::kLimitExceeded);
  for (const StretchCost& cost :
       {StretchCost{0, 8}, StretchCost{kStretchPassesMax + 1, 8},
        StretchCost{1, kStretchMemoryKibMin - 1}, StretchCost{1, kStretchMemoryKibMax + 1},
        StretchCost{1, ~std::uint64_t{0}}}) {
    EXPECT_EQ(code("x", cost), ErrorCode::kLimitExceeded);
  }
  EXPECT_FALSE(code("x", {kStretchPassesMax, kStretchMemoryKibMin}));
}

TEST_F(Crypto, SecretTextMovesAndWipes) {
  std::string original = "a passphrase that is longer than a short string";
  SecretText text(std::move(original));
  EXPECT_TRUE(original.empty());  // NOLINT(bugprone-use-after-move): it says so.
  SecretText moved(std::move(text));
  EXPECT_TRUE(text.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(moved.view(), "a passphrase that is longer than a short string");
  text = std::move(moved);
  EXPECT_EQ(text.view(), "a passphrase that is longer than a short string");
}

TEST_F(Crypto, RefusesDeviceIdsThatAreNoKeys) {
  DeviceId identity;  // The neutral element: everybody's signature would fit a low-order key.
  identity.bytes[0] = 1;
  DeviceId off_curve;
  off_curve.bytes[0] = 2;
  DeviceId above_the_prime;
  above_the_prime.bytes.fill(0xff);
  for (const DeviceId& id : {DeviceId{}, identity, off_curve, above_the_prime}) {
    ASSERT_FALSE(curve_key(id)) << id.hex();
    EXPECT_EQ(curve_key(id).error().code, ErrorCode::kMalformed);
    const auto sealed = seal_to(id, random_, as_bytes("x"));
    ASSERT_FALSE(sealed);
    EXPECT_EQ(sealed.error().code, ErrorCode::kMalformed);
    EXPECT_FALSE(verify(id, as_bytes("x"), Signature{}));
  }
}

TEST_F(Crypto, VerifyRefusesEveryFlippedBit) {
  const SigningKey signer = SigningKey::generate(random_);
  const Bytes message = {1, 2, 3};
  const Signature good = signer.sign(message);
  for (std::size_t bit = 0; bit < Signature::kBytes * 8; ++bit) {
    Signature bad = good;
    bad.bytes[bit / 8] = static_cast<std::uint8_t>(bad.bytes[bit / 8] ^ (1u << (bit % 8)));
    ASSERT_FALSE(verify(signer.id(), message, bad)) << bit;
  }
  EXPECT_FALSE(verify(signer.id(), Bytes{1, 2, 4}, good));
  EXPECT_FALSE(verify(SigningKey::generate(random_).id(), message, good));
}

TEST_F(Crypto, OpenRefusesWhatWasNotSealedSo) {
  const SecretKey secret = SecretKey::generate(random_);
  const Nonce nonce = random_nonce(random_);
  const Bytes sealed = seal(secret, nonce, as_bytes("header"), as_bytes("text"));
  EXPECT_EQ(sealed.size(), 4 + kAeadOverheadBytes);
  const auto refuses = [&](const SecretKey& k, const Nonce& n, std::string_view a, ByteView c) {
    const auto opened = open(k, n, as_bytes(a), c);
    return !opened && opened.error().code == ErrorCode::kUnauthenticated;
  };
  EXPECT_TRUE(refuses(SecretKey::generate(random_), nonce, "header", sealed));
  EXPECT_TRUE(refuses(secret, random_nonce(random_), "header", sealed));
  EXPECT_TRUE(refuses(secret, nonce, "Header", sealed));
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_TRUE(refuses(secret, nonce, "header", ByteView(sealed).first(size))) << size;
  }
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes bad = sealed;
    bad[at] ^= 1;
    EXPECT_TRUE(refuses(secret, nonce, "header", bad)) << at;
  }
}

TEST_F(Crypto, SealWithNonceRoundTripsAndNeverRepeats) {
  const SecretKey secret = SecretKey::generate(random_);
  const Bytes one = seal_with_nonce(secret, random_, as_bytes("a"), as_bytes("text"));
  const Bytes two = seal_with_nonce(secret, random_, as_bytes("a"), as_bytes("text"));
  EXPECT_NE(one, two);
  EXPECT_EQ(as_text(*open_with_nonce(secret, as_bytes("a"), one)), "text");
  EXPECT_TRUE(
      open_with_nonce(secret, as_bytes("a"), seal_with_nonce(secret, random_, as_bytes("a"), {}))
          ->empty());
  const std::size_t least = Nonce::kBytes + kAeadOverheadBytes;
  EXPECT_EQ(open_with_nonce(secret, {}, Bytes(least - 1)).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(open_with_nonce(secret, {}, Bytes(least)).error().code, ErrorCode::kUnauthenticated);
}

TEST_F(Crypto, SealedBoxOpensForItsDeviceOnly) {
  for (std::size_t size = 0; size < 100; size += 33) {
    const SigningKey to = SigningKey::generate(random_);
    const Bytes plaintext(size, 0x5a);
    const Bytes sealed = *seal_to(to.id(), random_, plaintext);
    EXPECT_EQ(sealed.size(), size + 48);
    EXPECT_EQ(*open_sealed(to, sealed), plaintext);
    EXPECT_EQ(open_sealed(SigningKey::generate(random_), sealed).error().code,
              ErrorCode::kUnauthenticated);
    Bytes bad = sealed;
    bad.back() ^= 1;
    EXPECT_EQ(open_sealed(to, bad).error().code, ErrorCode::kUnauthenticated);
    EXPECT_EQ(open_sealed(to, ByteView(sealed).first(47)).error().code, ErrorCode::kMalformed);
  }
}

/// Its first key is a given one.
class GivenRandom final : public SecureRandom {
 public:
  explicit GivenRandom(Bytes first) : first_(std::move(first)) {}
  void fill(std::span<std::uint8_t> out) override {
    ASSERT_EQ(out.size(), first_.size());
    std::copy(first_.begin(), first_.end(), out.begin());
  }

 private:
  Bytes first_;
};

TEST_F(Crypto, SealsOneKeyToManyDevices) {
  for (const Json& item : vectors("key_boxes")) {
    std::vector<DeviceId> devices;
    for (const Json& to : item.at("to")) devices.push_back(*DeviceId::from(bytes(to, "device")));
    GivenRandom random(bytes(item, "ephemeral_secret"));
    const SecretKey secret = key(item, "key");
    const KeyBoxes sealed = seal_key(devices, random, secret);
    EXPECT_EQ(sealed.ephemeral.hex(), item.at("ephemeral"));
    ASSERT_EQ(sealed.boxes.size(), devices.size());
    for (std::size_t i = 0; i < devices.size(); ++i) {
      EXPECT_EQ(sealed.boxes[i].hex(), item.at("to")[i].at("box")) << i;
      const SigningKey to = SigningKey::from_seed(key(item.at("to")[i], "seed"));
      EXPECT_TRUE(equal(open_key(to, sealed.ephemeral, sealed.boxes[i])->view(), secret.view()));
      // It is libsodium's own sealed box, less what the boxes share.
      Bytes whole(sealed.ephemeral.view().begin(), sealed.ephemeral.view().end());
      append(whole, sealed.boxes[i].view());
      EXPECT_TRUE(equal(*open_sealed(to, whole), secret.view()));
    }
  }
}

TEST_F(Crypto, AKeyBoxOpensForItsDeviceOnly) {
  const SigningKey one = SigningKey::generate(random_);
  const SigningKey two = SigningKey::generate(random_);
  const SecretKey secret = SecretKey::generate(random_);
  const DeviceId to[] = {one.id(), two.id()};
  const KeyBoxes sealed = seal_key(to, random_, secret);
  const auto refuses = [&](const SigningKey& who, const CurveKey& ephemeral, const KeyBox& box) {
    const auto opened = open_key(who, ephemeral, box);
    return !opened && opened.error().code == ErrorCode::kUnauthenticated;
  };
  EXPECT_TRUE(refuses(one, sealed.ephemeral, sealed.boxes[1]));
  EXPECT_TRUE(refuses(two, sealed.ephemeral, sealed.boxes[0]));
  EXPECT_TRUE(refuses(one, seal_key(to, random_, secret).ephemeral, sealed.boxes[0]));
  EXPECT_TRUE(refuses(one, CurveKey{}, sealed.boxes[0]));  // A point of small order.
  for (std::size_t at = 0; at < KeyBox::kBytes; ++at) {
    KeyBox bad = sealed.boxes[0];
    bad.bytes[at] ^= 1;
    EXPECT_TRUE(refuses(one, sealed.ephemeral, bad)) << at;
  }
  EXPECT_NE(seal_key(to, random_, secret).boxes[0], sealed.boxes[0]);
  EXPECT_TRUE(seal_key({}, random_, secret).boxes.empty());
}

TEST_F(Crypto, ADeviceIdThatIsNoKeyDoesNotStopTheOthers) {
  const SigningKey one = SigningKey::generate(random_);
  DeviceId identity;
  identity.bytes[0] = 1;
  const DeviceId to[] = {DeviceId{}, identity, one.id()};
  const SecretKey secret = SecretKey::generate(random_);
  const KeyBoxes sealed = seal_key(to, random_, secret);
  ASSERT_EQ(sealed.boxes.size(), 3u);
  EXPECT_TRUE(open_key(one, sealed.ephemeral, sealed.boxes[2]));
  EXPECT_FALSE(sealed.boxes[0].is_zero());
  EXPECT_NE(sealed.boxes[0], sealed.boxes[1]);
}

TEST_F(Crypto, ChainsKeys) {
  for (const Json& item : vectors("key_chain")) {
    const SecretKey newer = key(item, "newer");
    const SecretKey older = key(item, "older");
    const KeyBox box = chain_key(newer, older);
    EXPECT_EQ(box.hex(), item.at("box"));
    const Hash name = key_commitment(older);
    EXPECT_EQ(name.hex(), item.at("older_commitment"));
    EXPECT_TRUE(equal(unchain_key(newer, name, box)->view(), older.view()));
    const auto refuses = [&](const SecretKey& outer, const Hash& inner, const KeyBox& what) {
      const auto opened = unchain_key(outer, inner, what);
      return !opened && opened.error().code == ErrorCode::kUnauthenticated;
    };
    EXPECT_TRUE(refuses(older, name, box));
    EXPECT_TRUE(refuses(newer, key_commitment(newer), box));
    for (std::size_t at = 0; at < KeyBox::kBytes; ++at) {
      KeyBox bad = box;
      bad.bytes[at] ^= 1;
      EXPECT_TRUE(refuses(newer, name, bad)) << at;
    }
  }
}

TEST_F(Crypto, UnchainingRefusesAnotherKeyThanNamed) {
  const SecretKey outer = SecretKey::generate(random_);
  const SecretKey inner = SecretKey::generate(random_);
  const Hash lie = key_commitment(SecretKey::generate(random_));
  const Nonce nonce = *Nonce::from(lie.view().first(Nonce::kBytes));
  const Bytes sealed =
      seal(derive_key(outer, "coterie key chain v1"), nonce, lie.view(), inner.view());
  EXPECT_FALSE(unchain_key(outer, lie, *KeyBox::from(sealed)));
}

TEST_F(Crypto, KeysMoveWipedAndDifferByPurpose) {
  static_assert(!std::is_copy_constructible_v<SecretKey> && !std::is_copy_assignable_v<SecretKey>);
  static_assert(!std::is_copy_constructible_v<SigningKey>);
  SecretKey key = SecretKey::generate(random_);
  const Bytes before(key.view().begin(), key.view().end());
  const SecretKey moved = std::move(key);
  EXPECT_TRUE(equal(moved.view(), before));
  EXPECT_TRUE(equal(key.view(), Bytes(SecretKey::kBytes)));  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(equal(moved.clone().view(), before));
  EXPECT_FALSE(equal(derive_key(moved, "a").view(), derive_key(moved, "b").view()));
  EXPECT_EQ(SecretKey::from(Bytes(31)).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(SecretKey::from(Bytes(33)).error().code, ErrorCode::kMalformed);
}

TEST_F(Crypto, SystemRandomDoesNotRepeat) {
  std::array<std::uint8_t, 32> one{};
  std::array<std::uint8_t, 32> two{};
  system_random().fill(one);
  system_random().fill(two);
  EXPECT_NE(one, two);
}

}  // namespace
}  // namespace coterie::crypto
