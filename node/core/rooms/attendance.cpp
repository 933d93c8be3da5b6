#include "node/core/rooms/attendance.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "node/core/limits.hpp"

namespace coterie::node {
namespace {

using nlohmann::json;

/// A member of an object, if it is text.
std::string text_of(const json& object, const char* name, std::size_t bytes_max) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  std::string text = found->get<std::string>();
  if (text.size() <= bytes_max) return text;
  // Cut at a character.
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) {
    --bytes_max;
  }
  text.resize(bytes_max);
  return text;
}

std::optional<Activeness> declared_in(const json& state) {
  const std::string status = text_of(state, "status", 16);
  for (const auto one : {Activeness::kActive, Activeness::kIdle, Activeness::kAway}) {
    if (status == activeness_name(one)) return one;
  }
  return std::nullopt;
}

std::optional<Participant::Lines> viewport_in(const json& state) {
  const auto found = state.find("viewport");
  if (found == state.end() || !found->is_object()) return std::nullopt;
  const auto from = found->find("from");
  const auto to = found->find("to");
  const bool fits = from != found->end() && to != found->end() && from->is_number_unsigned() &&
                    to->is_number_unsigned();
  if (!fits) return std::nullopt;
  return Participant::Lines{from->get<std::uint64_t>(), to->get<std::uint64_t>()};
}

}  // namespace

bool is_color(std::string_view text) {
  return text.size() == 7 && text[0] == '#' &&
         std::all_of(text.begin() + 1, text.end(), [](char one) {
           return (one >= '0' && one <= '9') || (one >= 'a' && one <= 'f') ||
                  (one >= 'A' && one <= 'F');
         });
}

const char* activeness_name(Activeness activeness) {
  switch (activeness) {
    case Activeness::kActive:
      return "active";
    case Activeness::kIdle:
      return "idle";
    case Activeness::kAway:
      return "away";
  }
  return "active";
}

