// The rules of docs/PROTOCOL.md "Membership", written down a second time, as plainly as they are
// stated there: sets of operations, recursion, nothing shared with node/core/membership but the
// decoder. What the resolver is compared with.

#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "node/core/membership/membership.hpp"

namespace coterie::testing {

class MembershipOracle {
 public:
  using Id = std::size_t;
  using Ids = std::set<Id>;

  struct Op {
    Hash hash;
    LogId log;
    std::uint64_t time = 0;
    Ids parents;
    node::Operation operation;
    bool genesis = false;
    Ids past;
    std::size_t generation = 0;
    // Decided in its own past.
    bool allowed = false;
    int need = 6;
    std::set<DeviceId> targets;
    int gives = 6;
    std::size_t depth = 0;
    DeviceId person;
    DocumentId document;  ///< Of a document_role; of an admission by an invite to a document.
    Id invite = 0;
    Ids one_of;
    Ids all_of;
    Ids member_by;
    std::pair<std::size_t, Hash> seniority;
    std::map<DeviceId, int> had;
    std::size_t recipients = 0;
    bool host = false;
  };
  struct Person {
    int role = 6;
    std::size_t depth = 0;
    Hash admission;
    DeviceId person;
    int elsewhere = 6;
  };
  struct Judged {
    Ids all;
    Ids counts;
  };

  explicit MembershipOracle(const WorkspaceId& workspace) : workspace_(workspace) {}

  const std::vector<Op>& ops() const { return ops_; }
  Id id(const Hash& hash) const { return ids_.at(hash); }

  /// All heads are here already.
  void add(const Hash& hash, const LogId& log, std::uint64_t time, const std::vector<Hash>& heads,
           const Bytes& payload, bool genesis) {
    Op op;
    op.hash = hash;
    op.log = log;
    op.time = time;
    op.genesis = genesis;
    const auto decoded = node::decode_operation(payload);
    op.operation = decoded ? *decoded : node::Operation(node::UnknownOperation{});
    for (const Hash& head : heads) {
      op.parents.insert(id(head));
      op.past.insert(id(head));
      op.past.insert(ops_[id(head)].past.begin(), ops_[id(head)].past.end());
      op.generation = std::max(op.generation, ops_[id(head)].generation + 1);
    }
    ids_[hash] = ops_.size();
    ops_.push_back(op);
    decide_in_own_past(ops_.back());
  }

  Ids everything() const {
    Ids all;
    for (Id i = 0; i < ops_.size(); ++i) all.insert(i);
    return all;
  }
  Ids below(const std::vector<Hash>& heads) const {
    Ids all;
    for (const Hash& head : heads) {
      all.insert(id(head));
      all.insert(ops_[id(head)].past.begin(), ops_[id(head)].past.end());
    }
    return all;
  }

  const Judged& judge(const Ids& all) const {
    const auto known = judged_.find(all);
    if (known != judged_.end()) return known->second;
    Ids struck;
    Judged judged = judge_without(all, struck);
    while (true) {
      const Ids more = last_host(judged);
      if (more.empty()) break;
      struck.insert(more.begin(), more.end());
      judged = judge_without(all, struck);
    }
    return judged_[all] = judged;
  }

  std::optional<Person> member(const Judged& judged, const DeviceId& device) const {
    const auto by = held(judged.counts, device);
    if (!by || ops_[*by].gives == 6) return std::nullopt;
    const std::vector<Id> not_removed = current_admissions(judged.counts, device);
    if (not_removed.empty()) return std::nullopt;
    Id first = *not_removed.begin();
    for (const Id a : not_removed) {
      if (std::tie(ops_[a].depth, ops_[a].hash) < std::tie(ops_[first].depth, ops_[first].hash)) {
        first = a;
      }
    }
    Person out{ops_[*by].gives, ops_[first].depth, ops_[first].hash, ops_[first].person};
    if (is_role(*by)) out.depth = std::max(out.depth, ops_[*by].depth);
    for (const Id a : not_removed) {
      if (ops_[a].person == device) out.person = device;
    }
    out.elsewhere = std::max(out.role, limit(judged.counts, out.person, {}));
    return out;
  }

