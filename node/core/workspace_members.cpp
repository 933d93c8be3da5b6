// Workspace: what follows when the membership changed, and the commands about members and keys.

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {
namespace {

constexpr std::uint16_t kCloseForbidden = 4403;

std::string date_of(WallMillis time) {
  const std::chrono::sys_days day(std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time))));
  const std::chrono::year_month_day date(day);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

}  // namespace

// What follows.

/// Another operation is in the membership, ours or another's. All that this writes goes into the
/// batch that holds it.
void Workspace::after_operations(Now now) {
  ledger_.keys().absorb(membership());
  steward_.membership_changed(now);
  note_own_standing(now);
  note_departures(now);
  release_held(now);
  announce_card(now);
  ledger_.staged().after.push_back([this](Now then) {
    members_changed = true;
    judge_clients(then);
    tell_changes();
  });
}

std::string Workspace::describe_removal() const {
  for (const Restriction& one : membership().restrictions_of(context_.identity.id())) {
    const auto operation = membership().operation(one.operation);
    if (!operation || !operation->counts) continue;
    if (!std::holds_alternative<RemoveOperation>(*operation->operation)) continue;
    const std::string date = date_of(HybridClock::millis(operation->time));
    if (operation->log.device == context_.identity.id()) {
      return "this device left the workspace on " + date;
    }
    std::string by = display_name(operation->log.device);
    if (by.empty()) by = operation->log.device.short_hex();
    return "this device was removed from the workspace by " + by + " on " + date;
  }
  return "this device is no member any more: whoever let it in had lost the right to";
}

void Workspace::note_own_standing(Now now) {
  const DeviceId& self = context_.identity.id();
  if (membership().find(self) != nullptr) {
    removed_.clear();
    left_ = false;
    rejoining_ = false;
    leaving_ = false;
  } else if (membership().was_ever_admitted(self) && removed_.empty()) {
    removed_ = describe_removal();
    for (const Restriction& one : membership().restrictions_of(self)) {
      const auto operation = membership().operation(one.operation);
      left_ = left_ || (operation && operation->counts && operation->log.device == self);
    }
    context_.warn(removed_ + " (workspace " + id().short_hex() + ")");
    members_changed = true;
  }
  std::vector<DocumentId> lost;
  for (const auto& [due, document] : flush_due_) {
    const auto role = membership().role_in(self, document);
    if (!role || !may_edit(*role)) lost.push_back(document);
  }
  for (const DocumentId& document : lost) flush(now, *documents_.find(document));
}

/// Whoever is no member any more is not heard from here on, and told why once that is durable.
void Workspace::note_departures(Now now) {
  std::set<DeviceId> present;
  for (const auto& [device, member] : membership().members()) {
    present.insert(device);
    if (member.role == Role::kRelay) presence_.forget(now, device);
  }
  for (const DeviceId& device : std::exchange(known_, present)) {
    if (present.count(device) > 0 || device == context_.identity.id()) continue;
    members_changed = true;
    arrivals_.erase(device);
    presence_.forget(now, device);
    const std::vector<Restriction> why = membership().restrictions_of(device);
    if (why.empty()) continue;
    const auto operation = membership().operation(why.back().operation);
    if (!operation) continue;
    ledger_.staged().after.push_back(
        [this, device, log = operation->log, seq = operation->seq](Now then) {
          mesh_.farewell(then, id(), device, log, seq);
        });
  }
}

/// Edits that waited for a key go out under it, or come to nothing if this device may not write.
void Workspace::release_held(Now now) {
  if (held_.empty() || (ledger_.may_write() && !ledger_.can_write())) return;
  for (const DocumentId& one : std::exchange(held_, {})) flush(now, *documents_.find(one));
}

/// The replica holds what will be in no entry: whoever wrote it is told, and it is read anew.
void Workspace::drop_unwritten(Document& document) {
  held_.erase(document.id);
  document.queue.clear();
  document.queue_bytes = 0;
  document.senders.clear();
  document.pending_logged.clear();
  const auto obstacle = edit_obstacle(document.id);
  const std::string reason = !removed_.empty() ? removed_ : obstacle ? obstacle->what : "";
  for (const Client* client : document.clients) {
    closings_.emplace_back(client->handle, Closing{kCloseForbidden, reason});
  }
  forsaken_.insert(document.id);
  forget_forsaken();
}

void Workspace::forget_forsaken() {
  for (auto it = forsaken_.begin(); it != forsaken_.end();) {
    Document* document = documents_.find(*it);
    const bool settled = document == nullptr || (document->clients.empty() &&
                                                 document->written_in <= ledger_.landed_number());
    if (!settled) {
      ++it;
      continue;
    }
    if (document != nullptr) documents_.forget_replica(*document);
    it = forsaken_.erase(it);
  }
}

bool Workspace::hears(const DeviceId& peer) const {
  if (!membership().founded() || membership().find(peer) != nullptr) return true;
  return asks(peer) || (searches() && membership().was_ever_admitted(peer));
}

/// This device was removed, by a removal that may turn out void: two hosts who removed each other
/// while apart, say, and it heard of one of them only.
bool Workspace::searches() const { return !removed_.empty() && !left_ && !rejoining_ && !leaving_; }

/// Was let in, and does not hold its own admission yet.
bool Workspace::newcomer() const {
  return contact_ && (rejoining_ || !membership().was_ever_admitted(context_.identity.id()));
}

