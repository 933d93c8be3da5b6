#include "node/core/membership/membership.hpp"

#include <algorithm>
#include <utility>

#include "node/core/limits.hpp"

namespace coterie::node {
namespace {

/// The role with more rights: roles are numbered from most to least.
Role stronger(Role a, Role b) { return std::min(a, b); }

}  // namespace

Result<bool> Membership::add(const Hash& hash, const DeviceId& author, std::span<const Hash> heads,
                             ByteView payload, bool genesis) {
  if (by_hash_.count(hash) > 0) return false;
  if (nodes_.size() >= kMembershipOperationsMax) {
    return Error{ErrorCode::kLimitExceeded, "too many membership operations", nodes_.size()};
  }
  Node node;
  node.author = author;
  node.heads.assign(heads.begin(), heads.end());
  node.genesis = genesis;
  auto operation = decode_operation(payload);
  node.operation = operation ? std::move(*operation) : Operation(UnknownOperation{});
  const std::size_t added = nodes_.size();
  nodes_.push_back(std::move(node));
  by_hash_.emplace(hash, added);

  // Completing one may complete others that waited for it.
  bool changed = false;
  std::vector<std::pair<std::size_t, Hash>> ready{{added, hash}};
  while (!ready.empty()) {
    const auto [index, name] = ready.back();
    ready.pop_back();
    if (nodes_[index].complete || !settle(index, name)) continue;
    changed = apply(index, name) || changed;
    const auto range = waiting_.equal_range(name);
    for (auto it = range.first; it != range.second; ++it) ready.push_back(it->second);
    waiting_.erase(range.first, range.second);
  }
  return changed;
}

/// Whether the past of the operation is complete; if not, it waits for the first missing head.
bool Membership::settle(std::size_t index, const Hash& hash) {
  Node& node = nodes_[index];
  std::vector<std::size_t> parents;
  for (const Hash& head : node.heads) {
    const auto found = by_hash_.find(head);
    if (found == by_hash_.end() || !nodes_[found->second].complete) {
      waiting_.emplace(head, std::make_pair(index, hash));
      return false;
    }
    parents.push_back(found->second);
  }
  node.parents = std::move(parents);
  node.complete = true;
  for (const Hash& head : node.heads) heads_.erase(head);
  heads_.insert(hash);
  return true;
}

void Membership::mark_past(const Node& node) {
  ++walk_;
  std::vector<std::size_t> todo = node.parents;
  while (!todo.empty()) {
    Node& next = nodes_[todo.back()];
    todo.pop_back();
    if (next.visited == walk_) continue;
    next.visited = walk_;
    todo.insert(todo.end(), next.parents.begin(), next.parents.end());
  }
}

/// The role of `device` in the past that mark_past() marked.
std::optional<Role> Membership::role_in_past(const DeviceId& device) const {
  std::optional<Role> role;
  if (founder_ == device && in_past(genesis_)) role = Role::kHost;
  const auto admissions = admissions_.find(device);
  if (admissions == admissions_.end()) return role;
  for (const std::size_t index : admissions->second) {
    if (!in_past(index)) continue;
    const Role given = std::get<AdmitOperation>(nodes_[index].operation).role;
    role = role ? stronger(*role, given) : given;
  }
  return role;
}

/// Decides whether a complete operation counts, and gives it its effect.
bool Membership::apply(std::size_t index, const Hash& hash) {
  Node& node = nodes_[index];
  if (const auto* create = std::get_if<CreateOperation>(&node.operation)) {
    const bool is_genesis = node.genesis && equal(hash.view(), workspace_.view());
    if (!is_genesis || !node.heads.empty()) return false;
    node.counts = true;
    founder_ = node.author;
    genesis_ = index;
    name_ = create->name;
    first_key_ = create->key;
    // The founder's own name follows in its endpoint record.
    members_[node.author] = {"", Role::kHost};
    return true;
  }
  if (node.genesis) return false;
  mark_past(node);
  if (std::holds_alternative<InviteOperation>(node.operation)) return apply_invite(index, hash);
  if (std::holds_alternative<AdmitOperation>(node.operation)) return apply_admit(index);
  return false;
}

bool Membership::apply_invite(std::size_t index, const Hash& hash) {
  Node& node = nodes_[index];
  if (role_in_past(node.author) != Role::kHost) return false;
  const auto& terms = std::get<InviteOperation>(node.operation);
  node.counts = true;
  invited_[terms.invite].push_back(index);
  // Two operations for one key are some host's own doing; all replicas show the same one.
  const auto [invite, fresh] = invites_.emplace(terms.invite, Invite{terms, node.author, hash, {}});
  if (!fresh && hash < invite->second.operation) {
    invite->second.terms = terms;
    invite->second.author = node.author;
    invite->second.operation = hash;
  }
  return true;
}

bool Membership::apply_admit(std::size_t index) {
  Node& node = nodes_[index];
  const auto& admit = std::get<AdmitOperation>(node.operation);
  const std::optional<Role> role = role_in_past(node.author);
  if (!role || !may_admit(*role)) return false;
  const auto invited = invited_.find(admit.invite);
  if (invited == invited_.end()) return false;
  const bool granted =
      std::any_of(invited->second.begin(), invited->second.end(), [&](std::size_t invite) {
        return in_past(invite) &&
               std::get<InviteOperation>(nodes_[invite].operation).role == admit.role;
      });
  if (!granted) return false;
  if (!crypto::verify(admit.invite, admission_proof(workspace_, admit.device).view(),
                      admit.proof)) {
    return false;
  }
  node.counts = true;
  admissions_[admit.device].push_back(index);
  invites_.at(admit.invite).admitted.insert(admit.device);
  const auto [member, fresh] = members_.emplace(admit.device, Member{admit.name, admit.role});
  if (!fresh) {
    member->second.role = stronger(member->second.role, admit.role);
    // Admitted twice at once: the same name on every replica, whichever came first.
    member->second.name = std::max(member->second.name, admit.name);
  }
  return true;
}

const Member* Membership::find(const DeviceId& device) const {
  const auto found = members_.find(device);
  return found == members_.end() ? nullptr : &found->second;
}

std::vector<Hash> Membership::heads() const {
  std::vector<Hash> heads(heads_.begin(), heads_.end());
  if (heads.size() > kEntryHeadsMax) heads.resize(kEntryHeadsMax);
  return heads;
}

}  // namespace coterie::node