  /// 8. The most that a person may do in a document; zero: in those of which nothing is said.
  int limit(const Ids& counting, const DeviceId& person, const DocumentId& document) const {
    const auto said_here = said(counting, person, document);
    if (!document.is_zero() && said_here) return *said_here;
    const std::set<DocumentId> came_for = invited_to(counting, person);
    if (came_for.count(document) > 0) return 1;
    if (const auto said_elsewhere = said(counting, person, {})) return *said_elsewhere;
    return came_for.empty() ? 1 : 4;
  }

  std::map<DeviceId, Person> members(const Judged& judged) const {
    std::map<DeviceId, Person> out;
    for (const Id i : judged.all) {
      if (!ops_[i].allowed) continue;
      const auto device = admitted_by(i);
      if (!device) continue;
      if (const auto one = member(judged, *device)) out[*device] = *one;
    }
    return out;
  }

  /// The invite that stands for a key.
  std::optional<Id> standing_invite(const Judged& judged, const DeviceId& key) const {
    std::optional<Id> first;
    for (const Id i : judged.counts) {
      const auto* invite = std::get_if<node::InviteOperation>(&ops_[i].operation);
      if (invite != nullptr && invite->invite == key && (!first || before(i, *first))) first = i;
    }
    return first;
  }
  bool closed(const Judged& judged, Id invite) const {
    const auto& terms = std::get<node::InviteOperation>(ops_[invite].operation);
    for (const Id i : judged.counts) {
      const auto* revoke = std::get_if<node::RevokeOperation>(&ops_[i].operation);
      if (revoke != nullptr && revoke->invite == terms.invite) return true;
      const bool about = ops_[i].targets.count(ops_[invite].log.device) > 0;
      if (about && !sees(invite, i) && ops_[i].gives > ops_[invite].need) return true;
    }
    return false;
  }
  std::set<DeviceId> places(const Judged& judged, Id invite) const {
    std::set<DeviceId> devices;
    for (const Id i : judged.all) {
      const auto* admit = std::get_if<node::AdmitOperation>(&ops_[i].operation);
      if (admit != nullptr && ops_[i].allowed && ops_[i].invite == invite) {
        devices.insert(admit->device);
      }
    }
    return devices;
  }

  /// Refused, admitted, or disputed by which.
  std::pair<node::Standing::Kind, std::set<Hash>> standing(const Judged& now,
                                                           const DeviceId& device,
                                                           const std::vector<Hash>& heads,
                                                           node::Right right) const {
    const int need = need_of(right);
    const Judged past = judge(below(heads));
    const auto then = member(past, device);
    if (!then || then->role > need) return {node::Standing::Kind::kRefused, {}};
    std::set<Hash> by;
    for (const Id r : now.counts) {
      if (ops_[r].targets.count(device) == 0 || ops_[r].gives <= need) continue;
      if (past.counts.count(r) > 0) continue;
      bool takes = ops_[r].had.at(device) <= need;
      for (const Id g : past.all) {
        const bool grants = is_admission_of(g, device) || is_role_of(g, device);
        if (grants && g != r && ops_[g].allowed && ops_[g].gives <= need && unseen(r, g)) {
          takes = true;
        }
      }
      if (takes) by.insert(ops_[r].hash);
    }
    Ids still;
    for (const Id i : past.all) {
      if (now.counts.count(i) > 0) still.insert(i);
    }
    const auto kept = held(still, device);
    if (!kept || ops_[*kept].gives > need) {
      for (const Id g : past.all) {
        const bool then_counted = past.counts.count(g) > 0;
        const bool counts_now = now.counts.count(g) > 0;
        const bool setting = ops_[g].targets.count(device) > 0;
        if (is_admission_of(g, device) && then_counted && !counts_now) by.insert(ops_[g].hash);
        if (setting && ops_[g].gives <= need && then_counted && !counts_now) {
          by.insert(ops_[g].hash);
        }
        if (setting && ops_[g].gives > need && !then_counted && counts_now) {
          by.insert(ops_[g].hash);
        }
      }
    }
    return {by.empty() ? node::Standing::Kind::kAdmitted : node::Standing::Kind::kDisputed, by};
  }

  /// 8. The same for an entry about a document.
  std::pair<node::Standing::Kind, std::set<Hash>> standing(const Judged& now,
                                                           const DeviceId& device,
                                                           const std::vector<Hash>& heads,
                                                           node::Right right,
                                                           const DocumentId& document) const {
    auto out = standing(now, device, heads, right);
    if (out.first == node::Standing::Kind::kRefused) return out;
    const auto more = limiting(now, device, judge(below(heads)), need_of(right), document);
    if (!more) return {node::Standing::Kind::kRefused, {}};
    out.second.insert(more->begin(), more->end());
    if (!out.second.empty()) out.first = node::Standing::Kind::kDisputed;
    return out;
  }

