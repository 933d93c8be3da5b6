// coterie token: what a browser shows at this node's bridge.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

struct Arguments {
  std::string workspace;
  std::string role = "editor";
  std::string guest;
  std::string name;
  std::vector<std::string> documents;
  std::string expires = "24h";
};

void make_token(Context& context, const Arguments& arguments) {
  const auto seconds = parse_seconds(arguments.expires);
  if (!seconds) {
    throw CLI::ValidationError("--expires",
                               "\"" + arguments.expires + "\" is none of 90s, 30m, 12h, 7d");
  }
  Call call{"token.create",
            {{"workspace", arguments.workspace},
             {"role", arguments.role},
             {"guest", arguments.guest},
             {"name", arguments.name},
             {"seconds", std::to_string(*seconds)}}};
  if (!arguments.documents.empty()) call.arguments["documents"] = json(arguments.documents).dump();
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << answer->value("token", "") << '\n';
}

}  // namespace

void add_token(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("token", "Make what lets somebody use this node's bridge");
  command->add_option("WORKSPACE", arguments->workspace,
                      "Name or id; without: all of this device, and what is the node's (/metrics)");
  command->add_option("--role", arguments->role, "What it allows at most")
      ->check(CLI::IsMember({"host", "editor", "commenter", "viewer"}))
      ->capture_default_str();
  command->add_option("--guest", arguments->guest, "Whose it is; without: this device's owner's");
  command->add_option("--name", arguments->name, "What that guest is called");
  command->add_option("--document", arguments->documents,
                      "Path, id, or folder (notes/); may be given again; without: all");
  command->add_option("--expires", arguments->expires, "How long: 90s, 30m, 12h, 7d")
      ->capture_default_str();
  command->final_callback([&context, arguments] { make_token(context, *arguments); });
}

}  // namespace coterie::node::cli
