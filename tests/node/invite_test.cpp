// Invite strings and the messages of joining.

#include "node/core/invite.hpp"

#include <gtest/gtest.h>

#include "node/core/join.hpp"
#include "node/core/limits.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/seeded_secure_random.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {
namespace {

using testing::SeededSecureRandom;

InviteSecret sample(SeededSecureRandom& random, std::size_t contacts = 1) {
  WorkspaceId workspace;
  random.fill(workspace.bytes);
  InviteSecret invite = make_invite(workspace, random);
  for (std::size_t i = 0; i < contacts; ++i) {
    InviteContact contact;
    random.fill(contact.device.bytes);
    contact.addresses = {"tcp://192.168.1.20:7400", "tcp://red.local:7400"};
    invite.contacts.push_back(std::move(contact));
  }
  return invite;
}

TEST(InviteTest, SurvivesTheRoundTrip) {
  SeededSecureRandom random(1);
  for (std::size_t contacts = 1; contacts <= kInviteContactsMax; ++contacts) {
    const InviteSecret invite = sample(random, contacts);
    const std::string text = format_invite(invite);
    EXPECT_LE(text.size(), kInviteTextBytesMax);
    const auto parsed = parse_invite("  " + text + "\n");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->workspace, invite.workspace);
    EXPECT_TRUE(equal(parsed->secret.view(), invite.secret.view()));
    EXPECT_EQ(invite_key(*parsed).id(), invite_key(invite).id());
    ASSERT_EQ(parsed->contacts.size(), contacts);
    EXPECT_EQ(parsed->contacts[0].device, invite.contacts[0].device);
    EXPECT_EQ(parsed->contacts[0].addresses, invite.contacts[0].addresses);
  }
}

TEST(InviteTest, IsShort) {
  SeededSecureRandom random(7);
  InviteSecret invite = sample(random);
  invite.contacts[0].addresses = {"tcp://192.168.1.20:7430"};
  EXPECT_EQ(format_invite(invite).size(), 128u);
}

TEST(InviteTest, AddressesOfEveryKindAndNumber) {
  SeededSecureRandom random(8);
  const std::vector<std::vector<std::string>> cases{
      {},
      {"tcp://0.0.0.0:1"},
      {"tcp://255.255.255.255:65535"},
      {"tcp://[2001:db8::1]:7430"},
      {"tcp://red.local:7430"},
      {"tcp://1.2.3:7430", "tcp://01.2.3.4:7430", "tcp://1.2.3.4.5:7430"},
      {"tcp://256.1.1.1:7430", "tcp://1..1.1:7430"},
      {"tcp://a:1", "tcp://10.0.0.1:2", "tcp://b:3"}};
  for (const auto& first : cases) {
    for (const auto& second : cases) {
      InviteSecret invite = sample(random, 3);
      invite.contacts[0].addresses = first;
      invite.contacts[1].addresses = second;
      invite.contacts[2].addresses = {};
      const auto parsed = parse_invite(format_invite(invite));
      ASSERT_TRUE(parsed) << parsed.error().what;
      ASSERT_EQ(parsed->contacts.size(), 3u);
      EXPECT_EQ(parsed->contacts[0].addresses, first);
      EXPECT_EQ(parsed->contacts[1].addresses, second);
      EXPECT_TRUE(parsed->contacts[2].addresses.empty());
    }
  }
  InviteSecret many = sample(random, kInviteContactsMax + 1);
  for (auto& contact : many.contacts)
    contact.addresses.assign(kInviteAddressesMax + 1, "tcp://a:1");
  const auto parsed = parse_invite(format_invite(many));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->contacts.size(), kInviteContactsMax);
  EXPECT_EQ(parsed->contacts[0].addresses.size(), kInviteAddressesMax);
}

TEST(InviteTest, KeysDifferByWorkspaceAndSecret) {
  SeededSecureRandom random(9);
  const InviteSecret one = sample(random);
  InviteSecret other = sample(random);
  EXPECT_NE(invite_key(one).id(), invite_key(other).id());
  other.secret = one.secret.clone();
  EXPECT_NE(invite_key(one).id(), invite_key(other).id());
  other.workspace = one.workspace;
  EXPECT_EQ(invite_key(one).id(), invite_key(other).id());
}

TEST(InviteTest, AQrCodeMayShout) {
  SeededSecureRandom random(10);
  std::string text = format_invite(sample(random));
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    EXPECT_TRUE(alphanumeric) << c;
  }
  EXPECT_TRUE(parse_invite(text));
}

/// What a hostile string may hold after a right checksum.
std::string spell(Bytes content) {
  const Hash checksum = crypto::hash({as_bytes("coterie invite v1"), content});
  append(content, checksum.view().first(4));
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string out = "coterie1";
  std::uint32_t bits = 0;
  int held = 0;
  for (const std::uint8_t byte : content) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 5; bits &= (1u << held) - 1) {
      held -= 5;
      out.push_back(kDigits[(bits >> held) & 31]);
    }
  }
  if (held > 0) out.push_back(kDigits[(bits << (5 - held)) & 31]);
  return out;
}