std::string awareness_of(const Participant& participant, bool declared) {
  json state = {{"user", {{"id", participant.id}, {"name", participant.name}}}};
  if (!participant.color.empty()) state["user"]["color"] = participant.color;
  if (declared) state["status"] = activeness_name(participant.activeness);
  if (participant.typing) state["typing"] = true;
  if (!participant.file.empty()) state["file"] = participant.file;
  if (participant.viewport) {
    state["viewport"] = {{"from", participant.viewport->first}, {"to", participant.viewport->last}};
  }
  if (!participant.cursor.empty()) {
    state["cursor"] = json::parse(participant.cursor, nullptr, false);
  }
  if (!participant.following.empty()) state["following"] = participant.following;
  return state.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Nothing for somebody who does not say who it is.
std::optional<Attendance::Seen> Attendance::parse(const AwarenessState& state,
                                                  const DeviceId& holder) {
  const json said = json::parse(state.state, nullptr, false);
  if (!said.is_object()) return std::nullopt;
  const auto user = said.find("user");
  if (user == said.end() || !user->is_object()) return std::nullopt;
  Seen seen;
  Participant& says = seen.says;
  says.device = holder;
  says.id = text_of(*user, "id", kGuestIdBytesMax);
  if (says.id.empty()) says.id = "~" + std::to_string(state.client);
  says.name = text_of(*user, "name", kParticipantNameBytesMax);
  says.color = text_of(*user, "color", 7);
  if (!is_color(says.color)) says.color.clear();
  seen.declared = declared_in(said);
  const auto typing = said.find("typing");
  says.typing = typing != said.end() && typing->is_boolean() && typing->get<bool>();
  says.file = text_of(said, "file", kPathBytesMax);
  says.viewport = viewport_in(said);
  for (const char* name : {"cursor", "selection"}) {
    const auto cursor = said.find(name);
    if (cursor == said.end() || cursor->is_null() || !says.cursor.empty()) continue;
    says.cursor = cursor->dump(-1, ' ', false, json::error_handler_t::replace);
  }
  says.following = text_of(said, "following", kGuestIdBytesMax);
  seen.state = state.state;
  seen.key = {holder, says.id};
  return seen;
}

void Attendance::forget(const DocumentId& document, Room& room, crdt::ClientId client) {
  const auto found = room.clients.find(client);
  if (found == room.clients.end()) return;
  if (found->second.due) due_.erase({*found->second.due, document, client});
  room.clients.erase(found);
}

/// When what it shows of itself changes next, if nothing comes.
void Attendance::plan(Now now, const DocumentId& document, crdt::ClientId client, Seen& seen) {
  if (seen.due) due_.erase({*seen.due, document, client});
  seen.due.reset();
  std::vector<Instant> times;
  if (seen.says.typing) times.push_back(seen.changed + kTypingFor);
  if (!seen.declared) {
    times.push_back(seen.changed + kPresenceIdleAfter);
    times.push_back(seen.changed + kPresenceAwayAfter);
  }
  for (const Instant time : times) {
    if (time > now.steady && (!seen.due || time < *seen.due)) seen.due = time;
  }
  if (seen.due) due_.insert({*seen.due, document, client});
}

void Attendance::shown(Now now, const DocumentId& document, const AwarenessState& state,
                       const DeviceId& holder) {
  Room& room = rooms_[document];
  const auto before = room.clients.find(state.client);
  std::set<Key> concerned;
  if (before != room.clients.end()) {
    const bool same = before->second.state == state.state && before->second.key.first == holder;
    if (same) return;
    concerned.insert(before->second.key);
  }
  forget(document, room, state.client);
  if (auto seen = state.state.empty() ? std::nullopt : parse(state, holder)) {
    seen->changed = now.steady;
    concerned.insert(seen->key);
    Seen& kept = room.clients[state.client] = std::move(*seen);
    plan(now, document, state.client, kept);
  }
  for (const Key& key : concerned) tell(now, document, room, key);
  if (room.clients.empty() && room.told.empty()) rooms_.erase(document);
}

/// Makes one participant of its clients, and tells what is new.
void Attendance::tell(Now now, const DocumentId& document, Room& room, const Key& key) {
  std::optional<Participant> is;
  Instant newest{};
  Activeness best = Activeness::kAway;
  bool typing = false;
  std::set<crdt::ClientId> clients;
  for (const auto& [client, seen] : room.clients) {
    if (seen.key != key) continue;
    clients.insert(client);
    const Duration quiet = now.steady - seen.changed;
    const Activeness by_itself = quiet >= kPresenceAwayAfter   ? Activeness::kAway
                                 : quiet >= kPresenceIdleAfter ? Activeness::kIdle
                                                               : Activeness::kActive;
    best = std::min(best, seen.declared.value_or(by_itself));
    typing = typing || (seen.says.typing && quiet < kTypingFor);
    if (is && seen.changed < newest) continue;
    is = seen.says;
    newest = seen.changed;
  }
  const auto told = room.told.find(key);
  if (!is) {
    if (told == room.told.end()) return;
    room.told.erase(told);
    events_.push_back({document, UserLeft{key.first, key.second}});
    return;
  }
  is->activeness = best;
  is->typing = typing;
  is->clients = std::move(clients);
  if (told == room.told.end()) {
    room.told.emplace(key, *is);
    events_.push_back({document, UserJoined{*std::move(is)}});
    return;
  }
  if (told->second == *is) return;
  Participant moved = told->second;
  moved.cursor = is->cursor;
  told->second = *is;
  if (moved == *is) {
    events_.push_back({document, CursorMoved{key.first, key.second, std::move(is->cursor)}});
  } else {
    events_.push_back({document, PresenceChanged{*std::move(is)}});
  }
}

std::vector<Participant> Attendance::of(const DocumentId& document) const {
  std::vector<Participant> all;
  const auto room = rooms_.find(document);
  if (room == rooms_.end()) return all;
  for (const auto& [key, one] : room->second.told) all.push_back(one);
  return all;
}

std::string Attendance::name_of(const DeviceId& device, const std::string& id) const {
  for (const auto& [document, room] : rooms_) {
    const auto found = room.told.find({device, id});
    if (found != room.told.end() && !found->second.name.empty()) return found->second.name;
  }
  return {};
}

void Attendance::handle_timeout(Now now) {
  while (!due_.empty() && std::get<0>(*due_.begin()) <= now.steady) {
    const auto [time, document, client] = *due_.begin();
    Room& room = rooms_.at(document);
    Seen& seen = room.clients.at(client);
    plan(now, document, client, seen);
    tell(now, document, room, seen.key);
  }
}

std::optional<Instant> Attendance::next_deadline() const {
  if (due_.empty()) return std::nullopt;
  return std::get<0>(*due_.begin());
}

}  // namespace coterie::node
