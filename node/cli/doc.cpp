// coterie doc: the documents of a workspace.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

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
  std::string folder;
  std::string from;
  std::string to;
  std::string text;
  std::string title;
  std::string kind;
  std::string language;
  std::vector<std::string> meta;  ///< NAME=VALUE
  bool trash = false;
  bool archived = false;
  std::size_t limit = 50;
};

std::string text_of(const json& one, const char* name) { return one.value(name, ""); }

void list(Context& context, const DocArguments& arguments) {
  Call call{"doc.list", {{"workspace", arguments.workspace}}};
  if (!arguments.folder.empty()) call.arguments["folder"] = arguments.folder;
  if (arguments.trash) call.arguments["trash"] = "true";
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{{"PATH", "TITLE", "CHANGED", "CLIENTS", ""}};
  std::size_t put_away = 0;
  for (const json& one : answer->at("documents")) {
    const bool archived = one.value("archived", false);
    if (archived != arguments.archived && !arguments.trash) {
      ++put_away;
      continue;
    }
    rows.push_back({text_of(one, "path"), text_of(one, "title"),
                    time_text(one.value("changed", std::uint64_t{0})), one.at("clients").dump(),
                    one.value("preview", false) ? "being checked"
                    : arguments.trash           ? one.value("id", "")
                    : archived                  ? "archived"
                                                : ""});
  }
  if (rows.size() > 1) {
    print_table(rows);
  } else if (arguments.trash) {
    std::cout << "The trash is empty.\n";
  } else if (arguments.archived) {
    std::cout << "No document is archived.\n";
  } else {
    std::cout << (arguments.folder.empty() ? "No documents yet: one is made at its first edit.\n"
                                           : "No documents in that folder.\n");
  }
  if (put_away > 0 && !arguments.archived) {
    std::cout << count_text(put_away, "document") << " archived: `--archived` lists them.\n";
  }
}

void info(Context& context, const DocArguments& arguments) {
  const auto answer = Session(context).ask(
      {"doc.info", {{"workspace", arguments.workspace}, {"path", arguments.path}}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{{"PROPERTY", "VALUE"}};
  for (const char* name : {"path", "id", "title", "kind", "language"}) {
    if (!text_of(*answer, name).empty()) rows.push_back({name, text_of(*answer, name)});
  }
  rows.push_back({"created", time_text(answer->value("created", std::uint64_t{0}))});
  rows.push_back({"changed", time_text(answer->value("changed", std::uint64_t{0}))});
  if (answer->value("archived", false)) rows.push_back({"archived", "yes"});
  if (answer->at("trashed").is_number()) {
    rows.push_back({"in the trash since", time_text(answer->at("trashed").get<std::uint64_t>())});
  }
  for (const auto& [name, value] : answer->at("meta").items()) {
    rows.push_back({"meta." + name, one_line(value.get<std::string>())});
  }
  print_table(rows);
}

/// Title, kind, language and notes that were given; false after Context::fail().
bool add_properties(Context& context, const CLI::App& command, const DocArguments& arguments,
                    Call& call) {
  const auto add = [&](const char* option, const char* name, const std::string& value) {
    if (command.count(option) > 0) call.arguments[name] = value;
  };
  add("--title", "title", arguments.title);
  add("--kind", "kind", arguments.kind);
  add("--language", "language", arguments.language);
  for (const std::string& one : arguments.meta) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0) {
      context.fail(CallError{ErrorCode::kMalformed, "--meta " + one + ": not NAME=VALUE"});
      return false;
    }
    call.arguments["meta." + one.substr(0, equals)] = one.substr(equals + 1);
  }
  return true;
}

void create(Context& context, const CLI::App& command, const DocArguments& arguments) {
  Call call{"doc.create", {{"workspace", arguments.workspace}, {"path", arguments.path}}};
  if (!arguments.from.empty()) call.arguments["template"] = arguments.from;
  if (!add_properties(context, command, arguments, call)) return;
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << "Made " << printable(arguments.path) << ".\n";
}

void set(Context& context, const CLI::App& command, const DocArguments& arguments) {
  Call call{"doc.set", {{"workspace", arguments.workspace}, {"path", arguments.path}}};
  if (!add_properties(context, command, arguments, call)) return;
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << "Set.\n";
}

void move(Context& context, const DocArguments& arguments) {
  const auto answer = Session(context).ask(
      {"doc.move",
       {{"workspace", arguments.workspace}, {"path", arguments.path}, {"to", arguments.to}}});
  if (!answer || context.print_json(*answer)) return;
  for (const json& one : answer->at("documents")) {
    std::cout << "Now " << printable(text_of(one, "path")) << ".\n";
  }
}

void put_away(Context& context, const DocArguments& arguments, const char* operation,
              const char* done) {
  const auto answer = Session(context).ask(
      {operation, {{"workspace", arguments.workspace}, {"path", arguments.path}}});
  if (!answer || context.print_json(*answer)) return;
  std::cout << printable(text_of(answer->at("documents").at(0), "path")) << ' ' << done << ".\n";
}

