// Calls about members: what service.hpp lists under "people".

#pragma once

#include <string>
#include <variant>

#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"

namespace coterie::node {

bool is_people_command(const std::string& operation);
bool is_people_question(const std::string& operation);

/// The command that `call` means. Names are looked up; one that several have is an error that lists
/// them.
std::variant<Command, CallError> people_command(const Engine& engine, Now now, const Call& call);

/// The answer, a JSON object.
std::variant<std::string, CallError> people_answer(const Engine& engine, Now now, const Call& call);

/// The answer to a command that people_command() made.
std::string people_result(const CommandResult& result);

}  // namespace coterie::node
