// The commands of `coterie doc` about versions.

#pragma once

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

/// Adds them to `doc`; both references must outlive the parsing.
void add_doc_history(CLI::App& doc, Context& context);

}  // namespace coterie::node::cli
