#include "node/daemon/people_calls.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "node/core/invite.hpp"
#include "node/daemon/call_json.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr std::uint64_t kWeekSeconds = 7 * 24 * 3600;
constexpr std::uint64_t kYearSeconds = 366 * 24 * 3600;
constexpr std::uint64_t kUsesMax = 10'000;
constexpr std::size_t kPrefixDigitsMin = 4;
constexpr std::size_t kCandidatesShown = 8;

template <typename T>
using Outcome = std::variant<T, CallError>;

CallError explain(const Error& error) { return {error.code, error.what}; }

/// What went wrong, or null.
template <typename T>
const CallError* failure(const Outcome<T>& outcome) {
  return std::get_if<CallError>(&outcome);
}

/// Big-endian.
Bytes number_bytes(std::uint64_t number) {
  Bytes out;
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  return out;
}

bool flag_of(const Call& call, const char* name) { return text_of(call, name) == "true"; }

/// A whole number up to `max`.
Outcome<std::uint64_t> number_of(const Call& call, const char* name, std::uint64_t otherwise,
                                 std::uint64_t max) {
  const auto found = call.arguments.find(name);
  if (found == call.arguments.end()) return otherwise;
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value > max) {
    return CallError{ErrorCode::kMalformed, std::string(name) + " is not in its range"};
  }
  return value;
}

Outcome<Role> role_of(const std::string& name) {
  for (const Role role :
       {Role::kHost, Role::kEditor, Role::kCommenter, Role::kViewer, Role::kRelay}) {
    if (name == role_name(role)) return role;
  }
  return CallError{ErrorCode::kMalformed, "a role is host, editor, commenter, viewer or relay"};
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

bool begins(const DeviceId& id, std::string_view prefix) {
  if (prefix.size() < kPrefixDigitsMin || prefix.size() > 2 * DeviceId::kBytes) return false;
  if (!is_hex(prefix)) return false;
  const std::string hex = id.hex();
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const char c =
        prefix[i] >= 'A' && prefix[i] <= 'F' ? static_cast<char>(prefix[i] - 'A' + 'a') : prefix[i];
    if (hex[i] != c) return false;
  }
  return true;
}

struct Named {
  DeviceId id;
  std::string name;
  DeviceId person;
};

std::string show(const Named& one) { return one.name + " (" + one.id.short_hex() + ")"; }

CallError nobody(const char* what, const std::string& who) {
  return {ErrorCode::kNotFound,
          std::string("no ") + what + " is called \"" + who +
              "\", and no id begins so: `coterie members WORKSPACE` shows them all"};
}

CallError several(const std::string& who, const std::vector<Named>& found) {
  std::string list;
  for (std::size_t i = 0; i < found.size() && i < kCandidatesShown; ++i) {
    list += (i > 0 ? ", " : "") + show(found[i]);
  }
  if (found.size() > kCandidatesShown) list += ", ...";
  return {ErrorCode::kConflict,
          "\"" + who + "\" may be any of: " + list + ". Say which by the id in brackets"};
}

/// The one that `who` names, by name or by the beginning of its id. With `persons`, several devices
/// of one person are one.
Outcome<DeviceId> choose(const char* what, const std::string& who, const std::vector<Named>& all,
                         bool persons) {
  std::vector<Named> found;
  for (const Named& one : all) {
    if (one.name == who || begins(one.id, who)) found.push_back(one);
  }
  if (found.empty()) return nobody(what, who);
  std::set<DeviceId> different;
  for (const Named& one : found) different.insert(persons ? one.person : one.id);
  if (different.size() > 1) return several(who, found);
  return found.front().id;
}

std::vector<Named> members_named(const std::vector<MemberInfo>& members) {
  std::vector<Named> all;
  for (const MemberInfo& one : members) all.push_back({one.device, one.name, one.person});
  return all;
}

std::vector<Named> known_named(const std::vector<KnownDevice>& known) {
  std::vector<Named> all;
  for (const KnownDevice& one : known) all.push_back({one.device, one.name, one.device});
  return all;
}

/// What a call about a workspace works with.
struct Question {
  const Engine& engine;
  Now now;
  const Call& call;
  WorkspaceId workspace;

