// `coterie update` by itself, so that it can be tested without building a node.

#include <CLI/CLI.hpp>

#include "node/cli/update.hpp"

int main(int argc, char** argv) {
  CLI::App app("Tools over Yjs updates.", "coterie");
  app.fallthrough();
  bool json = false;
  int exit_code = 0;
  app.add_flag("--json", json);
  coterie::node::cli::add_update(app, json, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
