// The membership graph and its judge: what docs/PROTOCOL.md "Membership" calls allowed, void and
// counting. Behind Membership; nobody else includes it.
//
// An operation is checked once, in its own past (check.cpp), and then never again. What can still
// change is whether it is void, so a set of operations is described by the set and the list of what
// is void in it. To judge a set only the operations after its newest *waist* are looked at: an
// operation that everything else is before or after. What is before a waist is judged the same
// with and without what is after it. So a linear history costs nothing, a busy hour what happened
// in that hour, and only who writes from an old past makes others look back that far, until
// somebody has seen both.
//
// Cost: in_past() O(1); taking in an operation O(operations / 64) words for its past; judging
// O(operations after the waist). Memory: operations^2 / 16 bytes, 64 MiB at the limit.

#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "node/core/membership/membership.hpp"

namespace coterie::node {

class Resolver {
 public:
  using Index = std::uint32_t;

  /// Weaker than any role: not a member; and the need of an operation that needs no right.
  static constexpr std::uint8_t kNoRole = 6;
  static std::uint8_t level(Role role) { return static_cast<std::uint8_t>(role); }

  class Bits {
   public:
    bool test(Index i) const {
      return i / 64 < words_.size() && (words_[i / 64] >> (i % 64) & 1) != 0;
    }
    void set(Index i) {
      if (i / 64 >= words_.size()) words_.resize(i / 64 + 1);
      words_[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    void merge(const Bits& other) {
      if (other.words_.size() > words_.size()) words_.resize(other.words_.size());
      for (std::size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
    }
    void keep(const Bits& other) {
      if (words_.size() > other.words_.size()) words_.resize(other.words_.size());
      for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    }
    std::size_t count() const;
    /// The largest member below `end`; nothing if there is none.
    std::optional<Index> last_below(Index end) const;

   private:
    std::vector<std::uint64_t> words_;
  };

  enum class Verdict : std::uint8_t { kCounts, kTaken, kRests, kRevoked, kUsedUp, kLastHost };
  static const char* reason_of(Verdict verdict);

  struct Void {
    Index index;
    Verdict why;
    bool operator==(const Void&) const = default;
  };
  using Voids = std::vector<Void>;  ///< Ascending by index.

  struct Seniority {
    std::uint32_t depth = 0;
    Hash admission;
    auto operator<=>(const Seniority&) const = default;
  };

  /// What is known about a device. Of allowed operations only, ascending, but for `operations`.
  struct Device {
    std::vector<Index> admissions;  ///< That let it in; the genesis for the founder.
    std::optional<Index> first;     ///< The first of them, by generation and hash.
    bool by_document = false;       ///< One of them was by an invite to a document.
    std::vector<Index> settings;    ///< Removes and roles about it.
    std::vector<Index> authored;
    std::vector<Index> invites;     ///< Authored ones.
    std::vector<Index> operations;  ///< Everything of its own in the graph.
    std::size_t waiting = 0;
  };
  /// An operation whose whole past is here. What is decided when it comes is decided for ever.
  struct Op {
    Hash hash;
    LogId log;
    Seq seq = 0;
    std::uint64_t time = 0;
    bool genesis = false;
    Operation operation;
    std::size_t bytes = 0;
    Bits past;
    std::uint32_t generation = 0;
    std::size_t allowed_before = 0;  ///< Allowed operations in its past.
    /// What is void in its past: to it, restrictions among these are unseen.
    std::shared_ptr<const Voids> voids;

    const char* refused = nullptr;  ///< Why it is not allowed in its own past.
    std::uint8_t need = kNoRole;
    std::vector<Index> any_of;  ///< Grants, of which one must count; without any, none must.
    std::vector<Index> all_of;
    std::vector<Index> member_by;  ///< Admissions, as any_of.

    std::vector<DeviceId> targets;     ///< Whom a remove or role is about.
    std::uint8_t to = kNoRole;         ///< What a grant or restriction leaves or gives them.
    std::vector<const Device*> about;  ///< The same, once it takes part.
    std::vector<std::uint8_t> had;     ///< What the targets had in its past.
    std::optional<DeviceId>
        unseats;              ///< The most senior target that was host there and is no more.
    Seniority seniority;      ///< Of a restriction's author.
    std::uint32_t depth = 0;  ///< What a grant gives.
    /// Of an admission; of an own_device invite's author; whom a document_role is about.
    DeviceId person;
    DocumentId document;  ///< Of a document_role; of an admission by an invite to a document.
    Index invite = 0;     ///< Of an admission or request.
    std::vector<DeviceId> recipients;
    bool by_host = false;  ///< An acknowledgement or rekey of a host.

    const DeviceId& author() const { return log.device; }
    bool takes_from_somebody() const {
      return !targets.empty() || std::holds_alternative<DocumentRoleOperation>(operation);
    }
    bool sees(Index other) const;
  };

  /// A set of operations that holds the past of each, and what is void in it.
  struct State {
    Bits set;
    std::shared_ptr<const Voids> voids;
    bool has(Index i) const { return set.test(i); }
    Verdict verdict(Index i) const;
  };

  struct InviteKey {
    std::vector<Index> invites;
    std::vector<Index> admits;
    std::vector<Index> revokes;
  };
  struct Who {
    std::uint8_t role = kNoRole;
    std::uint32_t depth = 0;
    Index admission = 0;
    DeviceId person;
  };
  struct Held {
    std::uint8_t level = kNoRole;
    Index by = 0;
  };

  explicit Resolver(const WorkspaceId& workspace) : workspace_(workspace) {}

  Result<bool> add(const OperationEntry& entry);
  /// False if a head is not here.
  bool closure(std::span<const Hash> heads, Bits& set, std::vector<Index>& tips) const;
  std::shared_ptr<const State> at(std::span<const Hash> heads) const;
  /// Everything that is here. Valid until the next add().
  const std::shared_ptr<const State>& now() const;

  bool allowed(const State& state, Index i) const {
    return state.has(i) && ops_[i].refused == nullptr;
  }
  bool counts(const State& state, Index i) const {
    return allowed(state, i) && state.verdict(i) == Verdict::kCounts;
  }
  bool before(Index a, Index b) const {
    return std::tie(ops_[a].generation, ops_[a].hash) < std::tie(ops_[b].generation, ops_[b].hash);
  }
  bool unseen(Index restriction, Index other) const {
    return !ops_[other].sees(restriction) && !ops_[restriction].past.test(other);
  }
  /// What gives `device` its role, of the operations for which `counting`.
  template <typename Counting>
  Held held(const Device& device, const Counting& counting) const;
  /// The most that a person may do in a document, of the operations for which `counting`; kHost
  /// where nothing limits it. Zero: in documents of which nothing is said.
  template <typename Counting>
  std::uint8_t limit(const DeviceId& person, const DocumentId& document,
                     const Counting& counting) const;
  /// Whether something is said of that document, so that what is said of all others is not about
  /// it.
  template <typename Counting>
  bool names(const DeviceId& person, const DocumentId& document, const Counting& counting) const;
  /// Whether documents are made different for anybody: a quick no.
  bool limits_anybody() const { return !limits_.empty() || any_by_document_; }
  std::optional<Who> who(const State& state, const DeviceId& id) const;
  std::optional<Who> who(const State& state, const DeviceId& id, const Device& device) const;
  /// The invite that stands for a key.
  std::optional<Index> invite(const State& state, const DeviceId& key) const;
  bool closed(const State& state, Index invite) const;
  std::set<DeviceId> places(const State& state, Index invite) const;
  bool came_after(const DeviceId& id, Index restriction, const State& past) const;
  const Device& device(const DeviceId& id) const;
  const InviteKey& invite_key(const DeviceId& key) const;

  std::deque<Op> ops_;  ///< In a causal order. References stay valid.
  std::map<Hash, Index> index_;
  std::set<Hash> heads_;
  std::optional<Index> founded_;
  std::map<DeviceId, Device> devices_;
  std::map<DeviceId, InviteKey> invite_keys_;
  /// Document roles by person and document, ascending; zero: all documents that are not named.
  using Limits = std::map<DocumentId, std::vector<Index>>;
  std::map<DeviceId, Limits> limits_;
  const std::vector<Index>& limits(const DeviceId& person, const DocumentId& document) const;
  std::vector<Index> requests_;
  std::vector<Index> rekeys_;  ///< And the genesis.
  std::map<Hash, std::vector<Index>> acknowledgements_;
  std::size_t waiting_count() const { return waiting_.size(); }

 private:
  /// Of the admissions of a person: what they say of documents.
  struct Documents {
    bool all = true;  ///< It came for all of them.
    std::set<DocumentId> some;
  };
  template <typename Counting>
  Documents documents(const DeviceId& person, const Counting& counting) const;
  /// Whether no removal for which `counting` came after an admission.
  template <typename Counting>
  bool current(const Device& device, Index admission, const Counting& counting) const;
  template <typename Counting>
  std::optional<std::uint8_t> said(const std::vector<Index>& settings,
                                   const Counting& counting) const;

  struct Waiting {
    OperationEntry entry;  ///< Without views.
    std::vector<Hash> heads;
    Operation operation;
    std::size_t bytes = 0;
  };
  struct Work;

  bool complete(Waiting one);
  bool outside(const Waiting& one, const Bits& past) const;
  bool has_been_host(const Device& device) const;
  void take_part(Index index);
  void note_admission(Device& device, Index index) const;
  std::shared_ptr<const State> state_of(Bits set, const std::vector<Index>& tips) const;
  std::optional<Index> waist(const Bits& allowed, const std::vector<Index>& tips,
                             std::vector<Index>& after) const;
  void begin(Work& work) const;
  void decide(Work& work) const;
  void drop(Work& work, Index index, Verdict why) const;
  template <typename Hit>
  void for_each_hit(const Work& work, Index index, const Hit& hit) const;
  bool peaceful(const Work& work) const;
  void limit_uses(Work& work) const;
  bool strike(Work& work) const;

  // check.cpp
  const char* check(Op& op, const State& past) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const InviteOperation& invite) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const AdmitOperation& admit) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const RequestOperation& request) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const RevokeOperation& revoke) const;
  const char* check(Op& op, const State& past, const Who& author, const RoleOperation& role) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const RemoveOperation& remove) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const DocumentRoleOperation& role) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const AcknowledgeOperation& acknowledge) const;
  const char* check(Op& op, const State& past, const Who& author,
                    const RekeyOperation& rekey) const;
  const char* check_invited(Op& op, const State& past, const DeviceId& device, const DeviceId& key,
                            const crypto::Signature& proof) const;
  bool set_targets(Op& op, const State& past) const;
  bool asked(const State& past, const DeviceId& device) const;
  void rest_on(Op& op, const State& past) const;

  WorkspaceId workspace_;
  std::map<Hash, Waiting> waiting_;
  std::multimap<Hash, Hash> waits_for_;
  Bits allowed_;
  bool any_by_document_ = false;
  std::vector<std::vector<Index>> dependents_;
  mutable std::map<std::vector<Index>, std::shared_ptr<const State>> memo_;
  mutable std::shared_ptr<const State> now_;
};

