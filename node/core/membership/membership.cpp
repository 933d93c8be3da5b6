#include "node/core/membership/membership.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"

namespace coterie::node {
namespace {

using Index = std::uint32_t;
/// Weaker than any role: not a member.
constexpr std::uint8_t kNoRole = 6;
/// What an operation that needs no right needs.
constexpr std::uint8_t kNeedsNothing = kNoRole;
/// Grants that an operation may rest on; further ones are not remembered.
constexpr std::size_t kAlternativesMax = 4;

std::uint8_t level(Role role) { return static_cast<std::uint8_t>(role); }
std::uint8_t level(Right right) {
  return right == Right::kEdit ? level(Role::kEditor) : level(Role::kCommenter);
}

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

 private:
  std::vector<std::uint64_t> words_;
};

enum class Verdict : std::uint8_t { kCounts, kTaken, kRests, kRevoked, kUsedUp, kLastHost };

const char* reason_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCounts:
      return nullptr;
    case Verdict::kTaken:
      return "a removal or role that it had not seen takes the right from its author";
    case Verdict::kRests:
      return "its author's right rests on an operation that does not count";
    case Verdict::kRevoked:
      return "its invite was revoked, or its inviter lost the right";
    case Verdict::kUsedUp:
      return "others used its invite first";
    case Verdict::kLastHost:
      return "no host would be left";
  }
  return nullptr;
}

struct Seniority {
  std::uint32_t depth = 0;
  Hash admission;
  auto operator<=>(const Seniority&) const = default;
};

/// An operation whose whole past is here. What is decided when it comes is decided for ever.
struct Op {
  Hash hash;
  LogId log;
  Seq seq = 0;
  std::uint64_t time = 0;
  bool genesis = false;
  Operation operation;
  Bits past;
  std::uint32_t generation = 0;

  const char* refused = nullptr;  ///< Why it is not allowed in its own past.
  std::uint8_t need = kNeedsNothing;
  std::vector<Index> any_of;  ///< Grants, of which one must count; without any, none must.
  std::vector<Index> all_of;
  /// Restrictions in its past that did not count there: to it they are unseen.
  std::vector<Index> voided;

  std::vector<DeviceId> targets;  ///< Whom a remove or role is about.
  std::uint8_t to = kNoRole;      ///< What a grant or restriction leaves or gives them.
  Seniority seniority;            ///< Of a restriction's author.
  std::uint32_t depth = 0;        ///< What a grant gives.
  DeviceId person;                ///< Of an admission; of an own_device invite's author.
  Index invite = 0;               ///< Of an admission.
  std::vector<DeviceId> recipients;
  bool by_host = false;             ///< An acknowledgement of a host.
  std::vector<std::uint8_t> had;    ///< What the targets had in its past.
  std::optional<DeviceId> unseats;  ///< The most senior target that was host there and is no more.

  bool sees(Index other) const {
    return past.test(other) && !std::binary_search(voided.begin(), voided.end(), other);
  }
  const DeviceId& author() const { return log.device; }
};

struct State {
  Bits set;
  std::vector<Verdict> verdict;  ///< Of allowed operations in `set`.
  Roster roster;
  bool has(Index i) const { return set.test(i); }
};

struct Waiting {
  OperationEntry entry;
  std::vector<Hash> heads;
  Bytes payload;
};

}  // namespace

const Member* Roster::find(const DeviceId& device) const {
  const auto found = members.find(device);
  return found == members.end() ? nullptr : &found->second;
}

bool Roster::senior(const DeviceId& a, const DeviceId& b) const {
  const Member* one = find(a);
  const Member* other = find(b);
  if (one == nullptr || other == nullptr) return false;
  return Seniority{one->depth, one->admission} < Seniority{other->depth, other->admission};
}

class Membership::Graph {
 public:
  explicit Graph(const WorkspaceId& workspace) : workspace_(workspace) {}

  Result<bool> add(const OperationEntry& entry);
  const State& now() const;
  std::shared_ptr<const State> at(std::span<const Hash> heads) const;
  bool closure(std::span<const Hash> heads, Bits& set, std::vector<Index>& tips) const;
  Standing standing(const DeviceId& device, std::span<const Hash> heads, Right right) const;
  std::vector<Restriction> restrictions_of(const DeviceId& device) const;
  const std::vector<Epoch>& epochs() const;
  std::vector<Index> canonical() const;

  std::vector<Op> ops_;  ///< In a causal order.
  std::map<Hash, Index> index_;
  std::map<Hash, Waiting> waiting_;
  std::multimap<Hash, Hash> waits_for_;
  std::set<Hash> heads_;
  std::optional<Index> founded_;
  std::map<DeviceId, std::vector<Index>> admissions_;

 private:
  bool complete(const OperationEntry& entry, std::vector<Hash> heads, ByteView payload);
  bool allow(Index index, const State& past);
  const char* check(Index index, const State& past);
  const char* check(Op& op, const State& past, const CreateOperation& create);
  const char* check(Op& op, const State& past, const InviteOperation& invite);
  const char* check(Op& op, const State& past, const AdmitOperation& admit);
  const char* check(Op& op, const State& past, const RequestOperation& request);
  const char* check(Op& op, const State& past, const RevokeOperation& revoke);
  const char* check(Op& op, const State& past, const RoleOperation& role);
  const char* check(Op& op, const State& past, const RemoveOperation& remove);
  const char* check(Op& op, const State& past, const AcknowledgeOperation& acknowledge);
  const char* check(Op& op, const State& past, const RekeyOperation& rekey);
  const char* check(Op& op, const State& past, const UnknownOperation& unknown);
  const char* check_proof(const State& past, const DeviceId& device, const DeviceId& invite,
                          const crypto::Signature& proof, std::uint64_t time,
                          const Invite*& found) const;
  void rest_on(Op& op, const State& past) const;
  bool set_targets(const State& past, Op& op) const;

