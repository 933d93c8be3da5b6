// coterie invite: what others join with. coterie identity link: the same for one's own devices.

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/core/limits.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

constexpr std::uint64_t kSecondsMax = std::chrono::seconds(kInviteValidityMax).count();

struct InviteArguments {
  std::string workspace;
  std::string role;
  std::uint32_t uses = 1;
  std::string expires;
  bool approval = false;
  bool from_now = false;
  bool own_device = false;
  std::string document;
  bool qr = false;
  std::string invite;  ///< Of revoke.
};

std::string expiry_seconds(const std::string& text) {
  const auto seconds = parse_seconds(text);
  if (!seconds) {
    throw CLI::ValidationError("--expires", "\"" + text + "\" is none of 90s, 30m, 12h, 7d");
  }
  if (*seconds == 0 || *seconds > kSecondsMax) {
    throw CLI::ValidationError("--expires", "an invite is valid for 1s to 366d");
  }
  return std::to_string(*seconds);
}

void create(Context& context, const InviteArguments& arguments) {
  Call call{"invite.create",
            {{"workspace", arguments.workspace}, {"uses", std::to_string(arguments.uses)}}};
  if (!arguments.expires.empty()) {
    call.arguments["expires_seconds"] = expiry_seconds(arguments.expires);
  }
  if (!arguments.role.empty()) call.arguments["role"] = arguments.role;
  if (arguments.approval) call.arguments["approval"] = "true";
  if (arguments.from_now) call.arguments["from_now"] = "true";
  if (arguments.own_device) call.arguments["own_device"] = "true";
  if (!arguments.document.empty()) call.arguments["document"] = arguments.document;
  auto answer = Session(context).ask(call);
  if (!answer) return;
  const std::string invite = answer->value("invite", "");
  const auto code = arguments.qr ? make_qr(invite) : std::nullopt;
  if (arguments.qr && !code) {
    return context.fail(CallError{ErrorCode::kLimitExceeded,
                                  "the invite names too many addresses for a QR code: " + invite});
  }
  if (code) (*answer)["qr"] = code->rows;
  if (context.print_json(*answer)) return;
  if (code) std::cout << qr_text(*code);
  std::cout << invite << '\n';
}

std::string terms_text(const json& invite) {
  std::string terms;
  const auto add = [&](const char* member, const char* text) {
    if (invite.value(member, false)) terms += (terms.empty() ? "" : ", ") + std::string(text);
  };
  add("approval", "approval");
  add("from_now", "from now on");
  add("own_device", "own device");
  if (invite.contains("document")) {
    const std::string path = invite.value("path", "");
    terms += (terms.empty() ? "" : ", ") + std::string("only ") +
             (path.empty() ? invite.value("document", "").substr(0, 8) : path);
  }
  return terms.empty() ? "-" : terms;
}

void list(Context& context, const InviteArguments& arguments) {
  const auto answer = Session(context).ask({"invite.list", {{"workspace", arguments.workspace}}});
  if (!answer || context.print_json(*answer)) return;
  std::vector<std::vector<std::string>> rows{
      {"ID", "STATE", "ROLE", "USES LEFT", "EXPIRES", "MADE BY", "TERMS", "USED BY"}};
  for (const json& one : answer->at("invites")) {
    std::string used;
    for (const json& device : one.at("used_by")) {
      used += (used.empty() ? "" : ", ") + named(device);
    }
    rows.push_back({one.value("id", "").substr(0, 8), one.value("state", ""), one.value("role", ""),
                    one.at("uses_left").dump() + " of " + one.at("uses").dump(),
                    time_text(one.value("expires", std::uint64_t{0})), named(one.at("author")),
                    terms_text(one), used.empty() ? "-" : used});
  }
  if (rows.size() > 1) return print_table(rows);
  std::cout << "No invites yet: `coterie invite create` makes one.\n";
}

