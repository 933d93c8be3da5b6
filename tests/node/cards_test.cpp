// Address cards: their bytes, what is taken of whom, and that nodes find each other by them.

#include "node/core/cards.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/join.hpp"
#include "node/core/limits.hpp"
#include "tests/support/cluster_test.hpp"
#include "tests/support/seeded_secure_random.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::ClusterTest;
using testing::SeededSecureRandom;

WorkspaceId some_workspace() {
  WorkspaceId id;
  id.bytes.fill(7);
  return id;
}

class CardBytesTest : public ::testing::Test {
 protected:
  CardBytesTest() : random_(1), key_(crypto::SigningKey::generate(random_)) {}
  Card card(std::size_t addresses, std::size_t name_bytes = 3) const {
    return make_card(some_workspace(), key_, 5, std::string(name_bytes, 'n'),
                     std::vector<std::string>(addresses, "tcp://10.0.0.1:7400"));
  }

  SeededSecureRandom random_;
  crypto::SigningKey key_;
};

TEST_F(CardBytesTest, SignedAndReadBack) {
  const Card made = card(2);
  EXPECT_TRUE(verify_card(some_workspace(), made));
  EXPECT_FALSE(verify_card({}, made)) << "of another workspace";
  const auto read = decode_card(encode_card(made));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, made);
  for (auto change : std::vector<std::function<void(Card&)>>{
           [](Card& one) { ++one.serial; }, [](Card& one) { one.name = "other"; },
           [](Card& one) { one.addresses.pop_back(); },
           [](Card& one) { one.signature.bytes[5] ^= 1; },
           [&](Card& one) { one.device = crypto::SigningKey::generate(random_).id(); }}) {
    Card forged = made;
    change(forged);
    EXPECT_FALSE(verify_card(some_workspace(), forged));
  }
}

TEST_F(CardBytesTest, AtAndPastTheLimits) {
  EXPECT_TRUE(decode_card(encode_card(card(kAddressesMax))));
  EXPECT_EQ(decode_card(encode_card(card(kAddressesMax + 1))).error().code,
            ErrorCode::kLimitExceeded);
  EXPECT_TRUE(decode_card(encode_card(card(1, kNameBytesMax))));
  EXPECT_FALSE(decode_card(encode_card(card(1, kNameBytesMax + 1))));

  CardBatch batch;
  batch.workspace = some_workspace();
  const std::size_t each = encode_card(card(1, 100)).size() + 2;
  batch.cards.assign(kCardBatchBytes / each, card(1, 100));
  EXPECT_TRUE(decode_card_message(encode_card_message(batch)));
  batch.cards.push_back(card(1, 100));
  EXPECT_EQ(decode_card_message(encode_card_message(batch)).error().code,
            ErrorCode::kLimitExceeded);

  CardList list;
  list.workspace = some_workspace();
  while (list.serials.size() < kMembersMax) {
    DeviceId device;
    random_.fill(device.bytes);
    list.serials.emplace(device, list.serials.size());
  }
  const auto decoded = decode_card_message(encode_card_message(list));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<CardList>(*decoded).serials, list.serials);
  list.serials.emplace(DeviceId{}, 1);
  EXPECT_EQ(decode_card_message(encode_card_message(list)).error().code, ErrorCode::kLimitExceeded);

  Welcome welcome;
  welcome.workspace = some_workspace();
  welcome.cards.assign(kWelcomeCardBytesMax / each, card(1, 100));
  const auto again = decode_join_message(encode_join_message(welcome));
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<Welcome>(*again).cards, welcome.cards);
  welcome.cards.push_back(card(1, 100));
  EXPECT_FALSE(decode_join_message(encode_join_message(welcome)));
}