  Outcome<DeviceId> member(bool persons) const {
    const auto members = engine.members(workspace);
    if (!members) return explain(members.error());
    return choose("member", text_of(call, "who"), members_named(*members), persons);
  }
  /// Also one that is no member any more.
  Outcome<DeviceId> known(const char* argument) const {
    const auto known = engine.known_devices(workspace);
    if (!known) return explain(known.error());
    return choose("device", text_of(call, argument), known_named(*known), false);
  }
  Outcome<DeviceId> asking() const {
    const auto requests = engine.requests(workspace);
    if (!requests) return explain(requests.error());
    std::vector<Named> all;
    for (const RequestInfo& one : *requests) all.push_back({one.device, one.name, one.device});
    return choose("device that asks", text_of(call, "who"), all, false);
  }
  Outcome<DeviceId> invite() const {
    const std::string text = text_of(call, "invite");
    if (const auto secret = parse_invite(text)) return invite_key(*secret).id();
    const auto invites = engine.invites(workspace);
    if (!invites) return explain(invites.error());
    std::vector<Named> all;
    for (const InviteInfo& one : *invites) all.push_back({one.id, "", one.id});
    std::vector<Named> found;
    for (const Named& one : all) {
      if (begins(one.id, text)) found.push_back({one.id, "invite", one.id});
    }
    if (found.empty()) {
      return CallError{ErrorCode::kNotFound, "no invite's id begins with \"" + text +
                                                 "\": `coterie invite list` shows them all"};
    }
    if (found.size() > 1) return several(text, found);
    return found.front().id;
  }

  std::map<DeviceId, std::string> names() const {
    std::map<DeviceId, std::string> names;
    if (const auto known = engine.known_devices(workspace)) {
      for (const KnownDevice& one : *known) names.emplace(one.device, one.name);
    }
    return names;
  }
};

Outcome<Command> create_invite(const Question& question) {
  const Call& call = question.call;
  const auto members = question.engine.members(question.workspace);
  if (!members) return explain(members.error());
  const bool reachable = std::any_of(members->begin(), members->end(),
                                     [](const auto& one) { return !one.addresses.empty(); });
  if (!reachable) {
    return CallError{ErrorCode::kUnavailable,
                     "nobody could use the invite, because no member can be dialled yet: start "
                     "this node with `coterie run --listen tcp://ADDRESS:PORT` first"};
  }
  CreateInvite command;
  command.workspace = question.workspace;
  command.own_device = flag_of(call, "own_device");
  command.approval = flag_of(call, "approval");
  command.from_now = flag_of(call, "from_now");
  if (call.arguments.count("document") > 0) command.document = text_of(call, "document");
  std::string role_text = text_of(call, "role");
  if (role_text.empty()) {
    role_text = "editor";
    // One's own devices are equals.
    for (const MemberInfo& one : *members) {
      if (command.own_device && one.self) role_text = role_name(one.role);
    }
  }
  const auto role = role_of(role_text);
  if (const auto* why = failure(role)) return *why;
  const auto uses = number_of(call, "uses", 1, kUsesMax);
  if (const auto* why = failure(uses)) return *why;
  const auto seconds =
      number_of(call, "expires_seconds", command.own_device ? 3600 : kWeekSeconds, kYearSeconds);
  if (const auto* why = failure(seconds)) return *why;
  command.role = std::get<Role>(role);
  command.uses = static_cast<std::uint32_t>(std::get<std::uint64_t>(uses));
  command.valid_for = std::chrono::seconds(std::get<std::uint64_t>(seconds));
  return Command{command};
}

