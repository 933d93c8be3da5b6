// The node's log: one line per event, to stderr. Never holds document names, content or keys.

#pragma once

#include <string_view>

#include "node/core/engine.hpp"

namespace coterie::node {

/// Thread-safe. "2026-11-21 10:00:00.000 warning peer 1a2b3c4d: ..."
void log_line(Engine::Notice::Level level, std::string_view text);

/// From now on lines are JSON:
/// {"time":"2026-11-21T10:00:00.000Z","level":"warning","message":"..."}.
void set_log_json();

/// Lines below `level` are dropped from now on.
void set_log_level(Engine::Notice::Level level);

}  // namespace coterie::node