  std::shared_ptr<State> evaluate(Bits set) const;
  void decide(State& state, const std::set<Index>& struck) const;
  void drop(State& state, Index index, Verdict why, const std::vector<bool>& decided) const;
  void restrict(State& state, Index index, const std::vector<bool>& decided) const;
  void limit_uses(State& state, const std::vector<bool>& decided) const;
  std::vector<Index> restrictions_in_order(const State& state) const;
  bool strike(const State& state, std::set<Index>& struck) const;
  struct Held {
    std::uint8_t level = kNoRole;
    Index by = 0;
  };
  Held held(const State& state, const DeviceId& device) const;
  bool counts(const State& state, Index i) const {
    return state.has(i) && ops_[i].refused == nullptr && state.verdict[i] == Verdict::kCounts;
  }
  bool allowed(const State& state, Index i) const {
    return state.has(i) && ops_[i].refused == nullptr;
  }
  bool unseen(Index restriction, Index other) const {
    return !ops_[other].sees(restriction) && !ops_[restriction].past.test(other);
  }
  void fill_roster(State& state) const;
  std::optional<Member> member(const State& state, const DeviceId& device) const;
  bool before(Index a, Index b) const {
    return std::tie(ops_[a].generation, ops_[a].hash) < std::tie(ops_[b].generation, ops_[b].hash);
  }
  const std::vector<Index>& list(const std::map<DeviceId, std::vector<Index>>& lists,
                                 const DeviceId& device) const {
    static const std::vector<Index> kNone;
    const auto found = lists.find(device);
    return found == lists.end() ? kNone : found->second;
  }
  const Restriction& restriction(Index index) const;
  bool takes(Index setting, const DeviceId& device, std::uint8_t need, const State* within) const;

  WorkspaceId workspace_;
  // Of allowed operations only.
  std::vector<std::vector<Index>> dependents_;
  std::map<DeviceId, std::vector<Index>> by_author_;
  std::map<DeviceId, std::vector<Index>> settings_;    ///< Removes and roles, by target.
  std::map<DeviceId, std::vector<Index>> invite_ops_;  ///< By key.
  std::map<DeviceId, std::vector<Index>> admits_by_key_;
  std::map<DeviceId, std::vector<Index>> revokes_;  ///< By key.
  std::vector<Index> requests_;
  std::vector<Index> restrictions_;
  std::map<Hash, std::vector<Index>> acknowledgements_;

  mutable std::shared_ptr<const State> now_;
  mutable std::map<std::vector<Index>, std::shared_ptr<const State>> memo_;
  mutable std::map<Index, Restriction> restriction_memo_;
  mutable std::optional<std::vector<Epoch>> epochs_;
};

// Taking in.

Result<bool> Membership::Graph::add(const OperationEntry& entry) {
  if (index_.count(entry.hash) > 0 || waiting_.count(entry.hash) > 0) return false;
  if (ops_.size() + waiting_.size() >= kMembershipOperationsMax) {
    return Error{ErrorCode::kLimitExceeded, "too many membership operations", ops_.size()};
  }
  Waiting fresh{entry,
                {entry.heads.begin(), entry.heads.end()},
                Bytes(entry.payload.begin(), entry.payload.end())};
  waiting_.emplace(entry.hash, std::move(fresh));
  bool changed = false;
  // Completing one may complete others that waited for it.
  std::vector<Hash> ready{entry.hash};
  while (!ready.empty()) {
    const Hash hash = ready.back();
    ready.pop_back();
    const auto found = waiting_.find(hash);
    if (found == waiting_.end()) continue;
    const auto& heads = found->second.heads;
    const auto missing = std::find_if(heads.begin(), heads.end(),
                                      [this](const Hash& head) { return index_.count(head) == 0; });
    if (missing != heads.end()) {
      waits_for_.emplace(*missing, hash);
      continue;
    }
    Waiting one = std::move(found->second);
    waiting_.erase(found);
    changed = complete(one.entry, std::move(one.heads), one.payload) || changed;
    const auto range = waits_for_.equal_range(hash);
    for (auto it = range.first; it != range.second; ++it) ready.push_back(it->second);
    waits_for_.erase(range.first, range.second);
  }
  return changed;
}

bool Membership::Graph::complete(const OperationEntry& entry, std::vector<Hash> heads,
                                 ByteView payload) {
  const auto index = static_cast<Index>(ops_.size());
  const std::shared_ptr<const State> past = at(heads);
  Op op;
  op.hash = entry.hash;
  op.log = entry.log;
  op.seq = entry.seq;
  op.time = entry.time;
  op.genesis = entry.genesis;
  auto operation = decode_operation(payload);
  op.operation = operation ? std::move(*operation) : Operation(UnknownOperation{});
  op.past = past->set;
  for (const Hash& head : heads) {
    op.generation = std::max(op.generation, ops_[index_.at(head)].generation + 1);
  }
  for (const Index one : restrictions_) {
    if (allowed(*past, one) && !counts(*past, one)) op.voided.push_back(one);
  }
  ops_.push_back(std::move(op));
  dependents_.emplace_back();
  index_.emplace(entry.hash, index);
  for (const Hash& head : heads) heads_.erase(head);
  heads_.insert(entry.hash);
  now_.reset();
  restriction_memo_.clear();
  epochs_.reset();
  return allow(index, *past);
}

