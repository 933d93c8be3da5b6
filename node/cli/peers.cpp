// coterie peers: how each member is reached, and how well it is in step.

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

std::string state_text(const json& peer) {
  if (peer.at("quarantine_ms").is_number()) return "in quarantine";
  if (peer.at("throttled") == true) return "says too much";
  if (peer.at("linked") != true) return "not known";
  if (peer.at("in_step") == true) return "in step";
  const auto behind = peer.at("entries_behind").get<std::uint64_t>();
  const auto ahead = peer.at("entries_ahead").get<std::uint64_t>();
  if (behind == 0 && ahead == 0) return "comparing";
  if (ahead == 0) return "we lack " + std::to_string(behind);
  if (behind == 0) return "it lacks " + std::to_string(ahead);
  return "we lack " + std::to_string(behind) + ", it " + std::to_string(ahead);
}

std::string path_text(const json& peer) {
  const std::string path = peer.value("path", "");
  if (path != "via" && path != "relay") return path;
  std::string names;
  for (const json& one : peer.at("via")) {
    names += (names.empty() ? " " : ", ") + one.value("name", "");
  }
  return path + names;
}

std::string heard_text(const json& peer) {
  const json& ago = peer.at("last_heard_ms_ago");
  return ago.is_number() ? ago_text(ago.get<std::uint64_t>()) : "not since the start";
}

/// Where it is linked, or what is done to be.
std::string address_text(const json& peer) {
  const json& dial = peer.at("dial");
  if (!dial.is_object()) {
    return peer.at("linked") == true ? peer.value("address", "") : "none known: it has to dial us";
  }
  std::string text = dial.value("address", "");
  if (dial.at("dialling") == true) {
    text += ": trying";
  } else if (dial.at("next_ms").is_number()) {
    text += ": next try in " + std::to_string((dial.value("next_ms", 0) + 999) / 1000) + " s";
  }
  if (dial.at("error").is_string()) text += " (" + dial.value("error", "") + ")";
  return text;
}

void peers(Context& context, const std::string& workspace) {
  const auto answer = Session(context).ask({"peers", {{"workspace", workspace}}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{
      {"NAME", "ROLE", "DEVICE", "PATH", "STATE", "HEARD", "ROUND TRIP", "IN", "OUT", "ADDRESS"}};
  bool faults = false;
  for (const json& one : answer->at("peers")) {
    const json& trip = one.at("round_trip_ms");
    char trip_text[32] = "-";
    if (trip.is_number()) std::snprintf(trip_text, sizeof trip_text, "%.1f ms", trip.get<double>());
    rows.push_back({one.value("name", ""), one.at("role").is_string() ? one.value("role", "") : "-",
                    one.value("device", "").substr(0, 8), path_text(one), state_text(one),
                    heard_text(one), trip_text, bytes_text(one.value("bytes_in", 0ull)),
                    bytes_text(one.value("bytes_out", 0ull)), address_text(one)});
    faults = faults || one.value("faults", 0ull) > 0;
  }
  if (rows.size() == 1) {
    std::cout << "No other members yet. `coterie invite` prints what another device joins with.\n";
    return;
  }
  print_table(rows);
  for (const json& one : answer->at("peers")) {
    const auto count = one.value("faults", std::uint64_t{0});
    if (count == 0) continue;
    std::cout << (std::exchange(faults, false) ? "\n" : "") << printable(named(one)) << " sent "
              << count_text(count, "message") << " that did not verify.\n";
  }
}

}  // namespace

void add_peers(CLI::App& app, Context& context) {
  const auto workspace = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "peers", "How the other members are reached, and whether they are in step");
  command->add_option("WORKSPACE", *workspace, "Name or id")->required();
  command->final_callback([&context, workspace] { peers(context, *workspace); });
}

}  // namespace coterie::node::cli
