// coterie status, coterie version: what this node is.

#include <iomanip>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/daemon/control.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

/// How the writing to disk goes, in a line; empty before anything was written.
std::string disk_line(const json& disk) {
  const auto commits = disk.value("commits", std::uint64_t{0});
  if (commits == 0) return "";
  const json& times = disk.at("commit_ms");
  std::ostringstream line;
  line << std::fixed << std::setprecision(1) << "Disk     " << commits << " commits of "
       << disk.value("rows", 0.0) / static_cast<double>(commits) << " rows (at most "
       << disk.value("rows_in_one_commit_max", std::uint64_t{0}) << "), median "
       << times.value("median", 0.0) << " ms, p99 " << times.value("p99", 0.0) << " ms\n";
  return line.str();
}

/// Whether a port of the router leads here.
std::string mapping_line(const json& mapping) {
  const json& address = mapping.at("address");
  if (!address.is_string()) return "Router   no port: " + mapping.value("why", "") + '\n';
  return "Router   " + address.get<std::string>() + " leads here, by " + mapping.value("by", "") +
         " of " + mapping.value("gateway", "") + '\n';
}

/// In one line, whether the team is in step; empty while there is nobody else.
std::string sync_line(const json& sync) {
  const auto others = sync.value("others", std::size_t{0});
  if (others == 0) return "";
  std::string line =
      "in step with " + sync.at("in_step").dump() + " of " + count_text(others, "member");
  const auto busy = sync.value("linked", std::size_t{0}) - sync.value("in_step", std::size_t{0});
  if (busy > 0) line += "; " + std::to_string(busy) + " exchanging";
  constexpr std::size_t kNamed = 2;
  const json& away = sync.at("not_linked");
  for (std::size_t i = 0; i < away.size() && i < kNamed; ++i) {
    const json& one = away[i];
    const json& ago = one.at("last_heard_ms_ago");
    const std::string path = one.value("path", "");
    line += "; " + one.value("name", "") +
            (path == "via" || path == "relay" ? " reached through others" : " not linked") +
            (ago.is_number() ? ", heard " + ago_text(ago.get<std::uint64_t>())
                             : ", not heard since this node began");
  }
  if (away.size() > kNamed) {
    line += "; " + std::to_string(away.size() - kNamed) + " more not linked";
  }
  const auto holders = sync.value("holders", std::size_t{0});
  return line + "; all that is here is on " + count_text(holders + 1, "device") +
         (away.empty() ? "" : " at least");
}

/// How full a relay is.
void print_relay(const std::string& workspace, const json& relay) {
  const auto quota = relay.value("quota", std::uint64_t{0});
  const auto used = relay.value("used", std::uint64_t{0});
  std::cout << "\nRelay of \"" << printable(workspace) << "\": keeps " << bytes_text(used) << " of "
            << bytes_text(quota) << '\n';
  const auto declined = relay.value("declined", std::uint64_t{0});
  if (declined == 0) return;
  std::cout
      << "It takes no more of " << count_text(declined, "log")
      << ": the quota is used up, for all or for who wrote them. `coterie relay --quota` with "
         "more goes on.\n";
}

void status(Context& context) {
  const bool running = is_node_running(context.dir);
  auto answer = Session(context).ask({"status", {}});
  if (!answer) return;
  (*answer)["running"] = running;
  if (context.print_json(*answer)) return;
  std::cout << "Device   " << printable(answer->value("name", "")) << " ("
            << answer->value("device", "") << ")\nData     " << context.dir.root.string()
            << "\nNode     " << (running ? "running" : "not running") << ", coterie "
            << answer->value("version", "") << '\n'
            << disk_line(answer->at("disk"))
            << (running ? mapping_line(answer->at("port_mapping")) : "") << '\n';
  std::vector<std::vector<std::string>> rows{
      {"WORKSPACE", "ROLE", "MEMBERS", "DOCUMENTS", "ENTRIES"}};
  for (const json& one : answer->at("workspaces")) {
    rows.push_back({one.value("name", ""), one.value("role", ""), one.at("members").dump(),
                    one.at("documents").dump(), one.at("entries").dump()});
  }
  if (rows.size() > 1) {
    print_table(rows);
  } else {
    std::cout << "No workspaces yet.\n";
  }
  for (const json& one : answer->at("workspaces")) {
    const bool known = running && one.at("sync").is_object();  // Of no use without a node.
    const std::string line = known ? sync_line(one.at("sync")) : "";
    if (!line.empty()) {
      std::cout << '\n' << printable(one.value("name", "")) << ": " << printable(line) << '\n';
    }
  }
  for (const json& one : answer->at("workspaces")) {
    if (one.at("relay").is_object()) print_relay(one.value("name", ""), one.at("relay"));
  }
  for (const json& one : answer->at("waiting")) {
    std::cout << "\nWaits for a host of the workspace " << one.value("id", "").substr(0, 8)
              << " to approve this device.\n";
  }
}

void version(const Context& context) {
  if (context.print_json({{"version", COTERIE_VERSION}})) return;
  std::cout << "coterie " << COTERIE_VERSION << '\n';
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  app.add_subcommand("status", "This device, its workspaces, and whether it runs")
      ->final_callback([&context] { status(context); });
}

void add_version(CLI::App& app, Context& context) {
  app.add_subcommand("version", "The version of this program")->final_callback([&context] {
    version(context);
  });
}

}  // namespace coterie::node::cli
