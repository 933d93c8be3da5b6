// coterie doc role, role-elsewhere, roles, guest, end-session, open-session: who may do what in one
// document.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

struct RoleArguments {
  std::string workspace;
  std::string path;
  std::string who;
  std::string role;
  std::string guest;
};

void change(Context& context, const Call& call, const std::string& done) {
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << done << '\n';
}

void show(Context& context, const RoleArguments& arguments) {
  const auto answer = Session(context).ask(
      {"doc.roles", {{"workspace", arguments.workspace}, {"path", arguments.path}}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{{"NAME", "HERE", "IN THE WORKSPACE", "DEVICE"}};
  for (const json& one : answer->at("members")) {
    rows.push_back({one.value("name", ""), one.value("here", ""), one.value("role", ""),
                    one.value("device", "").substr(0, 8)});
  }
  print_table(rows);
  if (!answer->at("guests").empty()) {
    std::cout << "\nGuests of whom a host said something:\n";
    std::vector<std::vector<std::string>> guests{{"GUEST", "HERE", "AT THE BRIDGE OF"}};
    for (const json& one : answer->at("guests")) {
      guests.push_back({one.value("guest", ""), one.value("standing", ""),
                        one.value("device", "").substr(0, 8)});
    }
    print_table(guests);
  }
  if (answer->value("session", "") == "ended") {
    std::cout << "\nThe session has ended: guests are out until `coterie doc open-session`.\n";
  }
}

}  // namespace

void add_doc_roles(CLI::App& doc, Context& context) {
  const auto arguments = std::make_shared<RoleArguments>();
  const auto add = [&](const char* name, const char* description) {
    CLI::App* command = doc.add_subcommand(name, description);
    command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
    return command;
  };
  const auto add_path = [&](CLI::App* command) {
    command->add_option("PATH", arguments->path, "Of the document")->required();
  };
  const auto add_member = [&](CLI::App* command) {
    command->add_option("WHO", arguments->who, "Name, or the beginning of the device's id")
        ->required();
  };
  const auto add_role = [&](CLI::App* command) {
    command->add_option("ROLE", arguments->role, "editor, commenter or viewer")
        ->required()
        ->check(CLI::IsMember({"editor", "commenter", "viewer"}));
  };

  CLI::App* role = add("role", "What a person may do in a document at most (all their devices)");
  add_path(role);
  add_member(role);
  add_role(role);
  role->final_callback([&context, arguments] {
    change(context,
           {"doc.role",
            {{"workspace", arguments->workspace},
             {"path", arguments->path},
             {"who", arguments->who},
             {"role", arguments->role}}},
           "Done: " + printable(arguments->role) + " in " + printable(arguments->path) +
               ", if the role in the workspace allows that much.");
  });
  CLI::App* elsewhere =
      add("role-elsewhere", "The same in all documents of which nothing is said of that person");
  add_member(elsewhere);
  add_role(elsewhere);
  elsewhere->final_callback([&context, arguments] {
    change(
        context,
        {"doc.role",
         {{"workspace", arguments->workspace}, {"who", arguments->who}, {"role", arguments->role}}},
        "Done: " + printable(arguments->role) +
            " elsewhere, if the role in the workspace allows that much.");
  });
  CLI::App* roles = add("roles", "Who may do what in a document");
  add_path(roles);
  roles->final_callback([&context, arguments] { show(context, *arguments); });
  CLI::App* guest = add("guest", "What a guest at a member's bridge may do in a document");
  add_path(guest);
  add_member(guest);
  guest->add_option("GUEST", arguments->guest, "The guest's id there")->required();
  guest->add_option("STANDING", arguments->role, "editor, commenter, viewer or out")
      ->required()
      ->check(CLI::IsMember({"editor", "commenter", "viewer", "out"}));
  guest->final_callback([&context, arguments] {
    change(context,
           {"doc.guest",
            {{"workspace", arguments->workspace},
             {"path", arguments->path},
             {"who", arguments->who},
             {"guest", arguments->guest},
             {"standing", arguments->role}}},
           "Done.");
  });
  CLI::App* end = add("end-session", "Send everybody's browser away; guests stay out");
  add_path(end);
  end->final_callback([&context, arguments] {
    change(context,
           {"doc.end_session", {{"workspace", arguments->workspace}, {"path", arguments->path}}},
           "Ended. Members can come back; guests once it is open again (`coterie doc "
           "open-session`).");
  });
  CLI::App* open = add("open-session", "Let guests in again");
  add_path(open);
  open->final_callback([&context, arguments] {
    change(context,
           {"doc.open_session", {{"workspace", arguments->workspace}, {"path", arguments->path}}},
           "Open.");
  });
}

}  // namespace coterie::node::cli