TEST_F(CardBytesTest, WhatIsCutShortOrTooLongIsRefused) {
  const CardList list{some_workspace(), {{key_.id(), 3}}};
  for (const CardMessage& message :
       {CardMessage(CardDigest{some_workspace(), {}}), CardMessage(list),
        CardMessage(CardBatch{some_workspace(), {card(2)}})}) {
    const Bytes whole = encode_card_message(message);
    EXPECT_TRUE(is_card_message(whole));
    EXPECT_TRUE(decode_card_message(whole));
    const std::size_t header = 2 + WorkspaceId::kBytes;
    for (std::size_t length = 0; length < whole.size(); ++length) {
      if (length == header && !std::holds_alternative<CardDigest>(message)) continue;  // Empty.
      EXPECT_FALSE(decode_card_message(ByteView(whole).first(length))) << length;
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(decode_card_message(longer));
  }
  Bytes twice = encode_card_message(list);
  const Bytes row(twice.begin() + 2 + WorkspaceId::kBytes, twice.end());
  append(twice, row);
  EXPECT_FALSE(decode_card_message(twice)) << "not ascending";
}

// The exchange, between tables of cards by hand.

class CardsTest : public ::testing::Test, private Cards::Host {
 protected:
  CardsTest()
      : random_(2),
        self_(crypto::SigningKey::generate(random_)),
        peer_(crypto::SigningKey::generate(random_)),
        cards_(some_workspace(), self_, 3, *this) {
    members_ = {self_.id(), peer_.id()};
    cards_.handle_linked(now_, peer_.id());
  }

  crypto::SigningKey member() {
    auto key = crypto::SigningKey::generate(random_);
    members_.insert(key.id());
    return key;
  }
  static Card card_of(const crypto::SigningKey& key, std::uint64_t serial) {
    return make_card(some_workspace(), key, serial, "m",
                     {"tcp://h" + std::to_string(serial) + ":1"});
  }
  Status hear(const Card& card) {
    return cards_.handle_message(now_, peer_.id(), CardBatch{some_workspace(), {card}});
  }
  /// What is sent within `duration`.
  std::vector<std::pair<DeviceId, CardMessage>> run_for(Duration duration) {
    std::vector<std::pair<DeviceId, CardMessage>> sent;
    const Instant end = now_.steady + duration;
    const auto drain = [&] {
      while (auto output = cards_.poll_output()) {
        sent.emplace_back(output->to, *decode_card_message(output->payload));
      }
    };
    drain();
    for (auto due = cards_.next_deadline(); due && *due <= end; due = cards_.next_deadline()) {
      now_.steady = std::max(now_.steady, *due);
      cards_.handle_timeout(now_);
      drain();
    }
    now_.steady = end;
    return sent;
  }

  bool keeps_card_of(const DeviceId& device) const override { return members_.contains(device); }
  bool shows_cards_to(const DeviceId& peer) const override { return members_.contains(peer); }
  void card_changed(const Card&) override { ++stored_; }

  SeededSecureRandom random_;
  Now now_{Instant(1h), 1'760'000'000'000};
  crypto::SigningKey self_;
  crypto::SigningKey peer_;
  std::set<DeviceId> members_;
  std::size_t stored_ = 0;
  Cards cards_;
};

TEST_F(CardsTest, DigestsThatAgreeCostOneFrameEach) {
  cards_.announce(now_, "self", {"tcp://a:1"});
  const auto sent = run_for(1h);
  ASSERT_EQ(sent.size(), 2u) << "the card, and the digest";
  EXPECT_LE(encode_card_message(sent[1].second).size(), 66u);
  EXPECT_TRUE(
      cards_.handle_message(now_, peer_.id(), CardDigest{some_workspace(), cards_.digest()}));
  EXPECT_TRUE(run_for(1h).empty());
  EXPECT_TRUE(cards_.handle_message(now_, peer_.id(), CardDigest{some_workspace(), {}}));
  const auto answer = run_for(1s);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(std::get<CardList>(answer[0].second).serials.size(), 1u);
}

TEST_F(CardsTest, OnlyNewerCardsOfMembersCount) {
  const auto green = member();
  EXPECT_TRUE(hear(card_of(green, 10)));
  EXPECT_TRUE(hear(card_of(green, 9)));
  EXPECT_EQ(cards_.find(green.id())->serial, 10u) << "replayed";
  EXPECT_TRUE(hear(card_of(green, 11)));
  EXPECT_EQ(cards_.find(green.id())->serial, 11u);
  Card forged = card_of(green, 12);
  forged.addresses = {"tcp://evil:1"};
  EXPECT_EQ(hear(forged).error().code, ErrorCode::kUnauthenticated);
  Card elsewhere = make_card({}, green, 12, "m", {});
  EXPECT_EQ(hear(elsewhere).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(cards_.find(green.id())->serial, 11u);
  const auto stranger = crypto::SigningKey::generate(random_);
  EXPECT_TRUE(hear(card_of(stranger, 1)));
  EXPECT_EQ(cards_.find(stranger.id()), nullptr);

  members_.erase(green.id());
  const auto dropped = cards_.drop_strangers();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].first, green.id());
  EXPECT_EQ(cards_.find(green.id()), nullptr);
}

