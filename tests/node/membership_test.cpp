// Membership: who counts, and that the order of arrival never matters.
//
// Method: a small world of devices issues operations, honest and forged; the resolver is fed in
// many orders and must always give the same members.

#include "node/core/membership/membership.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/limits.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::node {
namespace {

using testing::SeededSecureRandom;

struct Issued {
  Hash hash;
  DeviceId author;
  std::vector<Hash> heads;
  Bytes payload;
  bool genesis = false;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) { found("team"); }

  const WorkspaceId& workspace() const { return workspace_; }
  const Hash& genesis() const { return issued_[0].hash; }
  crypto::SigningKey& founder() { return *founder_; }
  SeededSecureRandom& random() { return random_; }
  const std::vector<Issued>& issued() const { return issued_; }

  Hash issue(const DeviceId& author, std::vector<Hash> heads, const Operation& operation) {
    Issued one;
    one.author = author;
    one.heads = std::move(heads);
    std::sort(one.heads.begin(), one.heads.end());
    one.payload = encode_operation(operation);
    // Stands in for the entry hash: unique, and unknown before the entry exists.
    random_.fill(one.hash.bytes);
    issued_.push_back(one);
    return one.hash;
  }

  Hash invite(const DeviceId& author, std::vector<Hash> heads, const crypto::SigningKey& key,
              Role role) {
    return issue(author, std::move(heads), InviteOperation{key.id(), role, 99, 1});
  }

  Hash admit(const DeviceId& author, std::vector<Hash> heads, const crypto::SigningKey& invite,
             const DeviceId& device, Role role, const std::string& name = "n") {
    AdmitOperation admit;
    admit.device = device;
    admit.name = name;
    admit.role = role;
    admit.invite = invite.id();
    admit.proof = invite.sign(admission_proof(workspace_, device).view());
    return issue(author, std::move(heads), admit);
  }

