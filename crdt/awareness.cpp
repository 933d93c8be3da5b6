#include "crdt/awareness.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "crdt/internal/editing.hpp"

namespace coterie::crdt {
namespace {

constexpr std::string_view kGone = "null";

/// Whoever drove a clock to the end of numbers: it stays there.
std::uint64_t next_clock(std::uint64_t clock) { return std::min(clock + 1, kSafeIntegerMax); }

/// Equal as JavaScript values: the order of members does not count. Recursion ends at kAnyDepthMax.
bool same_value(const Any& a, const Any& b) {
  if (const auto* values = a.get_if<Any::Array>()) {
    const auto* others = b.get_if<Any::Array>();
    return others != nullptr &&
           std::equal(values->begin(), values->end(), others->begin(), others->end(), same_value);
  }
  if (const auto* members = a.get_if<Any::Object>()) {
    const auto* others = b.get_if<Any::Object>();
    if (others == nullptr || members->size() != others->size()) return false;
    std::unordered_map<std::string_view, const Any*> by_name;
    for (const auto& [name, value] : *others) by_name.emplace(name, &value);
    return std::all_of(members->begin(), members->end(), [&](const auto& member) {
      const auto found = by_name.find(member.first);
      return found != by_name.end() && same_value(member.second, *found->second);
    });
  }
  return a == b;
}

bool same_state(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto left = Any::from_json(a);
  const auto right = Any::from_json(b);
  return left && right && same_value(*left, *right);
}

}  // namespace

// --- The wire
// -------------------------------------------------------------------------------------

Result<std::vector<AwarenessEntry>> decode_awareness_update(ByteView update,
                                                            const AwarenessLimits& limits) {
  ByteReader in(update);
  COTERIE_TRY(const std::uint64_t count, in.read_varuint());
  if (count > limits.clients) {
    return Error{ErrorCode::kLimitExceeded, "too many clients in an awareness update", count};
  }
  std::vector<AwarenessEntry> entries;
  for (std::uint64_t i = 0; i < count; ++i) {
    AwarenessEntry entry;
    COTERIE_TRY(entry.client, in.read_varuint());
    COTERIE_TRY(entry.clock, in.read_varuint());
    COTERIE_TRY(const std::string_view json, in.read_varstring());
    if (json.size() > limits.state_bytes) {
      return Error{ErrorCode::kLimitExceeded, "awareness state too large", in.offset()};
    }
    if (!is_utf8(json)) {
      return Error{ErrorCode::kMalformed, "awareness state is not UTF-8", in.offset()};
    }
    const auto state = Any::from_json(json);
    if (!state) return Error{state.error().code, "awareness state is not JSON", in.offset()};
    entry.state = state->to_json();
    if (entry.state.size() > limits.state_bytes) {
      return Error{ErrorCode::kLimitExceeded, "awareness state too large", in.offset()};
    }
    entries.push_back(std::move(entry));
  }
  if (!in.at_end()) {
    return Error{ErrorCode::kMalformed, "bytes after an awareness update", in.offset()};
  }
  return entries;
}

Bytes encode_awareness_update(std::span<const AwarenessEntry> entries) {
  Bytes out;
  append_varuint(out, entries.size());
  for (const AwarenessEntry& entry : entries) {
    append_varuint(out, entry.client);
    append_varuint(out, entry.clock);
    append_varstring(out, entry.state);
  }
  return out;
}

Result<Bytes> modify_awareness_update(ByteView update, const std::function<Any(Any)>& modify,
                                      const AwarenessLimits& limits) {
  COTERIE_TRY(auto entries, decode_awareness_update(update, limits));
  for (AwarenessEntry& entry : entries) {
    COTERIE_TRY(Any state, Any::from_json(entry.state));
    entry.state = modify(std::move(state)).to_json();
  }
  return encode_awareness_update(entries);
}

std::vector<ClientId> AwarenessChange::clients() const {
  std::vector<ClientId> all = added;
  all.insert(all.end(), updated.begin(), updated.end());
  all.insert(all.end(), removed.begin(), removed.end());
  return all;
}

// --- Reading
// --------------------------------------------------------------------------------------

Awareness::Awareness(ClientId client_id, Instant now, const Limits& limits)
    : client_id_(client_id), limits_(limits) {
  put(now, client_id, 0, "{}");
}

const Awareness::Client* Awareness::find(ClientId client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? nullptr : &found->second;
}

Any Awareness::state_of(ClientId client) const {
  const Client* const held = find(client);
  if (held == nullptr || !held->state) return Any::Null();
  auto state = Any::from_json(*held->state);
  COTERIE_ASSERT(state.has_value());
  return *std::move(state);
}

std::vector<ClientId> Awareness::clients() const {
  std::vector<ClientId> all;
  all.reserve(present_.size());
  for (const auto& [order, client] : present_) all.push_back(client);
  return all;
}

std::vector<std::pair<ClientId, Any>> Awareness::states() const {
  std::vector<std::pair<ClientId, Any>> all;
  all.reserve(present_.size());
  for (const auto& [order, client] : present_) all.emplace_back(client, state_of(client));
  return all;
}

std::optional<std::uint64_t> Awareness::clock_of(ClientId client) const {
  const Client* const held = find(client);
  return held == nullptr ? std::nullopt : std::optional(held->clock);
}

std::optional<Instant> Awareness::last_updated(ClientId client) const {
  const Client* const held = find(client);
  return held == nullptr ? std::nullopt : std::optional(held->updated);
}

Result<Bytes> Awareness::encode_update(std::span<const ClientId> clients) const {
  std::vector<AwarenessEntry> entries;
  entries.reserve(clients.size());
  for (const ClientId client : clients) {
    const Client* const held = find(client);
    if (held == nullptr) return Error{ErrorCode::kNotFound, "no such client in awareness", client};
    entries.push_back({client, held->clock, held->state.value_or(std::string(kGone))});
  }
  return encode_awareness_update(entries);
}

Bytes Awareness::encode_update() const { return *encode_update(clients()); }

// --- Changing
// -------------------------------------------------------------------------------------

void Awareness::put(Instant now, ClientId client, std::uint64_t clock,
                    std::optional<std::string> state) {
  const auto [at, added] = clients_.try_emplace(client);
  Client& held = at->second;
  if (added) held.known_order = ++orders_;
  if (!added && client != client_id_) {
    (held.state ? present_by_age_ : gone_by_age_).erase({held.updated, client});
  }
  if (held.state) bytes_ -= held.state->size();
  if (held.state && !state) present_.erase(held.order);
  if (!held.state && state) present_.emplace(held.order = ++orders_, client);
  if (state) bytes_ += state->size();
  held.clock = clock;
  held.updated = now;
  held.state = std::move(state);
  if (client != client_id_) {
    (held.state ? present_by_age_ : gone_by_age_).emplace(now, client);
    if (gone_by_age_.size() > limits_.clients) forget_oldest();
  }
}

void Awareness::forget_oldest() {
  clients_.erase(gone_by_age_.begin()->second);
  gone_by_age_.erase(gone_by_age_.begin());
}

AwarenessEvent Awareness::put_local(Instant now, std::optional<std::string> state) {
  AwarenessEvent event;
  event.origin = Any("local");
  const Client* const held = find(client_id_);
  if (!state) {
    event.change.removed = event.update.removed = {client_id_};
  } else if (!held->state) {
    event.change.added = event.update.added = {client_id_};
  } else {
    event.update.updated = {client_id_};
    if (!same_state(*held->state, *state)) event.change.updated = {client_id_};
  }
  put(now, client_id_, next_clock(held->clock), std::move(state));
  return event;
}

Result<AwarenessEvent> Awareness::set_local_state(Instant now, const Any& state) {
  if (state.is_null() || state.is_undefined()) return put_local(now, std::nullopt);
  COTERIE_CHECK(internal::check_value(state));
  std::string json = state.to_json();
  if (json == kGone) return put_local(now, std::nullopt);  // A number that JSON has not.
  const Client* const held = find(client_id_);
  const std::size_t freed = held->state ? held->state->size() : 0;
  if (json.size() > limits_.state_bytes || bytes_ - freed + json.size() > limits_.total_bytes) {
    return Error{ErrorCode::kLimitExceeded, "awareness state too large", json.size()};
  }
  return put_local(now, std::move(json));
}

Result<AwarenessEvent> Awareness::set_local_state_field(Instant now, std::string_view field,
                                                        const Any& value) {
  const Any state = local_state();
  if (state.is_null()) return AwarenessEvent();
  const auto* held = state.get_if<Any::Object>();
  Any::Object members = held == nullptr ? Any::Object() : *held;
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const auto& member) { return member.first == field; });
  if (found != members.end()) {
    found->second = value;
  } else {
    members.emplace_back(field, value);
  }
  return set_local_state(now, Any(std::move(members)));
}