TEST_F(CardsTest, ANewCardGoesOnOnceToThoseWhoLackIt) {
  const auto green = member();
  const auto blue = member();
  cards_.handle_linked(now_, green.id());
  cards_.handle_linked(now_, blue.id());
  (void)run_for(1s);
  const Card card = card_of(green, 5);
  EXPECT_TRUE(hear(card));
  EXPECT_TRUE(cards_.handle_message(now_, blue.id(), CardBatch{some_workspace(), {card}}));
  EXPECT_TRUE(run_for(1s).empty()) << "its author and both who sent it have it";
  EXPECT_TRUE(hear(card_of(green, 6)));
  const auto sent = run_for(1s);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].first, blue.id());
  EXPECT_TRUE(hear(card_of(green, 6)));
  EXPECT_TRUE(run_for(1s).empty());
}

TEST_F(CardsTest, ADeviceThatChangesItsCardAllTheTimeIsHeardNowAndThen) {
  const auto green = member();
  std::uint64_t serial = 0;
  for (std::size_t i = 0; i < 2 * kCardChangeBurst; ++i)
    EXPECT_TRUE(hear(card_of(green, ++serial)));
  EXPECT_EQ(cards_.find(green.id())->serial, kCardChangeBurst);
  // What was left out is asked for later.
  bool asked = false;
  for (const auto& [to, message] : run_for(kCardChangePause)) {
    asked = asked || std::holds_alternative<CardList>(message);
  }
  EXPECT_TRUE(asked);
  EXPECT_TRUE(hear(card_of(green, serial)));
  EXPECT_EQ(cards_.find(green.id())->serial, serial);
}

TEST_F(CardsTest, FloodsOfDigestsAndListsAreAnsweredNowAndThen) {
  cards_.announce(now_, "self", {"tcp://a:1"});
  (void)run_for(1s);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(cards_.handle_message(now_, peer_.id(), CardDigest{some_workspace(), {}}));
    EXPECT_TRUE(cards_.handle_message(now_, peer_.id(), CardList{some_workspace(), {}}));
  }
  EXPECT_EQ(run_for(1s).size(), 2 * kCardListBurst);
}

TEST_F(CardsTest, AMemberNotKnownYetIsAskedForAgain) {
  const auto green = crypto::SigningKey::generate(random_);
  EXPECT_TRUE(hear(card_of(green, 5)));
  std::size_t asked = 0;
  for (const auto& [to, message] : run_for(10s)) asked += std::holds_alternative<CardList>(message);
  EXPECT_EQ(asked, 1u);
  members_.insert(green.id());
  EXPECT_TRUE(hear(card_of(green, 5)));
  EXPECT_NE(cards_.find(green.id()), nullptr);
}

