// Commands of crdt_tool about positions, snapshots, authors and undo. A type is named by its root
// ("r:HEX of the name") or, nested, by its id ("i:CLIENT:CLOCK").
//
//     rpos DOC TYPE I ASSOC         ok HEX JSON   relative position: bytes, JSON as hex
//     apos DOC HEX FOLLOW           ok INDEX      absolute: or null
//     snap DOC                      ok HEX HEX    snapshot v1, v2
//     recode HEX HEX                ok HEX HEX    a snapshot v1, v2 through decode and encode
//     restore DOC HEX               ok HEX        state of the document created from a snapshot
//     contains HEX HEX              ok 0|1        snapshot, update
//     deltaat DOC TYPE SNAP PREV USERS   ok JSON  toDelta(); "-" for no snapshot
//     valuesat DOC TYPE SNAP        ok JSON
//     entriesat DOC TYPE SNAP       ok JSON
//     authors DOC TYPE              ok JSON       [[client, clock, length, index], ...]

//     undoer DOC MICROS OVERWRITE TRACK TYPE...  ok   an undo manager ("doc": the whole document);
//     its
//                                   timeout; of transactions without origin, or (TRACK 1) "remote"
//                                   too
//     at MICROS                     ok            what its clock shows
//     undo DOC, redo DOC            ok POPPED UNDO REDO    whether a step was, sizes of the stacks
//     stop DOC                      ok
//     clear DOC UNDO REDO           ok UNDO REDO
//     stack DOC                     ok JSON       [[insertions, deletions], ...] of undo, then redo
//     heard DOC                     ok JSON       what its observers were told since last asked

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/undo_manager.hpp"

namespace coterie::interop {

/// Undo managers by document, with what the commands need beside them.
struct Undoer {
  std::optional<crdt::UndoManager> manager;
  std::vector<crdt::Subscription> subscriptions;
  std::shared_ptr<crdt::Any::Array> heard;
};
using Undoers = std::map<std::string, Undoer>;

/// The answer, or nothing if it is no command of these.
std::optional<std::string> history_command(const std::string& command, std::istringstream& in,
                                           std::map<std::string, crdt::Doc>& docs,
                                           Undoers& undoers);

}  // namespace coterie::interop
