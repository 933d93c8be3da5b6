// coterie doc versions, show, diff, blame, name, unname, restore: what documents were, and who made
// them so.

#include "node/cli/history.hpp"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace coterie::node::cli {

namespace {

using nlohmann::json;

/// The logs are read from their beginning, and the document is made anew.
constexpr std::chrono::minutes kHistoryPatience{10};
constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kAuthorsShown = 3;

struct HistoryArguments {
  std::string workspace;
  std::string path;
  std::string at;
  std::string from;
  std::string to;
  std::string name;
  std::string as = "text";
  std::size_t limit = 50;
  bool yes = false;
};

Call call_of(const char* operation, const HistoryArguments& arguments) {
  return {operation, {{"workspace", arguments.workspace}, {"path", arguments.path}}};
}

/// A name, the beginning of an id or a time: the node tells which, but for how times are written.
void choose(Call& call, const std::string& argument, const std::string& version) {
  if (version.empty()) return;
  call.arguments[argument] = version;
  if (const auto time = parse_since(version)) {
    call.arguments[argument + "_time"] = std::to_string(*time);
  }
}

std::string id_text(const json& version) {
  return version.value("id", std::string(64, '0')).substr(0, kIdDigits);
}

std::string device_text(const json& answer, const std::string& device) {
  const std::string name = answer.at("names").value(device, "");
  return name.empty() ? device.substr(0, kIdDigits) : printable(name);
}

/// "anna", or "brought by anna" where nobody signed for having written it.
std::string author_text(const json& answer, const json& by) {
  if (by.is_null()) return "?";
  const std::string name = device_text(answer, by.value("device", ""));
  return by.value("verified", true) ? name : "brought by " + name;
}

std::string found_text(const json& version) {
  std::string out = id_text(version);
  if (version.contains("name")) out += " \"" + printable(version.value("name", "")) + "\"";
  const auto time = version.value("time", std::uint64_t{0});
  return out + (time == 0 ? ", before anything was written" : " of " + time_text(time));
}

void warn_of_limits(const json& answer) {
  if (answer.value("sealed", std::uint64_t{0}) == 0) return;
  std::cerr << "Some of what was written until "
            << time_text(answer.value("sealed_until", std::uint64_t{0}))
            << " is under keys that this device was not given: what it has of that is shown as "
               "written by who passed it on.\n";
}

void versions(Context& context, const HistoryArguments& arguments) {
  Call call = call_of("doc.versions", arguments);
  call.arguments["limit"] = std::to_string(arguments.limit);
  const auto answer = Session(context).ask(call, kHistoryPatience);
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{
      {"VERSION", "LAST CHANGE", "BY", "CHANGES", "SIZE", ""}};
  for (const json& one : answer->at("versions")) {
    std::string who;
    std::string changes;
    std::string note;
    if (one.value("kind", "") == "named") {
      note = "\"" + printable(one.value("name", "")) + "\", named by " +
             device_text(*answer, one.value("by", ""));
    } else {
      const json& authors = one.at("authors");
      for (std::size_t i = 0; i < authors.size() && i < kAuthorsShown; ++i) {
        who += (i > 0 ? ", " : "") + device_text(*answer, authors[i].value("device", ""));
      }
      if (authors.size() > kAuthorsShown) who += ", ...";
      changes = "+" + one.at("inserted").dump() + " -" + one.at("deleted").dump();
      if (one.value("current", false)) note = "current";
    }
    rows.push_back({id_text(one), time_text(one.value("time", std::uint64_t{0})), who, changes,
                    one.at("elements").dump(), note});
  }
  if (rows.size() == 1) {
    std::cout << "Nothing was written yet.\n";
  } else {
    print_table(rows);
  }
  const auto more = answer->value("more", std::uint64_t{0});
  if (more > 0) std::cout << "and " << more << " older: --limit shows more\n";
  warn_of_limits(*answer);
}

void show(Context& context, const HistoryArguments& arguments) {
  Call call = call_of("doc.version", arguments);
  choose(call, "at", arguments.at);
  if (arguments.as == "yjs") call.arguments["update"] = "true";
  const auto answer = Session(context).ask(call, kHistoryPatience);
  if (!answer || context.print_json(*answer)) return;
  if (arguments.as == "yjs") {
    const auto update = from_hex(answer->value("update", ""));
    if (!update) return context.fail(CallError{ErrorCode::kMalformed, "the answer is damaged"});
    std::cout.write(reinterpret_cast<const char*>(update->data()),
                    static_cast<std::streamsize>(update->size()));
  } else if (arguments.as == "json") {
    std::cout << answer->at("document").dump(2) << '\n';
  } else {
    std::cout << answer->value("text", "");
  }
  warn_of_limits(*answer);
}

std::string path_text(const json& path) {
  std::string out;
  for (const json& step : path) {
    if (!out.empty()) out += '/';
    out += step.is_string() ? printable(step.get<std::string>()) : step.dump();
  }
  return out;
}

/// Each line of `text` after `first`; the others after as many spaces.
void print_lines(const std::string& first, const std::string& text) {
  std::string lead = first;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    if (end == text.size() && end == start && start > 0) break;
    std::cout << lead << printable(text.substr(start, end - start)) << '\n';
    lead.assign(first.size(), ' ');
    start = end + 1;
  }
}