  Membership resolve(const std::vector<std::size_t>& order) const {
    Membership membership(workspace_);
    for (const std::size_t i : order) {
      const Issued& one = issued_[i];
      EXPECT_TRUE(
          membership.add({one.hash, {one.author, 1}, i, 0, one.heads, one.payload, one.genesis}));
    }
    return membership;
  }
  Membership resolve() const {
    std::vector<std::size_t> order(issued_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    return resolve(order);
  }

 private:
  void found(const std::string& name) {
    founder_.emplace(crypto::SigningKey::generate(random_));
    const Hash hash = issue(founder_->id(), {}, CreateOperation{name, {}});
    issued_[0].genesis = true;
    workspace_.bytes = hash.bytes;
  }

  SeededSecureRandom random_;
  std::optional<crypto::SigningKey> founder_;
  WorkspaceId workspace_;
  std::vector<Issued> issued_;
};

DeviceId device(World& world) { return crypto::SigningKey::generate(world.random()).id(); }

TEST(MembershipTest, InvitedAndAdmitted) {
  World world(1);
  const auto key = crypto::SigningKey::generate(world.random());
  const DeviceId anna = device(world);
  const Hash invite = world.invite(world.founder().id(), {world.genesis()}, key, Role::kEditor);
  const Hash admit = world.admit(world.founder().id(), {invite}, key, anna, Role::kEditor, "anna");
  const Membership membership = world.resolve();
  EXPECT_TRUE(membership.founded());
  EXPECT_EQ(membership.name(), "team");
  ASSERT_NE(membership.find(anna), nullptr);
  EXPECT_EQ(membership.find(anna)->role, Role::kEditor);
  EXPECT_EQ(membership.find(anna)->name, "anna");
  EXPECT_EQ(membership.find(world.founder().id())->role, Role::kHost);
  EXPECT_EQ(membership.heads(), std::vector<Hash>{admit});
  EXPECT_EQ(membership.invites().at(key.id()).admitted.count(anna), 1u);
}

TEST(MembershipTest, AMemberThatIsNoHostAdmitsButDoesNotInvite) {
  World world(2);
  const auto first = crypto::SigningKey::generate(world.random());
  const auto second = crypto::SigningKey::generate(world.random());
  const auto forged = crypto::SigningKey::generate(world.random());
  const DeviceId anna = device(world);
  const DeviceId ben = device(world);
  const DeviceId mallory = device(world);
  const Hash i1 = world.invite(world.founder().id(), {world.genesis()}, first, Role::kEditor);
  const Hash i2 = world.invite(world.founder().id(), {i1}, second, Role::kViewer);
  const Hash a1 = world.admit(world.founder().id(), {i2}, first, anna, Role::kEditor);
  const Hash a2 = world.admit(anna, {a1}, second, ben, Role::kViewer);
  const Hash i3 = world.invite(anna, {a2}, forged, Role::kHost);
  world.admit(anna, {i3}, forged, mallory, Role::kHost);
  const Membership membership = world.resolve();
  EXPECT_NE(membership.find(ben), nullptr);
  EXPECT_EQ(membership.find(mallory), nullptr);
}

TEST(MembershipTest, ForgedAdmissionsDoNotCount) {
  World world(3);
  const auto key = crypto::SigningKey::generate(world.random());
  const auto other = crypto::SigningKey::generate(world.random());
  const DeviceId viewer = device(world);
  const Hash invite = world.invite(world.founder().id(), {world.genesis()}, key, Role::kViewer);
  const Hash admitted = world.admit(world.founder().id(), {invite}, key, viewer, Role::kViewer);

  std::vector<DeviceId> refused;
  const auto next = [&] { return refused.emplace_back(device(world)); };
  // More than the invite gives.
  world.admit(world.founder().id(), {invite}, key, next(), Role::kHost);
  // An invite that is not in its past, or was never made.
  world.admit(world.founder().id(), {world.genesis()}, key, next(), Role::kViewer);
  world.admit(world.founder().id(), {invite}, other, next(), Role::kViewer);
  // By a viewer, by a stranger, and by a member whose own admission is not in the past.
  world.admit(viewer, {admitted}, key, next(), Role::kViewer);
  world.admit(device(world), {admitted}, key, next(), Role::kViewer);
  // Signed for another device.
  AdmitOperation stolen;
  stolen.device = next();
  stolen.name = "x";
  stolen.role = Role::kViewer;
  stolen.invite = key.id();
  stolen.proof = key.sign(admission_proof(world.workspace(), viewer).view());
  world.issue(world.founder().id(), {invite}, stolen);
  // A second founding, and one that pretends to be a genesis.
  world.issue(refused.emplace_back(device(world)), {}, CreateOperation{"mine", {}});

  const Membership membership = world.resolve();
  EXPECT_EQ(membership.members().size(), 2u);
  for (const DeviceId& one : refused) EXPECT_EQ(membership.find(one), nullptr);
}

TEST(MembershipTest, UnknownAndMalformedOperationsOnlyOrder) {
  World world(4);
  const auto key = crypto::SigningKey::generate(world.random());
  const DeviceId anna = device(world);
  const Hash invite = world.invite(world.founder().id(), {world.genesis()}, key, Role::kEditor);
  Membership membership = world.resolve();
  Hash later;
  world.random().fill(later.bytes);
  Hash broken;
  world.random().fill(broken.bytes);
  const LogId log{world.founder().id(), 1};
  ASSERT_TRUE(membership.add({later, log, 7, 0, std::vector{invite}, Bytes{77, 1}, false}));
  ASSERT_TRUE(membership.add({broken, log, 8, 0, std::vector{later}, Bytes{3}, false}));
  EXPECT_EQ(membership.heads(), std::vector<Hash>{broken});
  world.admit(world.founder().id(), {broken}, key, anna, Role::kEditor);
  const Issued& last = world.issued().back();
  ASSERT_TRUE(membership.add({last.hash, log, 9, 0, last.heads, last.payload, false}));
  EXPECT_NE(membership.find(anna), nullptr);
}

TEST(MembershipTest, NothingCountsBeforeItsPastIsHere) {
  World world(5);
  const auto key = crypto::SigningKey::generate(world.random());
  const DeviceId anna = device(world);
  const Hash invite = world.invite(world.founder().id(), {world.genesis()}, key, Role::kEditor);
  world.admit(world.founder().id(), {invite}, key, anna, Role::kEditor);
  const Membership without_invite = world.resolve({0, 2});
  EXPECT_EQ(without_invite.find(anna), nullptr);
  EXPECT_EQ(without_invite.heads(), std::vector<Hash>{world.genesis()});
  EXPECT_NE(world.resolve({2, 1, 0}).find(anna), nullptr);
}

// A random history of honest and dishonest operations, resolved in random orders.
TEST(MembershipTest, OrderOfArrivalNeverMatters) {
  testing::for_each_seed(150, [](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    testing::SeededChoices choices(seed);
    World world(seed);
    std::vector<DeviceId> devices{world.founder().id()};
    std::vector<std::pair<crypto::SigningKey, Role>> invites;
    for (int step = 0; step < 24; ++step) {
      // A copy: devices grows below.
      const DeviceId author = devices[choices.below(devices.size())];
      std::vector<Hash> heads;
      const std::size_t count = 1 + choices.below(3);
      for (std::size_t i = 0; i < count; ++i) {
        heads.push_back(world.issued()[choices.below(world.issued().size())].hash);
      }
      std::sort(heads.begin(), heads.end());
      heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
      const Role role = static_cast<Role>(1 + choices.below(5));
      if (invites.empty() || choices.chance(40)) {
        invites.emplace_back(crypto::SigningKey::generate(world.random()), role);
        world.invite(author, heads, invites.back().first, role);
      } else {
        auto& [key, given] = invites[choices.below(invites.size())];
        const Role claimed = choices.chance(80) ? given : role;
        const bool known = choices.chance(20);
        const DeviceId one = known ? devices[choices.below(devices.size())] : device(world);
        devices.push_back(one);
        world.admit(author, heads, key, one, claimed, "n" + std::to_string(step));
      }
    }
    const Membership expected = world.resolve();
    for (int round = 0; round < 5; ++round) {
      std::vector<std::size_t> order(world.issued().size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      for (std::size_t i = order.size(); i > 1; --i) {
        std::swap(order[i - 1], order[choices.below(i)]);
      }
      const Membership other = world.resolve(order);
      EXPECT_EQ(other.heads(), expected.heads());
      ASSERT_EQ(other.members().size(), expected.members().size());
      for (const auto& [id, member] : expected.members()) {
        ASSERT_NE(other.find(id), nullptr);
        EXPECT_EQ(other.find(id)->role, member.role);
        EXPECT_EQ(other.find(id)->name, member.name);
      }
      ASSERT_EQ(other.invites().size(), expected.invites().size());
      for (const auto& [key, invite] : expected.invites()) {
        EXPECT_EQ(other.invites().at(key).admitted, invite.admitted);
        EXPECT_EQ(other.invites().at(key).operation, invite.operation);
      }
    }
  });
}

TEST(OperationsTest, LimitsAtAndPast) {
  InviteOperation invite;
  invite.uses = kInviteUsesMax;
  EXPECT_TRUE(decode_operation(encode_operation(invite)));
  invite.uses = kInviteUsesMax + 1;
  EXPECT_EQ(decode_operation(encode_operation(invite)).error().code, ErrorCode::kLimitExceeded);
  invite.uses = 0;
  EXPECT_EQ(decode_operation(encode_operation(invite)).error().code, ErrorCode::kMalformed);

  AdmitOperation admit;
  admit.name = std::string(kNameBytesMax, 'n');
  admit.keys.assign(kSealedKeysMax, SealedKey{{}, Bytes(80)});
  EXPECT_TRUE(decode_operation(encode_operation(admit)));
  admit.keys.push_back(SealedKey{{}, Bytes(80)});
  EXPECT_EQ(decode_operation(encode_operation(admit)).error().code, ErrorCode::kLimitExceeded);
  admit.keys.assign(1, SealedKey{{}, Bytes(79)});
  EXPECT_EQ(decode_operation(encode_operation(admit)).error().code, ErrorCode::kMalformed);
  admit.keys.clear();
  admit.name += "n";
  EXPECT_EQ(decode_operation(encode_operation(admit)).error().code, ErrorCode::kLimitExceeded);

  for (const Role role : {static_cast<Role>(0), static_cast<Role>(6)}) {
    EXPECT_FALSE(decode_operation(encode_operation(InviteOperation{{}, role, 1, 1})));
  }
}

TEST(OperationsTest, EveryTruncationIsMalformed) {
  AdmitOperation admit;
  admit.name = "anna";
  admit.keys.assign(1, SealedKey{{}, Bytes(80)});
  for (const Bytes& whole : {encode_operation(admit), encode_operation(InviteOperation{}),
                             encode_operation(CreateOperation{"team", {}})}) {
    EXPECT_TRUE(decode_operation(whole));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(decode_operation(ByteView(whole).first(length))) << length;
    }
  }
}

}  // namespace
}  // namespace coterie::node
