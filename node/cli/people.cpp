// coterie members, coterie peers: who is in a workspace, and how well they are in step.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

std::string seconds_ago(const json& millis) {
  return millis.is_number() ? std::to_string(millis.get<std::uint64_t>() / 1000) + " s ago"
                            : "never";
}

std::string state_text(const json& peer) {
  if (peer.at("linked") != true) return "away";
  if (peer.at("in_step") == true) return "in step";
  const auto behind = peer.value("entries_behind", std::uint64_t{0});
  const auto ahead = peer.value("entries_ahead", std::uint64_t{0});
  if (behind == 0 && ahead == 0) return "linked";
  return std::to_string(behind) + " to get, " + std::to_string(ahead) + " to give";
}

void members(Context& context, const std::string& workspace) {
  const auto answer = Session(context).ask({"members", {{"workspace", workspace}}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{{"NAME", "ROLE", "DEVICE", "ADDRESSES"}};
  for (const json& one : answer->at("members")) {
    std::string addresses;
    for (const json& address : one.at("addresses")) {
      addresses += (addresses.empty() ? "" : " ") + address.get<std::string>();
    }
    rows.push_back({one.value("name", "") + (one.at("self") == true ? " (this device)" : ""),
                    one.value("role", ""), one.value("device", "").substr(0, 8), addresses});
  }
  print_table(rows);
}

void peers(Context& context, const std::string& workspace) {
  const auto answer = Session(context).ask({"peers", {{"workspace", workspace}}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{
      {"NAME", "DEVICE", "STATE", "HEARD", "ROUND TRIP", "IN", "OUT", "ADDRESS"}};
  for (const json& one : answer->at("peers")) {
    const json& trip = one.at("round_trip_ms");
    char trip_text[32] = "-";
    if (trip.is_number()) std::snprintf(trip_text, sizeof trip_text, "%.1f ms", trip.get<double>());
    rows.push_back({one.value("name", ""), one.value("device", "").substr(0, 8), state_text(one),
                    seconds_ago(one.at("last_heard_ms_ago")), trip_text, one.at("bytes_in").dump(),
                    one.at("bytes_out").dump(), one.value("address", "")});
  }
  if (rows.size() > 1) return print_table(rows);
  std::cout << "No other members yet. `coterie invite` prints what another device joins with.\n";
}

void add(CLI::App& app, Context& context, const char* name, const char* description,
         void (*action)(Context&, const std::string&)) {
  const auto workspace = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("WORKSPACE", *workspace, "Name or id")->required();
  command->final_callback([&context, workspace, action] { action(context, *workspace); });
}

}  // namespace

void add_members(CLI::App& app, Context& context) {
  add(app, context, "members", "Who is in a workspace", members);
}

void add_peers(CLI::App& app, Context& context) {
  add(app, context, "peers", "How well the other members are in step with this node", peers);
}

}  // namespace coterie::node::cli
