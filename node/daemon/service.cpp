#include "node/daemon/service.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "node/daemon/call_json.hpp"
#include "node/daemon/call_target.hpp"
#include "node/daemon/document_calls.hpp"
#include "node/daemon/history_calls.hpp"
#include "node/daemon/peer_calls.hpp"
#include "node/daemon/people_calls.hpp"
#include "node/daemon/room_calls.hpp"
#include "node/daemon/text_calls.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

json workspaces_json(Now now, const Engine& engine, const DialLog& dials) {
  json list = json::array();
  for (const WorkspaceInfo& one : engine.workspaces()) {
    json relay;
    if (one.relay) {
      relay = {{"quota", one.relay->quota},
               {"used", one.relay->used},
               {"declined", one.relay->declined}};
    }
    const auto peers = peers_json(now, engine, one.id, dials);
    list.push_back({{"id", one.id.hex()},
                    {"name", one.name},
                    {"role", role_name(one.role)},
                    {"members", one.members},
                    {"documents", one.documents},
                    {"entries", one.entries},
                    {"relay", std::move(relay)},
                    {"sync", peers ? sync_json(peers->at("peers")) : json()}});
  }
  return list;
}

/// Errors: kUnavailable (somewhere nothing can be written).
Result<std::string> ready_text(const Engine& engine) {
  for (const WorkspaceInfo& one : engine.workspaces()) {
    COTERIE_TRY(const std::optional<Error> obstacle, engine.disk_obstacle(one.id));
    if (obstacle) return Error{ErrorCode::kUnavailable, obstacle->what};
  }
  return std::string(R"({"status":"ready"})");
}

/// What a client can count on here.
/// Whoever is not the owner is not told of the workspaces.
json capabilities_json(const Engine& engine, bool stranger) {
  json roles = json::array();
  for (const WorkspaceInfo& one : engine.workspaces()) {
    if (stranger) break;
    roles.push_back(
        {{"workspace", one.id.hex()}, {"name", one.name}, {"role", role_name(one.role)}});
  }
  return {{"version", COTERIE_VERSION},
          {"protocols", {{"rest", 1}, {"events", 1}, {"y-websocket", 3}, {"yjs-update", 1}}},
          {"features",
           {"comments", "messages", "presence", "search", "session-state", "suggestions",
            "templates", "text-merge", "versions"}},
          {"limits",
           {{"message_bytes", kMessageBytesMax},
            {"page", kRoomPageMax},
            {"path_bytes", kPathBytesMax},
            {"state_value_bytes", kStateValueBytesMax},
            {"suggestion_bytes", kSuggestionBytesMax},
            {"text_bytes", kMergeTextBytesMax},
            {"update_bytes", kUpdateRequestBytesMax}}},
          {"workspaces", std::move(roles)}};
}

CallResult failed(const Error& error) { return {"", CallError{error.code, error.what}}; }

/// With a tag, if one is wanted and there is none.
CallResult tagged(const Call& call, CallResult result) {
  constexpr std::size_t kDigits = 32;
  if (call.tagged && !result.error && result.tag.empty()) {
    result.tag = crypto::hash(as_bytes(result.json)).hex().substr(0, kDigits);
  }
  return result;
}

bool is_command(const std::string& operation) {
  return operation == "workspace.create" || operation == "join" || operation == "doc.import";
}

std::string result_text(const CommandResult& result, const std::string& path) {
  if (const auto* ready = std::get_if<WorkspaceReady>(&result)) {
    json answer{{"id", ready->workspace.hex()}, {"name", ready->name}, {"waiting", false}};
    if (!ready->document.empty()) answer["document"] = ready->document;
    return dump_json(answer);
  }
  if (const auto* waiting = std::get_if<JoinWaiting>(&result)) {
    return dump_json({{"id", waiting->workspace.hex()}, {"name", ""}, {"waiting", true}});
  }
  if (auto answer = document_result(result, path)) return *std::move(answer);
  if (auto answer = history_result(result)) return *std::move(answer);
  if (auto answer = room_result(result)) return *std::move(answer);
  return people_result(result);
}