/// Against what is held: its clock (0: never heard of) and whether it has a state.
bool Awareness::is_news(std::uint64_t clock, bool present, const AwarenessEntry& entry) {
  return clock < entry.clock || (clock == entry.clock && entry.state == kGone && present);
}

/// Goes through the entries as apply_update() will, counting only.
Status Awareness::check_room(const std::vector<AwarenessEntry>& entries) const {
  struct Later {
    std::uint64_t clock = 0;
    std::size_t bytes = 0;
    bool present = false;
  };
  std::map<ClientId, Later> later;
  std::size_t count = present_.size();
  std::size_t bytes = bytes_;
  for (const AwarenessEntry& entry : entries) {
    const Client* const held = find(entry.client);
    const auto [at, added] = later.try_emplace(entry.client);
    Later& now = at->second;
    if (added && held != nullptr) {
      now = {held->clock, held->state ? held->state->size() : 0, held->state.has_value()};
    }
    if (!is_news(now.clock, now.present, entry)) continue;
    now.clock = entry.clock;
    if (entry.state == kGone && entry.client == client_id_) continue;
    count -= now.present ? 1 : 0;
    bytes -= now.bytes;
    now.present = entry.state != kGone;
    now.bytes = now.present ? entry.state.size() : 0;
    count += now.present ? 1 : 0;
    bytes += now.bytes;
  }
  // The own client has its place always.
  const Client* const own = find(client_id_);
  if (count > limits_.clients + (own->state ? 1 : 0)) {
    return Error{ErrorCode::kLimitExceeded, "too many clients in awareness", count};
  }
  if (bytes > limits_.total_bytes) {
    return Error{ErrorCode::kLimitExceeded, "awareness states too large", bytes};
  }
  return {};
}