void diff(Context& context, const HistoryArguments& arguments) {
  Call call = call_of("doc.diff", arguments);
  choose(call, "from", arguments.from);
  choose(call, "to", arguments.to);
  const auto answer = Session(context).ask(call, kHistoryPatience);
  if (!answer || context.print_json(*answer)) return;
  std::cout << "--- " << found_text(answer->at("from")) << "\n+++ " << found_text(answer->at("to"))
            << '\n';
  std::string place;
  for (const json& one : answer->at("changes")) {
    const std::string what = one.value("what", "");
    std::string here = path_text(one.at("path"));
    if (what == "text" || what == "format") here += ", line " + one.at("line").dump();
    if (what == "value") here += ", element " + one.at("to").dump();
    if (here != place) std::cout << "@ " << here << '\n';
    place = here;
    const json& by = one.at("by");
    std::string who = author_text(*answer, by);
    if (!by.is_null()) who += ", " + time_text(by.value("last", std::uint64_t{0}));
    const bool inserted = one.value("change", "") == "inserted";
    std::cout << "  (" << who << ")" << (what == "format" ? " formatting" : "") << '\n';
    print_lines(inserted ? "+ " : "- ", one.value("content", ""));
  }
  if (answer->at("changes").empty()) std::cout << "No difference.\n";
  warn_of_limits(*answer);
}

void blame(Context& context, const HistoryArguments& arguments) {
  Call call = call_of("doc.blame", arguments);
  choose(call, "at", arguments.at);
  const auto answer = Session(context).ask(call, kHistoryPatience);
  if (!answer || context.print_json(*answer)) return;
  std::size_t width = 0;
  for (const json& one : answer->at("ranges")) {
    width = std::max(width, author_text(*answer, one.at("by")).size());
  }
  json place;
  for (const json& one : answer->at("ranges")) {
    if (one.at("path") != place) std::cout << "@ " << path_text(one.at("path")) << '\n';
    place = one.at("path");
    const json& by = one.at("by");
    std::string lead = author_text(*answer, by);
    lead.resize(std::max(lead.size(), width), ' ');
    const std::string when =
        by.is_null() ? std::string("-") : time_text(by.value("last", std::uint64_t{0}));
    print_lines(lead + "  " + when + "  ", one.value("text", ""));
  }
  warn_of_limits(*answer);
}

