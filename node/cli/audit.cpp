// coterie audit: who did what in a workspace, when.

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

/// Pages of a workspace with a billion entries; more is no audit any more.
constexpr std::size_t kPagesMax = 50'000;

struct AuditArguments {
  std::string workspace;
  std::string device;
  std::string since;
  std::size_t limit = 200;
};

/// Names of devices, and what of a name is shown.
class Names {
 public:
  explicit Names(const json& names) : names_(names) {}
  std::string operator()(const std::string& id) const {
    return named({{"device", id}, {"name", names_.value(id, "")}});
  }

 private:
  const json& names_;
};

std::string text(const json& item, const char* member) { return item.value(member, ""); }

std::string short_text(const json& item, const char* member) {
  return text(item, member).substr(0, 8);
}

std::string document_text(const json& item) {
  const std::string path = text(item, "path");
  return path.empty() ? "the document " + short_text(item, "document") : path;
}

/// What a host said of a guest, or of the session.
std::string guest_text(const json& item, const Names& name) {
  const std::string word = text(item, "operation");
  if (word == "ended") return "ended the session of " + document_text(item);
  if (word == "open") return "opened the session of " + document_text(item) + " again";
  const std::string guest =
      "the guest " + text(item, "name") + " of " + name(text(item, "subject"));
  if (word == "out") return "sent " + guest + " out of " + document_text(item);
  return "let " + guest + " be " + word + " in " + document_text(item);
}

std::string operation_text(const json& item, const Names& name) {
  const std::string operation = text(item, "operation");
  const std::string subject = text(item, "subject");
  if (operation == "create") return "founded the workspace";
  if (operation == "invite") {
    return "made the invite " + subject.substr(0, 8) + " for a" +
           (text(item, "role") == "editor" ? "n " : " ") + text(item, "role") +
           (item.contains("path") ? " in " + document_text(item) + " only" : "");
  }
  if (operation == "admit") {
    return "let in " + name(subject) + " as " + text(item, "role") + " by the invite " +
           short_text(item, "invite");
  }
  if (operation == "request") {
    return "was asked by \"" + text(item, "name") + "\" (" + subject.substr(0, 8) +
           ") with the invite " + short_text(item, "invite");
  }
  if (operation == "revoke") return "revoked the invite " + subject.substr(0, 8);
  if (operation == "role") return "made " + name(subject) + " " + text(item, "role");
  if (operation == "document_role") {
    return "let " + name(subject) + " be at most " + text(item, "role") + " in " +
           (item.contains("path") ? document_text(item) : "all other documents");
  }
  if (operation == "remove") {
    return subject == text(item, "device") ? "left" : "removed " + name(subject);
  }
  if (operation == "acknowledge") return "acknowledged a removal or role";
  if (operation == "rekey") return "began a new key";
  return "did something this version does not know";
}

std::string count_text(const json& item) {
  const auto entries = item.value("entries", std::uint64_t{1});
  return entries == 1 ? "" : " (" + std::to_string(entries) + " entries)";
}

std::string what(const json& item, const Names& name) {
  const std::string kind = text(item, "kind");
  std::string said;
  if (kind == "operation") {
    said = operation_text(item, name);
    if (!item.value("counts", true)) said += ": void, " + text(item, "reason");
    return said;
  }
  const std::string path = document_text(item);
  if (kind == "document") said = "made " + path;
  if (kind == "guest") said = guest_text(item, name);
  if (kind == "edits") said = "changed " + path + count_text(item);
  if (kind == "reverted") said = "reverted or restored " + path;
  if (kind == "version" && text(item, "name").empty()) {
    said = "unnamed a version of " + path;
  } else if (kind == "version") {
    said = "named a version of " + path + " \"" + text(item, "name") + "\"";
  }
  if (kind == "fork") {
    return "wrote its log in " + std::to_string(item.value("branches", 2)) +
           " branches from entry " + std::to_string(item.value("seq", std::uint64_t{0})) +
           " on: it was restored, or copied, or lies";
  }
  if (kind == "report") {
    return "was flooded by device " + short_text(item, "subject") + " and did not link with it";
  }
  if (kind == "sealed") said = "wrote what this device has no key for" + count_text(item);
  if (kind == "other") said = "told others where and how it edits" + count_text(item);
  const auto aside = item.value("set_aside", std::uint64_t{0});
  if (aside > 0) said += ": " + std::to_string(aside) + " set aside";
  return said;
}

/// All pages, newest last; at most `limit` items.
std::optional<json> collect(Context& context, const AuditArguments& arguments) {
  Call call{"audit", {{"workspace", arguments.workspace}}};
  if (!arguments.device.empty()) call.arguments["device"] = arguments.device;
  if (!arguments.since.empty()) {
    call.arguments["since"] = std::to_string(*parse_since(arguments.since));
  }
  Session session(context);
  std::vector<json> items;
  json answer;
  bool more = false;
  const auto older = [](const json& a, const json& b) {
    return a.value("time", std::uint64_t{0}) < b.value("time", std::uint64_t{0});
  };
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    auto got = session.ask(call);
    if (!got) return std::nullopt;
    for (json& item : got->at("items")) items.push_back(std::move(item));
    // Only the newest are shown: the others need not be kept.
    if (items.size() > 2 * arguments.limit || got->at("next").is_null()) {
      std::stable_sort(items.begin(), items.end(), older);
      if (items.size() > arguments.limit) {
        more = true;
        items.erase(items.begin(), items.end() - static_cast<std::ptrdiff_t>(arguments.limit));
      }
    }
    answer["names"] = got->at("names");
    if (got->at("next").is_null()) break;
    call.arguments["cursor"] = got->at("next").get<std::string>();
  }
  answer["items"] = std::move(items);
  answer["more"] = more;
  return answer;
}

void audit(Context& context, const AuditArguments& arguments) {
  if (!arguments.since.empty() && !parse_since(arguments.since)) {
    throw CLI::ValidationError("--since", "\"" + arguments.since +
                                              "\" is none of 90s, 12h, 7d, 2026-11-21, "
                                              "2026-11-21T10:30, 2026-11-21T10:30:15Z");
  }
  const auto answer = collect(context, arguments);
  if (!answer || context.print_json(*answer)) return;
  const Names name(answer->at("names"));
  std::vector<std::vector<std::string>> rows{{"TIME", "WHO", "WHAT"}};
  for (const json& item : answer->at("items")) {
    rows.push_back({time_text(item.value("time", std::uint64_t{0})), name(text(item, "device")),
                    what(item, name)});
  }
  if (answer->at("more") == true) {
    std::cout << "The newest " << arguments.limit << "; `--limit` and `--since` show others.\n";
  }
  if (rows.size() > 1) return print_table(rows);
  std::cout << "Nothing.\n";
}

}  // namespace

void add_audit(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<AuditArguments>();
  CLI::App* command = app.add_subcommand(
      "audit", "Who did what, when: signed by their devices, dated by their clocks");
  command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
  command->add_option("--device", arguments->device, "Only what this one did: name, or id");
  command->add_option("--since", arguments->since,
                      "Only from then on: 12h, 7d, 2026-11-21, 2026-11-21T10:30, ...Z for UTC");
  command->add_option("--limit", arguments->limit, "How many at most, the newest")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->final_callback([&context, arguments] { audit(context, *arguments); });
}

}  // namespace coterie::node::cli
