#include "node/cli/app.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "node/cli/commands.hpp"
#include "node/cli/update.hpp"

namespace coterie::node::cli {

namespace {

constexpr int kExitUsage = 2;
constexpr std::size_t kCommandLettersMax = 32;

std::string default_data_dir() {
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): one thread so far.
  return std::string(home != nullptr ? home : ".") + "/.local/share/coterie";
}

/// Letters to insert, delete, change or swap to make `b` of `a` (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1,
                             rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.size()][b.size()];
}

/// The command that the person may have meant, or nothing.
std::string suggestion(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.empty() || word[0] == '-' || word.size() > kCommandLettersMax) continue;
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) return "";
    const CLI::App* nearest = nullptr;
    std::size_t best = word.size() < 4 ? 2 : 3;  // Farther ones are no slip of the hand.
    for (const CLI::App* one : commands) {
      if (one->get_name() == word) best = 0, nearest = one;
      const std::size_t away = distance(word, one->get_name());
      if (away < best) best = away, nearest = one;
    }
    if (nearest == nullptr) continue;
    if (best > 0) return nearest->get_name();
    at = nearest;
  }
  return "";
}

int report(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  if (const std::string meant = suggestion(app, argc, argv); !meant.empty()) {
    std::fprintf(stderr, "coterie: %s\nDid you mean \"%s\"? Try `coterie --help`.\n", error.what(),
                 meant.c_str());
    return kExitUsage;
  }
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
  add_relay(app, context);
  add_workspace(app, context);
  add_invite(app, context);
  add_join(app, context);
  add_doc(app, context);
  add_chat(app, context);
  add_comment(app, context);
  add_mentions(app, context);
  add_participants(app, context);
  add_session(app, context);
  add_token(app, context);
  add_activity(app, context);
  add_members(app, context);
  add_membership(app, context);
  add_audit(app, context);
  add_revert(app, context);
  add_peers(app, context);
  add_identity(app, context);
  add_backup(app, context);
  add_compact(app, context);
  add_doctor(app, context);
  add_history(app, context);
  add_export(app, context);
  add_import(app, context);
  add_status(app, context);
  add_update(app, context.json, context.exit_code);
  add_version(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(app, error, argc, argv);
  }
  return context.exit_code;
}

}  // namespace coterie::node::cli