void name(Context& context, const HistoryArguments& arguments) {
  Call call = call_of("doc.name", arguments);
  call.arguments["name"] = arguments.name;
  choose(call, "at", arguments.at);
  const auto answer = Session(context).ask(call, kHistoryPatience);
  if (!answer || context.print_json(*answer)) return;
  const std::string before = answer->value("before", "");
  std::cout << "Version " << found_text(answer->at("version")) << " is named"
            << (before.empty() ? "" : ", no longer \"" + printable(before) + "\"")
            << ", for all members.\n";
}

void unname(Context& context, const HistoryArguments& arguments) {
  Call call = call_of("doc.unname", arguments);
  choose(call, "at", arguments.at);
  const auto answer = Session(context).ask(call, kHistoryPatience);
  if (!answer || context.print_json(*answer)) return;
  std::cout << "No version is named \"" << printable(answer->value("before", ""))
            << "\" any more, for all members. What was written stays.\n";
}

void restore(Context& context, const HistoryArguments& arguments) {
  Call call = call_of("doc.restore", arguments);
  choose(call, "at", arguments.at);
  if (arguments.yes) call.arguments["yes"] = "true";
  const auto answer = Session(context).ask(call, kHistoryPatience);
  if (!answer || context.print_json(*answer)) return;
  const bool same = answer->value("removed", std::uint64_t{0}) == 0 &&
                    answer->value("restored", std::uint64_t{0}) == 0;
  if (same) {
    std::cout << "The document is that already: nothing was changed.\n";
    return;
  }
  std::cout << printable(answer->value("path", "")) << " as of "
            << found_text(answer->at("version")) << ": " << answer->at("removed").dump()
            << " taken out, " << answer->at("restored").dump() << " put back\n"
            << "  - " << one_line(answer->value("before", "")) << "\n  + "
            << one_line(answer->value("after", "")) << '\n'
            << (arguments.yes
                    ? "Done, by edits of this device: what it was before is a version, too.\n"
                    : "Nothing was changed. `--yes` does it.\n");
}

}  // namespace

void add_doc_history(CLI::App& doc, Context& context) {
  const auto arguments = std::make_shared<HistoryArguments>();
  const auto add = [&](const char* command_name, const char* description, auto run) {
    CLI::App* command = doc.add_subcommand(command_name, description);
    command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
    command->add_option("PATH", arguments->path, "Of the document")->required();
    command->final_callback([&context, arguments, run] { run(context, *arguments); });
    return command;
  };
  static constexpr const char* kWhich =
      "A name, the beginning of an id, or a time: 12h, 7d, 2026-11-21, 2026-11-21T10:30; else as "
      "it is now";
  add("versions", "List what it was: at pauses in the writing, and named versions", versions)
      ->add_option("--limit", arguments->limit, "So many of the newest (50)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}));
  CLI::App* shown = add("show", "Print a version", show);
  shown->add_option("--at", arguments->at, kWhich);
  shown->add_option("--as", arguments->as, "text, json, or yjs (an update, v1)")
      ->check(CLI::IsMember({"text", "json", "yjs"}));
  CLI::App* compared = add("diff", "What changed from one version to another, by whom", diff);
  compared->add_option("FROM", arguments->from, kWhich)->required();
  compared->add_option("TO", arguments->to, kWhich);
  add("blame", "Who wrote its text, and when", blame)->add_option("--at", arguments->at, kWhich);
  add("unname", "Take the name of a version away, for all members", unname)
      ->add_option("VERSION", arguments->at, kWhich)
      ->required();
  CLI::App* naming = add("name", "Give a version a name, or another one, for all members", name);
  naming->add_option("NAME", arguments->name, "1 to 200 bytes")->required();
  naming->add_option("--at", arguments->at, kWhich);
  CLI::App* restoring =
      add("restore", "Make it what it was, by new edits; shows it first, --yes does it", restore);
  restoring->add_option("--at", arguments->at, kWhich)->required();
  restoring->add_flag("--yes", arguments->yes, "Do it");
}

}  // namespace coterie::node::cli