  /// Whether the marks of an acknowledgement speak of entries about a document.
  bool speaks_of(const Judged& now, Id acknowledgement, const DocumentId& document) const {
    const Op& op = ops_[acknowledgement];
    if (op.host) return true;
    const auto by = limiting(now, op.log.device, judge(op.past), 2, document);
    return by && by->empty();
  }

  /// The acknowledgements that count for an operation, without its own marks.
  Ids acknowledged(const Judged& judged, const Hash& operation) const {
    Ids out;
    for (const Id a : judged.counts) {
      const auto* one = std::get_if<node::AcknowledgeOperation>(&ops_[a].operation);
      if (one == nullptr || one->operation != operation) continue;
      bool first = true;
      for (const Id b : judged.counts) {
        const auto* other = std::get_if<node::AcknowledgeOperation>(&ops_[b].operation);
        if (other != nullptr && other->operation == operation && before(b, a) &&
            ops_[b].log.device == ops_[a].log.device) {
          first = false;
        }
      }
      if (first || ops_[a].host) out.insert(a);
    }
    return out;
  }

  bool before(Id a, Id b) const {
    return std::tie(ops_[a].generation, ops_[a].hash) < std::tie(ops_[b].generation, ops_[b].hash);
  }

 private:
  static int need_of(node::Right right) {
    return right == node::Right::kHost ? 1 : right == node::Right::kEdit ? 2 : 3;
  }

  /// What is said of a person in one document: the weakest of what no other such one sees.
  std::optional<int> said(const Ids& counting, const DeviceId& person,
                          const DocumentId& document) const {
    std::optional<int> weakest;
    const Ids all = document_roles(counting, person, document);
    for (const Id i : all) {
      bool seen = false;
      for (const Id other : all) seen = seen || sees(other, i);
      if (!seen) weakest = std::max(weakest.value_or(0), ops_[i].gives);
    }
    return weakest;
  }
  Ids document_roles(const Ids& among, const DeviceId& person, const DocumentId& document) const {
    Ids out;
    for (const Id i : among) {
      const bool limits =
          std::holds_alternative<node::DocumentRoleOperation>(ops_[i].operation) && ops_[i].allowed;
      if (limits && ops_[i].person == person && ops_[i].document == document) out.insert(i);
    }
    return out;
  }
  /// The documents that a person was invited to, unless some admission was to all.
  std::set<DocumentId> invited_to(const Ids& counting, const DeviceId& person) const {
    std::set<DocumentId> documents;
    for (const Id a : current_admissions(counting, person)) {
      if (ops_[a].document.is_zero()) return {};
      documents.insert(ops_[a].document);
    }
    return documents;
  }
  bool names(const Ids& counting, const DeviceId& person, const DocumentId& document) const {
    return !document.is_zero() && (!document_roles(counting, person, document).empty() ||
                                   invited_to(counting, person).count(document) > 0);
  }

  /// What takes a right in a document from an entry with that past; nothing if it had none.
  std::optional<std::set<Hash>> limiting(const Judged& now, const DeviceId& device,
                                         const Judged& past, int need,
                                         const DocumentId& document) const {
    const auto author = member(past, device);
    if (!author || limit(past.counts, author->person, document) > need) return std::nullopt;
    const DeviceId& person = author->person;
    const auto both = [&now](const Ids& some) {
      Ids out;
      for (const Id i : some) {
        if (now.counts.count(i) > 0) out.insert(i);
      }
      return out;
    };
    const Ids still = both(past.all);
    Ids about = document_roles(everything(), person, document);
    const Ids others = document_roles(everything(), person, {});
    about.insert(others.begin(), others.end());
    std::set<Hash> by;
    for (const Id r : about) {
      const bool counts = now.counts.count(r) > 0;
      if (!counts || ops_[r].gives <= need || past.counts.count(r) > 0) continue;
      const bool of_others = ops_[r].document != document;
      if (of_others &&
          (names(still, person, document) || names(both(ops_[r].past), person, document))) {
        continue;
      }
      bool takes = limit(judge(ops_[r].past).counts, person, document) <= need;
      for (const Id g : past.all) {
        const bool grants = (about.count(g) > 0 && ops_[g].gives <= need) ||
                            (ops_[g].allowed && is_admission_of(g, person));
        if (grants && g != r && unseen(r, g)) takes = true;
      }
      if (takes) by.insert(ops_[r].hash);
    }
    if (limit(still, person, document) <= need) return by;
    for (const Id g : past.all) {
      const bool then_counted = past.counts.count(g) > 0;
      const bool counts_now = now.counts.count(g) > 0;
      const bool gives =
          is_admission_of(g, person) || (about.count(g) > 0 && ops_[g].gives <= need);
      const bool takes = about.count(g) > 0 && ops_[g].gives > need;
      if (gives && then_counted && !counts_now) by.insert(ops_[g].hash);
      if (takes && !then_counted && counts_now) by.insert(ops_[g].hash);
    }
    return by;
  }