/// A newcomer hears whoever let it in and the members that this one named, known here or not, or
/// held for removed; once it is one itself, only members.
bool Workspace::asks(const DeviceId& peer) const {
  if (!newcomer() || membership().find(peer) != nullptr) return false;
  return contact_->device == peer || cards_.find(peer) != nullptr;
}

void Workspace::rejoin(Now now, const Welcome& welcome, const InviteContact& contact) {
  contact_ = contact;
  rejoining_ = true;
  take_welcome(now, welcome);
  members_changed = true;
  release_held(now);
}

/// The links stay until somebody has heard that this device left, or hung up for it.
void Workspace::finish_leaving() {
  const auto peers = mesh_.peers(id());
  const bool linked =
      std::any_of(peers.begin(), peers.end(), [](const auto& peer) { return peer.linked; });
  if (linked && !mesh_.in_step(id())) return;
  leaving_ = false;
  leave_stored_ = false;
  members_changed = true;
}

// Commands.

bool Workspace::hosts_left_without(const std::set<DeviceId>& devices) const {
  const auto& members = membership().members();
  return std::any_of(members.begin(), members.end(), [&](const auto& item) {
    return item.second.role == Role::kHost && devices.count(item.first) == 0;
  });
}

Status Workspace::remove_member(Now now, const DeviceId& device, bool whole_person) {
  if (const auto obstacle = disk_obstacle()) return *obstacle;
  const DeviceId& self = context_.identity.id();
  const Member* target = membership().find(device);
  if (target == nullptr) return Error{ErrorCode::kNotFound, "no such member"};
  const bool host = ledger_.role() == Role::kHost;
  const bool leaves = device == self;
  if (!host && !leaves) return Error{ErrorCode::kUnauthorized, "only a host removes members"};
  RemoveOperation remove{device, whole_person && host, {}};
  std::set<DeviceId> targets{device};
  for (const auto& [other, member] : membership().members()) {
    if (remove.whole_person && member.person == target->person) targets.insert(other);
  }
  if (!hosts_left_without(targets)) {
    return Error{ErrorCode::kConflict, "no host would be left: make somebody else a host first"};
  }
  if (targets.count(self) > 0) {
    const auto peers = mesh_.peers(id());
    const bool heard =
        std::any_of(peers.begin(), peers.end(), [](const auto& peer) { return peer.linked; });
    if (!heard && membership().members().size() > targets.size()) {
      return Error{ErrorCode::kUnavailable, "nobody is connected who could be told"};
    }
    // Others learn of it over the links there are.
    leaving_ = true;
  }
  for (const DeviceId& one : targets) {
    for (LogMark& mark : ledger_.marks(one)) remove.seen.push_back(mark);
  }
  if (remove.seen.size() > kLogMarksMax) remove.seen.resize(kLogMarksMax);
  ledger_.append_operation(now, std::move(remove));
  if (leaving_) {
    ledger_.staged().after.push_back([this](Now) { leave_stored_ = true; });
  }
  steward_.rotate_if_unfit(now);
  after_operations(now);
  return {};
}

Status Workspace::set_role(Now now, const DeviceId& device, Role role) {
  if (const auto obstacle = disk_obstacle()) return *obstacle;
  if (ledger_.role() != Role::kHost) {
    return Error{ErrorCode::kUnauthorized, "only a host gives roles"};
  }
  const Member* target = membership().find(device);
  if (target == nullptr) return Error{ErrorCode::kNotFound, "no such member"};
  if (target->role == role) return Error{ErrorCode::kConflict, "it has that role already"};
  if (role != Role::kHost && !hosts_left_without({device})) {
    return Error{ErrorCode::kConflict, "no host would be left: make somebody else a host first"};
  }
  RoleOperation operation{device, role, ledger_.marks(device)};
  if (operation.seen.size() > kLogMarksMax) operation.seen.resize(kLogMarksMax);
  ledger_.append_operation(now, std::move(operation));
  steward_.rotate_if_unfit(now);
  after_operations(now);
  return {};
}

Status Workspace::rotate_keys(Now now) {
  if (const auto obstacle = disk_obstacle()) return *obstacle;
  COTERIE_CHECK(steward_.rotate(now));
  after_operations(now);
  return {};
}

Status Workspace::readmit(Now now, const DeviceId& device) {
  if (const auto obstacle = disk_obstacle()) return *obstacle;
  if (ledger_.role() != Role::kHost) {
    return Error{ErrorCode::kUnauthorized, "only a host readmits"};
  }
  std::vector<LogMark> marks = ledger_.marks(device);
  if (marks.size() > kLogMarksMax) marks.resize(kLogMarksMax);
  bool any = false;
  std::vector<Restriction> restrictions = membership().restrictions_of(device);
  for (Restriction& limit : membership().limits_of(device)) {
    if (limit.takes) restrictions.push_back(std::move(limit));
  }
  for (const Restriction& one : restrictions) {
    const bool vouched_for = std::all_of(marks.begin(), marks.end(), [&](const LogMark& mark) {
      return std::find(one.acknowledged.begin(), one.acknowledged.end(), mark) !=
             one.acknowledged.end();
    });
    if (vouched_for) continue;
    ledger_.append_operation(now, AcknowledgeOperation{one.operation, marks});
    any = true;
  }
  if (!any) return Error{ErrorCode::kConflict, "nothing of that device is set aside"};
  after_operations(now);
  return {};
}

}  // namespace coterie::node
