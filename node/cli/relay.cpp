// coterie relay: a node that keeps and forwards what it cannot read.

#include <signal.h>

#include <chrono>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

/// While it is being let in.
constexpr std::chrono::milliseconds kStopLook{100};

struct RelayArguments {
  std::string invite;
  std::string name;
  Node::Options options;
};

/// The answer to `call`; nothing when the process was told to stop meanwhile (the signals are
/// blocked, and stay pending).
std::optional<CallResult> call_unless_stopped(Node& node, Call call) {
  const auto answer = std::make_shared<std::promise<CallResult>>();
  node.call(std::move(call), [answer](CallResult result) { answer->set_value(std::move(result)); });
  auto waiting = answer->get_future();
  while (waiting.wait_for(kStopLook) != std::future_status::ready) {
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    for (const int one : kStopSignals) {
      if (sigismember(&pending, one) == 1) return std::nullopt;
    }
  }
  return waiting.get();
}

/// Whether the device is in, or will be once a host approves; or it was before.
bool join(Context& context, Node& node, const std::string& invite) {
  const auto answer = call_unless_stopped(node, {"join", {{"invite", invite}}});
  if (!answer) return false;
  const CallResult& joined = *answer;
  if (joined.error) {
    // Started again with the same command.
    if (joined.error->code == ErrorCode::kConflict) return true;
    context.fail(*joined.error);
    return false;
  }
  if (json::parse(joined.json, nullptr, false).value("waiting", false)) {
    std::cerr << "A host has to approve this relay: `coterie members approve` there.\n";
  }
  return true;
}

/// A relay should hold no key, and have something to keep. One of which that is not so says so: the
/// operator may have meant otherwise.
void warn_of_mistakes(Node& node) {
  const CallResult status = node.call_and_wait({"status", {}}, kPatience);
  if (status.error) return;
  const json answer = json::parse(status.json, nullptr, false);
  if (answer.at("workspaces").empty() && answer.at("waiting").empty()) {
    std::cerr << "This relay is in no workspace: `coterie relay INVITE` with an invite that a host "
                 "made by `coterie invite WORKSPACE --role relay`.\n";
  }
  for (const json& one : answer.at("workspaces")) {
    if (one.value("role", "") == "relay") continue;
    std::cerr
        << "In the workspace \"" << printable(one.value("name", "")) << "\" this device is "
        << one.value("role", "")
        << ", not relay: it holds the key and reads all, and no quota applies. `coterie role` "
           "changes that.\n";
  }
}

void relay(Context& context, RelayArguments arguments) {
  if (const auto there = inspect_device(context.dir);
      !there && there.error().code == ErrorCode::kNotFound) {
    const auto made =
        create_device(context.dir, arguments.name, crypto::system_random(), crypto::SecretText());
    if (!made) return context.fail(made.error());
  }
  serve(context, std::move(arguments.options), [&](Node& node) {
    if (!arguments.invite.empty() && !join(context, node, arguments.invite)) return false;
    warn_of_mistakes(node);
    return true;
  });
}

}  // namespace

void add_relay(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<RelayArguments>();
  arguments->name = host_name();
  CLI::App* command = app.add_subcommand(
      "relay", "Run a node that keeps and forwards what it cannot read, until Ctrl-C");
  command->add_option("INVITE", arguments->invite,
                      "Of `coterie invite --role relay`; the device is made if there is none");
  command->add_option("--name", arguments->name, "What members call it, if the device is made")
      ->capture_default_str();
  add_listening(*command, arguments->options);
  command
      ->add_option("--quota", arguments->options.relay_quota,
                   "What it keeps of each workspace at most: 500M, 20G ... (10G, or as last time)")
      ->transform(CLI::AsSizeValue(false));
  command->final_callback([&context, arguments] { relay(context, *arguments); });
}

}  // namespace coterie::node::cli
