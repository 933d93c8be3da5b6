// Whether an operation is allowed in its own past, and what it rests on there: parts 1 and 3 of
// docs/PROTOCOL.md "Membership".

#include <algorithm>

#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"
#include "node/core/membership/resolver.hpp"

namespace coterie::node {
namespace {

/// Grants that an operation may rest on; further ones are not remembered.
constexpr std::size_t kAlternativesMax = 4;

constexpr auto kHost = static_cast<std::uint8_t>(Role::kHost);
constexpr auto kEditor = static_cast<std::uint8_t>(Role::kEditor);
constexpr auto kCommenter = static_cast<std::uint8_t>(Role::kCommenter);
constexpr auto kViewer = static_cast<std::uint8_t>(Role::kViewer);
constexpr auto kRelay = static_cast<std::uint8_t>(Role::kRelay);

}  // namespace

const char* Resolver::check(Op& op, const State& past) const {
  const bool founds = op.genesis && equal(op.hash.view(), workspace_.view());
  if (op.genesis != founds) return "not the genesis of this workspace";
  if (std::holds_alternative<UnknownOperation>(op.operation)) return "of an unknown kind";
  const bool creates = std::holds_alternative<CreateOperation>(op.operation);
  if (creates != op.genesis || (creates && op.generation != 0)) return "only the genesis creates";
  if (creates) {
    op.to = kHost;
    op.person = op.author();
    op.recipients = {op.author()};
    return nullptr;
  }
  const auto author = who(past, op.author());
  if (!author) return "its author was no member";
  op.seniority = {author->depth, ops_[author->admission].hash};
  return std::visit(
      [&](const auto& operation) -> const char* {
        using Kind = std::decay_t<decltype(operation)>;
        if constexpr (std::is_same_v<Kind, CreateOperation> ||
                      std::is_same_v<Kind, UnknownOperation>) {
          return "of an unknown kind";
        } else {
          return check(op, past, *author, operation);
        }
      },
      op.operation);
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const InviteOperation& terms) const {
  if (invite(past, terms.invite)) return "its key has an invite already";
  op.need = kHost;
  if (terms.own_device) {
    op.need = std::min(level(terms.role), kViewer);
    if (author.role > op.need) return "more than its author may give";
  } else if (author.role != kHost) {
    return "its author was no host";
  }
  op.depth = author.depth + 1;
  op.person = author.person;
  return nullptr;
}

/// What an admission and a request have in common.
const char* Resolver::check_invited(Op& op, const State& past, const DeviceId& newcomer,
                                    const DeviceId& key, const crypto::Signature& proof) const {
  const auto found = invite(past, key);
  if (!found) return "no such invite in its past";
  if (closed(past, *found)) return "its invite was revoked";
  const auto& terms = std::get<InviteOperation>(ops_[*found].operation);
  if (HybridClock::millis(op.time) > terms.expires) return "its invite had expired";
  if (invite_key(key).admits.size() >= terms.uses) {
    const auto taken = places(past, *found);
    if (taken.count(newcomer) == 0 && taken.size() >= terms.uses) return "its invite was used up";
  }
  for (const Index setting : device(newcomer).settings) {
    const bool removal = std::holds_alternative<RemoveOperation>(ops_[setting].operation);
    if (removal && counts(past, setting) && !ops_[*found].past.test(setting)) {
      return "its invite is older than the removal of the device";
    }
  }
  if (!crypto::verify(key, admission_proof(workspace_, newcomer).view(), proof)) {
    return "the holder of its invite did not sign for the device";
  }
  op.invite = *found;
  op.all_of.push_back(*found);
  return nullptr;
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const AdmitOperation& admit) const {
  if (author.role > kCommenter) return "its author might not admit";
  if (const char* why = check_invited(op, past, admit.device, admit.invite, admit.proof)) {
    return why;
  }
  const auto& terms = std::get<InviteOperation>(ops_[op.invite].operation);
  if (terms.role != admit.role) return "another role than the invite gives";
  if (terms.approval && author.role != kHost) return "its invite wants a host";
  const auto known = who(past, admit.device);
  if (known && known->role <= level(admit.role)) return "the device was a member already";
  if (!known && devices_.size() >= kMembersMax) {
    std::size_t members = 0;
    for (const auto& [id, one] : devices_) members += who(past, id, one) ? 1 : 0;
    if (members >= kMembersMax) return "too many members";
  }
  op.need = terms.approval ? kHost : kCommenter;
  op.to = level(admit.role);
  op.depth = ops_[op.invite].depth;
  op.person = terms.own_device ? ops_[op.invite].person : admit.device;
  op.document = terms.document;
  return nullptr;
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const RequestOperation& request) const {
  if (author.role > kCommenter) return "its author might not admit";
  if (const char* why = check_invited(op, past, request.device, request.invite, request.proof)) {
    return why;
  }
  if (!std::get<InviteOperation>(ops_[op.invite].operation).approval) {
    return "its invite wants no approval";
  }
  op.need = kCommenter;
  return nullptr;
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const RevokeOperation& revoke) const {
  const auto found = invite(past, revoke.invite);
  if (!found) return "no such invite in its past";
  if (ops_[*found].author() == op.author()) return nullptr;
  op.need = kHost;
  return author.role == kHost ? nullptr : "its author was no host";
}

/// Notes what a setting does to its targets. False if it would leave no host.
bool Resolver::set_targets(Op& op, const State& past) const {
  std::optional<Seniority> first;
  for (const DeviceId& target : op.targets) {
    const auto member = who(past, target);
    op.had.push_back(member ? member->role : kNoRole);
    if (!member || member->role != kHost || op.to == kHost) continue;
    const Seniority seniority{member->depth, ops_[member->admission].hash};
    if (first && *first < seniority) continue;
    first = seniority;
    op.unseats = target;
  }
  if (!op.unseats) return true;
  const auto counting = [&](Index i) { return counts(past, i); };
  for (const auto& [id, one] : devices_) {
    if (one.admissions.empty() || held(one, counting).level != kHost) continue;
    if (std::find(op.targets.begin(), op.targets.end(), id) == op.targets.end()) return true;
  }
  return false;
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const RoleOperation& role) const {
  if (author.role != kHost) return "its author was no host";
  if (!who(past, role.device)) return "the device was no member";
  op.need = kHost;
  op.targets = {role.device};
  op.to = level(role.role);
  op.depth = role.role == Role::kHost ? author.depth + 1 : 0;
  return set_targets(op, past) ? nullptr : "it would leave no host";
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const DocumentRoleOperation& role) const {
  if (author.role != kHost) return "its author was no host";
  const auto target = who(past, role.device);
  if (!target) return "the device was no member";
  op.need = kHost;
  op.to = level(role.role);
  op.person = target->person;
  op.document = role.document;
  if (op.to <= kEditor) return nullptr;
  const auto counting = [&](Index i) { return counts(past, i); };
  for (const auto& [id, one] : devices_) {
    if (one.admissions.empty() || held(one, counting).level != kHost) continue;
    if (who(past, id, one)->person == op.person) return "a host is one in every document";
  }
  return nullptr;
}

/// Whether the device asked to be let in: it may be told no.
bool Resolver::asked(const State& past, const DeviceId& device) const {
  return std::any_of(requests_.begin(), requests_.end(), [&](Index one) {
    return counts(past, one) && std::get<RequestOperation>(ops_[one].operation).device == device;
  });
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const RemoveOperation& remove) const {
  const auto target = who(past, remove.device);
  if (!target && !asked(past, remove.device)) return "the device was no member";
  const bool leaves = remove.device == op.author() && !remove.whole_person;
  if (!leaves && author.role != kHost) return "its author was no host";
  op.need = leaves ? kNoRole : kHost;
  op.targets = {remove.device};
  if (remove.whole_person && target) {
    for (const auto& [id, one] : devices_) {
      if (id == remove.device || one.admissions.empty()) continue;
      const auto other = who(past, id, one);
      if (other && other->person == target->person) op.targets.push_back(id);
    }
  }
  return set_targets(op, past) ? nullptr : "it would leave no host";
}

/// Whether a device was no member before `restriction`: it took in nothing of what that cut off in
/// good faith, and must not vouch for what was written since.
bool Resolver::came_after(const DeviceId& id, Index restriction, const State& past) const {
  const auto& admissions = device(id).admissions;
  return std::all_of(admissions.begin(), admissions.end(),
                     [&](Index one) { return !past.has(one) || ops_[one].past.test(restriction); });
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const AcknowledgeOperation& acknowledge) const {
  if (author.role > kEditor) return "its author might not edit";
  const auto answered = index_.find(acknowledge.operation);
  if (answered == index_.end() || !past.has(answered->second)) {
    return "what it answers is not in its past";
  }
  const Op& other = ops_[answered->second];
  const bool admits = std::holds_alternative<AdmitOperation>(other.operation);
  if (other.refused != nullptr || (!admits && !other.takes_from_somebody())) {
    return "what it answers takes nothing from anybody";
  }
  if (author.role != kHost && other.takes_from_somebody() &&
      came_after(op.author(), answered->second, past)) {
    return "its author was let in after what it answers";
  }
  op.need = kEditor;
  op.by_host = author.role == kHost;
  return nullptr;
}

const char* Resolver::check(Op& op, const State& past, const Who& author,
                            const RekeyOperation& rekey) const {
  if (author.role > kEditor) return "its author might not edit";
  const auto counting = [&](Index i) { return counts(past, i); };
  for (const auto& [id, one] : devices_) {
    if (!one.admissions.empty() && held(one, counting).level < kRelay) op.recipients.push_back(id);
  }
  if (op.recipients.size() != rekey.boxes.size()) return "not a key for each member";
  op.need = kEditor;
  op.by_host = author.role == kHost;
  return nullptr;
}

/// The grants that give the author the right it needs: those that see every insufficient setting.
/// And the admissions that make it a member.
void Resolver::rest_on(Op& op, const State& past) const {
  if (op.need == kNoRole) return;
  const Device& author = device(op.author());
  std::vector<Index> insufficient;
  std::vector<Index> settings;
  for (const Index setting : author.settings) {
    if (!counts(past, setting)) continue;
    (ops_[setting].to > op.need ? insufficient : settings).push_back(setting);
  }
  const auto first_of = [this](std::vector<Index>& some) {
    std::sort(some.begin(), some.end(), [this](Index a, Index b) { return before(a, b); });
    if (some.size() > kAlternativesMax) some.resize(kAlternativesMax);
  };
  std::vector<Index> alternatives;
  const auto follows = [&](Index grant) {
    return std::all_of(insufficient.rbegin(), insufficient.rend(),
                       [&](Index one) { return ops_[grant].sees(one); });
  };
  // A role that only lowers is a grant of what it leaves, too.
  for (const Index setting : settings) {
    const bool role = std::holds_alternative<RoleOperation>(ops_[setting].operation);
    if (role && follows(setting)) alternatives.push_back(setting);
  }
  for (const Index admission : author.admissions) {
    if (ops_[admission].to <= op.need && counts(past, admission) && follows(admission)) {
      alternatives.push_back(admission);
    }
  }
  first_of(alternatives);
  // And it is a member by some admission.
  std::vector<Index> admissions;
  const auto counting = [&](Index i) { return counts(past, i); };
  for (const bool any : {false, true}) {
    if (!admissions.empty()) break;
    for (const Index admission : author.admissions) {
      if (counting(admission) && (any || current(author, admission, counting))) {
        admissions.push_back(admission);
      }
    }
  }
  first_of(admissions);
  if (!admissions.empty() && !ops_[admissions.front()].genesis) op.member_by = admissions;
  if (!alternatives.empty()) {
    if (!ops_[alternatives.front()].genesis) op.any_of = std::move(alternatives);
    return;
  }
  // Every insufficient setting is seen by some sufficient one, and none is by all.
  for (const Index setting : settings) {
    const bool seen = std::any_of(settings.begin(), settings.end(),
                                  [&](Index one) { return ops_[one].sees(setting); });
    if (!seen) op.all_of.push_back(setting);
  }
}

}  // namespace coterie::node
