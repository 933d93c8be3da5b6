// Calls about versions of documents (see service.hpp for all others).
//
// A version `at` is a name, the beginning of an id, or, if `at_time` (milliseconds) is given too,
// what was written up to that time; nothing: what the document is. All answers to questions have
// also "names" and "persons" by device, "sealed" and "sealed_until".
//
//     doc.versions      workspace, path, limit?          {"versions":[...],"more"}: newest first
//     doc.version       workspace, path, at?, at_time?,  {"version","text","document"}, or with
//                       update?                          update "true" {"version","text","update"}
//     doc.diff          workspace, path, from?,          {"from","to","changes":[...]}
//                       from_time?, to?, to_time?
//     doc.blame         workspace, path, at?, at_time?   {"version","ranges":[...]}
//     doc.name          workspace, path, name, at?,      {"version", "before"}
//                       at_time?
//     history.show      workspace                        {"keep_hours" (null: for ever),"pruning",
//                                                        "entries","below_floor",
//                                                        "checkpoints":[...]}: newest first
//     history.keep      workspace, hours?                {"done":true}; nothing: for ever
//     history.checkpoint workspace                       {"checkpoint"}
//     history.prune     workspace                        {"checkpoint"}: goes on by itself
//     doc.unname        workspace, path, at?, at_time?   as doc.name
//     doc.restore       workspace, path, at?, at_time?,  {"version","path","removed","restored",
//                       yes?, preview?                   "before","after","preview"}: done with yes
//                                                        "true" and no preview "true"

#pragma once

#include <optional>
#include <string>
#include <variant>

#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"

namespace coterie::node {

bool is_history_command(const std::string& operation);
bool is_history_question(const std::string& operation);

/// The command that `call` means.
std::variant<Command, CallError> history_command(const Engine& engine, const Call& call);

/// The answer, a JSON object.
std::variant<std::string, CallError> history_answer(Engine& engine, Now now, const Call& call);

/// The answer to a command that history_command() made; nothing for others.
std::optional<std::string> history_result(const CommandResult& result);

}  // namespace coterie::node