/// Decides whether an operation is allowed in its own past; if so it takes part.
bool Membership::Graph::allow(Index index, const State& past) {
  Op& op = ops_[index];
  op.refused = check(index, past);
  if (op.refused != nullptr) return false;
  if (!op.genesis) rest_on(op, past);
  for (const Index one : op.any_of) dependents_[one].push_back(index);
  for (const Index one : op.all_of) dependents_[one].push_back(index);
  by_author_[op.author()].push_back(index);
  if (const auto* admit = std::get_if<AdmitOperation>(&op.operation)) {
    admissions_[admit->device].push_back(index);
    admits_by_key_[admit->invite].push_back(index);
  } else if (const auto* invite = std::get_if<InviteOperation>(&op.operation)) {
    invite_ops_[invite->invite].push_back(index);
  } else if (const auto* acknowledge = std::get_if<AcknowledgeOperation>(&op.operation)) {
    acknowledgements_[acknowledge->operation].push_back(index);
  } else if (const auto* revoke = std::get_if<RevokeOperation>(&op.operation)) {
    revokes_[revoke->invite].push_back(index);
  } else if (std::holds_alternative<RequestOperation>(op.operation)) {
    requests_.push_back(index);
  } else if (op.genesis) {
    founded_ = index;
    admissions_[op.author()].push_back(index);
  }
  for (const DeviceId& target : op.targets) settings_[target].push_back(index);
  const bool restricts =
      !op.targets.empty() || std::holds_alternative<RevokeOperation>(op.operation);
  if (restricts) restrictions_.push_back(index);
  return true;
}

const char* Membership::Graph::check(Index index, const State& past) {
  Op& op = ops_[index];
  const bool founds = op.genesis && equal(op.hash.view(), workspace_.view());
  if (op.genesis != founds) return "not the genesis of this workspace";
  if (op.genesis && !std::holds_alternative<CreateOperation>(op.operation)) {
    return "a genesis that creates nothing";
  }
  if (!op.genesis && past.roster.find(op.author()) == nullptr) return "its author was no member";
  return std::visit([&](const auto& operation) { return check(op, past, operation); },
                    op.operation);
}

const char* Membership::Graph::check(Op& op, const State& past, const CreateOperation& create) {
  (void)create;
  (void)past;
  if (!op.genesis || op.generation != 0) return "only the genesis creates";
  op.to = level(Role::kHost);
  op.person = op.author();
  op.recipients = {op.author()};
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past, const InviteOperation& invite) {
  const Member& author = *past.roster.find(op.author());
  if (past.roster.invites.count(invite.invite) > 0) return "its key has an invite already";
  op.need = level(Role::kHost);
  if (invite.own_device) {
    op.need = std::min(level(invite.role), level(Role::kViewer));
    if (level(author.role) > op.need) return "more than its author may give";
  } else if (author.role != Role::kHost) {
    return "its author was no host";
  }
  op.depth = author.depth + 1;
  op.person = author.person;
  return nullptr;
}

/// What an admission and a request have in common.
const char* Membership::Graph::check_proof(const State& past, const DeviceId& device,
                                           const DeviceId& invite, const crypto::Signature& proof,
                                           std::uint64_t time, const Invite*& found) const {
  const auto known = past.roster.invites.find(invite);
  if (known == past.roster.invites.end()) return "no such invite in its past";
  found = &known->second;
  if (found->revoked) return "its invite was revoked";
  if (HybridClock::millis(time) > found->terms.expires) return "its invite had expired";
  if (found->admitted.count(device) == 0 && found->admitted.size() >= found->terms.uses) {
    return "its invite was used up";
  }
  const Bits& invited_past = ops_[index_.at(found->operation)].past;
  for (const Index setting : list(settings_, device)) {
    const bool removal = std::holds_alternative<RemoveOperation>(ops_[setting].operation);
    if (removal && counts(past, setting) && !invited_past.test(setting)) {
      return "its invite is older than the removal of the device";
    }
  }
  if (!crypto::verify(invite, admission_proof(workspace_, device).view(), proof)) {
    return "the holder of its invite did not sign for the device";
  }
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past, const AdmitOperation& admit) {
  const Member& author = *past.roster.find(op.author());
  if (!may_admit(author.role)) return "its author might not admit";
  const Invite* invite = nullptr;
  if (const char* refused =
          check_proof(past, admit.device, admit.invite, admit.proof, op.time, invite)) {
    return refused;
  }
  if (invite->terms.role != admit.role) return "another role than the invite gives";
  if (invite->terms.approval && author.role != Role::kHost) return "its invite wants a host";
  const Member* known = past.roster.find(admit.device);
  if (known != nullptr && known->role <= admit.role) return "the device was a member already";
  if (known == nullptr && past.roster.members.size() >= kMembersMax) return "too many members";
  op.need = level(invite->terms.approval ? Role::kHost : Role::kCommenter);
  op.to = level(admit.role);
  op.invite = index_.at(invite->operation);
  op.depth = ops_[op.invite].depth;
  op.person = invite->terms.own_device ? ops_[op.invite].person : admit.device;
  op.all_of.push_back(op.invite);
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past, const RequestOperation& request) {
  const Member& author = *past.roster.find(op.author());
  if (!may_admit(author.role)) return "its author might not admit";
  const Invite* invite = nullptr;
  if (const char* refused =
          check_proof(past, request.device, request.invite, request.proof, op.time, invite)) {
    return refused;
  }
  if (!invite->terms.approval) return "its invite wants no approval";
  op.need = level(Role::kCommenter);
  op.invite = index_.at(invite->operation);
  op.all_of.push_back(op.invite);
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past, const RevokeOperation& revoke) {
  const Member& author = *past.roster.find(op.author());
  const auto invite = past.roster.invites.find(revoke.invite);
  if (invite == past.roster.invites.end()) return "no such invite in its past";
  if (invite->second.author != op.author()) {
    if (author.role != Role::kHost) return "its author was no host";
    op.need = level(Role::kHost);
  }
  op.seniority = {author.depth, author.admission};
  return nullptr;
}

