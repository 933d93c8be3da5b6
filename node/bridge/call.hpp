// A question or command put to the node from outside the engine thread, and its answer.
//
// The REST paths of the bridge and the lines of the control socket both become calls; one place
// answers them (node/daemon/service.hpp lists the operations), so that both give the same JSON.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "crdt/base/result.hpp"

namespace coterie::node {

struct Call {
  std::string operation;                         ///< "status", "doc.list" ...
  std::map<std::string, std::string> arguments;  ///< By name; unknown ones are ignored.
};

/// What went wrong and what to do about it, for people.
struct CallError {
  ErrorCode code;
  std::string message;
};

struct CallResult {
  std::string json;  ///< The answer: a JSON object. Empty when `error` is set.
  std::optional<CallError> error;
};

/// Called at most once, from any thread.
using CallReply = std::function<void(CallResult)>;

/// {"error":{"code":"not_found","message":"..."}}
std::string error_json(const CallError& error);

}  // namespace coterie::node
