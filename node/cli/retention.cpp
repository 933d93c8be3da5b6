// coterie history show, keep, checkpoint, prune: how long this device keeps what documents were.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

/// All documents may be made anew, from all entries.
constexpr std::chrono::minutes kCheckpointPatience{10};
constexpr std::size_t kIdDigits = 8;
constexpr std::uint64_t kHourSeconds = 3600;

std::string names_of(const json& answer, const json& devices) {
  std::string list;
  for (const json& device : devices) {
    const std::string id = device.get<std::string>();
    const std::string name = answer.at("names").value(id, "");
    list += (list.empty() ? "" : ", ") + (name.empty() ? id.substr(0, kIdDigits) : name);
  }
  return list;
}

std::string state_of(const json& answer, const json& one) {
  if (one.at("floor") == true) return "agreed; what is older is pruned here";
  if (one.at("base") == true) return "agreed";
  if (one.at("stands") == true) return "agreed";
  std::string state;
  if (one.at("same").size() < one.at("same_needed").get<std::size_t>()) {
    state = "a second device has to find the same";
  }
  if (!one.at("missing").empty()) {
    state += (state.empty() ? "" : "; ") + std::string("waits for ") +
             names_of(answer, one.at("missing"));
  }
  return state;
}

std::string hours_text(std::uint64_t hours) {
  if (hours % 24 != 0) return std::to_string(hours) + (hours == 1 ? " hour" : " hours");
  return std::to_string(hours / 24) + (hours == 24 ? " day" : " days");
}

void show(Context& context, const std::string& workspace) {
  const auto answer = Session(context).ask({"history.show", {{"workspace", workspace}}});
  if (!answer || context.print_json(*answer)) return;
  const json& keep = answer->at("keep_hours");
  std::cout << "This device keeps history "
            << (keep.is_null() ? "for ever" : "for " + hours_text(keep.get<std::uint64_t>()))
            << ".\n"
            << answer->at("entries").dump() << " entries were written; of "
            << answer->at("below_floor").dump() << " only what must stay is here"
            << (answer->at("pruning") == true ? " (it is being pruned now)" : "") << ".\n";
  std::vector<std::vector<std::string>> rows{{"CHECKPOINT", "MADE", "BY", "ENTRIES", "STATE"}};
  for (const json& one : answer->at("checkpoints")) {
    rows.push_back({one.value("id", "").substr(0, kIdDigits),
                    time_text(one.at("time").get<std::uint64_t>()),
                    names_of(*answer, json::array({one.at("author")})), one.at("entries").dump(),
                    state_of(*answer, one)});
  }
  if (rows.size() == 1) return;
  std::cout << '\n';
  print_table(rows);
}

void keep(Context& context, const std::string& workspace, const std::string& how_long) {
  Call call{"history.keep", {{"workspace", workspace}}};
  if (how_long != "forever") {
    const auto seconds = parse_seconds(how_long);
    if (!seconds || *seconds < kHourSeconds) {
      throw CLI::ValidationError("HOW_LONG", "forever, or a time of an hour at least, as 90d");
    }
    call.arguments["hours"] = std::to_string(*seconds / kHourSeconds);
  }
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << (how_long == "forever"
                    ? "History is kept for ever. What is pruned already does not come back.\n"
                    : "What is older is pruned on this device, as soon as members agree on a "
                      "checkpoint.\n");
}

void checkpoint(Context& context, const std::string& workspace) {
  const auto answer =
      Session(context).ask({"history.checkpoint", {{"workspace", workspace}}}, kCheckpointPatience);
  if (!answer || context.print_json(*answer)) return;
  std::cout << "Checkpoint " << answer->value("checkpoint", "").substr(0, kIdDigits)
            << " is made; others compare it with what they hold (`coterie history show` says who "
               "has).\n";
}

void prune(Context& context, const std::string& workspace) {
  const auto answer =
      Session(context).ask({"history.prune", {{"workspace", workspace}}}, kCheckpointPatience);
  if (!answer || context.print_json(*answer)) return;
  std::cout << "What is older than checkpoint "
            << answer->value("checkpoint", "").substr(0, kIdDigits)
            << " is being dropped here. `coterie compact`, with the node stopped, gives the room "
               "back to the disk.\n";
}

}  // namespace

void add_history(CLI::App& app, Context& context) {
  CLI::App* history =
      app.add_subcommand("history", "How long this device keeps what documents were");
  history->require_subcommand(1);
  const auto workspace = std::make_shared<std::string>();
  const auto how_long = std::make_shared<std::string>();
  const auto add = [&](const char* name, const char* description) {
    CLI::App* one = history->add_subcommand(name, description);
    one->add_option("WORKSPACE", *workspace, "Name or id")->required();
    return one;
  };
  add("show", "What is kept, and what members agreed on")->final_callback([&context, workspace] {
    show(context, *workspace);
  });
  CLI::App* keep_command = add("keep", "Set how long (for ever, unless this is used)");
  keep_command->add_option("HOW_LONG", *how_long, "forever, or a time, as 90d")->required();
  keep_command->final_callback(
      [&context, workspace, how_long] { keep(context, *workspace, *how_long); });
  add("checkpoint", "Say what all documents are now, for others to agree on")
      ->final_callback([&context, workspace] { checkpoint(context, *workspace); });
  add("prune", "Drop here what is older than the newest agreed checkpoint, now")
      ->final_callback([&context, workspace] { prune(context, *workspace); });
}

}  // namespace coterie::node::cli