TEST(InviteTest, HostileContentIsRefused) {
  const Bytes head(32, 7);  // Workspace and secret.
  const Bytes device(32, 9);
  const auto invite = [&](std::initializer_list<Bytes> parts) {
    Bytes content = head;
    for (const Bytes& part : parts) append(content, part);
    return parse_invite(spell(content));
  };
  EXPECT_TRUE(invite({device, {0}}));
  EXPECT_TRUE(invite({device, {1, 10, 0, 0, 1, 0, 80}}));
  EXPECT_FALSE(invite({})) << "nobody to ask";
  EXPECT_FALSE(invite({device}));
  EXPECT_FALSE(invite({device, {8}})) << "another contact is promised";
  EXPECT_FALSE(invite({device, {4}})) << "no address, and more of them";
  EXPECT_FALSE(invite({device, {5, 10, 0, 0, 1, 0, 80, 0}})) << "one address, then none";
  EXPECT_FALSE(invite({device, {3, 0}}));
  EXPECT_FALSE(invite({device, {16}}));
  EXPECT_FALSE(invite({device, {13, 10, 0, 0, 1, 0, 80}})) << "more of both";
  EXPECT_FALSE(invite({device, {1, 10, 0, 0, 1, 0, 0}})) << "port 0";
  EXPECT_FALSE(invite({device, {2, 0, 0, 80}})) << "no host";
  EXPECT_FALSE(invite({device, {2, 7, '1', '.', '2', '.', '3', '.', '4', 0, 80}}))
      << "not shortest";
  EXPECT_FALSE(invite({device, {0}, {0}})) << "trailing";
  Bytes many;
  for (std::size_t i = 0; i <= kInviteContactsMax; ++i) {
    append(many, device);
    many.push_back(i < kInviteContactsMax ? 8 : 0);
  }
  EXPECT_EQ(invite({many}).error().code, ErrorCode::kLimitExceeded);
  Bytes addresses = device;
  for (std::size_t i = 0; i <= kInviteAddressesMax; ++i) {
    append(addresses,
           Bytes{static_cast<std::uint8_t>(i < kInviteAddressesMax ? 5 : 1), 1, 1, 1, 1, 0, 80});
  }
  EXPECT_EQ(invite({addresses}).error().code, ErrorCode::kLimitExceeded);
}

TEST(InviteTest, ForgivesWhatPeopleMistake) {
  SeededSecureRandom random(2);
  std::string text = format_invite(sample(random));
  for (std::size_t i = 8; i < text.size(); ++i) {
    if (text[i] == '0') text[i] = 'O';
    if (text[i] == '1') text[i] = i % 2 == 0 ? 'l' : 'I';
    if (text[i] >= 'a' && text[i] <= 'z' && text[i] != 'l') {
      text[i] = static_cast<char>(text[i] - 'a' + 'A');
    }
  }
  EXPECT_TRUE(parse_invite(text));
}

TEST(InviteTest, EveryTypoAndCutIsFound) {
  SeededSecureRandom random(3);
  const std::string text = format_invite(sample(random));
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(parse_invite(text.substr(0, length))) << length;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string typo = text;
    typo[i] = typo[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(parse_invite(typo)) << i;
    typo[i] = '!';
    EXPECT_FALSE(parse_invite(typo)) << i;
  }
  EXPECT_FALSE(parse_invite(text + "0"));
  EXPECT_EQ(parse_invite(std::string(kInviteTextBytesMax + 1, 'a')).error().code,
            ErrorCode::kLimitExceeded);
}

TEST(JoinTest, MessagesSurviveTheRoundTrip) {
  SeededSecureRandom random(4);
  const auto device = crypto::SigningKey::generate(random);
  const auto invite = crypto::SigningKey::generate(random);
  WorkspaceId workspace;
  random.fill(workspace.bytes);
  const Redeem redeem = make_redeem(tag_of(workspace), device, "anna", invite);
  const auto decoded = decode_join_message(encode_join_message(redeem));
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(verify_redeem(std::get<Redeem>(*decoded)));
  Redeem renamed = redeem;
  renamed.name = "ben";
  EXPECT_FALSE(verify_redeem(renamed));
  Redeem other_invite = redeem;
  other_invite.invite = device.id();
  EXPECT_FALSE(verify_redeem(other_invite));
  Redeem moved = redeem;
  moved.workspace.bytes[0] ^= 1;
  EXPECT_FALSE(verify_redeem(moved));

  Welcome welcome;
  welcome.workspace = workspace;
  welcome.keys.push_back({crypto::hash(as_bytes("k")), Bytes(80, 1)});
  welcome.frontier[{device.id(), 7}] = {3, crypto::hash(as_bytes("h"))};
  const auto again = decode_join_message(encode_join_message(welcome));
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<Welcome>(*again).frontier, welcome.frontier);
  const auto waiting = decode_join_message(encode_join_message(Waiting{workspace}));
  ASSERT_TRUE(waiting);
  EXPECT_EQ(std::get<Waiting>(*waiting).workspace, workspace);
  const auto refused = decode_join_message(encode_join_message(Refused{RefusalReason::kUsedUp}));
  ASSERT_TRUE(refused);
  EXPECT_EQ(std::get<Refused>(*refused).reason, RefusalReason::kUsedUp);

  for (const Bytes& whole : {encode_join_message(redeem), encode_join_message(welcome)}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(decode_join_message(ByteView(whole).first(length)));
    }
  }
}

TEST(JoinTest, AWelcomeFitsItsFrame) {
  Welcome welcome;
  for (std::uint64_t i = 0; i < 10'000; ++i) welcome.frontier[{{}, i}] = {transport::kSeqMax, {}};
  welcome.keys.assign(kSealedKeysMax, SealedKey{{}, Bytes(80)});
  const Bytes encoded = encode_join_message(welcome);
  EXPECT_LE(encoded.size(), transport::kApplicationBytesMax);
  EXPECT_TRUE(decode_join_message(encoded));
}

TEST(JoinTest, RandomBytesNeverCrash) {
  testing::for_each_seed(5000, [](std::uint64_t seed) {
    Random random(seed);
    Bytes bytes(2 + random.below(300));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    bytes[0] = 1;
    bytes[1] = static_cast<std::uint8_t>(random.below(4));
    (void)decode_join_message(bytes);  // Whatever it is, it must not crash.
  });
}

}  // namespace
}  // namespace coterie::node
