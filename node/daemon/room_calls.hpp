// Calls about rooms: chat, comments, who is there and what was done (see service.hpp for all
// others).
//
// Who says it is the guest "visitor" of this device's bridge, as Access found; empty: its owner.
//
// `id` and `reply` are a message's id or, with `path`, the beginning of one, 4 digits or more, if
// it is of the document's newest. Whoever's name stands in a message as "@name" is mentioned.
//
//     room.page         workspace, path, lane?: chat     {"messages":[...],"older","unread"}: the
//                       (default), comments, thread;     newest first; of a thread `thread` is its
//                       thread?, before?, limit?,        comment; before: the last page's "older"
//                       filter?: open, resolved
//     room.mentions     workspace, before?, limit?       as room.page: what mentions this person
//     room.post         workspace, path, text, reply?,   {"id","moment","time"}. A comment has
//                       thread?, from?, to?, root?,      from and to (UTF-16 units of root), or a
//                       quote?, first?, last?,           quote that occurs once, or first and last
//                       suggestion?                      line
//     room.amend        workspace, path?, id, change:    {"done":true}; text: the new one, or the
//                       edit, delete, react, unreact,    emoji
//                       resolve, reopen, accept,
//                       dismiss; text?
//     room.read         workspace, path, lane?, moment   {"done":true}: seen up to that message
//     participants      workspace, path                  {"participants":[...]}: who is there now
//     state.list        workspace, path                  {"state":[...]}: of the session, by key
//     state.set         workspace, path, key, value?     {"done":true}: value is JSON; count: what
//                       or count?                        this device counted in all; neither: the
//                                                        key is taken away
//     activity          workspace, path?, before?,       {"items":[...],"older"}: what was done,
//     the
//                       limit?                           newest first

#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/room_json.hpp"

namespace coterie::node {

bool is_room_command(const std::string& operation);
bool is_room_question(const std::string& operation);

/// The command that `call` means.
std::variant<Command, CallError> room_command(Engine& engine, Now now, const Call& call);

/// The answer, a JSON object.
std::variant<std::string, CallError> room_answer(Engine& engine, Now now, const Call& call);

/// The answer to a command that room_command() made; nothing for others.
std::optional<std::string> room_result(const CommandResult& result);

/// What the devices of a workspace are called, its former members too.
AuthorNames author_names(const Engine& engine, const WorkspaceId& workspace);

/// Whom `text` mentions: "@" and the name of a member, the longest that fits; a device of each, at
/// most kMentionsMax.
std::vector<DeviceId> mentioned(const std::string& text, const std::vector<MemberInfo>& members);

}  // namespace coterie::node
