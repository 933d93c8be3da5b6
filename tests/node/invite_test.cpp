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
  InviteSecret invite;
  random.fill(invite.workspace.bytes);
  invite.seed = crypto::SecretKey::generate(random);
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
    EXPECT_TRUE(equal(parsed->seed.view(), invite.seed.view()));
    ASSERT_EQ(parsed->contacts.size(), contacts);
    EXPECT_EQ(parsed->contacts[0].device, invite.contacts[0].device);
    EXPECT_EQ(parsed->contacts[0].addresses, invite.contacts[0].addresses);
  }
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
  const Redeem redeem = make_redeem(workspace, device, "anna", invite);
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
