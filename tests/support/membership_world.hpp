// A small world whose devices issue membership operations, honest and not, at once and apart. Who
// works from an old past opens another incarnation, as a restored device does.

#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "node/core/membership/membership.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/membership_oracle.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::testing {

struct IssuedOperation {
  Hash hash;
  LogId log;
  Seq seq = 0;
  std::uint64_t time = 0;
  std::vector<Hash> heads;
  Bytes payload;
  bool genesis = false;

  node::OperationEntry entry() const { return {hash, log, seq, time, heads, payload, genesis}; }
};

class MembershipWorld {
 public:
  static constexpr std::uint64_t kTime = 1000;

  explicit MembershipWorld(std::uint64_t seed) : random_(seed) {
    devices.push_back(crypto::SigningKey::generate(random_));
    issue(0, {}, node::CreateOperation{"team", {}});
  }

  const WorkspaceId& workspace() const { return workspace_; }
  const Hash& genesis() const { return issued[0].hash; }
  const DeviceId& id(std::size_t device) const { return devices[device].id(); }
  SeededSecureRandom& random() { return random_; }

  std::size_t add_device() {
    devices.push_back(crypto::SigningKey::generate(random_));
    return devices.size() - 1;
  }

  /// Issues an operation in a log of `author` whose last operation is below `heads`.
  Hash issue(std::size_t author, std::vector<Hash> heads, const node::Operation& operation,
             std::uint64_t millis = kTime) {
    return issue_bytes(author, std::move(heads), node::encode_operation(operation), millis);
  }
  Hash issue_bytes(std::size_t author, std::vector<Hash> heads, Bytes payload,
                   std::uint64_t millis = kTime) {
    std::sort(heads.begin(), heads.end());
    heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
    std::set<Hash> past(heads.begin(), heads.end());
    for (const Hash& head : heads) past.insert(pasts.at(head).begin(), pasts.at(head).end());
    IssuedOperation one;
    auto& logs = logs_[author];
    std::size_t which = 0;
    while (which < logs.size() && past.count(issued[logs[which].back()].hash) == 0) ++which;
    if (which == logs.size()) logs.emplace_back();
    one.log = {devices[author].id(), which + 1};
    one.seq = logs[which].size() + 1;
    one.time = millis << 16;
    one.heads = std::move(heads);
    one.payload = std::move(payload);
    random_.fill(one.hash.bytes);  // Stands in for the entry's: unknown before the entry exists.
    logs[which].push_back(issued.size());
    if (issued.empty()) {
      one.genesis = true;
      workspace_.bytes = one.hash.bytes;
    }
    pasts[one.hash] = std::move(past);
    issued.push_back(std::move(one));
    return issued.back().hash;
  }

  /// A fresh invite key.
  std::size_t add_key() {
    keys.push_back(crypto::SigningKey::generate(random_));
    return keys.size() - 1;
  }
  node::InviteOperation invite(std::size_t key, node::Role role, std::uint32_t uses = 1) const {
    node::InviteOperation out;
    out.invite = keys[key].id();
    out.role = role;
    out.expires = 2 * kTime;
    out.uses = uses;
    return out;
  }
  node::AdmitOperation admit(std::size_t key, std::size_t device, node::Role role) const {
    node::AdmitOperation out;
    out.device = id(device);
    out.name = "n" + std::to_string(device);
    out.role = role;
    out.invite = keys[key].id();
    out.proof = keys[key].sign(node::admission_proof(workspace_, id(device)).view());
    return out;
  }
  node::RequestOperation request(std::size_t key, std::size_t device) const {
    node::RequestOperation out;
    out.device = id(device);
    out.name = "n" + std::to_string(device);
    out.invite = keys[key].id();
    out.proof = keys[key].sign(node::admission_proof(workspace_, id(device)).view());
    return out;
  }
  node::RekeyOperation rekey(std::size_t boxes) {
    node::RekeyOperation out;
    random_.fill(out.key.bytes);
    out.boxes.resize(boxes);
    return out;
  }

  /// Invites and admits a new device; returns it. `tip` moves on.
  std::size_t join(std::size_t host, node::Role role, Hash& tip, bool own_device = false) {
    const std::size_t key = add_key();
    const std::size_t device = add_device();
    auto terms = invite(key, role);
    terms.own_device = own_device;
    tip = issue(host, {tip}, terms);
    tip = issue(host, {tip}, admit(key, device, role));
    return device;
  }

  node::Membership resolve() const {
    node::Membership membership(workspace_);
    for (const auto& one : issued) add(membership, one);
    return membership;
  }
  node::Membership resolve(const std::vector<std::size_t>& order) const {
    node::Membership membership(workspace_);
    for (const std::size_t i : order) add(membership, issued[i]);
    return membership;
  }
  MembershipOracle oracle() const {
    MembershipOracle oracle(workspace_);
    for (const auto& one : issued) {
      oracle.add(one.hash, one.log, one.time, one.heads, one.payload, one.genesis);
    }
    return oracle;
  }

  std::vector<crypto::SigningKey> devices;
  std::vector<crypto::SigningKey> keys;
  std::vector<IssuedOperation> issued;
  std::map<Hash, std::set<Hash>> pasts;

 private:
  static void add(node::Membership& membership, const IssuedOperation& one) {
    const auto added = membership.add(one.entry());
    COTERIE_ASSERT(added.has_value());
  }

  SeededSecureRandom random_;
  WorkspaceId workspace_;
  std::map<std::size_t, std::vector<std::vector<std::size_t>>> logs_;
};

}  // namespace coterie::testing
