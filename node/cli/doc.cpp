// coterie doc: the documents of a workspace.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/cli/history.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

struct DocArguments {
  std::string workspace;
  std::string path;
  std::string root;
};

void list(Context& context, const DocArguments& arguments) {
  const auto answer = Session(context).ask({"doc.list", {{"workspace", arguments.workspace}}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{{"PATH", "CHANGED", "CLIENTS", ""}};
  for (const json& one : answer->at("documents")) {
    rows.push_back({one.value("path", ""), time_text(one.value("changed", std::uint64_t{0})),
                    one.at("clients").dump(), one.value("preview", false) ? "being checked" : ""});
  }
  if (rows.size() > 1) return print_table(rows);
  std::cout << "No documents yet: one is made at its first edit.\n";
}

void create(Context& context, const DocArguments& arguments) {
  const auto answer = Session(context).ask(
      {"doc.create", {{"workspace", arguments.workspace}, {"path", arguments.path}}});
  if (!answer || context.print_json(*answer)) return;
  std::cout << "Made " << printable(arguments.path) << ".\n";
}

/// Prints the member `member` of the answer to `operation`.
void show(Context& context, const DocArguments& arguments, const char* operation,
          const char* member, const char* end) {
  Call call{operation, {{"workspace", arguments.workspace}, {"path", arguments.path}}};
  if (!arguments.root.empty()) call.arguments.emplace("root", arguments.root);
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << answer->value(member, "") << end;
}

}  // namespace

void add_doc(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<DocArguments>();
  CLI::App* doc = app.add_subcommand("doc", "The documents of a workspace");
  doc->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, bool has_path) {
    CLI::App* command = doc->add_subcommand(name, description);
    command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
    if (has_path) command->add_option("PATH", arguments->path, "Of the document")->required();
    return command;
  };
  add("list", "Show them", false)->final_callback([&context, arguments] {
    list(context, *arguments);
  });
  add("create", "Make an empty one", true)->final_callback([&context, arguments] {
    create(context, *arguments);
  });
  add_doc_history(*doc, context);
  CLI::App* cat = add("cat", "Print its text", true);
  cat->add_option("--root", arguments->root, "Only this Yjs type (\"monaco\"); else every one");
  cat->final_callback([&context, arguments] { show(context, *arguments, "doc.text", "text", ""); });
  add("state", "Print its Yjs state vector in hexadecimal", true)
      ->final_callback(
          [&context, arguments] { show(context, *arguments, "doc.state", "state_vector", "\n"); });
}

}  // namespace coterie::node::cli