  bool is_remove(Id i) const {
    return std::holds_alternative<node::RemoveOperation>(ops_[i].operation);
  }
  bool is_role(Id i) const {
    return std::holds_alternative<node::RoleOperation>(ops_[i].operation);
  }
  bool is_role_of(Id i, const DeviceId& device) const {
    return is_role(i) && ops_[i].targets.count(device) > 0;
  }
  std::optional<DeviceId> admitted_by(Id i) const {
    if (ops_[i].genesis) return ops_[i].log.device;
    if (const auto* admit = std::get_if<node::AdmitOperation>(&ops_[i].operation)) {
      return admit->device;
    }
    return std::nullopt;
  }
  bool is_admission_of(Id i, const DeviceId& device) const { return admitted_by(i) == device; }
  bool is_restriction(Id i) const {
    return is_remove(i) || is_role(i) ||
           std::holds_alternative<node::RevokeOperation>(ops_[i].operation);
  }

  bool sees(Id x, Id y) const {
    if (ops_[x].past.count(y) == 0) return false;
    const Judged& past = judge(ops_[x].past);
    return !(ops_[y].allowed && past.counts.count(y) == 0);
  }
  bool unseen(Id r, Id x) const { return !sees(x, r) && ops_[r].past.count(x) == 0; }

  /// 6. The admissions that see all removals; any, if none does.
  std::vector<Id> current_admissions(const Ids& counting, const DeviceId& device) const {
    std::vector<Id> admissions;
    std::vector<Id> not_removed;
    for (const Id a : counting) {
      if (!is_admission_of(a, device)) continue;
      admissions.push_back(a);
      bool sees_all = true;
      for (const Id r : counting) {
        if (is_remove(r) && ops_[r].targets.count(device) > 0 && !sees(a, r)) sees_all = false;
      }
      if (sees_all) not_removed.push_back(a);
    }
    return not_removed.empty() ? admissions : not_removed;
  }

  /// 5. The operation that gives a device its role.
  std::optional<Id> held(const Ids& counting, const DeviceId& device) const {
    bool admitted = false;
    for (const Id a : counting) admitted = admitted || is_admission_of(a, device);
    if (!admitted) return std::nullopt;
    Ids settings;
    for (const Id i : counting) {
      if (ops_[i].targets.count(device) > 0) settings.insert(i);
    }
    std::optional<Id> best;
    for (const Id a : counting) {
      if (!is_admission_of(a, device)) continue;
      bool all = true;
      for (const Id s : settings) all = all && sees(a, s);
      if (!all) continue;
      const auto key = [&](Id i) {
        return std::make_tuple(ops_[i].gives, ops_[i].depth, ops_[i].hash);
      };
      if (!best || key(a) < key(*best)) best = a;
    }
    if (best) return best;
    for (const Id s : settings) {
      bool seen = false;
      for (const Id other : settings) seen = seen || sees(other, s);
      if (seen) continue;
      const auto key = [&](Id i) {
        return std::make_tuple(-ops_[i].gives, ops_[i].depth, ops_[i].hash);
      };
      if (!best || key(s) < key(*best)) best = s;
    }
    return best;
  }

  // 4.

