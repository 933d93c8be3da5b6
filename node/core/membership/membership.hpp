// Who is in a workspace, with which role: a pure function of the membership operations held.
//
// Operations form a causal graph: each names the heads its author had seen. Whether one counts
// depends on its causal past alone, never on the order of arrival, so replicas that hold the same
// operations agree:
//
//     create   counts if its entry is the workspace's genesis
//     invite   if its author is a host in its past
//     admit    if its author may admit in its past (host, editor, commenter), the invite counts and
//              is in its past, the role is the invite's, and the invite key signed for the device
//
// Expiry and number of uses are enforced by the device that admits: they depend on clocks and on
// what it had seen. An operation whose past is not complete here waits. (Removal, role changes and
// key rotation are later operation kinds.)
//
// Single-threaded owner. add() costs O(operations) at worst: a walk of the causal past.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "node/core/membership/operations.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

struct Member {
  std::string name;  ///< As given when admitted.
  Role role;
};

struct Invite {
  InviteOperation terms;
  DeviceId author;
  Hash operation;
  std::set<DeviceId> admitted;  ///< Devices it let in.
};

class Membership {
 public:
  explicit Membership(const WorkspaceId& workspace) : workspace_(workspace) {}

  /// Takes in an operation whose entry is verified. `hash` is its entry's, `genesis` whether that
  /// is of class kGenesis. Adding one twice is harmless. Returns whether members or invites
  /// changed. Errors: kLimitExceeded (kMembershipOperationsMax). A payload that does not decode is
  /// kept as an operation without effect, as one of an unknown kind is.
  Result<bool> add(const Hash& hash, const DeviceId& author, std::span<const Hash> heads,
                   ByteView payload, bool genesis);

  /// Whether the genesis is here: before, nobody is a member.
  bool founded() const { return founder_.has_value(); }
  /// Name given by the founder; empty before.
  const std::string& name() const { return name_; }

  /// Commitment of the first epoch key; zero before.
  const Hash& first_key() const { return first_key_; }

  const Member* find(const DeviceId& device) const;
  const std::map<DeviceId, Member>& members() const { return members_; }
  const std::map<DeviceId, Invite>& invites() const { return invites_; }

  /// The newest operations known with all their past: what a new entry names, at most
  /// kEntryHeadsMax, ascending.
  std::vector<Hash> heads() const;

  std::size_t operations() const { return nodes_.size(); }

 private:
  struct Node {
    DeviceId author;
    std::vector<Hash> heads;
    Operation operation;
    bool genesis = false;
    bool complete = false;  ///< Its whole past is here.
    bool counts = false;
    std::vector<std::size_t> parents;  ///< Once complete.
    std::uint64_t visited = 0;         ///< Mark of the last walk that met it.
  };

  bool settle(std::size_t index, const Hash& hash);
  void mark_past(const Node& node);
  bool in_past(std::size_t index) const { return nodes_[index].visited == walk_; }
  std::optional<Role> role_in_past(const DeviceId& device) const;
  bool apply(std::size_t index, const Hash& hash);
  bool apply_invite(std::size_t index, const Hash& hash);
  bool apply_admit(std::size_t index);

  WorkspaceId workspace_;
  std::vector<Node> nodes_;
  std::map<Hash, std::size_t> by_hash_;
  /// Operations waiting for a head that is not here or not complete.
  std::multimap<Hash, std::pair<std::size_t, Hash>> waiting_;
  std::set<Hash> heads_;
  std::uint64_t walk_ = 0;

  std::optional<DeviceId> founder_;
  std::size_t genesis_ = 0;
  std::string name_;
  Hash first_key_;
  std::map<DeviceId, Member> members_;
  std::map<DeviceId, Invite> invites_;
  std::map<DeviceId, std::vector<std::size_t>> admissions_;  ///< That count, by device.
  std::map<DeviceId, std::vector<std::size_t>> invited_;     ///< That count, by invite key.
};

}  // namespace coterie::node