using Maker = Outcome<Command> (*)(const Question&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> all{
      {"invite.create", create_invite},
      {"invite.revoke",
       [](const Question& question) -> Outcome<Command> {
         const auto invite = question.invite();
         if (const auto* why = failure(invite)) return *why;
         return Command{RevokeInvite{question.workspace, std::get<DeviceId>(invite)}};
       }},
      {"members.approve",
       [](const Question& question) -> Outcome<Command> {
         const auto device = question.asking();
         if (const auto* why = failure(device)) return *why;
         return Command{ApproveRequest{question.workspace, std::get<DeviceId>(device)}};
       }},
      {"members.deny",
       [](const Question& question) -> Outcome<Command> {
         const auto device = question.asking();
         if (const auto* why = failure(device)) return *why;
         return Command{DenyRequest{question.workspace, std::get<DeviceId>(device)}};
       }},
      {"role",
       [](const Question& question) -> Outcome<Command> {
         const bool person = !flag_of(question.call, "device_only");
         const auto device = question.member(person);
         if (const auto* why = failure(device)) return *why;
         const auto role = role_of(text_of(question.call, "role"));
         if (const auto* why = failure(role)) return *why;
         return Command{
             SetRole{question.workspace, std::get<DeviceId>(device), std::get<Role>(role), person}};
       }},
      {"doc.role",
       [](const Question& question) -> Outcome<Command> {
         const auto device = question.member(true);
         if (const auto* why = failure(device)) return *why;
         const auto role = role_of(text_of(question.call, "role"));
         if (const auto* why = failure(role)) return *why;
         SetDocumentRole command{question.workspace, std::get<DeviceId>(device), std::nullopt,
                                 std::get<Role>(role)};
         if (question.call.arguments.count("path") > 0) {
           command.path = text_of(question.call, "path");
         }
         return Command{std::move(command)};
       }},
      {"doc.guest",
       [](const Question& question) -> Outcome<Command> {
         const auto device = question.member(false);
         if (const auto* why = failure(device)) return *why;
         const std::string standing = text_of(question.call, "standing");
         for (const GuestWord word :
              {GuestWord::kEditor, GuestWord::kCommenter, GuestWord::kViewer, GuestWord::kOut}) {
           if (standing != guest_word_name(word)) continue;
           return Command{SetGuestStanding{question.workspace, text_of(question.call, "path"),
                                           std::get<DeviceId>(device),
                                           text_of(question.call, "guest"), word}};
         }
         return CallError{ErrorCode::kMalformed, "a guest is editor, commenter, viewer or out"};
       }},
      {"doc.end_session",
       [](const Question& question) -> Outcome<Command> {
         return Command{SetSession{question.workspace, text_of(question.call, "path"), false}};
       }},
      {"doc.open_session",
       [](const Question& question) -> Outcome<Command> {
         return Command{SetSession{question.workspace, text_of(question.call, "path"), true}};
       }},
      {"remove",
       [](const Question& question) -> Outcome<Command> {
         const bool person = !flag_of(question.call, "device_only");
         const auto device = question.member(person);
         if (const auto* why = failure(device)) return *why;
         return Command{RemoveMember{question.workspace, std::get<DeviceId>(device), person}};
       }},
      {"leave",
       [](const Question& question) -> Outcome<Command> {
         return Command{RemoveMember{question.workspace, question.engine.self(), false}};
       }},
      {"rotate",
       [](const Question& question) -> Outcome<Command> {
         return Command{RotateKeys{question.workspace}};
       }},
      {"readmit",
       [](const Question& question) -> Outcome<Command> {
         const auto device = question.known("who");
         if (const auto* why = failure(device)) return *why;
         return Command{Readmit{question.workspace, std::get<DeviceId>(device)}};
       }},
      {"revert",
       [](const Question& question) -> Outcome<Command> {
         const auto device = question.known("who");
         if (const auto* why = failure(device)) return *why;
         const auto since = number_of(question.call, "since", 0, ~std::uint64_t{0});
         if (const auto* why = failure(since)) return *why;
         return Command{
             Revert{question.workspace, std::get<DeviceId>(device), std::get<std::uint64_t>(since),
                    !flag_of(question.call, "device_only"), !flag_of(question.call, "yes")}};
       }},
  };
  return all;
}

// Answers.

json set_aside_json(const Question& question) {
  json list = json::array();
  const auto held = question.engine.set_aside(question.workspace);
  if (!held) return list;
  const auto names = question.names();
  for (const SetAsideInfo& one : *held) {
    const auto name = names.find(one.device);
    list.push_back({{"device", one.device.hex()},
                    {"name", name == names.end() ? "" : name->second},
                    {"entries", one.entries},
                    {"documents", one.documents},
                    {"paths", one.paths},
                    {"first", one.first},
                    {"last", one.last}});
  }
  return list;
}

json forks_json(const Question& question) {
  json list = json::array();
  const auto forks = question.engine.forks(question.workspace);
  if (!forks) return list;
  const auto names = question.names();
  for (const ForkInfo& one : *forks) {
    const auto name = names.find(one.device);
    list.push_back({{"device", one.device.hex()},
                    {"name", name == names.end() ? "" : name->second},
                    {"incarnation", to_hex(number_bytes(one.incarnation))},
                    {"seq", one.seq},
                    {"branches", one.branches}});
  }
  return list;
}