TEST_F(CardsTest, ACardOfOursFromAnotherLifeIsOutdone) {
  cards_.announce(now_, "self", {"tcp://a:1"});
  (void)run_for(1s);
  const std::uint64_t later = now_.wall + 1'000'000;
  EXPECT_TRUE(hear(make_card(some_workspace(), self_, later, "self", {"tcp://b:1"})));
  EXPECT_EQ(cards_.find(self_.id())->serial, later + 1);
  EXPECT_EQ(cards_.find(self_.id())->addresses, std::vector<std::string>{"tcp://a:1"});
  EXPECT_EQ(run_for(1s).size(), 1u) << "and is sent";
}

// Whole nodes.

class CardsEngineTest : public ClusterTest {
 protected:
  CardsEngineTest() : ClusterTest(21) {
    red_ = cluster_.add_node("red");
    found(red_);
  }
  Cluster::Node join_as(const std::string& name, Role role) {
    const auto node = cluster_.add_node(name);
    // Those who came in before are out of its reach.
    for (Cluster::Node other = 1; other < node; ++other) part(node, other);
    join(node, red_, role);
    cluster_.run_for(3s);
    return node;
  }
  std::vector<std::string> addresses(Cluster::Node at, Cluster::Node of) {
    const auto members = *cluster_.engine(at).members(workspace_);
    for (const MemberInfo& one : members) {
      if (one.device == cluster_.id(of)) return one.addresses;
    }
    return {};
  }
  bool meet(Cluster::Node a, Cluster::Node b) {
    return cluster_.run_until(30s, [&] { return cluster_.linked(a, b); });
  }
  /// From `from` to `to`, past its engine.
  bool say(Cluster::Node from, Cluster::Node to, const CardMessage& message) {
    const Bytes frame = encode(transport::Application{encode_card_message(message)});
    const bool sent = cluster_.inject(from, to, frame);
    cluster_.run_for(500ms);
    return sent;
  }

  Cluster::Node red_ = 0;
};

TEST_F(CardsEngineTest, TwoWhoNeverMetFindEachOtherWithoutWhomTheyJoinedBy) {
  const auto green = join_as("green", Role::kEditor);
  const auto blue = join_as("blue", Role::kEditor);
  ASSERT_FALSE(cluster_.linked(green, blue));
  cluster_.crash(red_);
  cluster_.network().heal_all(cluster_.now());
  ASSERT_TRUE(meet(green, blue));
  const auto client = this->client(green, 5);
  type(client, "found you");
  EXPECT_TRUE(cluster_.run_until(10s, [&] { return text(blue) == "found you"; }));
}

TEST_F(CardsEngineTest, SoDoAViewerAndARelay) {
  const auto client = this->client(red_, 5);
  type(client, "read me");
  cluster_.run_for(1s);
  const auto relay = join_as("relay", Role::kRelay);
  const auto viewer = join_as("viewer", Role::kViewer);
  const auto other = join_as("other", Role::kViewer);
  for (const auto node : {relay, viewer, other}) {
    EXPECT_EQ(addresses(relay, node).size(), 1u);
    EXPECT_EQ(addresses(viewer, node).size(), 1u);
  }
  cluster_.crash(red_);
  cluster_.network().heal_all(cluster_.now());
  EXPECT_TRUE(meet(viewer, relay));
  EXPECT_TRUE(meet(viewer, other));
  EXPECT_TRUE(meet(other, relay));
}

TEST_F(CardsEngineTest, AddressesOutliveARestart) {
  const auto green = join_as("green", Role::kViewer);
  const auto blue = join_as("blue", Role::kViewer);
  for (const auto node : {red_, green, blue}) cluster_.crash(node);
  cluster_.network().heal_all(cluster_.now());
  cluster_.restart(green);
  cluster_.restart(blue);
  EXPECT_TRUE(meet(green, blue));
}

