// What the parts of one engine share.

#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "node/core/engine.hpp"

namespace coterie::node {

/// Owned by the engine; outlives all its parts.
struct Context {
  Engine::Options options;
  crypto::SigningKey identity;
  SecureRandom& random;
  std::deque<Engine::Output> outputs;
  Counters counters = {};
  /// A link to that device, if there is one.
  std::function<std::optional<LinkId>(const DeviceId&)> link_to = {};

  void emit(Engine::Output output) { outputs.push_back(std::move(output)); }
  void warn(std::string text) {
    emit(Engine::Notice{Engine::Notice::Level::kWarning, std::move(text)});
  }
  void inform(std::string text) {
    emit(Engine::Notice{Engine::Notice::Level::kInfo, std::move(text)});
  }
  void report(std::string text) {
    emit(Engine::Notice{Engine::Notice::Level::kError, std::move(text)});
  }
};

}  // namespace coterie::node
