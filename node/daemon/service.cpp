#include "node/daemon/service.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr std::uint64_t kWeekSeconds = 7 * 24 * 3600;
constexpr std::uint64_t kYearSeconds = 366 * 24 * 3600;
constexpr std::uint64_t kUsesMax = 10'000;

/// Text of others may hold anything: what is no UTF-8 is replaced.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Errors: kMalformed.
Result<std::string> argument(const Call& call, const char* name) {
  const auto found = call.arguments.find(name);
  if (found == call.arguments.end()) {
    return Error{ErrorCode::kMalformed, "an argument of the call is missing"};
  }
  return found->second;
}

std::string argument_or(const Call& call, const char* name, const char* otherwise) {
  const auto found = call.arguments.find(name);
  return found == call.arguments.end() ? otherwise : found->second;
}

/// A whole number from 1 to `max`. Errors: kMalformed.
Result<std::uint64_t> number_or(const Call& call, const char* name, std::uint64_t otherwise,
                                std::uint64_t max) {
  const auto found = call.arguments.find(name);
  if (found == call.arguments.end()) return otherwise;
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value == 0 ||
      value > max) {
    return Error{ErrorCode::kMalformed, "a number of the call is not in its range"};
  }
  return value;
}

Result<Role> parse_role(std::string_view name) {
  for (const Role role : {Role::kHost, Role::kEditor, Role::kViewer}) {
    if (name == role_name(role)) return role;
  }
  return Error{ErrorCode::kMalformed, "a role is host, editor or viewer"};
}

json workspaces_json(const Engine& engine) {
  json list = json::array();
  for (const WorkspaceInfo& one : engine.workspaces()) {
    list.push_back({{"id", one.id.hex()},
                    {"name", one.name},
                    {"role", role_name(one.role)},
                    {"members", one.members},
                    {"documents", one.documents},
                    {"entries", one.entries}});
  }
  return list;
}

json documents_json(const std::vector<DocumentInfo>& documents) {
  json list = json::array();
  for (const DocumentInfo& one : documents) {
    list.push_back({{"id", one.id.hex()},
                    {"path", one.path},
                    {"created", one.created},
                    {"changed", one.changed},
                    {"clients", one.clients}});
  }
  return {{"documents", std::move(list)}};
}

json members_json(const std::vector<MemberInfo>& members) {
  json list = json::array();
  for (const MemberInfo& one : members) {
    list.push_back({{"device", one.device.hex()},
                    {"name", one.name},
                    {"role", role_name(one.role)},
                    {"self", one.self},
                    {"addresses", one.addresses}});
  }
  return {{"members", std::move(list)}};
}

json peer_json(Now now, const transport::PeerStatus& peer, const std::string& name) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  json heard;
  json round_trip;
  if (peer.last_heard) heard = duration_cast<milliseconds>(now.steady - *peer.last_heard).count();
  if (peer.round_trip) {
    round_trip = std::chrono::duration<double, std::milli>(*peer.round_trip).count();
  }
  return {{"device", peer.device.hex()},
          {"name", name},
          {"linked", peer.linked},
          {"in_step", peer.in_step},
          {"entries_behind", peer.entries_behind},
          {"entries_ahead", peer.entries_ahead},
          {"last_heard_ms_ago", std::move(heard)},
          {"round_trip_ms", std::move(round_trip)},
          {"bytes_in", peer.bytes_in},
          {"bytes_out", peer.bytes_out},
          {"address", peer.address}};
}

json peers_json(Now now, const std::vector<transport::PeerStatus>& peers,
                const std::vector<MemberInfo>& members) {
  std::map<DeviceId, std::string> names;
  for (const MemberInfo& one : members) names.emplace(one.device, one.name);
  json list = json::array();
  for (const auto& one : peers) list.push_back(peer_json(now, one, names[one.device]));
  return {{"peers", std::move(list)}};
}

CallResult failed(const Error& error) { return {"", CallError{error.code, error.what}}; }

bool is_command(const std::string& operation) {
  return operation == "workspace.create" || operation == "invite" || operation == "join" ||
         operation == "doc.create";
}

json result_json(const CommandResult& result, const std::string& path) {
  if (const auto* invite = std::get_if<InviteCreated>(&result)) return {{"invite", invite->invite}};
  if (const auto* ready = std::get_if<WorkspaceReady>(&result)) {
    return {{"id", ready->workspace.hex()}, {"name", ready->name}};
  }
  return {{"id", std::get<DocumentCreated>(result).document.hex()}, {"path", path}};
}

}  // namespace

