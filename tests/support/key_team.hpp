// Devices with a membership and a key ring each, that write operations and pass them on when told
// to: partitions, lies and late arrivals are one call. No engine, no entries.

#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/assert.hpp"
#include "node/core/key_ring.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::testing {

class KeyTeam {
 public:
  using Device = std::size_t;
  static constexpr WallMillis kNever = 4'000'000'000'000;

  explicit KeyTeam(std::uint64_t seed) : random_(seed) {
    random_.fill(workspace_.bytes);
    Replica& founder = make();
    crypto::SecretKey key = crypto::SecretKey::generate(random_);
    Issued genesis;
    genesis.hash = *Hash::from(workspace_.view());
    genesis.payload =
        node::encode_operation(node::CreateOperation{"team", crypto::key_commitment(key)});
    genesis.genesis = true;
    founder.ring->add(std::move(key));
    issue(0, std::move(genesis));
  }

  // Who and what.

  DeviceId id(Device device) const { return replicas_[device]->identity.id(); }
  const crypto::SigningKey& identity(Device device) const { return replicas_[device]->identity; }
  node::Membership& membership(Device device) { return replicas_[device]->membership; }
  node::KeyRing& ring(Device device) { return *replicas_[device]->ring; }
  const std::map<Bytes, Bytes>& rows(Device device) const { return replicas_[device]->rows; }
  const node::RowSealer& sealer(Device device) const { return replicas_[device]->sealer; }
  SecureRandom& random() { return random_; }
  const WorkspaceId& workspace() const { return workspace_; }
  bool fit(Device device) { return ring(device).fit(membership(device)); }
  bool locked_out(Device device) { return ring(device).locked_out(membership(device)); }
  /// What `device` would write under; zero: nothing.
  Hash writes_under(Device device) {
    Hash commitment;
    const auto* key = ring(device).write_key(membership(device), commitment);
    return key == nullptr ? Hash{} : commitment;
  }
  bool reads(Device device, const Hash& commitment) {
    return ring(device).find(commitment) != nullptr;
  }

  // What devices do. Each writes on top of all that it knows.

  Hash write(Device by, const node::Operation& operation) {
    return write(by, operation, membership(by).heads());
  }
  Hash write(Device by, const node::Operation& operation, std::vector<Hash> heads) {
    Issued one;
    random_.fill(one.hash.bytes);
    one.heads = std::move(heads);
    one.payload = node::encode_operation(operation);
    return issue(by, std::move(one));
  }
  /// A device that was let in by `by`, and knows what that knows.
  Device add(Device by, node::Role role = node::Role::kEditor, bool from_now = false) {
    const Device fresh = replicas_.size();
    make();
    admit(by, fresh, invite(0 == by ? by : inviter(by), role), role, from_now);
    pass(by, fresh);
    return fresh;
  }
  /// An invite of a host, known to the host alone.
  crypto::SigningKey invite(Device by, node::Role role, std::uint32_t uses = 1) {
    crypto::SigningKey key = crypto::SigningKey::generate(random_);
    write(by, node::InviteOperation{key.id(), role, kNever, uses});
    return key;
  }
  Device stranger() {
    make();
    return replicas_.size() - 1;
  }
  Hash admit(Device by, Device who, const crypto::SigningKey& invite, node::Role role,
             bool from_now = false) {
    if (from_now) rotate(by, true);
    auto keys = ring(by).keys_for_newcomer(membership(by), id(who), from_now);
    COTERIE_ASSERT(keys.has_value());
    return admit_with(by, who, invite, role, std::move(*keys));
  }
  Hash admit_with(Device by, Device who, const crypto::SigningKey& invite, node::Role role,
                  std::vector<node::SealedKey> keys, std::vector<Hash> heads = {}) {
    node::AdmitOperation admit;
    admit.device = id(who);
    admit.name = "n" + std::to_string(who);
    admit.role = role;
    admit.invite = invite.id();
    admit.proof = invite.sign(node::admission_proof(workspace_, id(who)).view());
    admit.keys = std::move(keys);
    return write(by, admit, heads.empty() ? membership(by).heads() : heads);
  }
  Hash remove(Device by, Device who) {
    return write(by, node::RemoveOperation{id(who), false, {}});
  }
  /// Its commitment.
  Hash rotate(Device by, bool break_chain = false) {
    auto made = ring(by).make_rekey(membership(by), break_chain);
    COTERIE_ASSERT(made.has_value());
    const Hash commitment = made->operation.key;
    ring(by).add(std::move(made->key));
    write(by, std::move(made->operation));
    return commitment;
  }

  // Who hears of it.

  /// `to` learns all that `from` knows.
  void pass(Device from, Device to) {
    std::vector<std::size_t> known = replicas_[from]->knows;
    for (const std::size_t index : known) deliver(to, index);
    ring(to).absorb(membership(to));
  }
  void sync(const std::vector<Device>& devices) {
    for (const Device from : devices) {
      for (const Device to : devices) {
        if (from != to) pass(from, to);
      }
    }
  }
  /// As pass(), as seen when everything comes at once, or piece by piece.
  const Bytes& payload(std::size_t index) const { return issued_[index].payload; }
  std::size_t issued() const { return issued_.size(); }
  void deliver(Device to, std::size_t index) {
    Replica& replica = *replicas_[to];
    if (std::find(replica.knows.begin(), replica.knows.end(), index) != replica.knows.end()) return;
    const Issued& one = issued_[index];
    COTERIE_ASSERT(
        replica.membership
            .add({one.hash, one.log, one.seq, one.time, one.heads, one.payload, one.genesis})
            .has_value());
    replica.knows.push_back(index);
  }

 private:
  struct Issued {
    Hash hash;
    LogId log;
    Seq seq = 0;
    std::uint64_t time = 0;
    std::vector<Hash> heads;
    Bytes payload;
    bool genesis = false;
  };
  struct Replica {
    Replica(const WorkspaceId& workspace, SecureRandom& random)
        : identity(crypto::SigningKey::generate(random)),
          membership(workspace),
          sealer(workspace, identity, random) {}

    crypto::SigningKey identity;
    node::Membership membership;
    node::RowSealer sealer;
    std::map<Bytes, Bytes> rows;
    std::unique_ptr<node::KeyRing> ring;
    std::vector<std::size_t> knows;
    Seq seq = 0;
  };

  Replica& make() {
    replicas_.push_back(std::make_unique<Replica>(workspace_, random_));
    Replica& replica = *replicas_.back();
    replica.ring = std::make_unique<node::KeyRing>(
        replica.identity, random_, replica.sealer,
        [&replica](storage::Table, Bytes key, Bytes value) { replica.rows[key] = value; });
    return replica;
  }
  /// The founder invites for those who may not; they must know each other.
  Device inviter(Device by) {
    const node::Member* member = membership(by).find(id(by));
    return member != nullptr && member->role == node::Role::kHost ? by : 0;
  }
  Hash issue(Device by, Issued one) {
    one.log = {id(by), 1};
    one.seq = ++replicas_[by]->seq;
    one.time = 1'760'000'000'000ull << 16;
    std::sort(one.heads.begin(), one.heads.end());
    issued_.push_back(std::move(one));
    const Hash hash = issued_.back().hash;
    deliver(by, issued_.size() - 1);
    ring(by).absorb(membership(by));
    return hash;
  }

  SeededSecureRandom random_;
  WorkspaceId workspace_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<Issued> issued_;
};

}  // namespace coterie::testing