json members_json(const Question& question, const std::vector<MemberInfo>& members) {
  json devices = json::array();
  std::map<DeviceId, json> persons;
  for (const MemberInfo& one : members) {
    devices.push_back({{"device", one.device.hex()},
                       {"name", one.name},
                       {"role", role_name(one.role)},
                       {"self", one.self},
                       {"person", one.person.hex()},
                       {"addresses", one.addresses}});
    json& person = persons[one.person];
    if (person.is_null()) {
      person = {{"person", one.person.hex()}, {"name", one.name}, {"devices", json::array()}};
    }
    json& theirs = person["devices"];
    // The first device of a person, after which the person is called, comes first.
    const bool first = one.device == one.person;
    if (first) person["name"] = one.name;
    theirs.insert(first ? theirs.begin() : theirs.end(), one.device.hex());
  }
  json people = json::array();
  for (auto& [id, person] : persons) people.push_back(std::move(person));
  json asking = json::array();
  if (const auto requests = question.engine.requests(question.workspace)) {
    for (const RequestInfo& one : *requests) {
      asking.push_back({{"device", one.device.hex()},
                        {"name", one.name},
                        {"role", role_name(one.role)},
                        {"invite", one.invite.hex()},
                        {"asked", one.author.hex()},
                        {"time", one.time}});
    }
  }
  return {{"members", std::move(devices)},
          {"persons", std::move(people)},
          {"requests", std::move(asking)},
          {"set_aside", set_aside_json(question)},
          {"forks", forks_json(question)}};
}

json roles_json(const DocumentRoles& roles) {
  json members = json::array();
  for (const DocumentRoles::Member& one : roles.members) {
    members.push_back({{"device", one.device.hex()},
                       {"name", one.name},
                       {"person", one.person.hex()},
                       {"role", role_name(one.role)},
                       {"here", role_name(one.here)}});
  }
  json guests = json::array();
  for (const GuestInfo& one : roles.guests) {
    guests.push_back({{"device", one.device.hex()},
                      {"guest", one.guest},
                      {"standing", guest_word_name(one.word)}});
  }
  return {{"document", roles.document.hex()},
          {"session", roles.ended ? "ended" : "open"},
          {"members", std::move(members)},
          {"guests", std::move(guests)}};
}

const char* state_of(const InviteInfo& invite, WallMillis now) {
  if (invite.revoked) return "revoked";
  if (invite.uses_left() == 0) return "used up";
  return now >= invite.expires ? "expired" : "open";
}

json invites_json(const Question& question, const std::vector<InviteInfo>& invites) {
  const auto names = question.names();
  const auto named = [&](const DeviceId& device) {
    const auto found = names.find(device);
    return json{{"device", device.hex()}, {"name", found == names.end() ? "" : found->second}};
  };
  json list = json::array();
  for (const InviteInfo& one : invites) {
    json used = json::array();
    for (const DeviceId& device : one.used_by) used.push_back(named(device));
    list.push_back({{"id", one.id.hex()},
                    {"author", named(one.author)},
                    {"role", role_name(one.role)},
                    {"expires", one.expires},
                    {"uses", one.uses},
                    {"uses_left", one.uses_left()},
                    {"used_by", std::move(used)},
                    {"approval", one.approval},
                    {"from_now", one.from_now},
                    {"own_device", one.own_device},
                    {"state", state_of(one, question.now.wall)}});
    if (one.document) {
      list.back()["document"] = one.document->hex();
      list.back()["path"] = one.path;
    }
  }
  return {{"invites", std::move(list)}};
}

const char* kind_name(AuditItem::Kind kind) {
  switch (kind) {
    case AuditItem::Kind::kOperation:
      return "operation";
    case AuditItem::Kind::kDocument:
      return "document";
    case AuditItem::Kind::kEdits:
      return "edits";
    case AuditItem::Kind::kReverted:
      return "reverted";
    case AuditItem::Kind::kVersion:
      return "version";
    case AuditItem::Kind::kReport:
      return "report";
    case AuditItem::Kind::kGuest:
      return "guest";
    case AuditItem::Kind::kFork:
      return "fork";
    case AuditItem::Kind::kSealed:
      return "sealed";
    case AuditItem::Kind::kOther:
      break;
  }
  return "other";
}

json audit_item_json(const AuditItem& item) {
  json out = {{"kind", kind_name(item.kind)},
              {"device", item.device.hex()},
              {"time", item.time},
              {"last", item.last},
              {"entries", item.entries},
              {"bytes", item.bytes},
              {"set_aside", item.set_aside},
              {"incarnation", to_hex(number_bytes(item.log.incarnation))},
              {"seq", item.seq}};
  if (!item.document.is_zero()) {
    out["document"] = item.document.hex();
    out["path"] = item.path;
  }
  if (item.kind == AuditItem::Kind::kFork) out["branches"] = item.branches;
  if (item.kind == AuditItem::Kind::kGuest) out["operation"] = item.operation;
  if (item.kind == AuditItem::Kind::kOperation) {
    out["hash"] = item.hash.hex();
    out["operation"] = item.operation;
    out["counts"] = item.counts;
    if (!item.reason.empty()) out["reason"] = item.reason;
    if (item.invite) out["invite"] = item.invite->hex();
    if (item.role) out["role"] = role_name(*item.role);
  }
  if (item.subject) out["subject"] = item.subject->hex();
  if (!item.name.empty()) out["name"] = item.name;
  return out;
}