/// Notes what a setting does to its targets. False if it would leave no host.
bool Membership::Graph::set_targets(const State& past, Op& op) const {
  std::optional<Seniority> first;
  for (const DeviceId& target : op.targets) {
    const Member& member = *past.roster.find(target);
    op.had.push_back(level(member.role));
    if (member.role != Role::kHost || op.to == level(Role::kHost)) continue;
    const Seniority seniority{member.depth, member.admission};
    if (first && *first < seniority) continue;
    first = seniority;
    op.unseats = target;
  }
  for (const auto& [device, one] : past.roster.members) {
    const bool concerned =
        std::find(op.targets.begin(), op.targets.end(), device) != op.targets.end();
    if ((concerned ? op.to : level(one.role)) == level(Role::kHost)) return true;
  }
  op.targets.clear();
  return false;
}

const char* Membership::Graph::check(Op& op, const State& past, const RoleOperation& role) {
  const Member& author = *past.roster.find(op.author());
  if (author.role != Role::kHost) return "its author was no host";
  const Member* target = past.roster.find(role.device);
  if (target == nullptr) return "the device was no member";
  op.need = level(Role::kHost);
  op.targets = {role.device};
  op.to = level(role.role);
  op.seniority = {author.depth, author.admission};
  op.depth = role.role == Role::kHost ? author.depth + 1 : 0;
  if (!set_targets(past, op)) return "it would leave no host";
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past, const RemoveOperation& remove) {
  const Member& author = *past.roster.find(op.author());
  const Member* target = past.roster.find(remove.device);
  if (target == nullptr) return "the device was no member";
  const bool leaves = remove.device == op.author() && !remove.whole_person;
  if (!leaves) {
    if (author.role != Role::kHost) return "its author was no host";
    op.need = level(Role::kHost);
  }
  op.targets = {remove.device};
  if (remove.whole_person) {
    for (const auto& [device, one] : past.roster.members) {
      if (one.person == target->person && device != remove.device) op.targets.push_back(device);
    }
  }
  op.seniority = {author.depth, author.admission};
  if (!set_targets(past, op)) return "it would leave no host";
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past,
                                     const AcknowledgeOperation& acknowledge) {
  const Member& author = *past.roster.find(op.author());
  if (!may_edit(author.role)) return "its author might not edit";
  const auto answered = index_.find(acknowledge.operation);
  if (answered == index_.end() || !past.has(answered->second)) {
    return "what it answers is not in its past";
  }
  const Op& other = ops_[answered->second];
  const bool grants = std::holds_alternative<AdmitOperation>(other.operation);
  if (other.refused != nullptr || (!grants && other.targets.empty())) {
    return "what it answers takes nothing from anybody";
  }
  op.need = level(Role::kEditor);
  op.by_host = author.role == Role::kHost;
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past, const RekeyOperation& rekey) {
  const Member& author = *past.roster.find(op.author());
  if (!may_edit(author.role)) return "its author might not edit";
  for (const auto& [device, one] : past.roster.members) {
    if (one.role != Role::kRelay) op.recipients.push_back(device);
  }
  if (op.recipients.size() != rekey.boxes.size()) return "not a key for each member";
  op.need = level(Role::kEditor);
  return nullptr;
}

const char* Membership::Graph::check(Op& op, const State& past, const UnknownOperation& unknown) {
  (void)op;
  (void)past;
  (void)unknown;
  return "of an unknown kind";
}

