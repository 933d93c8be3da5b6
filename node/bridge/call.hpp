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
  bool tagged = false;  ///< Whether the answer to a question is to have a tag.
  /// What a client of the bridge showed; empty: nothing. Without a value the call is the owner's
  /// own, by the control socket.
  std::optional<std::string> token = std::nullopt;
};

/// What went wrong and what to do about it, for people.
struct CallError {
  ErrorCode code;
  std::string message;
  unsigned retry_after = 0;  ///< Seconds: it was too often, and works again then. 0: it was not.
};

struct CallResult {
  std::string json;  ///< The answer: a JSON object. Empty when `error` is set.
  std::optional<CallError> error;
  std::string type = {};  ///< Media type, of an answer that is no JSON.
  /// Changes whenever the answer would. What begins alike up to a '.' is the same version.
  std::string tag = {};
};

/// Called at most once, from any thread.
using CallReply = std::function<void(CallResult)>;

/// {"error":{"code":"not_found","message":"..."}}
std::string error_json(const CallError& error);

}  // namespace coterie::node