  Judged judge_without(const Ids& all, const Ids& struck) const {
    Ids out;  // Void.
    Ids decided;
    Ids allowed;
    for (const Id i : all) {
      if (ops_[i].allowed) allowed.insert(i);
    }
    const auto lose = [&](Id i) {
      if (decided.count(i) == 0) out.insert(i);
      for (bool more = true; more;) {
        more = false;
        for (const Id x : allowed) {
          if (out.count(x) > 0 || decided.count(x) > 0) continue;
          bool some = ops_[x].one_of.empty();
          for (const Id g : ops_[x].one_of) some = some || out.count(g) == 0;
          bool every = true;
          for (const Id g : ops_[x].all_of) every = every && out.count(g) == 0;
          bool member = ops_[x].member_by.empty();
          for (const Id g : ops_[x].member_by) member = member || out.count(g) == 0;
          if (some && every && member) continue;
          out.insert(x);
          more = true;
        }
      }
    };
    for (const Id i : allowed) {
      const auto* invite = std::get_if<node::InviteOperation>(&ops_[i].operation);
      if (invite == nullptr) continue;
      std::vector<Id> admits;
      for (const Id a : allowed) {
        if (std::holds_alternative<node::AdmitOperation>(ops_[a].operation) &&
            ops_[a].invite == i) {
          admits.push_back(a);
        }
      }
      std::sort(admits.begin(), admits.end(), [this](Id a, Id b) { return before(a, b); });
      std::set<DeviceId> devices;
      for (const Id a : admits) {
        const DeviceId device = *admitted_by(a);
        if (devices.count(device) > 0) continue;
        if (devices.size() < invite->uses) {
          devices.insert(device);
        } else {
          lose(a);
        }
      }
    }
    for (const Id i : struck) lose(i);
    for (const Id r : in_order(allowed)) {
      if (out.count(r) > 0) continue;
      decided.insert(r);
      const auto* revoke = std::get_if<node::RevokeOperation>(&ops_[r].operation);
      for (const Id x : allowed) {
        if (revoke == nullptr && ops_[r].targets.count(ops_[x].log.device) > 0 &&
            ops_[x].need < ops_[r].gives && unseen(r, x)) {
          lose(x);
        }
        const bool comes_in = std::holds_alternative<node::AdmitOperation>(ops_[x].operation) ||
                              std::holds_alternative<node::RequestOperation>(ops_[x].operation);
        if (!comes_in || !unseen(r, x)) continue;
        const Id i = ops_[x].invite;
        const auto& terms = std::get<node::InviteOperation>(ops_[i].operation);
        if (revoke != nullptr) {
          if (terms.invite == revoke->invite) lose(x);
        } else if (ops_[r].targets.count(ops_[i].log.device) > 0 && !sees(i, r) &&
                   ops_[i].need < ops_[r].gives) {
          lose(x);
        }
      }
    }
    Judged judged{all, {}};
    for (const Id i : allowed) {
      if (out.count(i) == 0) judged.counts.insert(i);
    }
    return judged;
  }

  std::vector<Id> in_order(const Ids& allowed) const {
    std::vector<Id> order;
    for (const Id i : allowed) {
      if (is_restriction(i)) order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [this](Id a, Id b) {
      return std::tie(ops_[a].seniority, ops_[a].hash) < std::tie(ops_[b].seniority, ops_[b].hash);
    });
    return order;
  }

  Ids last_host(const Judged& judged) const {
    bool founded = false;
    for (const Id i : judged.all) founded = founded || (ops_[i].genesis && ops_[i].allowed);
    if (!founded) return {};
    for (const auto& [device, one] : members(judged)) {
      if (one.role == 1) return {};
    }
    std::optional<Id> last;
    for (const Id r : in_order(judged.counts)) {
      if (!unseats(r)) continue;
      if (!last || ops_[r].generation >= ops_[*last].generation) last = r;
    }
    if (!last) return {};
    const DeviceId host = *unseats(*last);
    Ids more;
    for (const Id s : judged.counts) {
      if (ops_[s].targets.count(host) > 0 && ops_[s].gives > 1 && ops_[*last].past.count(s) == 0) {
        more.insert(s);
      }
    }
    return more;
  }
  /// The most senior host that it unseats.
  std::optional<DeviceId> unseats(Id r) const {
    std::optional<DeviceId> best;
    std::pair<std::size_t, Hash> seniority;
    const Judged& past = judge(ops_[r].past);
    for (const DeviceId& device : ops_[r].targets) {
      const auto one = member(past, device);
      if (!one || one->role != 1 || ops_[r].gives == 1) continue;
      const std::pair own{one->depth, one->admission};
      if (!best || own < seniority) {
        best = device;
        seniority = own;
      }
    }
    return best;
  }