/// The grants that give the author the right it needs: those that no insufficient setting followed.
void Membership::Graph::rest_on(Op& op, const State& past) const {
  if (op.need == kNeedsNothing) return;
  const DeviceId& author = op.author();
  std::vector<Index> insufficient;
  std::vector<Index> sufficient;
  for (const Index setting : list(settings_, author)) {
    if (!counts(past, setting)) continue;
    (ops_[setting].to > op.need ? insufficient : sufficient).push_back(setting);
  }
  const std::vector<Index> settings = sufficient;
  for (const Index admission : list(admissions_, author)) {
    if (counts(past, admission) && ops_[admission].to <= op.need) sufficient.push_back(admission);
  }
  std::vector<Index> alternatives;
  for (const Index grant : sufficient) {
    const bool follows = std::all_of(insufficient.begin(), insufficient.end(),
                                     [&](Index one) { return ops_[grant].sees(one); });
    if (follows) alternatives.push_back(grant);
  }
  std::sort(alternatives.begin(), alternatives.end(),
            [this](Index a, Index b) { return before(a, b); });
  if (alternatives.size() > kAlternativesMax) alternatives.resize(kAlternativesMax);
  if (!alternatives.empty()) {
    if (!ops_[alternatives.front()].genesis) op.any_of = alternatives;
    return;
  }
  // Every insufficient setting is followed by some sufficient one, none by all.
  for (const Index setting : settings) {
    const bool followed = std::any_of(settings.begin(), settings.end(),
                                      [&](Index one) { return ops_[one].sees(setting); });
    if (!followed) op.all_of.push_back(setting);
  }
}

// Resolving.

bool Membership::Graph::closure(std::span<const Hash> heads, Bits& set,
                                std::vector<Index>& tips) const {
  for (const Hash& head : heads) {
    const auto found = index_.find(head);
    if (found == index_.end()) return false;
    tips.push_back(found->second);
  }
  for (const Index tip : tips) {
    set.merge(ops_[tip].past);
    set.set(tip);
  }
  // Without those that are in another's past, so that equal pasts have equal names.
  std::sort(tips.begin(), tips.end());
  tips.erase(std::unique(tips.begin(), tips.end()), tips.end());
  const std::vector<Index> all = tips;
  tips.erase(std::remove_if(tips.begin(), tips.end(),
                            [&](Index tip) {
                              return std::any_of(all.begin(), all.end(), [&](Index other) {
                                return ops_[other].past.test(tip);
                              });
                            }),
             tips.end());
  return true;
}

std::shared_ptr<const State> Membership::Graph::at(std::span<const Hash> heads) const {
  Bits set;
  std::vector<Index> tips;
  if (!closure(heads, set, tips)) return nullptr;
  const auto known = memo_.find(tips);
  if (known != memo_.end()) return known->second;
  if (memo_.size() > 256) memo_.clear();
  std::shared_ptr<const State> state = evaluate(std::move(set));
  memo_.emplace(std::move(tips), state);
  return state;
}

const State& Membership::Graph::now() const {
  if (!now_) {
    const std::vector<Hash> heads(heads_.begin(), heads_.end());
    now_ = at(heads);
  }
  return *now_;
}

std::shared_ptr<State> Membership::Graph::evaluate(Bits set) const {
  auto state = std::make_shared<State>();
  state->set = std::move(set);
  std::set<Index> struck;
  do decide(*state, struck);
  while (strike(*state, struck));
  fill_roster(*state);
  return state;
}

std::vector<Index> Membership::Graph::restrictions_in_order(const State& state) const {
  std::vector<Index> order;
  for (const Index one : restrictions_) {
    if (allowed(state, one)) order.push_back(one);
  }
  std::sort(order.begin(), order.end(), [this](Index a, Index b) {
    return std::tie(ops_[a].seniority, ops_[a].hash) < std::tie(ops_[b].seniority, ops_[b].hash);
  });
  return order;
}

/// Restrictions are decided by seniority; a decided one stays. The others lose what they rest on.
void Membership::Graph::decide(State& state, const std::set<Index>& struck) const {
  state.verdict.assign(ops_.size(), Verdict::kCounts);
  std::vector<bool> decided(ops_.size(), false);
  limit_uses(state, decided);
  for (const Index one : struck) drop(state, one, Verdict::kLastHost, decided);
  for (const Index one : restrictions_in_order(state)) {
    if (state.verdict[one] != Verdict::kCounts) continue;
    decided[one] = true;
    restrict(state, one, decided);
  }
}

/// Of more admissions than an invite has uses the first count.
void Membership::Graph::limit_uses(State& state, const std::vector<bool>& decided) const {
  for (const auto& [key, invites] : invite_ops_) {
    for (const Index invite : invites) {
      if (!allowed(state, invite)) continue;
      std::vector<Index> admits;
      for (const Index admit : list(admits_by_key_, key)) {
        if (allowed(state, admit) && ops_[admit].invite == invite) admits.push_back(admit);
      }
      const auto& terms = std::get<InviteOperation>(ops_[invite].operation);
      if (admits.size() <= terms.uses) continue;
      std::sort(admits.begin(), admits.end(), [this](Index a, Index b) { return before(a, b); });
      std::set<DeviceId> devices;
      for (const Index admit : admits) {
        const DeviceId& device = std::get<AdmitOperation>(ops_[admit].operation).device;
        if (devices.count(device) > 0) continue;
        if (devices.size() < terms.uses) {
          devices.insert(device);
        } else {
          drop(state, admit, Verdict::kUsedUp, decided);
        }
      }
    }
  }
}

/// Takes an operation out, and with it what rests on it.
void Membership::Graph::drop(State& state, Index index, Verdict why,
                             const std::vector<bool>& decided) const {
  if (state.verdict[index] != Verdict::kCounts || decided[index]) return;
  state.verdict[index] = why;
  std::vector<Index> todo{index};
  while (!todo.empty()) {
    const Index lost = todo.back();
    todo.pop_back();
    for (const Index one : dependents_[lost]) {
      if (!counts(state, one) || decided[one]) continue;
      const Op& op = ops_[one];
      const auto gone = [&](Index other) { return state.verdict[other] != Verdict::kCounts; };
      const bool any_left =
          op.any_of.empty() || !std::all_of(op.any_of.begin(), op.any_of.end(), gone);
      if (any_left && std::none_of(op.all_of.begin(), op.all_of.end(), gone)) continue;
      state.verdict[one] = Verdict::kRests;
      todo.push_back(one);
    }
  }
}

