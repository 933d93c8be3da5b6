// coterie backup, restore, compact: the data directory as files.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/daemon/backup.hpp"
#include "storage/lmdb/lmdb_store.hpp"
#include "storage/lmdb/maintenance.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

json summary_json(const BackupSummary& summary) {
  return {{"where", summary.where},
          {"device", summary.device.hex()},
          {"made", summary.made},
          {"bytes", summary.bytes},
          {"workspaces", summary.workspaces}};
}

void backup(Context& context, const std::string& to, bool archive) {
  CallError why{};
  Progress progress(context, "backup");
  const auto made = back_up(
      context.dir, to, archive,
      [&](std::uint64_t done, std::uint64_t total) { progress.at(done, total); }, why);
  progress.end();
  if (!made) return context.fail(why);
  if (context.print_json(summary_json(*made))) return;
  std::cout
      << "Backed up " << count_text(made->workspaces, "workspace") << ", "
      << bytes_text(made->bytes) << ", to " << printable(to)
      << ".\nWhoever has it is this device, unless a passphrase locks the key: keep it as you "
         "would keep a password.\n";
}

void restore(Context& context, const std::string& from) {
  CallError why{};
  Progress progress(context, "restore");
  const auto made = restore_backup(
      from, context.dir, [&](std::uint64_t done, std::uint64_t total) { progress.at(done, total); },
      why);
  progress.end();
  if (!made) return context.fail(why);
  if (context.print_json(summary_json(*made))) return;
  std::cout
      << "Restored device " << made->device.short_hex() << " with "
      << count_text(made->workspaces, "workspace") << " as of " << time_text(made->made) << " in "
      << printable(made->where)
      << ".\nThe directory it was made of must not be used any more: they would be one device "
         "in two places.\nNext: `coterie run --data "
      << printable(made->where) << "`; what others wrote since comes from them.\n";
}

/// The lock of the data directory, or nothing after Context::fail().
std::optional<DataDirLock> lock_stopped(Context& context) {
  if (const auto there = inspect_device(context.dir); !there) {
    context.fail(there.error());
    return std::nullopt;
  }
  auto lock = DataDirLock::acquire(context.dir);
  if (lock) return *std::move(lock);
  if (lock.error().code == ErrorCode::kConflict) {
    context.fail(CallError{
        ErrorCode::kConflict,
        context.dir.root.string() + ": in use by another coterie process" +
            (lock.error().detail != 0 ? " (pid " + std::to_string(lock.error().detail) + ")" : "") +
            "; stop it first: this works on a stopped node only"});
  } else {
    context.fail(lock.error());
  }
  return std::nullopt;
}

void compact(Context& context) {
  const auto lock = lock_stopped(context);
  if (!lock) return;
  const std::string folder = context.dir.workspaces().string();
  auto provider = storage::LmdbStoreProvider::open_directory(folder);
  const auto names =
      provider ? (*provider)->list() : Result<std::vector<std::string>>(provider.error());
  if (!names) return context.fail(names.error());
  Progress progress(context, "compact");
  json list = json::array();
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  for (const std::string& name : *names) {
    progress.at(list.size(), names->size());
    const std::string store = folder + "/" + name;
    const auto done = storage::compact_store(store);
    if (!done) {
      progress.end();
      return context.fail(CallError{done.error().code, store + ": " + done.error().what});
    }
    before += done->bytes_before;
    after += done->bytes_after;
    list.push_back(
        {{"id", name}, {"bytes_before", done->bytes_before}, {"bytes_after", done->bytes_after}});
  }
  progress.end();
  if (context.print_json(
          {{"workspaces", std::move(list)}, {"bytes_before", before}, {"bytes_after", after}})) {
    return;
  }
  std::cout << "Compacted " << count_text(names->size(), "workspace") << ": " << bytes_text(before)
            << " before, " << bytes_text(after) << " now.\n";
}

}  // namespace

void add_backup(CLI::App& app, Context& context) {
  const auto place = std::make_shared<std::string>();
  const auto archive = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("backup", "Copy the data directory, also while the node runs");
  command->add_option("TO", *place, "What to make: a new directory, or a file with --archive")
      ->required()
      ->check(not_empty);
  command->add_flag("--archive", *archive, "One file (tar) instead of a directory");
  command->final_callback([&context, place, archive] { backup(context, *place, *archive); });
  CLI::App* back = app.add_subcommand("restore", "Make a new data directory (--data) of a backup");
  back->add_option("FROM", *place, "The backup: a directory or a file")
      ->required()
      ->check(not_empty);
  back->final_callback([&context, place] { restore(context, *place); });
}

void add_compact(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("compact", "Give the disk back what a stopped node does not need");
  command->final_callback([&context] { compact(context); });
}

}  // namespace coterie::node::cli
