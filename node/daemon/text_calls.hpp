// Calls about what is in a document, for who has no Yjs (see service.hpp for all others).
//
// A version (history/text_versions.hpp) is the tag of the answer, too.
//
//     doc.read          workspace, path, root?,          {"root","text","version"}; as:
//     "text/plain",
//                       as?                              the text alone
//     doc.write         workspace, path, root?, base: a  {"root","version","merged"}, and "text"
//                       version, text                    where that is not what was sent
//     doc.export        workspace, path, as              all of it: "application/octet-stream", a
//                                                        Yjs update (v1); "text/plain"

#pragma once

#include <optional>
#include <string>
#include <variant>

#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"

namespace coterie::node {

bool is_text_question(const std::string& operation);
bool is_text_command(const std::string& operation);

CallResult text_answer(Engine& engine, Now now, const Call& call);

/// The command that `call` means.
std::variant<Command, CallError> text_command(const Engine& engine, const Call& call);

/// The answer to a command that text_command() made; nothing for others.
std::optional<CallResult> text_result(const CommandResult& result);

}  // namespace coterie::node