template <typename Counting>
Resolver::Held Resolver::held(const Device& device, const Counting& counting) const {
  // Roles are given to members: without an admission they give nothing.
  if (std::none_of(device.admissions.begin(), device.admissions.end(), counting)) return {};
  std::optional<Index> by;
  const auto stronger = [this](Index a, Index b) {
    return std::tie(ops_[a].to, ops_[a].depth, ops_[a].hash) <
           std::tie(ops_[b].to, ops_[b].depth, ops_[b].hash);
  };
  const auto weaker = [this](Index a, Index b) {
    return std::tie(ops_[b].to, ops_[a].depth, ops_[a].hash) <
           std::tie(ops_[a].to, ops_[b].depth, ops_[b].hash);
  };
  for (const Index admission : device.admissions) {
    if (!counting(admission)) continue;
    bool follows = true;
    for (auto it = device.settings.rbegin(); follows && it != device.settings.rend(); ++it) {
      follows = ops_[admission].sees(*it) || !counting(*it);
    }
    if (follows && (!by || stronger(admission, *by))) by = admission;
  }
  if (!by) {
    for (auto it = device.settings.rbegin(); it != device.settings.rend(); ++it) {
      if (!counting(*it)) continue;
      bool followed = false;
      // What sees it has come later.
      for (auto other = device.settings.rbegin(); !followed && other != it; ++other) {
        followed = ops_[*other].sees(*it) && counting(*other);
      }
      if (!followed && (!by || weaker(*it, *by))) by = *it;
    }
  }
  if (!by) return {};
  return {ops_[*by].to, *by};
}

