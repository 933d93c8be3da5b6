// Calls about documents as wholes (see service.hpp for all others).
//
// `path` is a document's path as it is now, or its id; of one in the trash its id, or the path that
// it had. A document is {"id","path","created","changed","clients","preview","archived",
// "trashed" (since when, or null),"title","kind","language","meta":{...}}.
//
//     doc.templates                                      {"templates":[{"name","title","kind",
//                                                        "language"}]}
//     doc.list          workspace, folder?, trash?,      {"documents":[...],"next"?}, archived ones
//                       limit?, cursor?: the last        too
//                       page's "next"
//     doc.info          workspace, path                  the document
//     doc.create        workspace, path, template?,      {"id","path"}
//                       title?, kind?, language?,
//                       meta.*, text?
//     doc.set           workspace, path, title?, kind?,  {"documents":[{"id","path"}]}
//                       language?, meta.*; empty: none;
//                       to?: another path
//     doc.move          workspace, path, to              as doc.set; all that is in a folder
//     doc.archive, doc.unarchive, doc.trash,             as doc.set: where it is now
//     doc.untrash       workspace, path
//     doc.search        workspace, text, folder?,        {"hits":[{"id","path","title","where",
//                       after?, limit?                   "root","position","line","snippet"}],
//                                                        "after" (null: all was looked at),
//                                                        "documents","bytes"}

#pragma once

#include <optional>
#include <string>
#include <variant>

#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"

namespace coterie::node {

bool is_document_command(const std::string& operation);
bool is_document_question(const std::string& operation);

/// The command that `call` means.
std::variant<Command, CallError> document_command(const Engine& engine, const Call& call);

/// The answer, a JSON object.
std::variant<std::string, CallError> document_answer(Engine& engine, Now now, const Call& call);

/// The answer to a command that document_command() made of a call for `path`; nothing for others.
std::optional<std::string> document_result(const CommandResult& result, const std::string& path);

}  // namespace coterie::node