Result<AwarenessEvent> Awareness::apply_update(Instant now, ByteView update, Any origin) {
  COTERIE_TRY(auto entries, decode_awareness_update(update, limits_));
  COTERIE_CHECK(check_room(entries));
  AwarenessEvent event;
  for (AwarenessEntry& entry : entries) {
    const Client* const held = find(entry.client);
    const bool known = held != nullptr;
    const bool present = known && held->state.has_value();
    if (!is_news(known ? held->clock : 0, present, entry)) continue;
    const bool gone = entry.state == kGone;
    if (gone && known) {
      event.change.removed.push_back(entry.client);
      event.update.removed.push_back(entry.client);
    } else if (!gone && !known) {
      event.change.added.push_back(entry.client);
      event.update.added.push_back(entry.client);
    } else if (!gone) {
      event.update.updated.push_back(entry.client);
      if (!present || !same_state(*held->state, entry.state)) {
        event.change.updated.push_back(entry.client);
      }
    }
    if (gone && present && entry.client == client_id_) {
      // We are here: a clock above the claim's says so when it is sent.
      put(now, entry.client, next_clock(entry.clock), held->state);
    } else {
      put(now, entry.client, entry.clock,
          gone ? std::nullopt : std::optional(std::move(entry.state)));
    }
  }
  if (!event.update.empty()) event.origin = std::move(origin);
  return event;
}

AwarenessEvent Awareness::remove_states(Instant now, std::span<const ClientId> clients,
                                        Any origin) {
  AwarenessEvent event;
  for (const ClientId client : clients) {
    const Client* const held = find(client);
    if (held == nullptr || !held->state) continue;
    // Time and clock of others are theirs: the same claim, made elsewhere, must not be news.
    const bool own = client == client_id_;
    put(own ? now : held->updated, client, own ? next_clock(held->clock) : held->clock,
        std::nullopt);
    event.update.removed.push_back(client);
  }
  event.change = event.update;
  if (!event.update.empty()) event.origin = std::move(origin);
  return event;
}

std::vector<AwarenessEvent> Awareness::handle_timeout(Instant now) {
  std::vector<AwarenessEvent> events;
  const Client* const own = find(client_id_);
  if (own->state && own->updated + kAwarenessRenewal <= now) {
    events.push_back(put_local(now, own->state));
  }
  std::vector<std::pair<std::uint64_t, ClientId>> silent;
  for (const auto& [updated, client] : present_by_age_) {
    if (updated + kAwarenessTimeout > now) break;
    silent.emplace_back(find(client)->known_order, client);
  }
  if (!silent.empty()) {
    std::sort(silent.begin(), silent.end());
    std::vector<ClientId> clients;
    clients.reserve(silent.size());
    for (const auto& [order, client] : silent) clients.push_back(client);
    events.push_back(remove_states(now, clients, Any("timeout")));
  }
  return events;
}

std::optional<Instant> Awareness::next_deadline() const {
  std::optional<Instant> due;
  if (const Client* const own = find(client_id_); own->state) {
    due = own->updated + kAwarenessRenewal;
  }
  if (!present_by_age_.empty()) {
    const Instant expiry = present_by_age_.begin()->first + kAwarenessTimeout;
    due = due ? std::min(*due, expiry) : expiry;
  }
  return due;
}

}  // namespace coterie::crdt
