// The command line: which commands there are, and what they share.

#pragma once

namespace coterie::node::cli {

/// Returns the exit code: 0 done, 1 failed (why is on stderr), 2 the command line makes no sense.
int run_command_line(int argc, const char* const* argv);

}  // namespace coterie::node::cli
