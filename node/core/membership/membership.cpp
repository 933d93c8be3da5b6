#include "node/core/membership/membership.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "node/core/limits.hpp"
#include "node/core/membership/resolver.hpp"

namespace coterie::node {
namespace {

using Index = Resolver::Index;
using State = Resolver::State;

/// Answers to standing() that are remembered.
constexpr std::size_t kStandingsMax = 8192;
/// Rosters of the past that are.
constexpr std::size_t kRostersMax = 32;

std::uint8_t level(Right right) {
  switch (right) {
    case Right::kSpeak:
      return Resolver::level(Role::kCommenter);
    case Right::kEdit:
      return Resolver::level(Role::kEditor);
    case Right::kHost:
      break;
  }
  return Resolver::level(Role::kHost);
}

std::optional<Member> member(const Resolver& graph, const State& state, const DeviceId& id) {
  const auto who = graph.who(state, id);
  if (!who) return std::nullopt;
  const auto& admission = graph.ops_[who->admission];
  Member out;
  if (const auto* admit = std::get_if<AdmitOperation>(&admission.operation)) out.name = admit->name;
  out.role = static_cast<Role>(who->role);
  out.person = who->person;
  out.admission = admission.hash;
  out.depth = who->depth;
  const auto counting = [&](Index i) { return graph.counts(state, i); };
  out.elsewhere = out.role;
  if (graph.limits_anybody()) {
    out.elsewhere = std::max(out.role, static_cast<Role>(graph.limit(who->person, {}, counting)));
  }
  return out;
}

void fill_member(const Resolver& graph, const State& state, const DeviceId& id, Roster& roster) {
  if (auto one = member(graph, state, id)) {
    roster.members[id] = std::move(*one);
  } else {
    roster.members.erase(id);
  }
}

void fill_invite(const Resolver& graph, const State& state, const DeviceId& key, Roster& roster) {
  const auto found = graph.invite(state, key);
  if (!found) {
    roster.invites.erase(key);
    return;
  }
  const auto& op = graph.ops_[*found];
  roster.invites[key] = {std::get<InviteOperation>(op.operation), op.author(), op.hash,
                         graph.places(state, *found), graph.closed(state, *found)};
}

void fill_requests(const Resolver& graph, const State& state, Roster& roster) {
  roster.requests.clear();
  std::map<DeviceId, Index> first;
  for (const Index one : graph.requests_) {
    if (!graph.counts(state, one)) continue;
    const auto& request = std::get<RequestOperation>(graph.ops_[one].operation);
    const auto invite = roster.invites.find(request.invite);
    if (invite == roster.invites.end() || invite->second.revoked) continue;
    if (invite->second.admitted.count(request.device) > 0) continue;
    const auto& settings = graph.device(request.device).settings;
    const bool denied = std::any_of(settings.begin(), settings.end(), [&](Index setting) {
      return graph.counts(state, setting) && graph.ops_[setting].to == Resolver::kNoRole &&
             !graph.ops_[one].sees(setting);
    });
    if (denied) continue;
    const auto [at, fresh] = first.emplace(request.device, one);
    if (!fresh && graph.before(one, at->second)) at->second = one;
  }
  for (const auto& [device, one] : first) {
    const auto& op = graph.ops_[one];
    const auto& request = std::get<RequestOperation>(op.operation);
    roster.requests[device] = {request.name, request.invite, request.proof,
                               op.author(),  op.hash,        op.time};
  }
}

void fill(const Resolver& graph, const State& state, Roster& roster) {
  roster = {};
  for (const auto& [id, device] : graph.devices_) {
    if (!device.admissions.empty()) fill_member(graph, state, id, roster);
  }
  for (const auto& [key, invite] : graph.invite_keys_) fill_invite(graph, state, key, roster);
  fill_requests(graph, state, roster);
}

/// What one more operation can have changed, when it makes nothing else void.
void refresh(const Resolver& graph, const State& state, Index index, Roster& roster) {
  const auto& op = graph.ops_[index];
  if (op.refused != nullptr) return;
  for (const DeviceId& target : op.targets) {
    fill_member(graph, state, target, roster);
    for (const Index invite : graph.device(target).invites) {
      const auto& terms = std::get<InviteOperation>(graph.ops_[invite].operation);
      fill_invite(graph, state, terms.invite, roster);
    }
  }
  if (op.genesis) fill_member(graph, state, op.author(), roster);
  if (const auto* admit = std::get_if<AdmitOperation>(&op.operation)) {
    fill_member(graph, state, admit->device, roster);
    fill_invite(graph, state, admit->invite, roster);
  } else if (const auto* invite = std::get_if<InviteOperation>(&op.operation)) {
    fill_invite(graph, state, invite->invite, roster);
  } else if (const auto* revoke = std::get_if<RevokeOperation>(&op.operation)) {
    fill_invite(graph, state, revoke->invite, roster);
  }
  // Whose person it is may have other devices.
  const bool limits = std::holds_alternative<DocumentRoleOperation>(op.operation);
  const bool moves = std::holds_alternative<RemoveOperation>(op.operation) ||
                     std::holds_alternative<AdmitOperation>(op.operation);
  if (!limits && !(moves && graph.limits_anybody())) return;
  std::vector<DeviceId> devices;
  for (const auto& [device, one] : roster.members) devices.push_back(device);
  for (const DeviceId& device : devices) fill_member(graph, state, device, roster);
}

}  // namespace

const Member* Roster::find(const DeviceId& device) const {
  const auto found = members.find(device);
  return found == members.end() ? nullptr : &found->second;
}

/// Answers that stay good until the next operation, and the roster of the present, which is kept up
/// to date instead of made anew while nothing becomes void.
struct Membership::Memo {
  Roster now;
  std::shared_ptr<const Resolver::Voids> now_voids;
  std::size_t now_operations = 0;