  // 1.

  void decide_in_own_past(Op& op) {
    const Judged past = judge(op.past);
    if (op.genesis) {
      const bool creates = std::holds_alternative<node::CreateOperation>(op.operation);
      op.allowed = creates && op.past.empty() && equal(op.hash.view(), workspace_.view());
      op.gives = 1;
      op.person = op.log.device;
      return;
    }
    const auto author = member(past, op.log.device);
    if (!author) return;
    op.seniority = {author->depth, author->admission};
    op.host = author->role == 1;
    bool fine = false;
    if (const auto* invite = std::get_if<node::InviteOperation>(&op.operation)) {
      op.need = invite->own_device ? std::min(static_cast<int>(invite->role), 4) : 1;
      fine = !standing_invite(past, invite->invite) && author->role <= op.need;
      op.depth = author->depth + 1;
      op.person = author->person;
    } else if (const auto* admit = std::get_if<node::AdmitOperation>(&op.operation)) {
      const auto i = invited(op, past, *author, admit->device, admit->invite, admit->proof);
      if (i) {
        const auto& terms = std::get<node::InviteOperation>(ops_[*i].operation);
        const auto known = member(past, admit->device);
        fine = terms.role == admit->role && (!terms.approval || author->role == 1) &&
               (!known || known->role > static_cast<int>(admit->role));
        op.need = terms.approval ? 1 : 3;
        op.gives = static_cast<int>(admit->role);
        op.depth = ops_[*i].depth;
        op.document = terms.document;
        op.person = terms.own_device ? ops_[*i].person : admit->device;
        op.all_of.insert(*i);
        op.invite = *i;
      }
    } else if (const auto* request = std::get_if<node::RequestOperation>(&op.operation)) {
      const auto i = invited(op, past, *author, request->device, request->invite, request->proof);
      if (i) {
        fine = std::get<node::InviteOperation>(ops_[*i].operation).approval;
        op.need = 3;
        op.all_of.insert(*i);
        op.invite = *i;
      }
    } else if (const auto* revoke = std::get_if<node::RevokeOperation>(&op.operation)) {
      const auto i = standing_invite(past, revoke->invite);
      const bool own = i && ops_[*i].log.device == op.log.device;
      op.need = own ? 6 : 1;
      fine = i && (own || author->role == 1);
    } else if (const auto* role = std::get_if<node::RoleOperation>(&op.operation)) {
      op.need = 1;
      op.gives = static_cast<int>(role->role);
      fine = author->role == 1 && restricts(op, past, {role->device});
      op.depth = op.gives == 1 ? author->depth + 1 : 0;
    } else if (const auto* limits = std::get_if<node::DocumentRoleOperation>(&op.operation)) {
      const auto target = member(past, limits->device);
      op.need = 1;
      op.gives = static_cast<int>(limits->role);
      op.document = limits->document;
      fine = author->role == 1 && target;
      if (fine) op.person = target->person;
      for (const auto& [device, one] : members(past)) {
        if (one.role == 1 && one.person == op.person && op.gives > 2) fine = false;
      }
    } else if (const auto* remove = std::get_if<node::RemoveOperation>(&op.operation)) {
      const auto target = member(past, remove->device);
      std::set<DeviceId> targets{remove->device};
      for (const auto& [device, one] : members(past)) {
        if (remove->whole_person && target && one.person == target->person) targets.insert(device);
      }
      for (const Id r : past.counts) {
        const auto* asks = std::get_if<node::RequestOperation>(&ops_[r].operation);
        if (!target && asks != nullptr && asks->device == remove->device) {
          op.had[remove->device] = 6;
        }
      }
      const bool leaves = remove->device == op.log.device && !remove->whole_person;
      op.need = leaves ? 6 : 1;
      fine = (leaves || author->role == 1) && restricts(op, past, targets);
    } else if (const auto* one = std::get_if<node::AcknowledgeOperation>(&op.operation)) {
      op.need = 2;
      const auto found = ids_.find(one->operation);
      fine = author->role <= 2 && found != ids_.end() && past.all.count(found->second) > 0;
      if (fine) {
        const Id o = found->second;
        const bool admits = std::holds_alternative<node::AdmitOperation>(ops_[o].operation);
        const bool of_document =
            std::holds_alternative<node::DocumentRoleOperation>(ops_[o].operation);
        fine = ops_[o].allowed && (is_role(o) || is_remove(o) || admits || of_document);
        // An editor that was let in after a removal or role does not answer it.
        bool before_it = admits || author->role == 1;
        for (const Id i : past.all) {
          const auto* in = std::get_if<node::AdmitOperation>(&ops_[i].operation);
          const bool own = in != nullptr ? in->device == op.log.device
                                         : ops_[i].genesis && ops_[i].log.device == op.log.device;
          if (ops_[i].allowed && own && ops_[i].past.count(o) == 0) before_it = true;
        }
        fine = fine && before_it;
      }
    } else if (const auto* rekey = std::get_if<node::RekeyOperation>(&op.operation)) {
      op.need = 2;
      for (const auto& [device, member] : members(past)) op.recipients += member.role != 5 ? 1 : 0;
      fine = author->role <= 2 && op.recipients == rekey->boxes.size();
    }
    op.allowed = fine;
    if (!fine) {
      op.targets.clear();
      return;
    }
    rest(op, past);
  }

