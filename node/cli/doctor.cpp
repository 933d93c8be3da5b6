// coterie doctor: is the data directory whole, and if not, what can be done.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/daemon/doctor.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

const char* kind_name(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kNote:
      return "note";
    case Finding::Kind::kRepairable:
      return "repairable";
    case Finding::Kind::kDamage:
      return "damage";
  }
  return "";
}

json report_json(const DoctorReport& report) {
  json workspaces = json::array();
  for (const WorkspaceReport& one : report.workspaces) {
    json findings = json::array();
    for (const Finding& found : one.checkup.findings) {
      findings.push_back({{"kind", kind_name(found.kind)}, {"what", found.what}});
    }
    workspaces.push_back({{"id", one.id},
                          {"logs", one.checkup.logs},
                          {"entries", one.checkup.entries},
                          {"operations", one.checkup.operations},
                          {"documents", one.checkup.documents},
                          {"documents_compared", one.documents_compared},
                          {"keys", one.checkup.keys},
                          {"findings", std::move(findings)},
                          {"kept", one.kept}});
  }
  return {{"healthy", report.healthy},
          {"repaired", report.repaired},
          {"workspaces", std::move(workspaces)}};
}

void print_report(const DoctorReport& report, bool repair) {
  bool repairable = true;
  for (const WorkspaceReport& one : report.workspaces) {
    const Checkup& checkup = one.checkup;
    std::cout << "workspace " << one.id.substr(0, 8) << ": " << count_text(checkup.entries, "entry")
              << " in " << count_text(checkup.logs, "log") << ", "
              << count_text(checkup.operations, "membership operation") << ", "
              << count_text(checkup.documents, "document") << ", "
              << count_text(checkup.keys, "key") << '\n';
    for (const Finding& found : checkup.findings) {
      std::cout << "  " << kind_name(found.kind) << ": " << printable(found.what) << '\n';
    }
    if (checkup.healthy()) continue;
    repairable = repairable && checkup.repairable();
    if (!one.kept.empty()) std::cout << "  as it was: " << printable(one.kept) << '\n';
  }
  if (report.healthy) {
    std::cout << "All is well.\n";
  } else if (report.repaired) {
    std::cout << "Repaired. What is missing comes from members at the next `coterie run`.\n";
  } else if (repair || !repairable) {
    std::cout << "Not all of that can be repaired: restore a backup; or move the directory of that "
                 "workspace away and join it again, by an invite.\n";
  } else {
    std::cout << "`coterie doctor --repair` repairs it, and keeps the files as they were.\n";
  }
}

void doctor(Context& context, bool repair) {
  CallError why{};
  Progress progress(context, "doctor");
  const auto report = examine(
      context.dir, repair, context.ask_passphrase(),
      [&](std::uint64_t done, std::uint64_t total) { progress.at(done, total); }, why);
  progress.end();
  if (!report) return context.fail(why);
  if (!report->healthy && !report->repaired) context.exit_code = 1;
  if (context.print_json(report_json(*report))) return;
  print_report(*report, repair);
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  const auto repair = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("doctor", "Check a stopped node's data: logs, signatures, documents");
  command->add_flag("--repair", *repair, "Make anew what follows from the logs");
  command->final_callback([&context, repair] { doctor(context, *repair); });
}

}  // namespace coterie::node::cli