TEST_F(CardsEngineTest, ANewcomerNeedsOnlyTheWelcomeOfWhomItAsked) {
  const auto green = cluster_.add_node("green");
  join(green, red_);
  const auto writer = client(green, 5);
  type(writer, "text");
  cluster_.run_for(2s);
  const auto blue = cluster_.add_node("blue");
  Cluster::Tap tap;
  tap.incoming = [&](const DeviceId&, Bytes frame) {
    const auto message = transport::decode(frame);
    const auto* said = message ? std::get_if<transport::Application>(&*message) : nullptr;
    const auto answer = said != nullptr ? decode_join_message(said->payload)
                                        : Result<JoinMessage>(Error{ErrorCode::kMalformed, ""});
    // Nothing more is heard of it.
    if (answer && std::holds_alternative<Welcome>(*answer)) part(red_, blue);
    return std::optional<Bytes>(std::move(frame));
  };
  cluster_.set_tap(blue, std::move(tap));
  const auto joined = await(blue, JoinWorkspace{invite(red_)});
  EXPECT_TRUE(std::holds_alternative<WorkspaceReady>(joined));
  EXPECT_FALSE(cluster_.linked(blue, red_));
  EXPECT_TRUE(cluster_.run_until(10s, [&] { return text(blue) == "text"; }));
}

TEST_F(CardsEngineTest, FaultyCardsCountAgainstTheirSender) {
  const auto green = join_as("green", Role::kEditor);
  const auto blue = join_as("blue", Role::kEditor);
  const auto blue_address = addresses(red_, blue);
  ASSERT_EQ(blue_address.size(), 1u);
  Card forged = make_card(workspace_, cluster_.identity(blue), 1u << 30, "blue", {"tcp://evil:1"});
  EXPECT_TRUE(say(green, red_, CardBatch{workspace_, {forged}}));
  EXPECT_EQ(addresses(red_, blue), blue_address) << "older than what is known";
  forged.serial = cluster_.at().wall + 1;
  const CardMessage message = CardBatch{workspace_, {forged}};
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(say(green, red_, message));
  EXPECT_TRUE(cluster_.linked(green, red_));
  ASSERT_TRUE(
      cluster_.inject(green, red_, encode(transport::Application{encode_card_message(message)})));
  EXPECT_TRUE(cluster_.run_until(1s, [&] { return !cluster_.linked(green, red_); }));
  EXPECT_EQ(addresses(red_, blue), blue_address);
}

TEST_F(CardsEngineTest, CardsAreForMembersOnly) {
  const auto green = join_as("green", Role::kEditor);
  const auto blue = join_as("blue", Role::kEditor);
  const std::size_t before = cluster_.engine(blue).members(workspace_)->size();
  std::size_t heard = 0;
  Cluster::Tap tap;
  tap.incoming = [&](const DeviceId&, Bytes frame) {
    const auto message = transport::decode(frame);
    const auto* said = message ? std::get_if<transport::Application>(&*message) : nullptr;
    heard += said != nullptr && is_card_message(said->payload);
    return std::optional<Bytes>(std::move(frame));
  };
  cluster_.set_tap(green, std::move(tap));
  await(red_, RemoveMember{workspace_, cluster_.id(green), false});
  cluster_.run_for(5s);
  heard = 0;
  (void)say(green, red_, CardList{workspace_, {}});
  EXPECT_EQ(heard, 0u);
  EXPECT_EQ(cluster_.engine(blue).members(workspace_)->size(), before - 1);
  // What it was called is known still.
  const auto known = *cluster_.engine(blue).known_devices(workspace_);
  EXPECT_TRUE(std::any_of(known.begin(), known.end(), [&](const KnownDevice& one) {
    return one.device == cluster_.id(green) && one.name == "green";
  }));
  // A guest gets none.
  const auto secret = parse_invite(invite(red_));
  cluster_.dial_raw(green, red_, invite_key(*secret).id());
  cluster_.run_for(1s);
  (void)say(green, red_, CardList{workspace_, {}});
  EXPECT_EQ(heard, 0u);
}

}  // namespace
}  // namespace coterie::node
