// coterie members, role, remove, leave, rotate, readmit: who is in a workspace, with which rights.

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

struct WhoArguments {
  std::string workspace;
  std::string who;
  std::string role;
  bool device_only = false;
};

std::string addresses_text(const json& member) {
  std::string addresses;
  for (const json& address : member.at("addresses")) {
    addresses += (addresses.empty() ? "" : " ") + address.get<std::string>();
  }
  return addresses;
}

void print_requests(const json& requests, const std::string& workspace) {
  if (requests.empty()) return;
  std::cout << "\nAsking to be let in (`coterie members approve " << printable(workspace)
            << " WHO`, or `deny`):\n";
  std::vector<std::vector<std::string>> rows{{"NAME", "ROLE", "DEVICE", "SINCE"}};
  for (const json& one : requests) {
    rows.push_back({one.value("name", ""), one.value("role", ""),
                    one.value("device", "").substr(0, 8),
                    time_text(one.value("time", std::uint64_t{0}))});
  }
  print_table(rows);
}

void print_set_aside(const json& list, const std::string& workspace) {
  if (list.empty()) return;
  std::cout << "\nSet aside, because nobody saw it before the right to write it was gone (`coterie "
               "readmit "
            << printable(workspace) << " WHO` lets it count):\n";
  std::vector<std::vector<std::string>> rows{{"NAME", "ENTRIES", "SINCE", "DOCUMENTS"}};
  for (const json& one : list) {
    std::string paths;
    for (const json& path : one.at("paths")) {
      paths += (paths.empty() ? "" : " ") + path.get<std::string>();
    }
    rows.push_back({named(one), one.at("entries").dump(),
                    time_text(one.value("first", std::uint64_t{0})),
                    paths.empty() ? one.at("documents").dump() : paths});
  }
  print_table(rows);
}

void print_forks(const json& list) {
  for (const json& one : list) {
    std::cout << "\n"
              << printable(named(one)) << " wrote " << one.at("branches").dump()
              << " different entries number " << one.at("seq").dump()
              << " of one log: it was restored from a backup, or copied, or is not to be trusted. "
                 "All of them were kept.\n";
  }
}

void members(Context& context, const std::string& workspace) {
  const auto answer = Session(context).ask({"members", {{"workspace", workspace}}});
  if (!answer || context.print_json(*answer)) return;
  std::map<std::string, json> by_device;
  for (const json& one : answer->at("members")) by_device[one.value("device", "")] = one;
  std::vector<std::vector<std::string>> rows{{"NAME", "ROLE", "DEVICE", "ADDRESSES"}};
  for (const json& person : answer->at("persons")) {
    // The devices of one person stand together, the first one in front.
    bool first = true;
    for (const json& device : person.at("devices")) {
      const json& one = by_device[device.get<std::string>()];
      rows.push_back({(first ? "" : "  + ") + one.value("name", "") +
                          (one.at("self") == true ? " (this device)" : ""),
                      one.value("role", ""), one.value("device", "").substr(0, 8),
                      addresses_text(one)});
      first = false;
    }
  }
  print_table(rows);
  print_requests(answer->at("requests"), workspace);
  print_set_aside(answer->at("set_aside"), workspace);
  print_forks(answer->at("forks"));
}

/// A command about a member, and what is said when it is done.
void change(Context& context, const char* operation, const WhoArguments& arguments,
            const std::string& done) {
  Call call{operation, {{"workspace", arguments.workspace}}};
  if (!arguments.who.empty()) call.arguments["who"] = arguments.who;
  if (!arguments.role.empty()) call.arguments["role"] = arguments.role;
  if (arguments.device_only) call.arguments["device_only"] = "true";
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << done << '\n';
}

void add_workspace_argument(CLI::App* command, WhoArguments& arguments) {
  command->add_option("WORKSPACE", arguments.workspace, "Name or id")->required();
}

void add_who_argument(CLI::App* command, WhoArguments& arguments) {
  command->add_option("WHO", arguments.who, "Name, or the beginning of a device's id")->required();
}

}  // namespace

void add_members(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<WhoArguments>();
  CLI::App* command = app.add_subcommand("members", "Who is in a workspace, and who asks to be");
  command->require_subcommand(0, 1);
  command->add_option("WORKSPACE", arguments->workspace, "Name or id");
  command->final_callback([&context, arguments, command] {
    if (!command->get_subcommands().empty()) return;
    if (arguments->workspace.empty()) throw CLI::RequiredError("WORKSPACE");
    members(context, arguments->workspace);
  });
  const auto answer = [&](const char* name, const char* description, const char* operation,
                          const char* done) {
    CLI::App* one = command->add_subcommand(name, description);
    add_workspace_argument(one, *arguments);
    add_who_argument(one, *arguments);
    one->final_callback(
        [&context, arguments, operation, done] { change(context, operation, *arguments, done); });
  };
  answer("approve", "Let in a device that asks", "members.approve",
         "Approved: it comes in when it asks next, within some seconds.");
  answer("deny", "Let a device that asks not in", "members.deny",
         "Declined: its invite lets it in no more.");
}

void add_membership(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<WhoArguments>();
  CLI::App* role = app.add_subcommand("role", "Change what a member may do");
  add_workspace_argument(role, *arguments);
  add_who_argument(role, *arguments);
  role->add_option("ROLE", arguments->role, "host, editor, commenter, viewer or relay")
      ->required()
      ->check(CLI::IsMember({"host", "editor", "commenter", "viewer", "relay"}));
  CLI::App* remove = app.add_subcommand("remove", "Remove a person, with all devices");
  add_workspace_argument(remove, *arguments);
  add_who_argument(remove, *arguments);
  for (CLI::App* one : {role, remove}) {
    one->add_flag("--device-only", arguments->device_only,
                  "Only this device, not the person's others");
  }
  role->final_callback([&context, arguments] {
    change(context, "role", *arguments,
           "Changed: " + arguments->who + " is " + arguments->role + ".");
  });
  remove->final_callback([&context, arguments] {
    change(context, "remove", *arguments,
           "Removed. What was read stays read; what is written from now on is under a new key.");
  });
  CLI::App* leave = app.add_subcommand("leave", "Leave a workspace with this device");
  add_workspace_argument(leave, *arguments);
  leave->final_callback([&context, arguments] {
    change(context, "leave", *arguments,
           "Left. What is here stays here until you delete it; members are told when they meet "
           "this node.");
  });
  CLI::App* rotate = app.add_subcommand("rotate", "Write under a new key from now on");
  add_workspace_argument(rotate, *arguments);
  rotate->final_callback(
      [&context, arguments] { change(context, "rotate", *arguments, "A new key is in use."); });
  CLI::App* readmit =
      app.add_subcommand("readmit", "Let what was set aside of a removed device count after all");
  add_workspace_argument(readmit, *arguments);
  add_who_argument(readmit, *arguments);
  readmit->final_callback([&context, arguments] {
    change(context, "readmit", *arguments, "It counts now, as far as it is held here.");
  });
}

}  // namespace coterie::node::cli
