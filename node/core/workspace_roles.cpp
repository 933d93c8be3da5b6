// Workspace: who may do what in one document: roles of members there, guests, the session.

#include <algorithm>
#include <utility>

#include "node/core/limits.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

namespace {

constexpr std::uint16_t kCloseForbidden = 4403;
constexpr std::uint16_t kCloseEnded = 4423;

}  // namespace

DocumentId Workspace::document_of(std::string_view path) {
  const auto opened = documents_.open_path(path);
  if (!opened) return document_id(id(), path);
  const DocumentId found = (*opened)->id;
  documents_.release(**opened);
  return found;
}

std::optional<Error> Workspace::edit_obstacle(const DocumentId& document,
                                              const Visitor& visitor) const {
  if (auto obstacle = write_obstacle()) return obstacle;
  const auto role = membership().role_in(context_.identity.id(), document);
  if (role && may_edit(*role)) {
    if (visitor == Visitor{}) return std::nullopt;
    const auto own = role_of(document, visitor);
    if (own && may_edit(*own)) return std::nullopt;
    return Error{ErrorCode::kUnauthorized, own && may_write(*own)
                                               ? "you may comment in this document, not edit"
                                               : "you may only read this document"};
  }
  if (!may_edit(ledger_.role().value_or(Role::kViewer))) {
    return Error{ErrorCode::kUnauthorized, "this device may comment in this workspace, not edit"};
  }
  return Error{ErrorCode::kUnauthorized, role && may_write(*role)
                                             ? "this device may comment in this document, not edit"
                                             : "this device may only read this document"};
}

std::optional<Error> Workspace::speak_obstacle(const DocumentId& document,
                                               const std::string& guest) const {
  if (auto obstacle = record_obstacle()) return obstacle;
  const auto role = membership().role_in(context_.identity.id(), document);
  if (!role || !may_write(*role)) {
    return Error{ErrorCode::kUnauthorized, "this device may only read this document"};
  }
  const auto standing = standing_of(document, context_.identity.id(), guest);
  if (standing && may_write(*standing)) return std::nullopt;
  return Error{ErrorCode::kUnauthorized, standing ? "this guest may only read this document"
                                                  : "this guest is out of this document"};
}

// Members.

Result<CommandResult> Workspace::carry_out(Now now, const SetDocumentRole& command) {
  if (ledger_.role() != Role::kHost) {
    return Error{ErrorCode::kUnauthorized, "only a host gives roles"};
  }
  if (!is_document_role(command.role)) {
    return Error{ErrorCode::kMalformed, "a role in a document is editor, commenter or viewer"};
  }
  if (membership().find(command.device) == nullptr) {
    return Error{ErrorCode::kNotFound, "no such member"};
  }
  DocumentRoleOperation operation;
  operation.device = command.device;
  operation.role = command.role;
  if (command.path) {
    COTERIE_CHECK(check_document_path(*command.path));
    operation.document = document_of(*command.path);
  }
  const std::set<DeviceId> devices = devices_of(command.device, true);
  for (const DeviceId& one : devices) {
    if (command.role != Role::kEditor && membership().find(one)->role == Role::kHost) {
      return Error{ErrorCode::kConflict,
                   "a host is one in every document: take that role away first"};
    }
    for (LogMark& mark : ledger_.marks(one)) operation.seen.push_back(mark);
  }
  std::sort(operation.seen.begin(), operation.seen.end(), [](const LogMark& a, const LogMark& b) {
    return std::tie(a.log, a.seq, a.hash) < std::tie(b.log, b.seq, b.hash);
  });
  if (operation.seen.size() > kLogMarksMax) operation.seen.resize(kLogMarksMax);
  operate(now, operation);
  return CommandResult(Done{});
}

DocumentRoles Workspace::document_roles(std::string_view path) {
  const DocumentId document = document_of(path);
  DocumentRoles roles;
  roles.document = document;
  roles.ended = rooms_.guests().ended(document);
  for (const auto& [device, member] : membership().members()) {
    const Role here = membership().role_in(device, document).value_or(Role::kViewer);
    roles.members.push_back({device, display_name(device), member.person, member.role, here});
  }
  auto guests = rooms_.guests().all(document);
  if (guests) roles.guests = *std::move(guests);
  return roles;
}

// Guests.

