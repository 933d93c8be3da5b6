// coterie invite, coterie join: how a device enters a workspace.

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPollPeers{50};

/// "90s", "30m", "12h", "7d" in seconds; throws what the command line reports.
std::string parse_duration(const std::string& text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const std::string unit = text.substr(digits);
  const std::uint64_t factor = unit == "s"   ? 1
                               : unit == "m" ? 60
                               : unit == "h" ? 3600
                               : unit == "d" ? 86'400
                                             : 0;
  if (digits == 0 || digits > 6 || factor == 0) {
    throw CLI::ValidationError("--expires", "\"" + text + "\" is none of 90s, 30m, 12h, 7d");
  }
  return std::to_string(std::stoull(text.substr(0, digits)) * factor);
}

struct InviteArguments {
  std::string workspace;
  std::string role = "editor";
  std::uint32_t uses = 1;
  std::string expires = "7d";
};

void invite(Context& context, const InviteArguments& arguments) {
  const auto answer =
      Session(context).ask({"invite",
                            {{"workspace", arguments.workspace},
                             {"role", arguments.role},
                             {"uses", std::to_string(arguments.uses)},
                             {"expires_seconds", parse_duration(arguments.expires)}}});
  if (!answer || context.print_json(*answer)) return;
  std::cout << answer->value("invite", "") << '\n';
}

/// Whether a linked member holds the same entries as this node.
bool is_in_step(const json& peers) {
  for (const json& peer : peers.at("peers")) {
    if (peer.at("linked") == true && peer.at("in_step") == true) return true;
  }
  return false;
}

void join(Context& context, const std::string& invite, unsigned wait_seconds) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(wait_seconds);
  Session session(context);
  auto answer = session.ask({"join", {{"invite", invite}}}, std::chrono::seconds(wait_seconds));
  if (!answer) return;
  const std::string workspace = answer->value("id", "");
  bool synced = false;
  while (!synced) {
    const auto peers = session.ask({"peers", {{"workspace", workspace}}});
    if (!peers) return;
    synced = is_in_step(*peers);
    if (steady_clock::now() >= deadline) break;
    if (!synced) std::this_thread::sleep_for(kPollPeers);
  }
  (*answer)["synced"] = synced;
  if (context.print_json(*answer)) return;
  std::cout << "Joined the workspace \"" << printable(answer->value("name", "")) << "\" ("
            << workspace.substr(0, 8) << ").\n";
  if (!synced) {
    std::cout << "Not everything has arrived yet: the rest comes while `coterie run` runs.\n";
  }
}

}  // namespace

void add_invite(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<InviteArguments>();
  CLI::App* command = app.add_subcommand("invite", "Print what another device joins with");
  command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
  command->add_option("--role", arguments->role, "What the newcomer may do")
      ->check(CLI::IsMember({"host", "editor", "viewer"}))
      ->capture_default_str();
  command->add_option("--uses", arguments->uses, "How many devices may join with it")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--expires", arguments->expires, "How long it is valid: 90s, 30m, 12h, 7d")
      ->capture_default_str();
  command->final_callback([&context, arguments] { invite(context, *arguments); });
}

void add_join(CLI::App& app, Context& context) {
  const auto invite = std::make_shared<std::string>();
  const auto wait = std::make_shared<unsigned>(60);
  CLI::App* command = app.add_subcommand("join", "Enter a workspace with an invite");
  command->add_option("INVITE", *invite, "\"coterie1...\", as `coterie invite` printed it")
      ->required();
  command->add_option("--wait", *wait, "Seconds to wait for a member and for what it has")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command->final_callback([&context, invite, wait] { join(context, *invite, *wait); });
}

}  // namespace coterie::node::cli
