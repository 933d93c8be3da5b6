#include "node/daemon/history_calls.hpp"

#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "node/core/limits.hpp"
#include "node/daemon/call_json.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

/// `name` and `name`_time.
Result<VersionChoice> choice_of(const Call& call, const std::string& name) {
  VersionChoice choice{text_of(call, name), std::nullopt};
  if (text_of(call, name + "_time").empty()) return choice;
  COTERIE_TRY(choice.time, number_of(call, name + "_time", 0));
  return choice;
}

json found_json(const VersionFound& found) {
  json out = {{"id", found.id.hex()}, {"time", found.time}};
  if (!found.name.empty()) out["name"] = found.name;
  return out;
}

json path_json(const TypePath& path) {
  json out = json::array();
  for (const auto& step : path) {
    if (const auto* name = std::get_if<std::string>(&step)) {
      out.push_back(*name);
    } else {
      out.push_back(std::get<std::uint64_t>(step));
    }
  }
  return out;
}

json by_json(const std::optional<Deed>& by) {
  if (!by) return nullptr;
  return {{"device", by->device.hex()},
          {"first", by->first},
          {"last", by->last},
          {"verified", !by->carried}};
}

json version_json(const VersionInfo& version) {
  json out = {{"id", version.id.hex()},
              {"time", version.time},
              {"elements", version.elements},
              {"current", version.current}};
  if (version.kind == VersionInfo::Kind::kNamed) {
    out["kind"] = "named";
    out["name"] = version.name;
    out["by"] = version.author.hex();
    out["named"] = version.named;
    return out;
  }
  out["kind"] = "automatic";
  out["first"] = version.first;
  out["updates"] = version.updates;
  out["bytes"] = version.bytes;
  out["inserted"] = version.inserted;
  out["deleted"] = version.deleted;
  json authors = json::array();
  for (const VersionAuthor& author : version.authors) {
    authors.push_back({{"device", author.device.hex()},
                       {"inserted", author.inserted},
                       {"deleted", author.deleted}});
  }
  out["authors"] = std::move(authors);
  return out;
}

const char* what_name(Change::What what) {
  switch (what) {
    case Change::What::kText:
      return "text";
    case Change::What::kValue:
      return "value";
    case Change::What::kEntry:
      return "entry";
    case Change::What::kFormat:
      break;
  }
  return "format";
}

json change_json(const Change& change) {
  return {{"change", change.kind == Change::Kind::kInserted ? "inserted" : "deleted"},
          {"what", what_name(change.what)},
          {"path", path_json(change.path)},
          {"from", change.from},
          {"to", change.to},
          {"length", change.length},
          {"line", change.line},
          {"content", change.content},
          {"by", by_json(change.by)}};
}

/// What every answer says: who the devices are, and what cannot be read here.
json answered(const Engine& engine, const WorkspaceId& workspace, const HistoryLimits& limits,
              json answer) {
  json names = json::object();
  json persons = json::object();
  names[DeviceId{}.hex()] = "(pruned)";  // Whoever wrote what is older than what is kept.
  if (const auto known = engine.known_devices(workspace)) {
    for (const KnownDevice& one : *known) names[one.device.hex()] = one.name;
  }
  if (const auto members = engine.members(workspace)) {
    for (const MemberInfo& one : *members) persons[one.device.hex()] = one.person.hex();
  }
  answer["names"] = std::move(names);
  answer["persons"] = std::move(persons);
  answer["sealed"] = limits.sealed;
  answer["sealed_until"] = limits.sealed_until;
  return answer;
}

Result<std::string> versions_answer(Engine& engine, Now now, const Call& call,
                                    const WorkspaceId& workspace, const std::string& path) {
  COTERIE_TRY(const std::uint64_t limit, number_of(call, "limit", kVersionsListedMax));
  COTERIE_TRY(const VersionList list, engine.versions(now, workspace, path, limit));
  json versions = json::array();
  for (const VersionInfo& one : list.versions) versions.push_back(version_json(one));
  return dump_json(answered(engine, workspace, list.limits,
                            {{"versions", std::move(versions)}, {"more", list.more}}));
}

Result<std::string> version_answer(Engine& engine, Now now, const Call& call,
                                   const WorkspaceId& workspace, const std::string& path) {
  COTERIE_TRY(const VersionChoice choice, choice_of(call, "at"));
  COTERIE_TRY(const VersionContent content, engine.version(now, workspace, path, choice));
  json answer = {{"version", found_json(content.version)}, {"text", content.text}};
  if (text_of(call, "update") == "true") {
    answer["update"] = to_hex(content.update);
  } else {
    answer["document"] = json::parse(content.json, nullptr, false);
  }
  return dump_json(answered(engine, workspace, content.limits, std::move(answer)));
}

Result<std::string> diff_answer(Engine& engine, Now now, const Call& call,
                                const WorkspaceId& workspace, const std::string& path) {
  COTERIE_TRY(const VersionChoice from, choice_of(call, "from"));
  COTERIE_TRY(const VersionChoice to, choice_of(call, "to"));
  COTERIE_TRY(const VersionDiff diff, engine.diff(now, workspace, path, from, to));
  json changes = json::array();
  for (const Change& one : diff.changes) changes.push_back(change_json(one));
  return dump_json(answered(engine, workspace, diff.limits,
                            {{"from", found_json(diff.from)},
                             {"to", found_json(diff.to)},
                             {"changes", std::move(changes)}}));
}