json waiting_json(const Engine& engine) {
  json list = json::array();
  for (const WaitingInfo& one : engine.waiting()) {
    list.push_back({{"id", one.workspace.hex()}, {"invite", one.invite.hex()}});
  }
  return list;
}

json disk_json(const storage::CommitQueue::Stats& stats) {
  const auto millis = [](Duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  return {{"commits", stats.transactions},
          {"failed", stats.failed},
          {"waiting", stats.waiting},
          {"rows", stats.rows},
          {"rows_in_one_commit_max", stats.rows_in_one_max},
          {"bytes", stats.bytes},
          {"commit_ms",
           {{"median", millis(stats.commit_median)},
            {"p99", millis(stats.commit_p99)},
            {"max", millis(stats.commit_max)}}},
          {"saved_ms", {{"median", millis(stats.wait_median)}, {"p99", millis(stats.wait_p99)}}}};
}

json mapping_json(const PortMapping::Status& status) {
  const auto text = [](const std::string& one) { return one.empty() ? json() : json(one); };
  return {{"address", text(status.address)},
          {"by", text(status.by)},
          {"gateway", text(status.gateway)},
          {"why", text(status.why)}};
}

}  // namespace

Service::Service(Engine& engine, std::string device_name, DiskStats disk_stats,
                 MappingStatus mapping_status)
    : engine_(engine),
      device_name_(std::move(device_name)),
      disk_stats_(std::move(disk_stats)),
      mapping_status_(std::move(mapping_status)) {}

void Service::handle(Now now, Call call, CallReply reply) {
  if (const Status found = resolve_document(engine_, call); !found) {
    return reply(failed(found.error()));
  }
  const auto say = [&](std::variant<std::string, CallError> said) {
    if (const auto* why = std::get_if<CallError>(&said)) return reply({"", *why});
    reply(tagged(call, {std::get<std::string>(std::move(said)), std::nullopt}));
  };
  const auto carry_out = [&](std::variant<Command, CallError> made) {
    if (const auto* why = std::get_if<CallError>(&made)) return reply({"", *why});
    start(now, call, std::get<Command>(std::move(made)), std::move(reply));
  };
  const std::string& operation = call.operation;
  if (operation == "metrics") return reply(metrics(now));
  if (is_text_question(operation)) return reply(tagged(call, text_answer(engine_, now, call)));
  if (is_text_command(operation)) return carry_out(text_command(engine_, call));
  if (is_people_question(operation)) return say(people_answer(engine_, now, call));
  if (is_people_command(operation)) return carry_out(people_command(engine_, now, call));
  if (is_history_question(operation)) return say(history_answer(engine_, now, call));
  if (is_history_command(operation)) return carry_out(history_command(engine_, call));
  if (is_document_question(operation)) return say(document_answer(engine_, now, call));
  if (is_document_command(operation)) return carry_out(document_command(engine_, call));
  if (is_room_question(operation)) return say(room_answer(engine_, now, call));
  if (is_room_command(operation)) return carry_out(room_command(engine_, now, call));
  if (!is_command(call.operation)) {
    auto result = answer(now, call);
    if (!result) return reply(failed(result.error()));
    return reply(tagged(call, {*std::move(result), std::nullopt}));
  }
  auto made = command(call);
  if (!made) return reply(failed(made.error()));
  start(now, call, *std::move(made), std::move(reply));
}

CallResult Service::metrics(Now now) const {
  const bridge::Stats bridge = bridge_stats_ ? bridge_stats_() : bridge::Stats{};
  CallResult result{metrics_text(now, {engine_, dials_, bridge, disk_stats_(), client_messages_}),
                    std::nullopt};
  result.type = "text/plain; version=0.0.4; charset=utf-8";
  return result;
}