Service::Service(Engine& engine, std::string device_name)
    : engine_(engine), device_name_(std::move(device_name)) {}

void Service::handle(Now now, const Call& call, CallReply reply) {
  if (!is_command(call.operation)) {
    auto result = answer(now, call);
    return reply(result ? CallResult{*std::move(result), std::nullopt} : failed(result.error()));
  }
  auto made = command(call);
  if (!made) return reply(failed(made.error()));
  const RequestId request = next_request_++;
  pending_.emplace(request, Pending{argument_or(call, "path", ""), std::move(reply)});
  engine_.handle_command(now, request, *std::move(made));
}

void Service::handle_reply(Engine::Reply reply) {
  const auto found = pending_.find(reply.request);
  if (found == pending_.end()) return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (!reply.result) return pending.reply(failed(reply.result.error()));
  pending.reply({dump(result_json(*reply.result, pending.path)), std::nullopt});
}

Result<Command> Service::command(const Call& call) {
  if (call.operation == "workspace.create") {
    COTERIE_TRY(std::string name, argument(call, "name"));
    return Command{CreateWorkspace{std::move(name)}};
  }
  if (call.operation == "join") {
    COTERIE_TRY(std::string invite, argument(call, "invite"));
    return Command{JoinWorkspace{std::move(invite)}};
  }
  COTERIE_TRY(const std::string name, argument(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine_.find_workspace(name));
  if (call.operation == "doc.create") {
    COTERIE_TRY(std::string path, argument(call, "path"));
    return Command{CreateDocument{workspace, std::move(path)}};
  }
  COTERIE_TRY(const auto members, engine_.members(workspace));
  if (std::ranges::all_of(members, [](const auto& one) { return one.addresses.empty(); })) {
    return Error{ErrorCode::kUnavailable,
                 "nobody could use the invite, because no member can be dialled yet: start this "
                 "node with `coterie run --listen tcp://ADDRESS:PORT` first"};
  }
  COTERIE_TRY(const Role role, parse_role(argument_or(call, "role", "editor")));
  COTERIE_TRY(const auto uses, number_or(call, "uses", 1, kUsesMax));
  COTERIE_TRY(const auto seconds, number_or(call, "expires_seconds", kWeekSeconds, kYearSeconds));
  return Command{CreateInvite{.workspace = workspace,
                              .role = role,
                              .valid_for = std::chrono::seconds(seconds),
                              .uses = static_cast<std::uint32_t>(uses)}};
}

Result<std::string> Service::answer(Now now, const Call& call) {
  const std::string& operation = call.operation;
  if (operation == "health") return std::string(R"({"status":"ok"})");
  if (operation == "workspace.list") return dump({{"workspaces", workspaces_json(engine_)}});
  if (operation == "status") {
    return dump({{"device", engine_.self().hex()},
                 {"name", device_name_},
                 {"version", COTERIE_VERSION},
                 {"workspaces", workspaces_json(engine_)}});
  }
  if (operation != "doc.list" && operation != "members" && operation != "peers" &&
      operation != "doc.text" && operation != "doc.state") {
    return Error{ErrorCode::kNotFound,
                 "the node does not know this operation; it may be of another version"};
  }
  COTERIE_TRY(const std::string name, argument(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine_.find_workspace(name));
  if (operation == "doc.list") {
    COTERIE_TRY(const auto documents, engine_.documents(workspace));
    return dump(documents_json(documents));
  }
  if (operation == "members" || operation == "peers") {
    COTERIE_TRY(const auto members, engine_.members(workspace));
    if (operation == "members") return dump(members_json(members));
    COTERIE_TRY(const auto peers, engine_.peers(workspace));
    return dump(peers_json(now, peers, members));
  }
  COTERIE_TRY(const std::string path, argument(call, "path"));
  if (operation == "doc.state") {
    COTERIE_TRY(const Bytes vector, engine_.document_state_vector(workspace, path));
    return dump({{"state_vector", to_hex(vector)}});
  }
  const std::string root = argument_or(call, "root", "");
  COTERIE_TRY(std::string text, engine_.document_text(workspace, path, root));
  if (text.size() > kTextBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the text is too large to be shown"};
  }
  return dump({{"text", std::move(text)}});
}

}  // namespace coterie::node
