#include "node/cli/app.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <CLI/CLI.hpp>

#include "node/cli/commands.hpp"
#include "node/cli/update.hpp"

namespace coterie::node::cli {

namespace {

constexpr int kExitUsage = 2;

std::string default_data_dir() {
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): one thread so far.
  return std::string(home != nullptr ? home : ".") + "/.local/share/coterie";
}

int report(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  std::fprintf(stderr, "coterie: %s\nTry `coterie --help`.\n", error.what());
  return kExitUsage;
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  Context context;
  std::string data_dir = default_data_dir();
  CLI::App app("A peer-to-peer collaboration node.", "coterie");
  app.fallthrough();  // So that --data and --json may follow the command.
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("coterie ") + COTERIE_VERSION);
  app.add_option("--data", data_dir, "Data directory")
      ->envname("COTERIE_DATA")
      ->capture_default_str();
  app.add_flag("--json", context.json, "Print JSON, one object");
  app.add_option("--passphrase-file", context.passphrase_file,
                 "Where the passphrase of a locked device is, instead of asking for it")
      ->envname("COTERIE_PASSPHRASE_FILE");
  app.footer("Exit codes: 0 done, 1 failed, 2 the command line makes no sense.");
  app.parse_complete_callback([&] { context.dir.root = data_dir; });

  add_init(app, context);
  add_run(app, context);
  add_workspace(app, context);
  add_invite(app, context);
  add_join(app, context);
  add_doc(app, context);
  add_members(app, context);
  add_peers(app, context);
  add_identity(app, context);
  add_status(app, context);
  add_update(app, context.json, context.exit_code);
  add_version(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(app, error);
  }
  return context.exit_code;
}

}  // namespace coterie::node::cli