  std::optional<Id> invited(const Op& op, const Judged& past, const Person& author,
                            const DeviceId& device, const DeviceId& key,
                            const crypto::Signature& proof) const {
    const auto i = standing_invite(past, key);
    if (author.role > 3 || !i || closed(past, *i)) return std::nullopt;
    const auto& terms = std::get<node::InviteOperation>(ops_[*i].operation);
    if ((op.time >> 16) > terms.expires) return std::nullopt;
    const auto taken = places(past, *i);
    if (taken.count(device) == 0 && taken.size() >= terms.uses) return std::nullopt;
    for (const Id r : past.counts) {
      if (is_remove(r) && ops_[r].targets.count(device) > 0 && ops_[*i].past.count(r) == 0) {
        return std::nullopt;
      }
    }
    if (!crypto::verify(key, node::admission_proof(workspace_, device).view(), proof)) {
      return std::nullopt;
    }
    return i;
  }

  bool restricts(Op& op, const Judged& past, const std::set<DeviceId>& targets) const {
    op.targets = targets;
    bool host = false;
    for (const auto& [device, one] : members(past)) {
      if (targets.count(device) > 0) op.had[device] = one.role;
      if ((targets.count(device) > 0 ? op.gives : one.role) == 1) host = true;
    }
    return host && op.had.size() == targets.size();
  }

  // 3.
  void rest(Op& op, const Judged& past) const {
    if (op.need == 6) return;
    const DeviceId& author = op.log.device;
    Ids short_of;
    Ids grants;
    for (const Id i : past.counts) {
      if (ops_[i].targets.count(author) > 0 && ops_[i].gives > op.need) short_of.insert(i);
      const bool grant = is_admission_of(i, author) || is_role_of(i, author);
      if (grant && ops_[i].gives <= op.need) grants.insert(i);
    }
    std::vector<Id> in_by = current_admissions(past.counts, author);
    std::sort(in_by.begin(), in_by.end(), [this](Id a, Id b) { return before(a, b); });
    if (in_by.size() > 4) in_by.resize(4);
    if (!ops_[in_by.at(0)].genesis) op.member_by = Ids(in_by.begin(), in_by.end());
    std::vector<Id> after;
    for (const Id g : grants) {
      bool all = true;
      for (const Id s : short_of) all = all && sees(g, s);
      if (all) after.push_back(g);
    }
    std::sort(after.begin(), after.end(), [this](Id a, Id b) { return before(a, b); });
    if (after.size() > 4) after.resize(4);
    if (!after.empty()) {
      if (!ops_[after.front()].genesis) op.one_of = Ids(after.begin(), after.end());
      return;
    }
    for (const Id g : grants) {
      if (!is_role(g)) continue;
      bool seen = false;
      for (const Id other : grants) seen = seen || (is_role(other) && sees(other, g));
      if (!seen) op.all_of.insert(g);
    }
  }

  WorkspaceId workspace_;
  std::vector<Op> ops_;
  std::map<Hash, Id> ids_;
  mutable std::map<Ids, Judged> judged_;
};

}  // namespace coterie::testing
