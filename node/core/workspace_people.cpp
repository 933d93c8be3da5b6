// Workspace: what people do about members. The rules are membership's; here they are asked before
// anything is written, so that nobody signs what no replica would count.

#include <algorithm>
#include <utility>

#include "node/core/audit.hpp"
#include "node/core/limits.hpp"
#include "node/core/workspace.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {

namespace {

Error unauthorized(const char* what) { return {ErrorCode::kUnauthorized, what}; }

WallMillis millis_of(Duration duration) {
  return static_cast<WallMillis>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

void Workspace::operate(Now now, const Operation& operation) {
  ledger_.append_operation(now, operation);
  after_operations(now);
}

// Invites.

Result<CommandResult> Workspace::carry_out(Now now, const CreateInvite& command) {
  const std::optional<Role> own = ledger_.role();
  if (!own || *own == Role::kRelay) return unauthorized("this device may not invite here");
  if (!command.own_device && own != Role::kHost) return unauthorized("only a host invites others");
  if (command.own_device && command.role < *own) {
    return unauthorized("your own devices get at most the role of this one");
  }
  if (command.own_device && command.uses != 1) {
    return Error{ErrorCode::kMalformed, "an invite for your own device is for one device"};
  }
  if (command.role < Role::kHost || command.role > Role::kRelay) {
    return Error{ErrorCode::kMalformed, "unknown role"};
  }
  if (command.uses == 0 || command.uses > kInviteUsesMax) {
    return Error{ErrorCode::kLimitExceeded, "an invite has 1 to 10,000 uses", command.uses};
  }
  if (command.valid_for <= Duration::zero() || command.valid_for > kInviteValidityMax) {
    return Error{ErrorCode::kLimitExceeded, "an invite is valid for up to 366 days"};
  }
  InviteOperation invite;
  if (command.document) {
    const Document* document = documents_.find_path(*command.document);
    if (document == nullptr || !document->recorded) {
      return Error{ErrorCode::kNotFound, "no document of that path"};
    }
    if (command.own_device) {
      return Error{ErrorCode::kConflict, "your own devices come for all documents"};
    }
    if (!is_document_role(command.role)) {
      return Error{ErrorCode::kMalformed, "a role in a document is editor, commenter or viewer"};
    }
    invite.document = document->id;
  }
  InviteSecret secret = make_invite(id(), context_.random);
  secret.contacts.push_back({context_.identity.id(), context_.options.addresses});
  // Others who can let the newcomer in while we are away: hosts first, because they also approve.
  for (const bool hosts : {true, false}) {
    for (const auto& [device, member] : membership().members()) {
      if (secret.contacts.size() == kInviteContactsMax) break;
      const Card* card = cards_.find(device);
      const bool useful = device != context_.identity.id() && may_admit(member.role) &&
                          (member.role == Role::kHost) == hosts && card != nullptr &&
                          !card->addresses.empty();
      if (useful) secret.contacts.push_back({device, card->addresses});
    }
  }
  if (context_.options.addresses.empty() && secret.contacts.size() > 1) {
    secret.contacts.erase(secret.contacts.begin());  // Nobody can dial us.
  }
  invite.invite = invite_key(secret).id();
  invite.role = command.role;
  invite.expires = now.wall + millis_of(command.valid_for);
  invite.uses = command.uses;
  invite.approval = command.approval;
  invite.from_now = command.from_now;
  invite.own_device = command.own_device;
  operate(now, invite);
  return CommandResult(InviteCreated{format_invite(secret), invite.invite});
}

Result<CommandResult> Workspace::carry_out(Now now, const RevokeInvite& command) {
  const auto invite = membership().invites().find(command.invite);
  if (invite == membership().invites().end()) {
    return Error{ErrorCode::kNotFound, "no invite of that id here"};
  }
  if (invite->second.revoked) return Error{ErrorCode::kConflict, "this invite is revoked already"};
  if (ledger_.role() != Role::kHost && invite->second.author != context_.identity.id()) {
    return unauthorized("only a host, or who made it, revokes an invite");
  }
  operate(now, RevokeOperation{command.invite});
  return CommandResult(Done{});
}

std::vector<InviteInfo> Workspace::invites() const {
  std::vector<InviteInfo> list;
  for (const auto& [key, invite] : membership().invites()) {
    InviteInfo info;
    info.id = key;
    info.author = invite.author;
    info.role = invite.terms.role;
    info.expires = invite.terms.expires;
    info.uses = invite.terms.uses;
    info.used_by.assign(invite.admitted.begin(), invite.admitted.end());
    info.approval = invite.terms.approval;
    info.from_now = invite.terms.from_now;
    info.own_device = invite.terms.own_device;
    info.revoked = invite.revoked;
    if (!invite.terms.document.is_zero()) info.document = invite.terms.document;
    info.path = invited_to(key);
    list.push_back(std::move(info));
  }
  return list;
}

std::string Workspace::invited_to(const DeviceId& key) const {
  const auto invite = membership().invites().find(key);
  if (invite == membership().invites().end()) return {};
  const Document* document = documents_.find(invite->second.terms.document);
  return document == nullptr ? std::string() : documents_.name_of(*document);
}

// Letting somebody in.

Workspace::RedeemAnswer Workspace::redeem(Now now, const Redeem& redeem) {
  const std::optional<Role> role = ledger_.role();
  if (!role || !may_admit(*role)) return RefusalReason::kNotEntitled;
  if (record_obstacle()) return RefusalReason::kBusy;
  const auto found = membership().invites().find(redeem.invite);
  if (found == membership().invites().end()) return RefusalReason::kUnknownInvite;
  const Invite& invite = found->second;
  const Member* member = membership().find(redeem.device);
  // An answer that was lost: the newcomer asks again. Or the invite gives a member nothing, and an
  // admission would be refused, each time it asks.
  if (member != nullptr &&
      (invite.admitted.count(redeem.device) > 0 || member->role <= invite.terms.role)) {
    return Admitted{};
  }
  if (invite.terms.from_now && *role != Role::kHost) return RefusalReason::kNotEntitled;
  if (invite.revoked) return RefusalReason::kRevoked;
  if (now.wall >= invite.terms.expires) return RefusalReason::kExpired;
  if (invite.admitted.count(redeem.device) == 0 && invite.admitted.size() >= invite.terms.uses) {
    return RefusalReason::kUsedUp;
  }
  if (const auto reason = removed_since(redeem.device, invite)) return *reason;
  if (membership().members().size() >= transport::kMembersMax) return RefusalReason::kBusy;
  // Whoever holds an invite of many uses can come and leave again and again.
  if (membership().nearly_spent(context_.identity.id())) return RefusalReason::kBusy;
  if (invite.terms.approval) {
    if (membership().now().requests.count(redeem.device) > 0) return Waiting{id()};
    if (membership().now().requests.size() >= kJoinRequestsMax) return RefusalReason::kBusy;
    operate(now, RequestOperation{redeem.device, redeem.name, redeem.invite, redeem.proof});
    context_.inform("device " + redeem.device.short_hex() + " asks to be let into workspace " +
                    id().short_hex() + ": `coterie members approve` or `deny`");
    return Waiting{id()};
  }
  if (const Status in = admit(now, redeem.device, redeem.name, redeem.invite, redeem.proof); !in) {
    return in.error().code == ErrorCode::kUnavailable ? RefusalReason::kBusy
                                                      : RefusalReason::kBadSignature;
  }
  return Admitted{};
}

bool Workspace::waits(Now now, const Redeem& redeem) const {
  const std::optional<Role> role = ledger_.role();
  if (!role || !may_admit(*role) || record_obstacle()) return false;
  const auto request = membership().now().requests.find(redeem.device);
  const auto invite = membership().invites().find(redeem.invite);
  return request != membership().now().requests.end() && request->second.invite == redeem.invite &&
         has_open_invite(now, redeem.invite) && membership().find(redeem.device) == nullptr &&
         !removed_since(redeem.device, invite->second);
}

bool Workspace::has_open_invite(Now now, const DeviceId& key) const {
  const auto found = membership().invites().find(key);
  if (found == membership().invites().end()) return false;
  const Invite& invite = found->second;
  return !invite.revoked && now.wall < invite.terms.expires &&
         invite.admitted.size() < invite.terms.uses;
}

/// Whoever was removed, or told no, needs an invite that was made after that.
std::optional<RefusalReason> Workspace::removed_since(const DeviceId& device,
                                                      const Invite& invite) const {
  if (membership().find(device) != nullptr) return std::nullopt;
  const Hash heads[] = {invite.operation};
  for (const Restriction& one : membership().restrictions_of(device)) {
    if (!membership().in_past(one.operation, heads)) return RefusalReason::kRemoved;
  }
  for (const OperationView& one : membership().history()) {
    const auto* removal = std::get_if<RemoveOperation>(one.operation);
    if (removal == nullptr || !one.counts || removal->device != device) continue;
    if (!membership().in_past(one.hash, heads)) return RefusalReason::kDenied;
  }
  return std::nullopt;
}

Status Workspace::admit(Now now, const DeviceId& device, const std::string& name,
                        const DeviceId& invite, const crypto::Signature& proof) {
  const InviteOperation terms = membership().invites().at(invite).terms;
  if (terms.from_now) COTERIE_CHECK(steward_.rotate(now, true));
  AdmitOperation admission;
  admission.device = device;
  admission.name = name;
  admission.role = terms.role;
  admission.invite = invite;
  admission.proof = proof;
  if (terms.role != Role::kRelay) {
    COTERIE_TRY(admission.keys,
                ledger_.keys().keys_for_newcomer(membership(), device, terms.from_now));
  }
  operate(now, admission);
  if (terms.from_now) publish_everything(now);
  return {};
}

/// What a newcomer without history needs: each document as it is now, under the new key.
void Workspace::publish_everything(Now now) {
  for (const auto& [id, document] : documents_.all()) {
    if (!document->recorded || !documents_.load(now, *document)) continue;
    flush(now, *document);
    ledger_.append_record(now, encode_record(DocumentRecord{id, document->path, document->created,
                                                            document->generation}));
    republish_properties(now, id);
    publish_state(now, *document);
  }
}

void Workspace::publish_state(Now now, Document& document) {
  write_update(now, document, document.doc->encode_state_as_update({}));
}

Result<Welcome> Workspace::welcome(const DeviceId& device) {
  Welcome welcome;
  welcome.workspace = id();
  welcome.frontier = ledger_.frontier();
  std::vector<DeviceId> linked;
  for (const auto& peer : mesh_.peers(id())) {
    if (peer.linked) linked.push_back(peer.device);
  }
  welcome.cards = cards_.some(linked, kWelcomeCardBytesMax);
  const Member* member = membership().find(device);
  if (member == nullptr || member->role == Role::kRelay) return welcome;
  // What an operation says that it has, and no more: a key given in private would pass for one that
  // nobody outside knows once the device is removed.
  for (const Handover& one : membership().handovers()) {
    if (one.admit->device != device) continue;
    for (const SealedKey& key : one.admit->keys) {
      if (welcome.keys.size() < kSealedKeysMax) welcome.keys.push_back(key);
    }
  }
  // It would find those in the chains of epochs, at the end of what it fetches.
  COTERIE_TRY(const std::vector<SealedKey> older,
              ledger_.keys().keys_behind(membership(), device, welcome.keys));
  welcome.keys.insert(welcome.keys.end(), older.begin(), older.end());
  return welcome;
}

std::vector<RequestInfo> Workspace::requests() const {
  std::vector<RequestInfo> list;
  for (const auto& [device, request] : membership().now().requests) {
    const auto invite = membership().invites().find(request.invite);
    if (invite == membership().invites().end() || invite->second.revoked) continue;
    RequestInfo info;
    info.device = device;
    info.name = request.name;
    info.invite = request.invite;
    info.role = invite->second.terms.role;
    info.author = request.author;
    info.time = HybridClock::millis(request.time);
    list.push_back(std::move(info));
  }
  return list;
}

Result<CommandResult> Workspace::carry_out(Now now, const ApproveRequest& command) {
  if (ledger_.role() != Role::kHost) return unauthorized("only a host approves");
  const auto& requests = membership().now().requests;
  const auto found = requests.find(command.device);
  if (found == requests.end()) {
    return Error{ErrorCode::kNotFound, "this device asks for nothing"};
  }
  const JoinRequest request = found->second;
  const auto invite = membership().invites().find(request.invite);
  if (invite == membership().invites().end() || invite->second.revoked) {
    return unauthorized("its invite was revoked");
  }
  if (now.wall >= invite->second.terms.expires) return unauthorized("its invite has expired");
  if (invite->second.admitted.size() >= invite->second.terms.uses) {
    return unauthorized("its invite is used up");
  }
  COTERIE_CHECK(admit(now, command.device, request.name, request.invite, request.proof));
  return CommandResult(Done{});
}

Result<CommandResult> Workspace::carry_out(Now now, const DenyRequest& command) {
  if (ledger_.role() != Role::kHost) return unauthorized("only a host declines");
  if (membership().now().requests.count(command.device) == 0) {
    return Error{ErrorCode::kNotFound, "this device asks for nothing"};
  }
  operate(now, RemoveOperation{command.device, false, {}});
  return CommandResult(Done{});
}

// Members.

/// Members by the names they go by, others by the name they were admitted with.
std::vector<KnownDevice> Workspace::known_devices() const {
  std::map<DeviceId, std::string> names;
  for (const OperationView& one : membership().history()) {
    const auto* admit = std::get_if<AdmitOperation>(one.operation);
    if (admit != nullptr) names[admit->device] = admit->name;
  }
  for (const auto& [device, name] : former_names_) names[device] = name;
  for (const auto& [device, member] : membership().members()) names[device] = display_name(device);
  std::vector<KnownDevice> list;
  for (auto& [device, name] : names) list.push_back({device, std::move(name)});
  return list;
}

std::set<DeviceId> Workspace::devices_of(const DeviceId& device, bool whole_person) const {
  std::set<DeviceId> devices{device};
  const Member* member = membership().find(device);
  if (!whole_person || member == nullptr) return devices;
  for (const auto& [other, one] : membership().members()) {
    if (one.person == member->person) devices.insert(other);
  }
  return devices;
}

Result<CommandResult> Workspace::carry_out(Now now, const SetRole& command) {
  if (command.role < Role::kHost || command.role > Role::kRelay) {
    return Error{ErrorCode::kMalformed, "unknown role"};
  }
  std::set<DeviceId> devices = devices_of(command.device, command.whole_person);
  if (devices.size() > 1) {
    for (auto it = devices.begin(); it != devices.end();) {
      it = membership().find(*it)->role == command.role ? devices.erase(it) : std::next(it);
    }
    if (devices.empty()) return Error{ErrorCode::kConflict, "they have that role already"};
    if (command.role != Role::kHost && !hosts_left_without(devices)) {
      return Error{ErrorCode::kConflict, "no host would be left: make somebody else a host first"};
    }
    // Whoever gives up the role of host does so last.
    std::vector<DeviceId> order(devices.begin(), devices.end());
    std::stable_partition(order.begin(), order.end(),
                          [&](const auto& one) { return one != context_.identity.id(); });
    for (const DeviceId& device : order) COTERIE_CHECK(set_role(now, device, command.role));
    return CommandResult(Done{});
  }
  COTERIE_CHECK(set_role(now, command.device, command.role));
  return CommandResult(Done{});
}

Result<CommandResult> Workspace::carry_out(Now now, const RemoveMember& command) {
  COTERIE_CHECK(remove_member(now, command.device, command.whole_person));
  return CommandResult(Done{});
}

Result<CommandResult> Workspace::carry_out(Now now, const RotateKeys&) {
  COTERIE_CHECK(rotate_keys(now));
  return CommandResult(Done{});
}

Result<CommandResult> Workspace::carry_out(Now now, const Readmit& command) {
  COTERIE_CHECK(readmit(now, command.device));
  return CommandResult(Done{});
}

Result<CommandResult> Workspace::carry_out(Now now, const Revert& command) {
  if (!membership().was_ever_admitted(command.device)) {
    return Error{ErrorCode::kNotFound, "no such device"};
  }
  COTERIE_TRY(auto documents, revert(now, devices_of(command.device, command.whole_person),
                                     command.since, command.preview));
  return CommandResult(Reverted{std::move(documents), command.preview});
}

// Audit.

Result<AuditPage> Workspace::audit(const AuditQuery& query) const {
  AuditSources sources;
  sources.path = [this](const DocumentId& document) {
    const auto found = documents_.all().find(document);
    return found == documents_.all().end() ? std::string() : documents_.name_of(*found->second);
  };
  sources.set_aside = [this](const EntryRef& ref) {
    const Disputed* disputed = views_.admission().find(ref);
    return disputed != nullptr && !disputed->stood_upon;
  };
  return audit_page(ledger_, query, sources);
}

Result<std::vector<ForkInfo>> Workspace::forks() const {
  COTERIE_TRY(const auto forks, ledger_.forks());
  std::vector<ForkInfo> list;
  for (const Ledger::Fork& one : forks) {
    list.push_back({one.device, one.incarnation, one.seq, one.entries.size()});
  }
  return list;
}

// What others are told.

/// One line for each member, invite and request that is new since the last call.
void Workspace::tell_changes() {
  const Roster& roster = membership().now();
  std::set<DeviceId> members;
  for (const auto& [device, member] : roster.members) {
    members.insert(device);
    if (!told_ || told_->count(device) > 0 || device == context_.identity.id()) continue;
    std::string text = "device " + device.short_hex() + " came into workspace " + id().short_hex() +
                       " as " + role_name(member.role);
    for (const auto& [key, invite] : roster.invites) {
      if (invite.admitted.count(device) == 0) continue;
      text += ", by invite " + key.short_hex() + " of device " + invite.author.short_hex();
      break;
    }
    context_.inform(std::move(text));
  }
  if (told_) {
    for (const DeviceId& device : *told_) {
      if (members.count(device) > 0) continue;
      context_.inform("device " + device.short_hex() + " is no member of workspace " +
                      id().short_hex() + " any more");
    }
  }
  told_ = std::move(members);
}

}  // namespace coterie::node
