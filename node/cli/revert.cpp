// coterie revert: undoes what a device did to documents, by edits of this one.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

/// It may read and write every document that the device ever changed.
constexpr std::chrono::minutes kRevertPatience{10};

struct RevertArguments {
  std::string workspace;
  std::string who;
  std::string since;
  bool device_only = false;
  bool yes = false;
};

void revert(Context& context, const RevertArguments& arguments) {
  const auto since = parse_since(arguments.since);
  if (!since) {
    throw CLI::ValidationError("--since", "\"" + arguments.since +
                                              "\" is none of 90s, 12h, 7d, 2026-11-21, "
                                              "2026-11-21T10:30, 2026-11-21T10:30:15Z");
  }
  Call call{"revert",
            {{"workspace", arguments.workspace},
             {"who", arguments.who},
             {"since", std::to_string(*since)}}};
  if (arguments.device_only) call.arguments["device_only"] = "true";
  if (arguments.yes) call.arguments["yes"] = "true";
  const auto answer = Session(context).ask(call, kRevertPatience);
  if (!answer || context.print_json(*answer)) return;
  const json& documents = answer->at("documents");
  if (documents.empty()) {
    std::cout << "Nothing of that is left to undo.\n";
    return;
  }
  for (const json& one : documents) {
    std::cout << printable(one.value("path", "")) << ": " << one.at("removed").dump()
              << " taken out, " << one.at("restored").dump() << " put back\n"
              << "  - " << one_line(one.value("before", "")) << "\n  + "
              << one_line(one.value("after", "")) << '\n';
  }
  std::cout << (arguments.yes ? "Done, by edits of this device: undoing them is another revert.\n"
                              : "Nothing was changed. `--yes` does it.\n");
}

}  // namespace

void add_revert(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<RevertArguments>();
  CLI::App* command = app.add_subcommand(
      "revert", "Undo what a person changed since some time; shows it first, --yes does it");
  command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
  command->add_option("WHO", arguments->who, "Name, or the beginning of a device's id")->required();
  command
      ->add_option("--since", arguments->since,
                   "12h, 7d, 2026-11-21, 2026-11-21T10:30, ...Z for UTC; by the device's own clock")
      ->required();
  command->add_flag("--device-only", arguments->device_only,
                    "Only this device, not the person's others");
  command->add_flag("--yes", arguments->yes, "Do it");
  command->final_callback([&context, arguments] { revert(context, *arguments); });
}

}  // namespace coterie::node::cli
