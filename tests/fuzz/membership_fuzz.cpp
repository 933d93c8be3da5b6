// Membership: operations of strangers, and graphs of them. A graph is built from the input's
// decisions, well-formed operations and raw bytes mixed; the resolver must agree with itself in
// another order and with the plain implementation of the protocol's text, and a host must be left.

#include <cstdint>

#include "tests/support/membership_world.hpp"

namespace coterie::node {
namespace {

using testing::FuzzChoices;
using testing::MembershipWorld;

constexpr std::size_t kDevices = 5;
constexpr std::size_t kOperationsMax = 28;

Bytes payload(MembershipWorld& world, FuzzChoices& choices) {
  const auto device = [&] { return choices.below(kDevices); };
  const auto key = [&] { return choices.below(world.keys.size()); };
  const auto role = [&] { return static_cast<Role>(1 + choices.below(5)); };
  const auto document = [&] {
    DocumentId id;
    id.bytes[0] = static_cast<std::uint8_t>(choices.below(3));
    return id;
  };
  switch (choices.below(11)) {
    case 0: {
      auto terms = world.invite(key(), role(), static_cast<std::uint32_t>(1 + choices.below(2)));
      terms.approval = choices.chance(20);
      terms.own_device = terms.uses == 1 && choices.chance(30);
      if (!terms.own_device && is_document_role(terms.role)) terms.document = document();
      return encode_operation(terms);
    }
    case 1:
      return encode_operation(world.admit(key(), device(), role()));
    case 2:
      return encode_operation(world.request(key(), device()));
    case 3:
      return encode_operation(RevokeOperation{world.keys[key()].id()});
    case 4:
      return encode_operation(RoleOperation{world.id(device()), role(), {}});
    case 5:
      return encode_operation(RemoveOperation{world.id(device()), choices.chance(30), {}});
    case 6:
      return encode_operation(
          AcknowledgeOperation{world.issued[choices.below(world.issued.size())].hash, {}});
    case 7:
      return encode_operation(world.rekey(choices.below(kDevices)));
    case 8:
      return encode_operation(DocumentRoleOperation{
          world.id(device()), document(), static_cast<Role>(2 + choices.below(3)), {}});
    default: {
      Bytes raw(choices.below(200));
      for (auto& byte : raw) byte = static_cast<std::uint8_t>(choices.below(256));
      return raw;
    }
  }
}

void check_operation(ByteView input) {
  const auto operation = decode_operation(input);
  if (!operation || std::holds_alternative<UnknownOperation>(*operation)) return;
  COTERIE_ASSERT(equal(encode_operation(*operation), input));
}

void check_graph(ByteView input) {
  FuzzChoices choices(input);
  MembershipWorld world(1);
  Hash tip = world.genesis();
  for (std::size_t i = 1; i < kDevices; ++i)
    world.join(0, i < 3 ? Role::kHost : Role::kEditor, tip);
  for (int i = 0; i < 2; ++i) world.add_key();
  for (std::size_t i = 0; i < kOperationsMax && !choices.exhausted(); ++i) {
    std::vector<Hash> heads{tip};
    for (std::uint64_t more = choices.below(3); more > 0; --more) {
      heads.push_back(world.issued[choices.below(world.issued.size())].hash);
    }
    if (choices.chance(50)) heads.erase(heads.begin());
    if (heads.empty()) heads.push_back(world.issued[choices.below(world.issued.size())].hash);
    const Hash hash = world.issue_bytes(choices.below(kDevices), heads, payload(world, choices));
    if (choices.chance(40)) tip = hash;
  }
  const Membership membership = world.resolve();
  std::vector<std::size_t> order;
  for (std::size_t i = world.issued.size(); i > 0; --i) order.push_back(i - 1);
  const Membership other = world.resolve(order);
  const auto oracle = world.oracle();
  const auto& judged = oracle.judge(oracle.everything());
  const auto expected = oracle.members(judged);
  COTERIE_ASSERT(membership.members().size() == expected.size());
  COTERIE_ASSERT(other.members().size() == expected.size());
  bool host = false;
  for (const auto& [device, one] : expected) {
    COTERIE_ASSERT(static_cast<int>(membership.find(device)->role) == one.role);
    COTERIE_ASSERT(static_cast<int>(other.find(device)->role) == one.role);
    for (std::uint8_t which = 0; which < 4; ++which) {
      DocumentId document;
      document.bytes[0] = which;
      const int here = std::max(one.role, oracle.limit(judged.counts, one.person, document));
      COTERIE_ASSERT(static_cast<int>(*membership.role_in(device, document)) == here);
      COTERIE_ASSERT(static_cast<int>(*other.role_in(device, document)) == here);
    }
    host = host || one.role == 1;
  }
  COTERIE_ASSERT(host);
  for (const auto& view : membership.history()) {
    COTERIE_ASSERT(view.counts == (judged.counts.count(oracle.id(view.hash)) > 0));
  }
}

}  // namespace
}  // namespace coterie::node

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coterie;
  static const bool ready = crypto::initialise().has_value();
  COTERIE_ASSERT(ready);
  if (size == 0) return 0;
  const ByteView input(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    node::check_operation(input);
  } else {
    node::check_graph(input);
  }
  return 0;
}