  /// Of the past, which does not change.
  std::map<std::vector<Index>, std::shared_ptr<const Roster>> rosters;

  struct Question {
    DeviceId device;
    Right right;
    std::optional<DocumentId> document;
    std::vector<Hash> heads;
    auto operator<=>(const Question&) const = default;
  };
  std::map<Question, Standing> standings;
  std::map<Index, Restriction> restrictions;
  std::optional<std::vector<Epoch>> epochs;
  std::shared_ptr<const Resolver::Voids> epochs_voids;
  std::size_t epochs_rekeys = 0;

  std::vector<Hash> heads;  ///< While there are more than an entry may name.
  DeviceId heads_self;
  std::size_t heads_operations = 0;

  void forget_answers() {
    standings.clear();
    restrictions.clear();
  }

  const Restriction& restriction(const Resolver& graph, Index index);
  static std::optional<DocumentId> distinguish(const Resolver& graph, const DeviceId& device,
                                               const DocumentId& document);
  static DocumentScope scope_of(const Resolver& graph, Index acknowledgement);
  Standing stand(const Resolver& graph, const Question& question);
};

Membership::Membership(const WorkspaceId& workspace)
    : resolver_(std::make_unique<Resolver>(workspace)), memo_(std::make_unique<Memo>()) {}
Membership::~Membership() = default;
Membership::Membership(Membership&&) noexcept = default;
Membership& Membership::operator=(Membership&&) noexcept = default;

Result<bool> Membership::add(const OperationEntry& entry) {
  memo_->forget_answers();
  return resolver_->add(entry);
}

const Roster& Membership::now() const {
  const Resolver& graph = *resolver_;
  Memo& memo = *memo_;
  const std::size_t operations = graph.ops_.size();
  if (memo.now_operations == operations) return memo.now;
  const auto state = graph.now();
  const std::size_t fresh = operations - memo.now_operations;
  const bool same = memo.now_voids != nullptr && *memo.now_voids == *state->voids;
  if (same && fresh < operations / 2) {
    for (std::size_t i = memo.now_operations; i < operations; ++i) {
      refresh(graph, *state, static_cast<Index>(i), memo.now);
    }
    fill_requests(graph, *state, memo.now);
  } else {
    fill(graph, *state, memo.now);
  }
  memo.now_voids = state->voids;
  memo.now_operations = operations;
  return memo.now;
}

std::shared_ptr<const Roster> Membership::at(std::span<const Hash> heads) const {
  Resolver::Bits set;
  std::vector<Index> tips;
  if (!resolver_->closure(heads, set, tips)) return nullptr;
  const auto known = memo_->rosters.find(tips);
  if (known != memo_->rosters.end()) return known->second;
  auto roster = std::make_shared<Roster>();
  fill(*resolver_, *resolver_->at(heads), *roster);
  if (memo_->rosters.size() >= kRostersMax) memo_->rosters.clear();
  memo_->rosters.emplace(std::move(tips), roster);
  return roster;
}

std::optional<bool> Membership::was_member(const DeviceId& device,
                                           std::span<const Hash> heads) const {
  const auto past = resolver_->at(heads);
  if (past == nullptr) return std::nullopt;
  return resolver_->who(*past, device).has_value();
}

bool Membership::in_past(const Hash& operation, std::span<const Hash> heads) const {
  const auto found = resolver_->index_.find(operation);
  if (found == resolver_->index_.end()) return false;
  return std::any_of(heads.begin(), heads.end(), [&](const Hash& head) {
    const auto tip = resolver_->index_.find(head);
    if (tip == resolver_->index_.end()) return false;
    return tip->second == found->second || resolver_->ops_[tip->second].past.test(found->second);
  });
}

bool Membership::precedes(const DeviceId& a, const DeviceId& b) const {
  const Resolver& graph = *resolver_;
  const auto first = [&graph](const DeviceId& id) -> const Resolver::Op* {
    const auto& found = graph.device(id).first;
    return found ? &graph.ops_[*found] : nullptr;
  };
  const Resolver::Op* one = first(a);
  const Resolver::Op* other = first(b);
  if (one == nullptr || other == nullptr) return one != nullptr || (other == nullptr && a < b);
  return std::tie(one->depth, one->hash) < std::tie(other->depth, other->hash);
}

// Standing.

/// The operation with the marks of all that count for it.
const Restriction& Membership::Memo::restriction(const Resolver& graph, Index index) {
  const auto known = restrictions.find(index);
  if (known != restrictions.end()) return known->second;
  const State& state = *graph.now();
  const auto& op = graph.ops_[index];
  Restriction out;
  out.operation = op.hash;
  out.counts = graph.counts(state, index);
  if (std::holds_alternative<DocumentRoleOperation>(op.operation)) {
    out.takes = out.counts == (op.to > level(Right::kEdit));
  }
  const auto take = [&](const std::vector<LogMark>& marks) {
    out.acknowledged.insert(out.acknowledged.end(), marks.begin(), marks.end());
  };
  if (graph.counts(state, index)) {
    if (const auto* role = std::get_if<RoleOperation>(&op.operation)) take(role->seen);
    if (const auto* remove = std::get_if<RemoveOperation>(&op.operation)) take(remove->seen);
    if (const auto* in = std::get_if<DocumentRoleOperation>(&op.operation)) take(in->seen);
  }
  const auto found = graph.acknowledgements_.find(op.hash);
  if (found != graph.acknowledgements_.end()) {
    std::vector<Index> answers;
    for (const Index one : found->second) {
      if (graph.counts(state, one)) answers.push_back(one);
    }
    std::sort(answers.begin(), answers.end(),
              [&graph](Index a, Index b) { return graph.before(a, b); });
    std::set<DeviceId> heard;
    for (const Index one : answers) {
      const bool first = heard.insert(graph.ops_[one].author()).second;
      if (!first && !graph.ops_[one].by_host) continue;
      const auto& seen = std::get<AcknowledgeOperation>(graph.ops_[one].operation).seen;
      const DocumentScope scope = scope_of(graph, one);
      if (scope == DocumentScope{true, {}}) {
        take(seen);
      } else {
        for (const LogMark& mark : seen) out.acknowledged_in.emplace_back(scope, mark);
      }
    }
  }
  std::sort(out.acknowledged.begin(), out.acknowledged.end(),
            [](const LogMark& a, const LogMark& b) {
              return std::tie(a.log, a.seq, a.hash) < std::tie(b.log, b.seq, b.hash);
            });
  out.acknowledged.erase(std::unique(out.acknowledged.begin(), out.acknowledged.end()),
                         out.acknowledged.end());
  return restrictions.emplace(index, std::move(out)).first->second;
}

// Roles in documents.

namespace {

/// The persons that a device is or was, by admissions that were allowed.
std::set<DeviceId> persons(const Resolver& graph, const DeviceId& device) {
  std::set<DeviceId> all;
  for (const Index one : graph.device(device).admissions) all.insert(graph.ops_[one].person);
  return all;
}

/// Whether a document role takes a right in `document` from whom it is about, as takes() says it of
/// roles. `document` may be one of which nothing is said.
bool takes_in(const Resolver& graph, Index limit, const DocumentId& document, std::uint8_t need,
              const State& within) {
  const auto& op = graph.ops_[limit];
  const State then{op.past, op.voids};
  const auto counted = [&](Index i) { return graph.counts(then, i); };
  if (graph.limit(op.person, document, counted) <= need) return true;
  const auto unknown = [&](Index grant) {
    return grant != limit && graph.unseen(limit, grant) && within.has(grant);
  };
  const auto gives = [&](Index grant) { return graph.ops_[grant].to <= need && unknown(grant); };
  const auto& here = graph.limits(op.person, document);
  const auto& others = graph.limits(op.person, {});
  const auto& admissions = graph.device(op.person).admissions;
  return std::any_of(here.begin(), here.end(), gives) ||
         std::any_of(others.begin(), others.end(), gives) ||
         std::any_of(admissions.begin(), admissions.end(), unknown);
}

/// What takes the right to write about `document` from an entry of `device` with that past:
/// document roles, grants and admissions that do not count. Nothing if it had no such right there.
std::optional<std::set<Index>> takers(const Resolver& graph, const State& past,
                                      const DeviceId& device, const DocumentId& document,
                                      std::uint8_t need) {
  const State& state = *graph.now();
  const auto counted = [&](Index i) { return graph.counts(past, i); };
  const auto kept = [&](Index i) { return past.has(i) && graph.counts(state, i); };
  const auto who = graph.who(past, device);
  if (!who || graph.limit(who->person, document, counted) > need) return std::nullopt;
  const DeviceId& person = who->person;
  std::set<Index> by;
  const auto look_at = [&](Index one) {
    if (graph.ops_[one].to <= need || !graph.counts(state, one) || counted(one)) return;
    if (takes_in(graph, one, document, need, past)) by.insert(one);
  };
  const auto& others = graph.limits(person, {});
  std::vector<Index> settings;
  if (!document.is_zero()) settings = graph.limits(person, document);
  for (const Index one : settings) look_at(one);
  const bool named = !document.is_zero() && graph.names(person, document, kept);
  for (const Index one : others) {
    // What is said of all others is not about a document of which something is said.
    const auto then = [&](Index i) {
      return graph.ops_[one].past.test(i) && graph.counts(state, i);
    };
    if (!named && (document.is_zero() || !graph.names(person, document, then))) look_at(one);
  }
  // Grants that it relied on and that do not count; limits it took for void.
  if (graph.limit(person, document, kept) > need) {
    settings.insert(settings.end(), others.begin(), others.end());
    for (const Index one : settings) {
      const bool gives = graph.ops_[one].to <= need;
      const bool lost = gives && counted(one) && !graph.counts(state, one);
      const bool found = !gives && past.has(one) && !counted(one) && graph.counts(state, one);
      if (lost || found) by.insert(one);
    }
    for (const Index one : graph.device(person).admissions) {
      if (counted(one) && !graph.counts(state, one)) by.insert(one);
    }
  }
  return by;
}

}  // namespace

/// Where the author of an acknowledgement might edit, by what it knew, and by what is known now.
DocumentScope Membership::Memo::scope_of(const Resolver& graph, Index index) {
  const auto& op = graph.ops_[index];
  DocumentScope everywhere{true, {}};
  if (op.by_host || !graph.limits_anybody()) return everywhere;
  const State past{op.past, op.voids};
  const auto who = graph.who(past, op.author());
  if (!who) return everywhere;  // Not reached: it was allowed.
  std::set<DocumentId> named;
  if (const auto found = graph.limits_.find(who->person); found != graph.limits_.end()) {
    for (const auto& [document, settings] : found->second) named.insert(document);
  }
  for (const Index one : graph.device(who->person).admissions) {
    named.insert(graph.ops_[one].document);
  }
  // Marks that answer what takes the right away are not looked at: nobody vouches for who vouches.
  const auto may = [&](const DocumentId& document) {
    const auto by = takers(graph, past, op.author(), document, level(Right::kEdit));
    return by && by->empty();
  };
  DocumentScope scope{may({}), {}};
  for (const DocumentId& document : named) {
    if (!document.is_zero() && may(document) != scope.others) scope.some.insert(document);
  }
  return scope;
}

namespace {

/// Whether a setting takes a right from `device`: it had it in the setting's past, or from a grant
/// that the setting had not seen (and that is in `within`, if given).
bool takes(const Resolver& graph, Index setting, const DeviceId& id, std::uint8_t need,
           const State* within) {
  const auto& op = graph.ops_[setting];
  for (std::size_t i = 0; i < op.targets.size(); ++i) {
    if (op.targets[i] == id && op.had[i] <= need) return true;
  }
  const auto unknown = [&](Index grant) {
    return grant != setting && graph.ops_[grant].to <= need && graph.unseen(setting, grant) &&
           (within == nullptr || within->has(grant));
  };
  const auto& device = graph.device(id);
  return std::any_of(device.settings.begin(), device.settings.end(), unknown) ||
         std::any_of(device.admissions.begin(), device.admissions.end(), unknown);
}

}  // namespace

Standing Membership::Memo::stand(const Resolver& graph, const Question& question) {
  const auto past = graph.at(question.heads);
  if (past == nullptr) return {Standing::Kind::kUnknownPast, {}};
  const std::uint8_t need = level(question.right);
  const auto& device = graph.device(question.device);
  const auto counted = [&](Index i) { return graph.counts(*past, i); };
  if (graph.held(device, counted).level > need) return {Standing::Kind::kRefused, {}};
  const State& state = *graph.now();
  std::set<Index> by;
  if (question.document) {
    auto found = takers(graph, *past, question.device, *question.document, need);
    if (!found) return {Standing::Kind::kRefused, {}};
    by = *std::move(found);
  }
  for (const Index one : device.settings) {
    if (graph.ops_[one].to <= need || !graph.counts(state, one) || counted(one)) continue;
    if (takes(graph, one, question.device, need, past.get())) by.insert(one);
  }
  // Grants that it relied on and that do not count; settings it took for void.
  const auto kept = [&](Index i) { return past->has(i) && graph.counts(state, i); };
  if (graph.held(device, kept).level > need) {
    for (const Index one : device.admissions) {
      if (counted(one) && !graph.counts(state, one)) by.insert(one);
    }
    for (const Index one : device.settings) {
      const bool gives = graph.ops_[one].to <= need;
      const bool lost = gives && counted(one) && !graph.counts(state, one);
      const bool found = !gives && past->has(one) && !counted(one) && graph.counts(state, one);
      if (lost || found) by.insert(one);
    }
  }
  Standing out{by.empty() ? Standing::Kind::kAdmitted : Standing::Kind::kDisputed, {}};
  for (const Index one : by) out.by.push_back(&restriction(graph, one));
  return out;
}

bool Membership::is_limited(const DeviceId& device) const {
  const Resolver& graph = *resolver_;
  if (!graph.limits_anybody()) return false;
  const auto all = persons(graph, device);
  const bool limited = std::any_of(all.begin(), all.end(), [&](const DeviceId& person) {
    return graph.limits_.count(person) > 0 || graph.device(person).by_document;
  });
  if (limited) return true;
  // Or whoever vouched for it may not edit everything.
  const auto restrictions = restrictions_of(device);
  return std::any_of(restrictions.begin(), restrictions.end(),
                     [](const Restriction& one) { return !one.acknowledged_in.empty(); });
}

/// The document a question is about, as far as the answer depends on it.
std::optional<DocumentId> Membership::Memo::distinguish(const Resolver& graph,
                                                        const DeviceId& device,
                                                        const DocumentId& document) {
  bool limited = false;
  for (const DeviceId& person : persons(graph, device)) {
    if (!graph.limits(person, document).empty()) return document;
    const auto& root = graph.device(person);
    limited = limited || root.by_document || graph.limits_.count(person) > 0;
    for (const Index one : root.admissions) {
      if (root.by_document && graph.ops_[one].document == document) return document;
    }
  }
  return limited ? std::optional(DocumentId{}) : std::nullopt;
}

Standing Membership::standing(const DeviceId& device, std::span<const Hash> heads, Right right,
                              const std::optional<DocumentId>& document) const {
  Memo::Question question{device, right, std::nullopt, {heads.begin(), heads.end()}};
  if (document && resolver_->limits_anybody()) {
    question.document = Memo::distinguish(*resolver_, device, *document);
  }
  const auto known = memo_->standings.find(question);
  if (known != memo_->standings.end()) return known->second;
  Standing answer = memo_->stand(*resolver_, question);
  if (memo_->standings.size() >= kStandingsMax) memo_->standings.clear();
  memo_->standings.emplace(std::move(question), answer);
  return answer;
}

bool Membership::was_ever_admitted(const DeviceId& device) const {
  return !resolver_->device(device).admissions.empty();
}

std::vector<Restriction> Membership::restrictions_of(const DeviceId& id) const {
  const Resolver& graph = *resolver_;
  const State& state = *graph.now();
  const auto& device = graph.device(id);
  std::vector<Index> listed;
  for (const Index one : device.settings) {
    const auto concerns = [&](Right right) {
      const std::uint8_t need = level(right);
      if (!graph.counts(state, one)) return graph.ops_[one].to <= need;
      return graph.ops_[one].to > need && takes(graph, one, id, need, nullptr);
    };
    if (concerns(Right::kSpeak) || concerns(Right::kEdit)) listed.push_back(one);
  }
  for (const Index one : device.admissions) {
    if (!graph.counts(state, one)) listed.push_back(one);
  }
  std::sort(listed.begin(), listed.end(),
            [&graph](Index a, Index b) { return graph.before(a, b); });
  std::vector<Restriction> out;
  for (const Index one : listed) out.push_back(memo_->restriction(graph, one));
  return out;
}

std::vector<Restriction> Membership::limits_of(const DeviceId& device) const {
  const Resolver& graph = *resolver_;
  if (!is_limited(device)) return {};
  const State& state = *graph.now();
  std::vector<Index> listed;
  for (const DeviceId& person : persons(graph, device)) {
    if (const auto found = graph.limits_.find(person); found != graph.limits_.end()) {
      for (const auto& [document, settings] : found->second) {
        listed.insert(listed.end(), settings.begin(), settings.end());
      }
    }
    if (person == device) continue;  // As any restriction of it.
    for (const Index one : graph.device(person).admissions) {
      if (!graph.counts(state, one)) listed.push_back(one);
    }
  }
  std::sort(listed.begin(), listed.end(),
            [&graph](Index a, Index b) { return graph.before(a, b); });
  std::vector<Restriction> out;
  for (const Index one : listed) out.push_back(memo_->restriction(graph, one));
  return out;
}

std::optional<Role> Membership::role_in(const DeviceId& device, const DocumentId& document) const {
  const Member* member = find(device);
  if (member == nullptr) return std::nullopt;
  if (!resolver_->limits_anybody()) return member->role;
  const State& state = *resolver_->now();
  const auto counting = [&](Index i) { return resolver_->counts(state, i); };
  const auto most = static_cast<Role>(resolver_->limit(member->person, document, counting));
  return std::max(member->role, most);
}

std::vector<DeviceId> Membership::ever_admitted() const {
  std::vector<DeviceId> all;
  for (const auto& [id, device] : resolver_->devices_) {
    if (!device.admissions.empty()) all.push_back(id);
  }
  return all;
}

bool Membership::came_after(const DeviceId& device, const Hash& operation) const {
  const auto found = resolver_->index_.find(operation);
  return found != resolver_->index_.end() && resolver_->ops_[found->second].takes_from_somebody() &&
         resolver_->came_after(device, found->second, *resolver_->now());
}

// The rest.

const std::vector<Epoch>& Membership::epochs() const {
  const Resolver& graph = *resolver_;
  Memo& memo = *memo_;
  const auto state = graph.now();
  if (memo.epochs && memo.epochs_rekeys == graph.rekeys_.size() &&
      *memo.epochs_voids == *state->voids) {
    return *memo.epochs;
  }
  std::vector<Index> order = graph.rekeys_;
  std::sort(order.begin(), order.end(), [&graph](Index a, Index b) { return graph.before(a, b); });
  memo.epochs.emplace();
  memo.epochs_voids = state->voids;
  memo.epochs_rekeys = order.size();
  for (const Index one : order) {
    const auto& op = graph.ops_[one];
    const auto* create = std::get_if<CreateOperation>(&op.operation);
    const auto* rekey = std::get_if<RekeyOperation>(&op.operation);
    memo.epochs->push_back({create != nullptr ? create->key : rekey->key, op.hash, op.author(),
                            op.log, op.seq, op.time, op.recipients, rekey,
                            graph.counts(*state, one), op.by_host});
  }
  return *memo.epochs;
}

std::vector<Handover> Membership::handovers() const {
  std::vector<Handover> all;
  for (const auto& [id, device] : resolver_->devices_) {
    for (const Index one : device.admissions) {
      const auto& op = resolver_->ops_[one];
      const auto* admit = std::get_if<AdmitOperation>(&op.operation);
      if (admit != nullptr) all.push_back({op.hash, admit});
    }
  }
  return all;
}

std::vector<Hash> Membership::heads(const DeviceId& self) const {
  const Resolver& graph = *resolver_;
  if (graph.heads_.size() <= kEntryHeadsMax) return {graph.heads_.begin(), graph.heads_.end()};
  Memo& memo = *memo_;
  if (memo.heads_operations == graph.ops_.size() && memo.heads_self == self) return memo.heads;

  const Roster& roster = now();
  std::vector<DeviceId> devices;
  for (const auto& [device, member] : roster.members) devices.push_back(device);
  std::sort(devices.begin(), devices.end(), [&](const DeviceId& a, const DeviceId& b) {
    const Member& one = roster.members.at(a);
    const Member& other = roster.members.at(b);
    return std::tuple(a != self, one.role, one.depth, one.admission) <
           std::tuple(b != self, other.role, other.depth, other.admission);
  });
  std::vector<Hash> chosen;
  const auto take = [&](const Hash& hash) {
    if (chosen.size() < kEntryHeadsMax && !in_past(hash, chosen)) chosen.push_back(hash);
  };
  if (const Member* member = find(self)) take(member->admission);
  for (const DeviceId& device : devices) {
    const auto& operations = graph.device(device).operations;
    const auto held = std::min(operations.size(), kOperationsPerDeviceMax);
    if (held > 0) take(graph.ops_[operations[held - 1]].hash);
  }
  for (const Hash& head : graph.heads_) {
    if (chosen.size() == kEntryHeadsMax) break;
    take(head);
  }
  std::sort(chosen.begin(), chosen.end());
  memo.heads = std::move(chosen);
  memo.heads_self = self;
  memo.heads_operations = graph.ops_.size();
  return memo.heads;
}

bool Membership::founded() const { return resolver_->founded_.has_value(); }

const std::string& Membership::name() const {
  static const std::string kNone;
  if (!founded()) return kNone;
  return std::get<CreateOperation>(resolver_->ops_[*resolver_->founded_].operation).name;
}

const Hash& Membership::first_key() const {
  static const Hash kNone;
  if (!founded()) return kNone;
  return std::get<CreateOperation>(resolver_->ops_[*resolver_->founded_].operation).key;
}

std::size_t Membership::operations() const {
  return resolver_->ops_.size() + resolver_->waiting_count();
}

bool Membership::nearly_spent(const DeviceId& device) const {
  const auto& operations = resolver_->device(device).operations;
  std::size_t bytes = 0;
  for (const Index one : operations) bytes += resolver_->ops_[one].bytes;
  return operations.size() >= kOperationsPerDeviceMax / 4 * 3 ||
         bytes >= kOperationBytesPerDeviceMax / 4 * 3;
}

std::optional<OperationView> Membership::operation(const Hash& hash) const {
  const auto found = resolver_->index_.find(hash);
  if (found == resolver_->index_.end()) return std::nullopt;
  const auto& op = resolver_->ops_[found->second];
  const char* reason = op.refused != nullptr
                           ? op.refused
                           : Resolver::reason_of(resolver_->now()->verdict(found->second));
  return OperationView{op.hash, op.log, op.seq, op.time, &op.operation, reason == nullptr, reason};
}

std::vector<OperationView> Membership::history() const {
  const Resolver& graph = *resolver_;
  const State& state = *graph.now();
  std::vector<Index> order(graph.ops_.size());
  for (Index i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&graph](Index a, Index b) { return graph.before(a, b); });
  std::vector<OperationView> views;
  views.reserve(order.size());
  for (const Index one : order) {
    const auto& op = graph.ops_[one];
    const char* reason =
        op.refused != nullptr ? op.refused : Resolver::reason_of(state.verdict(one));
    views.push_back({op.hash, op.log, op.seq, op.time, &op.operation, reason == nullptr, reason});
  }
  return views;
}

}  // namespace coterie::node