Result<std::string> blame_answer(Engine& engine, Now now, const Call& call,
                                 const WorkspaceId& workspace, const std::string& path) {
  COTERIE_TRY(const VersionChoice at, choice_of(call, "at"));
  COTERIE_TRY(const Blame blame, engine.blame(now, workspace, path, at));
  json ranges = json::array();
  for (const BlameRange& one : blame.ranges) {
    ranges.push_back({{"path", path_json(one.path)},
                      {"index", one.index},
                      {"length", one.length},
                      {"text", one.text},
                      {"by", by_json(one.by)}});
  }
  return dump_json(
      answered(engine, workspace, blame.limits,
               {{"version", found_json(blame.version)}, {"ranges", std::move(ranges)}}));
}

json devices_json(const std::vector<DeviceId>& devices) {
  json list = json::array();
  for (const DeviceId& device : devices) list.push_back(device.hex());
  return list;
}

/// How long history is kept, and what members agreed on.
Result<std::string> retention_answer(const Engine& engine, const WorkspaceId& workspace) {
  COTERIE_TRY(const RetentionInfo info, engine.retention(workspace));
  json checkpoints = json::array();
  for (const CheckpointInfo& one : info.checkpoints) {
    checkpoints.push_back({{"id", one.id.hex()},
                           {"author", one.author.hex()},
                           {"time", one.time},
                           {"entries", one.entries},
                           {"same", devices_json(one.same)},
                           {"same_needed", one.same_needed},
                           {"hold", devices_json(one.hold)},
                           {"missing", devices_json(one.missing)},
                           {"stands", one.stands},
                           {"base", one.base},
                           {"floor", one.floor}});
  }
  json answer = {{"keep_hours", nullptr},
                 {"pruning", info.pruning},
                 {"entries", info.entries},
                 {"below_floor", info.below_floor},
                 {"checkpoints", std::move(checkpoints)}};
  if (info.keep) answer["keep_hours"] = info.keep->count();
  return dump_json(answered(engine, workspace, {}, std::move(answer)));
}

/// "hours": a number, or nothing for ever.
Result<Command> retention_command(const WorkspaceId& workspace, const Call& call) {
  if (call.operation == "history.checkpoint") return Command{MakeCheckpoint{workspace}};
  if (call.operation == "history.prune") return Command{Prune{workspace}};
  SetRetention command{workspace, std::nullopt};
  if (!text_of(call, "hours").empty()) {
    COTERIE_TRY(const std::uint64_t hours, number_of(call, "hours", 0));
    if (hours > kRetentionHoursMax) {
      return Error{ErrorCode::kLimitExceeded, "history is kept from an hour to a hundred years"};
    }
    command.keep = std::chrono::hours(hours);
  }
  return Command{command};
}

using Answer = Result<std::string> (*)(Engine&, Now, const Call&, const WorkspaceId&,
                                       const std::string&);

const std::map<std::string, Answer>& answers() {
  static const std::map<std::string, Answer> all{{"doc.versions", versions_answer},
                                                 {"doc.version", version_answer},
                                                 {"doc.diff", diff_answer},
                                                 {"doc.blame", blame_answer}};
  return all;
}

Result<Command> make_command(const Engine& engine, const Call& call) {
  COTERIE_TRY(const WorkspaceId workspace, engine.find_workspace(text_of(call, "workspace")));
  if (call.operation.starts_with("history.")) return retention_command(workspace, call);
  COTERIE_TRY(VersionChoice at, choice_of(call, "at"));
  if (call.operation == "doc.name" || call.operation == "doc.unname") {
    std::optional<std::string> name;
    if (call.operation == "doc.name") name = text_of(call, "name");
    return Command{NameVersion{workspace, text_of(call, "path"), std::move(at), std::move(name)}};
  }
  const bool preview = text_of(call, "yes") != "true" || text_of(call, "preview") == "true";
  return Command{RestoreVersion{workspace, text_of(call, "path"), std::move(at), preview}};
}

CallError explain(const Error& error) { return {error.code, error.what}; }

}  // namespace

bool is_history_command(const std::string& operation) {
  return operation == "doc.name" || operation == "doc.unname" || operation == "doc.restore" ||
         operation == "history.keep" || operation == "history.checkpoint" ||
         operation == "history.prune";
}

bool is_history_question(const std::string& operation) {
  return operation == "history.show" || answers().count(operation) > 0;
}

std::variant<Command, CallError> history_command(const Engine& engine, const Call& call) {
  auto made = make_command(engine, call);
  if (!made) return explain(made.error());
  return *std::move(made);
}

std::variant<std::string, CallError> history_answer(Engine& engine, Now now, const Call& call) {
  const auto workspace = engine.find_workspace(text_of(call, "workspace"));
  if (!workspace) return explain(workspace.error());
  if (call.operation == "history.show") {
    auto kept = retention_answer(engine, *workspace);
    if (!kept) return explain(kept.error());
    return *std::move(kept);
  }
  auto said = answers().at(call.operation)(engine, now, call, *workspace, text_of(call, "path"));
  if (!said) return explain(said.error());
  return *std::move(said);
}

std::optional<std::string> history_result(const CommandResult& result) {
  if (const auto* named = std::get_if<VersionNamed>(&result)) {
    return dump_json({{"version", found_json(named->version)}, {"before", named->before}});
  }
  if (const auto* made = std::get_if<CheckpointMade>(&result)) {
    return dump_json({{"checkpoint", made->checkpoint.hex()}});
  }
  if (const auto* pruned = std::get_if<Pruned>(&result)) {
    return dump_json({{"checkpoint", pruned->checkpoint.hex()}});
  }
  const auto* restored = std::get_if<VersionRestored>(&result);
  if (restored == nullptr) return std::nullopt;
  return dump_json({{"version", found_json(restored->version)},
                    {"path", restored->document.path},
                    {"removed", restored->document.removed},
                    {"restored", restored->document.restored},
                    {"before", restored->document.before},
                    {"after", restored->document.after},
                    {"preview", restored->preview}});
}

}  // namespace coterie::node
