// Rooms as JSON: what the calls about rooms answer, and what the events WebSocket carries.
//
// The shapes are those of docs/API/events.md and of docs/API/openapi.json; tests/golden/events has
// an example of each. Ids are hexadecimal, times milliseconds since 1970. A moment (of a message,
// for paging) is text that means something to the node only. What is not there is left out.
//
// Reading is strict: a type or a value that is not known is kMalformed, what is longer than its
// limit kLimitExceeded. Members that are not known are ignored.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include "node/core/engine.hpp"
#include "node/daemon/call_json.hpp"

namespace coterie::node {

/// What people call an author; empty where nobody knows.
using AuthorNames = std::function<std::string(const Author&)>;

/// Milliseconds of a hybrid clock.
std::uint64_t room_millis(std::uint64_t time);

std::string moment_text(const RoomMoment& moment);
/// Errors: kMalformed.
Result<RoomMoment> parse_moment(std::string_view text);

const char* lane_name(RoomLane::Kind lane);
Result<RoomLane::Kind> lane_of(std::string_view name);
const char* amendment_name(Amendment what);
Result<Amendment> amendment_of(std::string_view name);

nlohmann::json author_json(const Author& author, const AuthorNames& names);
nlohmann::json message_json(const RoomItem& item, const AuthorNames& names);
/// What others wrote as JSON; null where it is none.
nlohmann::json json_value(const std::string& text);
nlohmann::json participant_json(const Participant& participant, const AuthorNames& names);
nlohmann::json state_json(const StateItem& item, const AuthorNames& names);
nlohmann::json activity_json(const ActivityItem& item, const AuthorNames& names);
/// {"messages", "older", "unread"}.
nlohmann::json page_json(const RoomView& view, const AuthorNames& names);

}  // namespace coterie::node
