#include "node/core/membership/resolver.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "node/core/limits.hpp"

namespace coterie::node {
namespace {

/// Operations of hosts that are held beyond kMembershipOperationsMax.
constexpr std::size_t kHostsRoom = kOperationsPerDeviceMax;
/// Judged sets that are remembered; one costs a bit for each operation.
constexpr std::size_t kMemoMax = 1024;

const std::shared_ptr<const Resolver::Voids>& nothing_void() {
  static const auto kNone = std::make_shared<const Resolver::Voids>();
  return kNone;
}

Resolver::Verdict find_verdict(const Resolver::Voids& voids, Resolver::Index i) {
  const auto found = std::lower_bound(
      voids.begin(), voids.end(), i,
      [](const Resolver::Void& one, Resolver::Index index) { return one.index < index; });
  return found != voids.end() && found->index == i ? found->why : Resolver::Verdict::kCounts;
}

}  // namespace

std::size_t Resolver::Bits::count() const {
  std::size_t count = 0;
  for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

std::optional<Resolver::Index> Resolver::Bits::last_below(Index end) const {
  std::size_t word = std::min<std::size_t>(end / 64, words_.size());
  if (word < words_.size() && end % 64 != 0) {
    const std::uint64_t low = words_[word] & ((std::uint64_t{1} << (end % 64)) - 1);
    if (low != 0)
      return static_cast<Index>(word * 64 + static_cast<std::size_t>(std::bit_width(low)) - 1);
  }
  while (word-- > 0) {
    if (words_[word] == 0) continue;
    return static_cast<Index>(word * 64 + static_cast<std::size_t>(std::bit_width(words_[word])) -
                              1);
  }
  return std::nullopt;
}

const char* Resolver::reason_of(Verdict verdict) {
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

bool Resolver::Op::sees(Index other) const {
  return past.test(other) && find_verdict(*voids, other) == Verdict::kCounts;
}

Resolver::Verdict Resolver::State::verdict(Index i) const { return find_verdict(*voids, i); }

const Resolver::Device& Resolver::device(const DeviceId& id) const {
  static const Device kNone;
  const auto found = devices_.find(id);
  return found == devices_.end() ? kNone : found->second;
}

const std::vector<Resolver::Index>& Resolver::limits(const DeviceId& person,
                                                     const DocumentId& document) const {
  static const std::vector<Index> kNone;
  const auto found = limits_.find(person);
  if (found == limits_.end()) return kNone;
  const auto about = found->second.find(document);
  return about == found->second.end() ? kNone : about->second;
}

const Resolver::InviteKey& Resolver::invite_key(const DeviceId& key) const {
  static const InviteKey kNone;
  const auto found = invite_keys_.find(key);
  return found == invite_keys_.end() ? kNone : found->second;
}

// Taking in.

Result<bool> Resolver::add(const OperationEntry& entry) {
  if (index_.count(entry.hash) > 0 || waiting_.count(entry.hash) > 0) return false;
  Device& author = devices_[entry.log.device];
  // When others have filled it hosts can still remove them; and without a genesis there is nothing.
  std::size_t room = kMembershipOperationsMax;
  if (has_been_host(author)) room += kHostsRoom;
  const bool founds = entry.genesis && equal(entry.hash.view(), workspace_.view());
  if ((!founds && index_.size() + waiting_.size() >= room) ||
      author.operations.size() + author.waiting >= kOperationsHeldPerDeviceMax) {
    return Error{ErrorCode::kLimitExceeded, "too many membership operations", index_.size()};
  }
  Waiting fresh;
  fresh.entry = entry;
  fresh.entry.heads = {};
  fresh.entry.payload = {};
  fresh.heads.assign(entry.heads.begin(), entry.heads.end());
  auto operation = decode_operation(entry.payload);
  fresh.operation = operation ? std::move(*operation) : Operation(UnknownOperation{});
  fresh.bytes = entry.payload.size();
  waiting_.emplace(entry.hash, std::move(fresh));
  ++author.waiting;

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
    --devices_[one.entry.log.device].waiting;
    changed = complete(std::move(one)) || changed;
    const auto range = waits_for_.equal_range(hash);
    for (auto it = range.first; it != range.second; ++it) ready.push_back(it->second);
    waits_for_.erase(range.first, range.second);
  }
  return changed;
}

/// Whether some allowed operation ever made it a host.
bool Resolver::has_been_host(const Device& device) const {
  const auto makes_host = [this](Index one) { return ops_[one].to == level(Role::kHost); };
  return std::any_of(device.admissions.begin(), device.admissions.end(), makes_host) ||
         std::any_of(device.settings.begin(), device.settings.end(), makes_host);
}

/// Whether an operation is one too many of its author: it is no part of the graph, and what names
/// it waits for ever, on every replica.
bool Resolver::outside(const Waiting& one, const Bits& past) const {
  std::size_t operations = 0;
  std::size_t bytes = 0;
  for (const Index own : device(one.entry.log.device).operations) {
    if (!past.test(own)) continue;
    ++operations;
    bytes += ops_[own].bytes;
  }
  return operations >= kOperationsPerDeviceMax || bytes + one.bytes > kOperationBytesPerDeviceMax;
}

bool Resolver::complete(Waiting one) {
  Op op;
  std::vector<Index> tips;
  closure(one.heads, op.past, tips);
  if (outside(one, op.past)) return false;
  const auto index = static_cast<Index>(ops_.size());
  const auto past = state_of(op.past, tips);
  op.hash = one.entry.hash;
  op.log = one.entry.log;
  op.seq = one.entry.seq;
  op.time = one.entry.time;
  op.genesis = one.entry.genesis;
  op.operation = std::move(one.operation);
  op.bytes = one.bytes;
  op.voids = past->voids;
  for (const Index tip : tips) op.generation = std::max(op.generation, ops_[tip].generation + 1);
  Bits allowed = op.past;
  allowed.keep(allowed_);
  op.allowed_before = allowed.count();
  op.refused = check(op, *past);
  const bool takes_part = op.refused == nullptr;
  if (takes_part && !op.genesis) rest_on(op, *past);
  ops_.push_back(std::move(op));
  dependents_.emplace_back();
  index_.emplace(one.entry.hash, index);
  Device& author = devices_[one.entry.log.device];
  author.operations.push_back(index);
  // Whoever writes that much side by side is not vouched for: what is beyond the limit may be held
  // here and not elsewhere.
  if (author.operations.size() <= kOperationsPerDeviceMax) {
    for (const Index tip : tips) heads_.erase(ops_[tip].hash);
    heads_.insert(one.entry.hash);
  }
  now_.reset();
  if (takes_part) take_part(index);
  return takes_part;
}

void Resolver::take_part(Index index) {
  const Op& op = ops_[index];
  allowed_.set(index);
  for (const Index one : op.any_of) dependents_[one].push_back(index);
  for (const Index one : op.all_of) dependents_[one].push_back(index);
  for (const Index one : op.member_by) dependents_[one].push_back(index);
  devices_[op.author()].authored.push_back(index);
  if (op.genesis) {
    founded_ = index;
    note_admission(devices_[op.author()], index);
    rekeys_.push_back(index);
  } else if (const auto* admit = std::get_if<AdmitOperation>(&op.operation)) {
    note_admission(devices_[admit->device], index);
    if (!op.document.is_zero()) any_by_document_ = devices_[admit->device].by_document = true;
    invite_keys_[admit->invite].admits.push_back(index);
  } else if (const auto* invite = std::get_if<InviteOperation>(&op.operation)) {
    invite_keys_[invite->invite].invites.push_back(index);
    devices_[op.author()].invites.push_back(index);
  } else if (const auto* acknowledge = std::get_if<AcknowledgeOperation>(&op.operation)) {
    acknowledgements_[acknowledge->operation].push_back(index);
  } else if (const auto* revoke = std::get_if<RevokeOperation>(&op.operation)) {
    invite_keys_[revoke->invite].revokes.push_back(index);
  } else if (std::holds_alternative<RequestOperation>(op.operation)) {
    requests_.push_back(index);
  } else if (std::holds_alternative<RekeyOperation>(op.operation)) {
    rekeys_.push_back(index);
  } else if (std::holds_alternative<DocumentRoleOperation>(op.operation)) {
    limits_[op.person][op.document].push_back(index);
  }
  for (const DeviceId& target : op.targets) {
    devices_[target].settings.push_back(index);
    ops_[index].about.push_back(&devices_[target]);
  }
}

void Resolver::note_admission(Device& device, Index index) const {
  device.admissions.push_back(index);
  if (!device.first || before(index, *device.first)) device.first = index;
}

// Sets.

bool Resolver::closure(std::span<const Hash> heads, Bits& set, std::vector<Index>& tips) const {
  for (const Hash& head : heads) {
    const auto found = index_.find(head);
    if (found == index_.end()) return false;
    tips.push_back(found->second);
  }
  std::sort(tips.begin(), tips.end());
  tips.erase(std::unique(tips.begin(), tips.end()), tips.end());
  for (const Index tip : tips) set.merge(ops_[tip].past);
  // Without those that are in another's past, so that equal sets have equal tips.
  tips.erase(std::remove_if(tips.begin(), tips.end(), [&](Index tip) { return set.test(tip); }),
             tips.end());
  for (const Index tip : tips) set.set(tip);
  return true;
}

std::shared_ptr<const Resolver::State> Resolver::at(std::span<const Hash> heads) const {
  Bits set;
  std::vector<Index> tips;
  if (!closure(heads, set, tips)) return nullptr;
  return state_of(std::move(set), tips);
}

const std::shared_ptr<const Resolver::State>& Resolver::now() const {
  if (!now_) {
    Bits set;
    std::vector<Index> tips;
    // All of it, those that nobody vouches for included.
    for (Index i = 0; i < ops_.size(); ++i) set.set(i);
    for (const Hash& head : heads_) tips.push_back(index_.at(head));
    std::sort(tips.begin(), tips.end());
    const bool vouched = std::all_of(devices_.begin(), devices_.end(), [](const auto& one) {
      return one.second.operations.size() <= kOperationsPerDeviceMax;
    });
    if (!vouched) {
      tips.clear();
      Bits below;
      for (const Op& op : ops_) below.merge(op.past);
      for (Index i = 0; i < ops_.size(); ++i) {
        if (!below.test(i)) tips.push_back(i);
      }
    }
    now_ = state_of(std::move(set), tips);
  }
  return now_;
}

// Judging.

/// What is being found out about a set: the operations after its waist.
struct Resolver::Work {
  const Bits& set;
  std::shared_ptr<const Voids> before;  ///< Of what is before the waist.
  Index floor = 0;                      ///< Index of the first operation after the waist, at least.
  std::vector<Index> after;             ///< Ascending; allowed ones.
  std::vector<Index> restrictions;      ///< Of those, by seniority.
  std::set<Index> struck;
  std::vector<Verdict> verdicts;  ///< From `floor` on.
  std::vector<bool> decided;      ///< From `floor` on.

  bool here(Index i) const { return i >= floor && set.test(i); }
  Verdict verdict(Index i) const {
    return i >= floor ? verdicts[i - floor] : find_verdict(*before, i);
  }
};

std::shared_ptr<const Resolver::State> Resolver::state_of(Bits set,
                                                          const std::vector<Index>& tips) const {
  if (tips.empty()) return std::make_shared<const State>(State{std::move(set), nothing_void()});
  if (tips.size() == 1) {
    return std::make_shared<const State>(State{std::move(set), ops_[tips.front()].voids});
  }
  const auto known = memo_.find(tips);
  if (known != memo_.end()) return known->second;
  Bits allowed = set;
  allowed.keep(allowed_);
  Work work{set, nothing_void(), 0, {}, {}, {}, {}, {}};
  if (const auto waist_index = waist(allowed, tips, work.after)) {
    work.before = ops_[*waist_index].voids;
    work.floor = *waist_index + 1;
  }
  std::reverse(work.after.begin(), work.after.end());
  for (const Index one : work.after) {
    const Op& op = ops_[one];
    const bool restricts =
        !op.targets.empty() || std::holds_alternative<RevokeOperation>(op.operation);
    if (restricts) work.restrictions.push_back(one);
  }
  begin(work);
  if (!peaceful(work)) {
    std::sort(work.restrictions.begin(), work.restrictions.end(), [this](Index a, Index b) {
      return std::tie(ops_[a].seniority, ops_[a].hash) < std::tie(ops_[b].seniority, ops_[b].hash);
    });
    decide(work);
    while (strike(work)) {
      begin(work);
      decide(work);
    }
  }

  std::shared_ptr<const Voids> voids = work.before;
  if (std::any_of(work.after.begin(), work.after.end(),
                  [&](Index one) { return work.verdict(one) != Verdict::kCounts; })) {
    Voids all = *work.before;
    for (const Index one : work.after) {
      if (work.verdict(one) != Verdict::kCounts) all.push_back({one, work.verdict(one)});
    }
    voids = std::make_shared<const Voids>(std::move(all));
    for (const Index tip : tips) {
      if (*ops_[tip].voids == *voids) voids = ops_[tip].voids;
    }
  }
  auto state = std::make_shared<const State>(State{std::move(set), std::move(voids)});
  if (memo_.size() >= kMemoMax) memo_.clear();
  memo_.emplace(tips, state);
  return state;
}

/// The newest allowed operation of a set that every other allowed one is before or after; those
/// after it, from the newest on, go to `after`.
std::optional<Resolver::Index> Resolver::waist(const Bits& allowed, const std::vector<Index>& tips,
                                               std::vector<Index>& after) const {
  std::size_t left = allowed.count();
  std::optional<Bits> below_all;  // What every one of `after` has in its past.
  Index end = tips.back() + 1;
  while (const auto next = allowed.last_below(end)) {
    --left;  // Those with a smaller index.
    const Op& op = ops_[*next];
    const bool after_it = !below_all || below_all->test(*next);
    if (after_it && op.allowed_before == left) return *next;
    after.push_back(*next);
    if (below_all) {
      below_all->keep(op.past);
    } else {
      below_all = op.past;
    }
    end = *next;
  }
  return std::nullopt;
}

void Resolver::begin(Work& work) const {
  work.verdicts.assign(ops_.size() - work.floor, Verdict::kCounts);
  work.decided.assign(ops_.size() - work.floor, false);
  limit_uses(work);
}

/// Restrictions are decided by seniority; a decided one stays. The others lose what they rest on.
void Resolver::decide(Work& work) const {
  for (const Index one : work.struck) drop(work, one, Verdict::kLastHost);
  for (const Index one : work.restrictions) {
    if (work.verdict(one) != Verdict::kCounts) continue;
    work.decided[one - work.floor] = true;
    for_each_hit(work, one, [&](Index hit, Verdict why) { drop(work, hit, why); });
  }
}

/// Whether nothing can be void that is after the waist: the usual case, without deciding anything.
bool Resolver::peaceful(const Work& work) const {
  const bool used_up = std::any_of(work.verdicts.begin(), work.verdicts.end(),
                                   [](Verdict one) { return one != Verdict::kCounts; });
  if (used_up) return false;
  bool hit = false;
  for (const Index one : work.restrictions) {
    if (ops_[one].unseats) return false;
    for_each_hit(work, one, [&hit](Index, Verdict) { hit = true; });
    if (hit) return false;
  }
  return true;
}

/// Of more admissions than an invite has uses the first count.
void Resolver::limit_uses(Work& work) const {
  std::set<Index> invites;
  for (const Index one : work.after) {
    if (std::holds_alternative<AdmitOperation>(ops_[one].operation))
      invites.insert(ops_[one].invite);
  }
  for (const Index invite : invites) {
    const auto& terms = std::get<InviteOperation>(ops_[invite].operation);
    std::vector<Index> admits;
    for (const Index admit : invite_key(terms.invite).admits) {
      if (work.set.test(admit) && ops_[admit].invite == invite) admits.push_back(admit);
    }
    if (admits.size() <= terms.uses) continue;
    std::sort(admits.begin(), admits.end(), [this](Index a, Index b) { return before(a, b); });
    std::set<DeviceId> devices;
    for (const Index admit : admits) {
      const DeviceId& device = std::get<AdmitOperation>(ops_[admit].operation).device;
      if (devices.count(device) > 0) continue;
      if (devices.size() < terms.uses) {
        devices.insert(device);
      } else {
        drop(work, admit, Verdict::kUsedUp);
      }
    }
  }
}

/// Takes an operation out, and with it what rests on it.
void Resolver::drop(Work& work, Index index, Verdict why) const {
  const auto stays = [&](Index one) {
    return !work.here(one) || work.verdict(one) != Verdict::kCounts ||
           work.decided[one - work.floor];
  };
  if (stays(index)) return;
  work.verdicts[index - work.floor] = why;
  std::vector<Index> todo{index};
  const auto gone = [&](Index other) { return work.verdict(other) != Verdict::kCounts; };
  while (!todo.empty()) {
    const Index lost = todo.back();
    todo.pop_back();
    for (const Index one : dependents_[lost]) {
      if (stays(one)) continue;
      const Op& op = ops_[one];
      const auto one_left = [&](const std::vector<Index>& some) {
        return some.empty() || !std::all_of(some.begin(), some.end(), gone);
      };
      if (one_left(op.any_of) && one_left(op.member_by) &&
          std::none_of(op.all_of.begin(), op.all_of.end(), gone)) {
        continue;
      }
      work.verdicts[one - work.floor] = Verdict::kRests;
      todo.push_back(one);
    }
  }
}

/// What a restriction takes away if it counts. What is before the waist it has seen.
template <typename Hit>
void Resolver::for_each_hit(const Work& work, Index index, const Hit& hit) const {
  const Op& restriction = ops_[index];
  const auto close = [&](Index invite) {
    const auto& resting = dependents_[invite];
    for (auto it = resting.rbegin(); it != resting.rend() && *it >= work.floor; ++it) {
      if (work.set.test(*it) && unseen(index, *it)) hit(*it, Verdict::kRevoked);
    }
  };
  if (const auto* revoke = std::get_if<RevokeOperation>(&restriction.operation)) {
    for (const Index invite : invite_key(revoke->invite).invites) close(invite);
    return;
  }
  for (const Device* target : restriction.about) {
    for (auto it = target->authored.rbegin(); it != target->authored.rend() && *it >= work.floor;
         ++it) {
      const bool needs_it = work.set.test(*it) && ops_[*it].need < restriction.to;
      if (needs_it && unseen(index, *it)) hit(*it, Verdict::kTaken);
    }
    for (const Index invite : target->invites) {
      if (ops_[invite].need < restriction.to && !ops_[invite].sees(index)) close(invite);
    }
  }
}

/// If no host is left: takes out what took that role from the one who lost it last. Returns whether
/// it did.
bool Resolver::strike(Work& work) const {
  std::optional<Index> last;
  for (const Index one : work.restrictions) {
    if (work.verdict(one) != Verdict::kCounts || !ops_[one].unseats) continue;
    if (!last || ops_[one].generation >= ops_[*last].generation) last = one;
  }
  // Somebody was host before the waist, and nothing after it took that away.
  if (!last) return false;
  const auto counting = [&](Index i) {
    return work.set.test(i) && ops_[i].refused == nullptr && work.verdict(i) == Verdict::kCounts;
  };
  for (const auto& [id, device] : devices_) {
    if (device.admissions.empty()) continue;
    if (held(device, counting).level == level(Role::kHost)) return false;
  }
  for (const Index one : device(*ops_[*last].unseats).settings) {
    if (!counting(one) || ops_[one].to == level(Role::kHost)) continue;
    if (!ops_[*last].past.test(one)) work.struck.insert(one);
  }
  return true;
}

// What is asked of a set.

std::optional<Resolver::Who> Resolver::who(const State& state, const DeviceId& id) const {
  return who(state, id, device(id));
}

std::optional<Resolver::Who> Resolver::who(const State& state, const DeviceId& id,
                                           const Device& device) const {
  if (device.admissions.empty()) return std::nullopt;
  const auto counting = [&](Index i) { return counts(state, i); };
  const Held role = held(device, counting);
  if (role.level == kNoRole) return std::nullopt;
  // Of the admissions that no removal followed the most senior one says who it is.
  const auto senior = [this](Index a, Index b) {
    return std::tie(ops_[a].depth, ops_[a].hash) < std::tie(ops_[b].depth, ops_[b].hash);
  };
  std::optional<Index> first;
  bool by_itself = false;
  // Without a current one any that counts will do: only a role can have kept it a member then.
  for (const bool any : {false, true}) {
    if (first) break;
    for (const Index admission : device.admissions) {
      if (!counts(state, admission) || (!any && !current(device, admission, counting))) continue;
      if (!first || senior(admission, *first)) first = admission;
      by_itself = by_itself || ops_[admission].person == id;
    }
  }
  if (!first) return std::nullopt;
  Who out{role.level, ops_[*first].depth, *first, ops_[*first].person};
  if (std::holds_alternative<RoleOperation>(ops_[role.by].operation)) {
    out.depth = std::max(out.depth, ops_[role.by].depth);
  }
  // Whoever came in by himself, too, is himself: nobody can link another's device.
  if (by_itself) out.person = id;
  return out;
}

std::optional<Resolver::Index> Resolver::invite(const State& state, const DeviceId& key) const {
  std::optional<Index> first;
  for (const Index one : invite_key(key).invites) {
    if (counts(state, one) && (!first || before(one, *first))) first = one;
  }
  return first;
}

bool Resolver::closed(const State& state, Index invite) const {
  const Op& op = ops_[invite];
  const auto& terms = std::get<InviteOperation>(op.operation);
  const auto& revokes = invite_key(terms.invite).revokes;
  const auto& settings = device(op.author()).settings;
  return std::any_of(revokes.begin(), revokes.end(),
                     [&](Index one) { return counts(state, one); }) ||
         std::any_of(settings.begin(), settings.end(), [&](Index one) {
           return ops_[one].to > op.need && !op.sees(one) && counts(state, one);
         });
}

std::set<DeviceId> Resolver::places(const State& state, Index invite) const {
  std::set<DeviceId> devices;
  const auto& terms = std::get<InviteOperation>(ops_[invite].operation);
  for (const Index admit : invite_key(terms.invite).admits) {
    if (state.has(admit) && ops_[admit].invite == invite) {
      devices.insert(std::get<AdmitOperation>(ops_[admit].operation).device);
    }
  }
  return devices;
}

}  // namespace coterie::node