/// What a counting restriction takes away.
void Membership::Graph::restrict(State& state, Index index,
                                 const std::vector<bool>& decided) const {
  const Op& restriction = ops_[index];
  const auto close = [&](Index invite) {
    for (const Index admit : dependents_[invite]) {
      if (allowed(state, admit) && unseen(index, admit)) {
        drop(state, admit, Verdict::kRevoked, decided);
      }
    }
  };
  if (const auto* revoke = std::get_if<RevokeOperation>(&restriction.operation)) {
    for (const Index invite : list(invite_ops_, revoke->invite)) close(invite);
    return;
  }
  for (const DeviceId& target : restriction.targets) {
    for (const Index one : list(by_author_, target)) {
      if (!allowed(state, one) || ops_[one].need >= restriction.to) continue;
      if (unseen(index, one)) drop(state, one, Verdict::kTaken, decided);
      const bool invites = std::holds_alternative<InviteOperation>(ops_[one].operation);
      if (invites && !ops_[one].sees(index)) close(one);
    }
  }
}

/// If no host is left: takes out what took that role from the one who lost it last. Returns whether
/// it did.
bool Membership::Graph::strike(const State& state, std::set<Index>& struck) const {
  if (!founded_ || !state.has(*founded_)) return false;
  for (const auto& [device, admissions] : admissions_) {
    if (held(state, device).level == level(Role::kHost)) return false;
  }
  std::optional<Index> last;
  for (const Index one : restrictions_in_order(state)) {
    if (!counts(state, one) || !ops_[one].unseats) continue;
    if (!last || ops_[one].generation >= ops_[*last].generation) last = one;
  }
  if (!last) return false;
  const DeviceId& host = *ops_[*last].unseats;
  for (const Index one : list(settings_, host)) {
    if (!counts(state, one) || ops_[one].to == level(Role::kHost)) continue;
    if (!ops_[*last].past.test(one)) struck.insert(one);
  }
  return true;
}

Membership::Graph::Held Membership::Graph::held(const State& state, const DeviceId& device) const {
  const std::vector<Index>& settings = list(settings_, device);
  const auto weaker = [this](Index a, Index b) {
    const Op& one = ops_[a];
    const Op& other = ops_[b];
    return std::tie(other.to, one.depth, one.hash) < std::tie(one.to, other.depth, other.hash);
  };
  const auto stronger = [this](Index a, Index b) {
    const Op& one = ops_[a];
    const Op& other = ops_[b];
    return std::tie(one.to, one.depth, one.hash) < std::tie(other.to, other.depth, other.hash);
  };
  std::optional<Index> by;
  for (const Index admission : list(admissions_, device)) {
    if (!counts(state, admission)) continue;
    const bool follows = std::all_of(settings.begin(), settings.end(), [&](Index setting) {
      return !counts(state, setting) || ops_[admission].sees(setting);
    });
    if (follows && (!by || stronger(admission, *by))) by = admission;
  }
  if (!by) {
    for (auto it = settings.rbegin(); it != settings.rend(); ++it) {
      if (!counts(state, *it)) continue;
      const bool followed = std::any_of(settings.rbegin(), settings.rend(), [&](Index other) {
        return ops_[other].sees(*it) && counts(state, other);
      });
      if (!followed && (!by || weaker(*it, *by))) by = *it;
    }
  }
  if (!by) return {};
  return {ops_[*by].to, *by};
}

std::optional<Member> Membership::Graph::member(const State& state, const DeviceId& device) const {
  const Held role = held(state, device);
  if (role.level == kNoRole) return std::nullopt;
  // Of the admissions that no removal followed the most senior one says who it is.
  std::vector<Index> current;
  for (const Index admission : list(admissions_, device)) {
    if (counts(state, admission)) current.push_back(admission);
  }
  const std::vector<Index> all = current;
  current.erase(std::remove_if(current.begin(), current.end(),
                               [&](Index admission) {
                                 const auto& settings = list(settings_, device);
                                 return std::any_of(
                                     settings.begin(), settings.end(), [&](Index one) {
                                       return ops_[one].to == kNoRole && counts(state, one) &&
                                              !ops_[admission].sees(one);
                                     });
                               }),
                current.end());
  if (current.empty()) current = all;
  if (current.empty()) return std::nullopt;
  const auto first = std::min_element(current.begin(), current.end(), [this](Index a, Index b) {
    return std::tie(ops_[a].depth, ops_[a].hash) < std::tie(ops_[b].depth, ops_[b].hash);
  });
  const Op& admission = ops_[*first];
  Member out;
  out.role = static_cast<Role>(role.level);
  out.admission = admission.hash;
  out.depth = admission.depth;
  if (std::holds_alternative<RoleOperation>(ops_[role.by].operation)) {
    out.depth = std::max(out.depth, ops_[role.by].depth);
  }
  if (const auto* admit = std::get_if<AdmitOperation>(&admission.operation)) {
    out.name = admit->name;
  }
  // Whoever came in by himself, too, is himself: nobody can link another's device.
  out.person = admission.person;
  for (const Index one : current) {
    if (ops_[one].person == device) out.person = device;
  }
  return out;
}