// The cursor, as text: device, incarnation, seq and hash in hexadecimal.

std::string cursor_text(const AuditQuery::Cursor& cursor) {
  return cursor.log.device.hex() + to_hex(number_bytes(cursor.log.incarnation)) +
         to_hex(number_bytes(cursor.after.seq)) + cursor.after.hash.hex();
}

std::optional<AuditQuery::Cursor> parse_cursor(const std::string& text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != 2 * DeviceId::kBytes + 16) return std::nullopt;
  const ByteView view(*bytes);
  const auto number = [&](std::size_t at) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : view.subspan(at, 8)) value = (value << 8) | byte;
    return value;
  };
  AuditQuery::Cursor cursor;
  cursor.log = {*DeviceId::from(view.first(DeviceId::kBytes)), number(DeviceId::kBytes)};
  cursor.after = {number(DeviceId::kBytes + 8), *Hash::from(view.last(Hash::kBytes))};
  return cursor;
}

Outcome<std::string> audit_answer(const Question& question) {
  AuditQuery query;
  const auto since = number_of(question.call, "since", 0, ~std::uint64_t{0});
  if (const auto* why = failure(since)) return *why;
  query.since = std::get<std::uint64_t>(since);
  if (question.call.arguments.count("device") > 0) {
    const auto device = question.known("device");
    if (const auto* why = failure(device)) return *why;
    query.device = std::get<DeviceId>(device);
  }
  if (const std::string text = text_of(question.call, "cursor"); !text.empty()) {
    query.cursor = parse_cursor(text);
    if (!query.cursor) return CallError{ErrorCode::kMalformed, "this is no cursor"};
  }
  const auto page = question.engine.audit(question.workspace, query);
  if (!page) return explain(page.error());
  json items = json::array();
  for (const AuditItem& item : page->items) items.push_back(audit_item_json(item));
  json names = json::object();
  for (const auto& [device, name] : question.names()) names[device.hex()] = name;
  json answer = {{"items", std::move(items)}, {"names", std::move(names)}, {"next", nullptr}};
  if (page->next) answer["next"] = cursor_text(*page->next);
  return dump_json(answer);
}

}  // namespace

bool is_people_command(const std::string& operation) { return makers().count(operation) > 0; }

bool is_people_question(const std::string& operation) {
  return operation == "members" || operation == "invite.list" || operation == "audit" ||
         operation == "doc.roles";
}

std::variant<Command, CallError> people_command(const Engine& engine, Now now, const Call& call) {
  const auto workspace = engine.find_workspace(text_of(call, "workspace"));
  if (!workspace) return explain(workspace.error());
  return makers().at(call.operation)({engine, now, call, *workspace});
}

std::variant<std::string, CallError> people_answer(const Engine& engine, Now now,
                                                   const Call& call) {
  const auto workspace = engine.find_workspace(text_of(call, "workspace"));
  if (!workspace) return explain(workspace.error());
  const Question question{engine, now, call, *workspace};
  if (call.operation == "audit") return audit_answer(question);
  if (call.operation == "doc.roles") {
    const auto roles = engine.document_roles(*workspace, text_of(call, "path"));
    if (!roles) return explain(roles.error());
    return dump_json(roles_json(*roles));
  }
  if (call.operation == "invite.list") {
    const auto invites = engine.invites(*workspace);
    if (!invites) return explain(invites.error());
    return dump_json(invites_json(question, *invites));
  }
  const auto members = engine.members(*workspace);
  if (!members) return explain(members.error());
  return dump_json(members_json(question, *members));
}

std::string people_result(const CommandResult& result) {
  if (const auto* invite = std::get_if<InviteCreated>(&result)) {
    return dump_json({{"invite", invite->invite}, {"id", invite->id.hex()}});
  }
  if (const auto* reverted = std::get_if<Reverted>(&result)) {
    json documents = json::array();
    for (const RevertedDocument& one : reverted->documents) {
      documents.push_back({{"document", one.id.hex()},
                           {"path", one.path},
                           {"removed", one.removed},
                           {"restored", one.restored},
                           {"before", one.before},
                           {"after", one.after}});
    }
    return dump_json({{"documents", std::move(documents)}, {"preview", reverted->preview}});
  }
  return R"({"done":true})";
}

}  // namespace coterie::node
