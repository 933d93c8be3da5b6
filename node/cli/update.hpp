// coterie update: tools over files of Yjs updates. They need no node and no data directory.

#pragma once

namespace CLI {
class App;
}

namespace coterie::node::cli {

/// Adds the command to `app`. `json` (of --json) is read and `exit_code` written when it runs; all
/// three must outlive the parsing. Reads standard input and writes standard output.
void add_update(CLI::App& app, const bool& json, int& exit_code);

}  // namespace coterie::node::cli