template <typename Counting>
bool Resolver::current(const Device& device, Index admission, const Counting& counting) const {
  return std::all_of(device.settings.rbegin(), device.settings.rend(), [&](Index one) {
    return ops_[one].to != kNoRole || ops_[admission].sees(one) || !counting(one);
  });
}

template <typename Counting>
Resolver::Documents Resolver::documents(const DeviceId& person, const Counting& counting) const {
  const Device& root = device(person);
  if (!root.by_document) return {};
  Documents out;
  // As the person itself (who()): the current ones; any, if none is.
  for (const bool any : {false, true}) {
    for (const Index one : root.admissions) {
      if (!counting(one) || (!any && !current(root, one, counting))) continue;
      if (ops_[one].document.is_zero()) return {};
      out.some.insert(ops_[one].document);
    }
    if (!out.some.empty()) break;
  }
  out.all = out.some.empty();
  return out;
}

/// The weakest of those that no other one sees.
template <typename Counting>
std::optional<std::uint8_t> Resolver::said(const std::vector<Index>& settings,
                                           const Counting& counting) const {
  std::optional<std::uint8_t> weakest;
  for (auto it = settings.rbegin(); it != settings.rend(); ++it) {
    if (!counting(*it)) continue;
    bool followed = false;
    for (auto other = settings.rbegin(); !followed && other != it; ++other) {
      followed = ops_[*other].sees(*it) && counting(*other);
    }
    if (!followed) weakest = std::max(weakest.value_or(0), ops_[*it].to);
  }
  return weakest;
}

template <typename Counting>
std::uint8_t Resolver::limit(const DeviceId& person, const DocumentId& document,
                             const Counting& counting) const {
  const DocumentId others;
  if (!document.is_zero()) {
    if (const auto here = said(limits(person, document), counting)) return *here;
  }
  const Documents came_for = documents(person, counting);
  if (came_for.some.count(document) > 0) return level(Role::kHost);
  if (const auto elsewhere = said(limits(person, others), counting)) return *elsewhere;
  return level(came_for.all ? Role::kHost : Role::kViewer);
}

template <typename Counting>
bool Resolver::names(const DeviceId& person, const DocumentId& document,
                     const Counting& counting) const {
  const auto& here = limits(person, document);
  return std::any_of(here.begin(), here.end(), counting) ||
         documents(person, counting).some.count(document) > 0;
}

}  // namespace coterie::node