void Service::start(Now now, const Call& call, Command command, CallReply reply) {
  carry_out(now, std::move(command),
            [path = text_of(call, "path"),
             reply = std::move(reply)](const Result<CommandResult>& result) {
              if (!result) return reply(failed(result.error()));
              if (auto written = text_result(*result)) return reply(*std::move(written));
              reply({result_text(*result, path), std::nullopt});
            });
}

void Service::carry_out(Now now, Command command, CommandDone done) {
  const RequestId request = next_request_++;
  pending_.emplace(request, std::move(done));
  engine_.handle_command(now, request, std::move(command));
}

void Service::handle_reply(Engine::Reply reply) {
  const auto found = pending_.find(reply.request);
  if (found == pending_.end()) return;
  const CommandDone done = std::move(found->second);
  pending_.erase(found);
  done(std::move(reply.result));
}

Result<Command> Service::command(const Call& call) {
  if (call.operation == "workspace.create") {
    COTERIE_TRY(std::string name, needed(call, "name"));
    return Command{CreateWorkspace{std::move(name)}};
  }
  if (call.operation == "join") {
    COTERIE_TRY(std::string invite, needed(call, "invite"));
    return Command{JoinWorkspace{std::move(invite)}};
  }
  COTERIE_TRY(const std::string name, needed(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine_.find_workspace(name));
  COTERIE_TRY(std::string path, needed(call, "path"));
  COTERIE_TRY(const std::string hex, needed(call, "update"));
  COTERIE_TRY(Bytes update, from_hex(hex));
  const bool fresh = text_of(call, "fresh") == "true";
  return Command{ImportDocument{workspace, std::move(path), std::move(update), fresh}};
}

Result<std::string> Service::answer(Now now, const Call& call) {
  const std::string& operation = call.operation;
  if (operation == "health") return std::string(R"({"status":"ok"})");
  if (operation == "ready") return ready_text(engine_);
  if (operation == "capabilities")
    return dump_json(capabilities_json(engine_, text_of(call, "stranger") == "true"));
  if (operation == "workspace.list")
    return dump_json({{"workspaces", workspaces_json(now, engine_, dials_)}});
  if (operation == "status") {
    return dump_json({{"device", engine_.self().hex()},
                      {"name", device_name_},
                      {"version", COTERIE_VERSION},
                      {"workspaces", workspaces_json(now, engine_, dials_)},
                      {"waiting", waiting_json(engine_)},
                      {"disk", disk_json(disk_stats_())},
                      {"port_mapping", mapping_json(mapping_status_())}});
  }
  if (operation != "peers" && operation != "mesh" && operation != "doc.text" &&
      operation != "doc.state" && operation != "doc.update") {
    return Error{ErrorCode::kNotFound,
                 "the node does not know this operation; it may be of another version"};
  }
  COTERIE_TRY(const std::string name, needed(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine_.find_workspace(name));
  if (operation == "peers") {
    COTERIE_TRY(const json peers, peers_json(now, engine_, workspace, dials_));
    return dump_json(peers);
  }
  if (operation == "mesh") {
    COTERIE_TRY(const json mesh, mesh_json(now, engine_, workspace));
    return dump_json(mesh);
  }
  COTERIE_TRY(const std::string path, needed(call, "path"));
  if (operation == "doc.state") {
    COTERIE_TRY(const Bytes vector, engine_.document_state_vector(workspace, path));
    return dump_json({{"state_vector", to_hex(vector)}});
  }
  if (operation == "doc.update") {
    COTERIE_TRY(const Bytes update, engine_.document_update(workspace, path));
    if (update.size() > kExportBytesMax) {
      return Error{ErrorCode::kLimitExceeded, "the document is too large to be exported"};
    }
    return dump_json({{"update", to_hex(update)}});
  }
  const std::string root = text_of(call, "root");
  COTERIE_TRY(std::string text, engine_.document_text(workspace, path, root));
  if (text.size() > kTextBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the text is too large to be shown"};
  }
  return dump_json({{"text", std::move(text)}});
}

}  // namespace coterie::node
