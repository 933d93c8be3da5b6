// coterie participants, session, activity: who is in a document, what its session's state is, what
// was done.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

constexpr const char* kPageItems = "200";

struct Arguments {
  std::string workspace;
  std::string path;
  std::string key;
  std::string value;
  std::string format;
  std::size_t limit = 50;
  bool remove = false;
};

Call call_of(const char* operation, const Arguments& arguments) {
  Call call{operation, {{"workspace", arguments.workspace}}};
  if (!arguments.path.empty()) call.arguments["path"] = arguments.path;
  return call;
}

void participants(Context& context, const Arguments& arguments) {
  const auto answer = Session(context).ask(call_of("participants", arguments));
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{{"NAME", "STATUS", "AT", ""}};
  for (const json& one : answer->at("participants")) {
    rows.push_back({one.value("name", ""), one.value("status", ""), one.value("device_name", ""),
                    one.value("typing", false) ? "typing" : ""});
  }
  if (rows.size() > 1) return print_table(rows);
  std::cout << "Nobody is there.\n";
}

void print_state(const json& state) {
  for (const json& one : state) {
    std::cout << printable(one.value("key", "")) << " = "
              << printable(one.value("value", json()).dump()) << "  ("
              << printable(author_text(one.at("author"))) << ", "
              << time_text(one.value("time", std::uint64_t{0})) << ")\n";
  }
  if (state.empty()) std::cout << "There is none.\n";
}

void session(Context& context, const Arguments& arguments, bool has_value) {
  Session node(context);
  if (has_value || arguments.remove) {
    Call call = call_of("state.set", arguments);
    call.arguments["key"] = arguments.key;
    // What is no JSON is a text.
    if (has_value) {
      call.arguments["value"] =
          json::accept(arguments.value) ? arguments.value : json(arguments.value).dump();
    }
    const auto answer = node.ask(call);
    if (!answer || context.print_json(*answer)) return;
    std::cout << (has_value ? "Set.\n" : "Taken away.\n");
    return;
  }
  const auto answer = node.ask(call_of("state.list", arguments));
  if (!answer) return;
  if (arguments.key.empty()) {
    if (!context.print_json(*answer)) print_state(answer->at("state"));
    return;
  }
  for (const json& one : answer->at("state")) {
    if (one.value("key", "") != arguments.key) continue;
    if (!context.print_json(one)) std::cout << printable(one.value("value", json()).dump()) << '\n';
    return;
  }
  context.fail(CallError{ErrorCode::kNotFound, "the session has no such key"});
}

std::string what_text(const json& item) {
  const std::string kind = item.value("kind", "");
  const std::string text = one_line(item.value("text", ""));
  const auto of = [&](const char* what) { return text.empty() ? what : what + (": " + text); };
  if (kind == "joined" || kind == "left" || kind == "edited") return kind;
  if (kind == "message") return of("said");
  if (kind == "comment") return of("commented");
  if (kind == "amendment") return of(item.value("change", "").c_str());
  if (kind == "created") return "made the document";
  if (kind == "properties") return of("changed");
  if (kind == "version") return of("named a version");
  return item.contains("subject") ? text + " " + author_text(item.at("subject")) : text;
}

/// RFC 4180.
std::string csv_field(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

void print_csv(const json& items) {
  std::cout << "time,kind,who,device,path,text\r\n";
  for (const json& one : items) {
    const json& author = one.at("author");
    std::cout << one.at("time").dump() << ',' << csv_field(one.value("kind", "")) << ','
              << csv_field(author.value("name", "")) << ',' << csv_field(author.value("device", ""))
              << ',' << csv_field(one.value("path", "")) << ',' << csv_field(what_text(one))
              << "\r\n";
  }
}

void activity(Context& context, const Arguments& arguments) {
  const bool all = !arguments.format.empty();
  Session node(context);
  json items = json::array();
  Call call = call_of("activity", arguments);
  call.arguments["limit"] = all ? kPageItems : std::to_string(arguments.limit);
  for (bool more = true; more;) {
    const auto page = node.ask(call);
    if (!page) return;
    for (const json& one : page->at("items")) items.push_back(one);
    more = all && page->contains("older");
    if (more) call.arguments["before"] = page->value("older", "");
  }
  if (arguments.format == "csv") return print_csv(items);
  if (arguments.format == "json" || context.json) {
    std::cout << json{{"items", items}}.dump(-1, ' ', false, json::error_handler_t::replace)
              << '\n';
    return;
  }
  for (auto one = items.rbegin(); one != items.rend(); ++one) {
    std::string where = arguments.path.empty() ? one->value("path", "") : "";
    if (!where.empty()) where += "  ";
    std::cout << time_text(one->value("time", std::uint64_t{0})) << "  "
              << printable(where + author_text(one->at("author")) + "  " + what_text(*one)) << '\n';
  }
  if (items.empty()) std::cout << "Nothing happened yet.\n";
}

CLI::Option* add_document(CLI::App* command, Arguments& arguments) {
  command->add_option("WORKSPACE", arguments.workspace, "Name or id")->required();
  return command->add_option("DOCUMENT", arguments.path, "Its path");
}

}  // namespace

void add_participants(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("participants", "Who has a document open now");
  add_document(command, *arguments)->required();
  command->final_callback([&context, arguments] { participants(context, *arguments); });
}

void add_session(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("session", "The state of a document's session: keys and values");
  add_document(command, *arguments)->required();
  CLI::Option* key = command->add_option("KEY", arguments->key, "Shows only this one");
  CLI::Option* value = command->add_option("VALUE", arguments->value, "Sets it: JSON, or a text");
  command->add_flag("--remove", arguments->remove, "Take KEY away")->needs(key)->excludes(value);
  command->final_callback(
      [&context, arguments, value] { session(context, *arguments, value->count() > 0); });
}

void add_activity(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("activity", "Who did what in a workspace or a document");
  add_document(command, *arguments);
  command->add_option("--limit", arguments->limit, "How much is shown")
      ->check(CLI::Range(std::size_t{1}, std::size_t{200}))
      ->capture_default_str();
  command->add_option("--export", arguments->format, "All of it: json or csv")
      ->check(CLI::IsMember({"json", "csv"}));
  command->final_callback([&context, arguments] { activity(context, *arguments); });
}

}  // namespace coterie::node::cli