void show_templates(Context& context) {
  const auto answer = Session(context).ask({"doc.templates", {}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{{"TEMPLATE", "", "KIND", "LANGUAGE"}};
  for (const json& one : answer->at("templates")) {
    rows.push_back({text_of(one, "name"), text_of(one, "title"), text_of(one, "kind"),
                    text_of(one, "language")});
  }
  print_table(rows);
}

/// Page by page: an answer looks at so much only.
void search(Context& context, const DocArguments& arguments) {
  Session session(context);
  json hits = json::array();
  Call call{"doc.search", {{"workspace", arguments.workspace}, {"text", arguments.text}}};
  if (!arguments.folder.empty()) call.arguments["folder"] = arguments.folder;
  bool more = true;
  while (more && hits.size() < arguments.limit) {
    const auto answer = session.ask(call);
    if (!answer) return;
    for (const json& hit : answer->at("hits")) {
      if (hits.size() < arguments.limit) hits.push_back(hit);
    }
    more = answer->at("after").is_string();
    if (more) call.arguments["after"] = text_of(*answer, "after");
  }
  if (context.print_json({{"hits", hits}, {"more", more}})) return;
  std::vector<std::vector<std::string>> rows{{"PATH", "WHERE", ""}};
  for (const json& hit : hits) {
    const bool content = text_of(hit, "where") == "content";
    rows.push_back({text_of(hit, "path"),
                    content ? "line " + hit.at("line").dump() : text_of(hit, "where"),
                    one_line(text_of(hit, "snippet"))});
  }
  if (rows.size() > 1) print_table(rows);
  if (rows.size() == 1) std::cout << "Nothing found.\n";
  if (more) std::cout << "There may be more: `--limit` shows it.\n";
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

void add_property_options(CLI::App& command, DocArguments& arguments) {
  command.add_option("--title", arguments.title, "What people call it");
  command.add_option("--kind", arguments.kind, "code, rich or plain; empty: none");
  command.add_option("--language", arguments.language, "Of code: python, cpp, ...; empty: none");
  command.add_option("--meta", arguments.meta, "A note, NAME=VALUE; NAME= takes it away");
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
  CLI::App* listing = add("list", "Show them", false);
  listing->add_option("--folder", arguments->folder, "Only those under it");
  CLI::Option* trash = listing->add_flag("--trash", arguments->trash, "Those in the trash");
  listing->add_flag("--archived", arguments->archived, "Those that are archived")->excludes(trash);
  listing->final_callback([&context, arguments] { list(context, *arguments); });

  CLI::App* making = add("create", "Make one, empty or from a template", true);
  making->add_option("--template", arguments->from, "See `coterie doc templates`");
  add_property_options(*making, *arguments);
  making->final_callback([&context, arguments, making] { create(context, *making, *arguments); });

  doc->add_subcommand("templates", "What documents can be made from")->final_callback([&context] {
    show_templates(context);
  });
  add("info", "What is known of one", true)->final_callback([&context, arguments] {
    info(context, *arguments);
  });
  CLI::App* setting = add("set", "Set its title, kind, language and notes, for all members", true);
  add_property_options(*setting, *arguments);
  setting->final_callback([&context, arguments, setting] { set(context, *setting, *arguments); });

  CLI::App* moving = add("move", "Give it another path; of a folder, all that is in it", true);
  moving->add_option("TO", arguments->to, "The new path; with a slash at its end, a folder")
      ->required();
  moving->final_callback([&context, arguments] { move(context, *arguments); });

  const auto add_way = [&](const char* name, const char* description, const char* operation,
                           const char* done) {
    add(name, description, true)->final_callback([&context, arguments, operation, done] {
      put_away(context, *arguments, operation, done);
    });
  };
  add_way("archive", "Put it away; nothing else changes", "doc.archive", "is archived");
  add_way("unarchive", "Take it out again", "doc.unarchive", "is no longer archived");
  add_way("trash", "Throw it away, for all members; its path is free then", "doc.trash",
          "is in the trash");
  add_way("untrash", "Take it out of the trash, by its path or id", "doc.untrash", "is back");

  CLI::App* finding = add("search", "Find text in titles, paths and documents", false);
  finding->add_option("TEXT", arguments->text, "In any case of its letters")->required();
  finding->add_option("--folder", arguments->folder, "Only under it");
  finding->add_option("--limit", arguments->limit, "So many at most (50)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}));
  finding->final_callback([&context, arguments] { search(context, *arguments); });

  add_doc_history(*doc, context);
  add_doc_roles(*doc, context);
  CLI::App* cat = add("cat", "Print its text", true);
  cat->add_option("--root", arguments->root, "Only this Yjs type (\"monaco\"); else every one");
  cat->final_callback([&context, arguments] { show(context, *arguments, "doc.text", "text", ""); });
  add("state", "Print its Yjs state vector in hexadecimal", true)
      ->final_callback(
          [&context, arguments] { show(context, *arguments, "doc.state", "state_vector", "\n"); });
}

}  // namespace coterie::node::cli
