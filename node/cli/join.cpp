// coterie join: how a device enters a workspace.

#include <algorithm>
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
/// Between two questions how an approval stands.
constexpr milliseconds kPollApproval{2000};

/// Whether a linked member holds the same entries as this node.
bool is_in_step(const json& peers) {
  for (const json& peer : peers.at("peers")) {
    if (peer.at("linked") == true && peer.at("in_step") == true) return true;
  }
  return false;
}

void say_waiting(const std::string& workspace) {
  std::cerr << "A host of the workspace " << workspace.substr(0, 8)
            << " has to approve this device: `coterie members approve` there.\n";
}

/// Asks again until it is settled, or `deadline`.
std::optional<json> ask_to_join(Context& context, Session& session, const std::string& invite,
                                steady_clock::time_point deadline) {
  bool told = false;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    auto answer = session.ask({"join", {{"invite", invite}}}, std::max(left, milliseconds(1000)));
    if (!answer || !answer->value("waiting", false)) return answer;
    if (!context.json && !std::exchange(told, true)) say_waiting(answer->value("id", ""));
    if (steady_clock::now() + kPollApproval >= deadline) return answer;
    std::this_thread::sleep_for(kPollApproval);
  }
}

void join(Context& context, const std::string& invite, unsigned wait_seconds) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(wait_seconds);
  Session session(context);
  auto answer = ask_to_join(context, session, invite, deadline);
  if (!answer) return;
  const std::string workspace = answer->value("id", "");
  const bool waiting = answer->value("waiting", false);
  bool synced = false;
  while (!waiting && !synced) {
    const auto peers = session.ask({"peers", {{"workspace", workspace}}});
    if (!peers) return;
    synced = is_in_step(*peers);
    if (steady_clock::now() >= deadline) break;
    if (!synced) std::this_thread::sleep_for(kPollPeers);
  }
  (*answer)["synced"] = synced;
  if (context.print_json(*answer)) return;
  if (waiting) {
    std::cout << "Not let in yet. `coterie run` goes on asking; or give this command again.\n";
    return;
  }
  std::cout << "Joined the workspace \"" << printable(answer->value("name", "")) << "\" ("
            << workspace.substr(0, 8) << ").\n";
  if (answer->contains("document")) {
    std::cout << "The invite is to the document " << printable(answer->value("document", ""))
              << "; the others you may read.\n";
  }
  if (!synced) {
    std::cout << "Not everything has arrived yet: the rest comes while `coterie run` runs.\n";
  }
}

}  // namespace

void add_join(CLI::App& app, Context& context) {
  const auto invite = std::make_shared<std::string>();
  const auto wait = std::make_shared<unsigned>(60);
  CLI::App* command = app.add_subcommand("join", "Enter a workspace with an invite");
  command->add_option("INVITE", *invite, "\"coterie1...\", as `coterie invite` printed it")
      ->required();
  command
      ->add_option("--wait", *wait,
                   "Seconds to wait for a member, for approval, and for what there is")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command->final_callback([&context, invite, wait] { join(context, *invite, *wait); });
}

}  // namespace coterie::node::cli