void Membership::Graph::fill_roster(State& state) const {
  Roster& roster = state.roster;
  for (const auto& [device, admissions] : admissions_) {
    if (auto one = member(state, device)) roster.members.emplace(device, std::move(*one));
  }
  for (const auto& [key, invites] : invite_ops_) {
    std::optional<Index> first;
    for (const Index one : invites) {
      if (counts(state, one) && (!first || before(one, *first))) first = one;
    }
    if (!first) continue;
    const Op& op = ops_[*first];
    Invite invite{std::get<InviteOperation>(op.operation), op.author(), op.hash, {}, false};
    for (const Index admit : list(admits_by_key_, key)) {
      if (allowed(state, admit) && ops_[admit].invite == *first) {
        invite.admitted.insert(std::get<AdmitOperation>(ops_[admit].operation).device);
      }
    }
    for (const Index one : list(revokes_, key)) {
      if (counts(state, one)) invite.revoked = true;
    }
    for (const Index one : list(settings_, op.author())) {
      if (counts(state, one) && ops_[one].to > op.need && !op.sees(one)) invite.revoked = true;
    }
    roster.invites.emplace(key, std::move(invite));
  }
  for (const Index one : requests_) {
    if (!counts(state, one)) continue;
    const Op& op = ops_[one];
    const auto& request = std::get<RequestOperation>(op.operation);
    const auto invite = roster.invites.find(request.invite);
    if (invite == roster.invites.end() || invite->second.revoked) continue;
    if (invite->second.admitted.count(request.device) > 0) continue;
    const auto known = roster.requests.find(request.device);
    if (known != roster.requests.end() && !before(one, index_.at(known->second.operation))) {
      continue;
    }
    roster.requests[request.device] = {request.name, request.invite, request.proof,
                                       op.author(),  op.hash,        op.time};
  }
}

// What others ask.

/// The operation with the marks of all that count for it.
const Restriction& Membership::Graph::restriction(Index index) const {
  const auto known = restriction_memo_.find(index);
  if (known != restriction_memo_.end()) return known->second;
  const State& state = now();
  const Op& op = ops_[index];
  Restriction out;
  out.operation = op.hash;
  const auto take = [&](const std::vector<LogMark>& marks) {
    out.acknowledged.insert(out.acknowledged.end(), marks.begin(), marks.end());
  };
  if (counts(state, index)) {
    if (const auto* role = std::get_if<RoleOperation>(&op.operation)) take(role->seen);
    if (const auto* remove = std::get_if<RemoveOperation>(&op.operation)) take(remove->seen);
  }
  const auto found = acknowledgements_.find(op.hash);
  if (found != acknowledgements_.end()) {
    std::vector<Index> answers;
    for (const Index one : found->second) {
      if (counts(state, one)) answers.push_back(one);
    }
    std::sort(answers.begin(), answers.end(), [this](Index a, Index b) { return before(a, b); });
    std::set<DeviceId> heard;
    for (const Index one : answers) {
      const bool first = heard.insert(ops_[one].author()).second;
      if (!first && !ops_[one].by_host) continue;
      take(std::get<AcknowledgeOperation>(ops_[one].operation).seen);
    }
  }
  std::sort(out.acknowledged.begin(), out.acknowledged.end(),
            [](const LogMark& a, const LogMark& b) {
              return std::tie(a.log, a.seq, a.hash) < std::tie(b.log, b.seq, b.hash);
            });
  out.acknowledged.erase(std::unique(out.acknowledged.begin(), out.acknowledged.end()),
                         out.acknowledged.end());
  return restriction_memo_.emplace(index, std::move(out)).first->second;
}

Standing Membership::Graph::standing(const DeviceId& device, std::span<const Hash> heads,
                                     Right right) const {
  const auto past = at(heads);
  if (past == nullptr) return {Standing::Kind::kUnknownPast, {}};
  const std::uint8_t need = level(right);
  const Member* member = past->roster.find(device);
  if (member == nullptr || level(member->role) > need) return {Standing::Kind::kRefused, {}};
  Standing out{Standing::Kind::kAdmitted, {}};
  const State& state = now();
  // Settings that the entry had not seen, and that took the right from it, not from a grant before.
  for (const Index one : list(settings_, device)) {
    if (!counts(state, one) || counts(*past, one) || ops_[one].to <= need) continue;
    if (takes(one, device, need, past.get())) out.by.push_back(&restriction(one));
  }
  // Grants that it relied on and that do not count.
  State known;
  known.set = past->set;
  known.verdict = state.verdict;
  if (held(known, device).level > need) {
    const auto lost = [&](Index one) {
      return allowed(*past, one) && counts(*past, one) && !counts(state, one) &&
             ops_[one].to <= need;
    };
    for (const Index one : list(admissions_, device)) {
      if (lost(one)) out.by.push_back(&restriction(one));
    }
    for (const Index one : list(settings_, device)) {
      if (lost(one)) out.by.push_back(&restriction(one));
    }
  }
  if (!out.by.empty()) out.kind = Standing::Kind::kDisputed;
  return out;
}

