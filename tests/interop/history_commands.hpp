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

#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "crdt/doc.hpp"

namespace coterie::interop {

/// The answer, or nothing if it is no command of these.
std::optional<std::string> history_command(const std::string& command, std::istringstream& in,
                                           std::map<std::string, crdt::Doc>& docs);

}  // namespace coterie::interop