void revoke(Context& context, const InviteArguments& arguments) {
  const auto answer = Session(context).ask(
      {"invite.revoke", {{"workspace", arguments.workspace}, {"invite", arguments.invite}}});
  if (!answer || context.print_json(*answer)) return;
  std::cout << "Revoked: nobody comes in by it any more. Who came in by it stays (`coterie "
               "remove`).\n";
}

CLI::Option* add_workspace_argument(CLI::App* command, InviteArguments& arguments) {
  return command->add_option("WORKSPACE", arguments.workspace, "Name or id");
}

void add_terms(CLI::App* command, InviteArguments& arguments) {
  command->add_option("--expires", arguments.expires,
                      "How long it is valid: 90s, 30m, 12h, 7d (the default)");
  command->add_flag("--qr", arguments.qr, "Print a QR code too");
}

void add_create_options(CLI::App* command, InviteArguments& arguments) {
  add_terms(command, arguments);
  command->add_option("--role", arguments.role, "What the newcomer may do (editor)")
      ->check(CLI::IsMember({"host", "editor", "commenter", "viewer", "relay"}));
  command->add_option("--uses", arguments.uses, "How many devices may join with it")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_flag("--approval", arguments.approval, "A host has to approve each newcomer");
  command->add_flag("--from-now", arguments.from_now,
                    "The newcomer gets the documents as they are, and no history");
  command->add_flag("--own-device", arguments.own_device,
                    "For another device of yours: it counts as the same person");
  command->add_option("--document", arguments.document,
                      "Path: the newcomer has the role there, and may only read all others");
}

}  // namespace

std::string named(const json& device) {
  const std::string name = device.value("name", "");
  const std::string id = device.value("device", "").substr(0, 8);
  return name.empty() ? id : name + " (" + id + ")";
}

std::string author_text(const json& author) {
  const std::string name = author.value("name", "");
  const std::string device = author.value("device", "").substr(0, 8);
  if (author.contains("guest")) return (name.empty() ? "guest" : name) + " (at " + device + ")";
  return name.empty() ? device : name;
}

void add_invite(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<InviteArguments>();
  CLI::App* invite = app.add_subcommand("invite", "What others join a workspace with");
  invite->require_subcommand(0, 1);
  // `coterie invite WORKSPACE` is short for `coterie invite create WORKSPACE`.
  add_workspace_argument(invite, *arguments);
  add_create_options(invite, *arguments);
  CLI::App* make = invite->add_subcommand("create", "Print what another device joins with");
  add_workspace_argument(make, *arguments)->required();
  add_create_options(make, *arguments);
  make->final_callback([&context, arguments] { create(context, *arguments); });
  CLI::App* show = invite->add_subcommand("list", "Who made which, for what, and who used it");
  add_workspace_argument(show, *arguments)->required();
  show->final_callback([&context, arguments] { list(context, *arguments); });
  CLI::App* end = invite->add_subcommand("revoke", "Let nobody in by it any more");
  add_workspace_argument(end, *arguments)->required();
  end->add_option("INVITE", arguments->invite, "The beginning of its id, or the invite itself")
      ->required();
  end->final_callback([&context, arguments] { revoke(context, *arguments); });
  invite->final_callback([&context, arguments, invite] {
    if (!invite->get_subcommands().empty()) return;
    if (arguments->workspace.empty()) throw CLI::RequiredError("WORKSPACE");
    create(context, *arguments);
  });
}

void add_link(CLI::App* identity, Context& context) {
  const auto arguments = std::make_shared<InviteArguments>();
  arguments->own_device = true;
  CLI::App* link = identity->add_subcommand(
      "link", "Print what another device of yours joins a workspace with, as the same person");
  add_workspace_argument(link, *arguments)->required();
  add_terms(link, *arguments);
  link->add_option("--role", arguments->role, "What it may do (as this one)")
      ->check(CLI::IsMember({"host", "editor", "commenter", "viewer", "relay"}));
  link->final_callback([&context, arguments] { create(context, *arguments); });
}

}  // namespace coterie::node::cli