/// Whether a setting takes a right from `device`: it had it in the setting's past, or from a grant
/// that the setting had not seen (and that is in `within`, if given).
bool Membership::Graph::takes(Index setting, const DeviceId& device, std::uint8_t need,
                              const State* within) const {
  const Op& op = ops_[setting];
  for (std::size_t i = 0; i < op.targets.size(); ++i) {
    if (op.targets[i] == device && op.had[i] <= need) return true;
  }
  const auto unknown = [&](Index grant) {
    return grant != setting && ops_[grant].to <= need && unseen(setting, grant) &&
           (within == nullptr || within->has(grant)) && ops_[grant].refused == nullptr;
  };
  const auto& settings = list(settings_, device);
  const auto& admissions = list(admissions_, device);
  return std::any_of(settings.begin(), settings.end(), unknown) ||
         std::any_of(admissions.begin(), admissions.end(), unknown);
}

std::vector<Restriction> Membership::Graph::restrictions_of(const DeviceId& device) const {
  std::vector<Restriction> out;
  const State& state = now();
  for (const Index one : list(settings_, device)) {
    bool listed = false;
    for (const Right right : {Right::kSpeak, Right::kEdit}) {
      const std::uint8_t need = level(right);
      if (counts(state, one)) {
        listed = listed || (ops_[one].to > need && takes(one, device, need, nullptr));
      } else {
        listed = listed || (state.has(one) && ops_[one].to <= need);
      }
    }
    if (listed) out.push_back(restriction(one));
  }
  for (const Index one : list(admissions_, device)) {
    if (state.has(one) && !counts(state, one)) out.push_back(restriction(one));
  }
  std::sort(out.begin(), out.end(), [this](const Restriction& a, const Restriction& b) {
    return before(index_.at(a.operation), index_.at(b.operation));
  });
  return out;
}

std::vector<Index> Membership::Graph::canonical() const {
  std::vector<Index> order(ops_.size());
  for (Index i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [this](Index a, Index b) { return before(a, b); });
  return order;
}

const std::vector<Epoch>& Membership::Graph::epochs() const {
  if (epochs_) return *epochs_;
  epochs_.emplace();
  const State& state = now();
  for (const Index one : canonical()) {
    const Op& op = ops_[one];
    if (op.refused != nullptr) continue;
    const auto* create = std::get_if<CreateOperation>(&op.operation);
    const auto* rekey = std::get_if<RekeyOperation>(&op.operation);
    if (create == nullptr && rekey == nullptr) continue;
    epochs_->push_back({create != nullptr ? create->key : rekey->key, op.hash, op.author(), op.log,
                        op.seq, op.recipients, rekey, counts(state, one)});
  }
  return *epochs_;
}

Membership::Membership(const WorkspaceId& workspace) : graph_(std::make_unique<Graph>(workspace)) {}
Membership::~Membership() = default;
Membership::Membership(Membership&&) noexcept = default;
Membership& Membership::operator=(Membership&&) noexcept = default;

Result<bool> Membership::add(const OperationEntry& entry) { return graph_->add(entry); }
const Roster& Membership::now() const { return graph_->now().roster; }

std::shared_ptr<const Roster> Membership::at(std::span<const Hash> heads) const {
  const auto state = graph_->at(heads);
  if (state == nullptr) return nullptr;
  return {state, &state->roster};
}

bool Membership::in_past(const Hash& operation, std::span<const Hash> heads) const {
  const auto found = graph_->index_.find(operation);
  Bits set;
  std::vector<Index> tips;
  return found != graph_->index_.end() && graph_->closure(heads, set, tips) &&
         set.test(found->second);
}

Standing Membership::standing(const DeviceId& device, std::span<const Hash> heads,
                              Right right) const {
  return graph_->standing(device, heads, right);
}

bool Membership::was_ever_admitted(const DeviceId& device) const {
  return graph_->admissions_.count(device) > 0;
}

std::vector<Restriction> Membership::restrictions_of(const DeviceId& device) const {
  return graph_->restrictions_of(device);
}

const std::vector<Epoch>& Membership::epochs() const { return graph_->epochs(); }

std::vector<Hash> Membership::heads() const {
  std::vector<Hash> heads(graph_->heads_.begin(), graph_->heads_.end());
  if (heads.size() > kEntryHeadsMax) heads.resize(kEntryHeadsMax);
  return heads;
}

bool Membership::founded() const { return graph_->founded_.has_value(); }

const std::string& Membership::name() const {
  static const std::string kNone;
  if (!founded()) return kNone;
  return std::get<CreateOperation>(graph_->ops_[*graph_->founded_].operation).name;
}

const Hash& Membership::first_key() const {
  static const Hash kNone;
  if (!founded()) return kNone;
  return std::get<CreateOperation>(graph_->ops_[*graph_->founded_].operation).key;
}

std::size_t Membership::operations() const { return graph_->ops_.size() + graph_->waiting_.size(); }

std::vector<OperationView> Membership::history() const {
  std::vector<OperationView> views;
  const State& state = graph_->now();
  for (const Index one : graph_->canonical()) {
    const Op& op = graph_->ops_[one];
    const char* reason = op.refused != nullptr ? op.refused : reason_of(state.verdict[one]);
    views.push_back({op.hash, op.log, op.seq, op.time, &op.operation, reason == nullptr, reason});
  }
  return views;
}

}  // namespace coterie::node
