// coterie workspace: the teams this device is in.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

void create(Context& context, const std::string& name) {
  const auto answer = Session(context).ask({"workspace.create", {{"name", name}}});
  if (!answer || context.print_json(*answer)) return;
  std::cout << "Made the workspace \"" << printable(name) << "\" ("
            << answer->value("id", "").substr(0, 8)
            << ").\nNext: `coterie invite create` prints what another device joins with.\n";
}

void list(Context& context) {
  const auto answer = Session(context).ask({"workspace.list", {}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{
      {"NAME", "ROLE", "MEMBERS", "DOCUMENTS", "ENTRIES", "ID"}};
  for (const json& one : answer->at("workspaces")) {
    rows.push_back({one.value("name", ""), one.value("role", ""), one.at("members").dump(),
                    one.at("documents").dump(), one.at("entries").dump(),
                    one.value("id", "").substr(0, 16)});
  }
  if (rows.size() > 1) return print_table(rows);
  std::cout
      << "No workspaces yet. Make one with `coterie workspace create NAME`, or enter one with "
         "`coterie join INVITE`.\n";
}

}  // namespace

void add_workspace(CLI::App& app, Context& context) {
  CLI::App* workspace = app.add_subcommand("workspace", "The workspaces (teams) of this device");
  workspace->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  CLI::App* create_command = workspace->add_subcommand("create", "Make a workspace");
  create_command->add_option("NAME", *name, "Its name")->required();
  create_command->final_callback([&context, name] { create(context, *name); });
  workspace->add_subcommand("list", "Show them")->final_callback([&context] { list(context); });
}

}  // namespace coterie::node::cli