Status Workspace::say_of_guests(Now now, const std::string& path, GuestRecord record) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  if (ledger_.role() != Role::kHost) {
    return Error{ErrorCode::kUnauthorized, "only a host decides about guests"};
  }
  COTERIE_CHECK(check_document_path(path));
  record.document = document_of(path);
  const Bytes encoded = encode_record(record);
  COTERIE_CHECK(decode_record(id(), encoded));  // Within the limits, as all replicas see them.
  LedgerRecord written;
  ledger_.append_record(now, encoded, &written);
  room_spoken(now, written, record);
  return {};
}

Result<CommandResult> Workspace::carry_out(Now now, const SetGuestStanding& command) {
  if (is_of_session(command.word)) {
    return Error{ErrorCode::kMalformed, "a guest is editor, commenter, viewer or out"};
  }
  if (membership().find(command.device) == nullptr) {
    return Error{ErrorCode::kNotFound, "no such member"};
  }
  COTERIE_CHECK(
      say_of_guests(now, command.path, {{}, command.word, command.device, command.guest}));
  return CommandResult(Done{});
}

Result<CommandResult> Workspace::carry_out(Now now, const SetSession& command) {
  const DocumentId document = document_of(command.path);
  if (rooms_.guests().ended(document) == !command.open) {
    return Error{ErrorCode::kConflict, command.open ? "the session of this document is open"
                                                    : "the session of this document has ended"};
  }
  const GuestWord word = command.open ? GuestWord::kOpen : GuestWord::kEnded;
  COTERIE_CHECK(say_of_guests(now, command.path, {{}, word, {}, {}}));
  return CommandResult(Done{});
}

std::optional<Role> Workspace::standing_of(const DocumentId& document, const DeviceId& device,
                                           const std::string& guest) const {
  const auto role = membership().role_in(device, document);
  if (!role || guest.empty()) return role;
  const auto most = rooms_.guests().standing(document, device, guest);
  return most ? std::optional(std::max(*role, *most)) : std::nullopt;
}

std::optional<Role> Workspace::role_of(const DocumentId& document, const Visitor& visitor) const {
  const auto standing = standing_of(document, context_.identity.id(), visitor.guest);
  if (!standing && !visitor.guest.empty()) return std::nullopt;
  return std::max(standing.value_or(Role::kViewer), visitor.most);
}

/// What it may do may be another thing than it was told.
void Workspace::judge_client(Now now, Client& client) {
  const auto role = role_of(client.document->id, client.visitor);
  if (!role) {
    closings_.emplace_back(client.handle,
                           Closing{kCloseForbidden, "a host sent this guest out of the document"});
  } else if (*role != client.role) {
    const bool gains = may_edit(*role) && !may_edit(client.role);
    client.role = *role;
    context_.emit(Engine::ClientRole{client.handle, *role});
    // What was refused before is asked for.
    if (gains) {
      ClientLink(context_, now, client)
          .send(step1_message(client.document->shown().state_vector()));
    }
  }
}

void Workspace::judge_clients(Now now) {
  for (const auto& [id, document] : documents_.all()) {
    for (Client* client : document->clients) judge_client(now, *client);
  }
}

/// A host said something of guests, here or elsewhere. Once it is stored, since rows tell.
void Workspace::guest_spoken(const GuestRecord& record) {
  ledger_.staged().after.push_back([this, record](Now now) {
    if (is_of_session(record.word)) {
      if (rooms_.guests().ended(record.document)) end_session(record.document);
      return;
    }
    const DeviceId& self = context_.identity.id();
    if (record.device != self) return;
    if (const Document* document = documents_.find(record.document)) {
      for (Client* client : document->clients) {
        if (client->visitor.guest == record.guest) judge_client(now, *client);
      }
    }
    if (standing_of(record.document, self, record.guest)) return;
    for (const auto& [watcher, guest] : watchers_.of(record.document)) {
      if (guest != record.guest) continue;
      closings_.emplace_back(
          watcher, Closing{kCloseForbidden, "a host sent this guest out of the document"});
    }
  });
}

/// Everybody's browser is sent away, members' too: they may come back at once.
void Workspace::end_session(const DocumentId& document) {
  const Closing closing{kCloseEnded, "a host ended the session of this document"};
  if (const Document* ended = documents_.find(document)) {
    for (const Client* client : ended->clients) closings_.emplace_back(client->handle, closing);
  }
  for (const auto& [watcher, guest] : watchers_.of(document)) {
    closings_.emplace_back(watcher, closing);
  }
}

}  // namespace coterie::node
