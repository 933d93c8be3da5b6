#include "node/core/presence.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {

using transport::AwarenessVerdict;

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kDomain = "coterie presence v1";
constexpr std::string_view kTopicDomain = "coterie topic v1";
constexpr Duration kRenewal = std::chrono::seconds(15);
constexpr Duration kExpiry = transport::kAwarenessLifetime;
constexpr Duration kSweep = std::chrono::seconds(1);
/// How long the clock of a client that left is remembered: longer than anybody's copy of it lives.
constexpr Duration kMemory = std::chrono::seconds(90);
constexpr Duration kPublishInterval = std::chrono::milliseconds(33);
constexpr std::uint64_t kBundlesMax = 64;

constexpr std::size_t kEnvelopeBytes = 1 + 32 + 24 + crypto::kAeadOverheadBytes + 64;
static_assert(kPresenceBytesMax + kEnvelopeBytes <= transport::kAwarenessBytesMax);

/// Bytes of a state in a bundle, at most.
std::size_t cost(const std::string& state) { return state.size() + 3 + 8 + 8; }

}  // namespace

Presence::Presence(Now now, const Ledger& ledger, Context& context)
    : ledger_(ledger),
      context_(context),
      counter_(now.wall << 20),
      next_sweep_(now.steady + kSweep),
      next_renewal_(now.steady + kRenewal) {}

// What browsers see.

Presence::Winner Presence::winner(const Room& room, crdt::ClientId client) const {
  const auto shown = room.shown.find(client);
  const DeviceId holder =
      shown != room.shown.end() && shown->second.present ? shown->second.holder : DeviceId{};
  Winner best;
  if (const auto found = room.local.find(client); found != room.local.end()) {
    const Local& local = found->second;
    best = {&local.state, local.clock, local.owner, local.own_clock, context_.identity.id()};
    // A guest waits until whoever shows it elsewhere has stopped: it may be somebody else.
    const bool waits = !local.guest.empty() && best.holder != holder &&
                       std::any_of(room.remote.begin(), room.remote.end(), [&](const auto& one) {
                         return one.first.first == holder && one.second.states.contains(client);
                       });
    if (!waits) return best;
    best = {};
  }
  Instant first{};
  for (const auto& [from, remote] : room.remote) {
    const auto found = remote.states.find(client);
    if (found == remote.states.end()) continue;
    const auto& [state, since] = found->second;
    const bool holds = from.first == holder;
    const bool better = best.state == nullptr || holds > (best.holder == holder) ||
                        (holds == (best.holder == holder) && since < first);
    if (!better) continue;
    first = since;
    best = {&state.state, state.clock, 0, 0, from.first};
  }
  return best;
}

/// Notes what browsers should see of `client` now. `force`: even if it is what they see.
void Presence::show(Now now, const DocumentId& document, Room& room, crdt::ClientId client,
                    bool force) {
  const Winner best = winner(room, client);
  Shown& shown = room.shown[client];
  const bool present = best.state != nullptr;
  if (!present && !shown.present) return;
  if (present && shown.present && !force) return;
  const DeviceId holder = present ? best.holder : shown.holder;
  shown.clock = std::max({shown.clock + 1, best.clock, present ? 0 : now.wall});
  shown.present = present;
  shown.since = now.steady;
  shown.holder = best.holder;
  const std::size_t content = present ? std::hash<std::string>()(*best.state) : 0;
  const bool renewed = present && shown.content == content;
  shown.content = content;
  if (renewed) {
    room.renewed.insert(client);
    return;
  }
  room.renewed.erase(client);
  changes_.push_back({document,
                      {client, shown.clock, present ? *best.state : std::string()},
                      best.owner,
                      best.own_clock,
                      holder});
}

std::vector<AwarenessState> Presence::states(Now now, const DocumentId& document,
                                             const std::set<crdt::ClientId>& own) {
  std::vector<AwarenessState> all;
  const auto room = rooms_.find(document);
  if (room == rooms_.end()) return all;
  for (auto& [client, shown] : room->second.shown) {
    if (!shown.present || own.count(client) > 0 || all.size() == kAwarenessIdsPerMessageMax) {
      continue;
    }
    const Winner best = winner(room->second, client);
    if (best.state == nullptr) continue;
    // Above what the newcomer may remember from an earlier connection, here or elsewhere.
    shown.clock = std::max(shown.clock + 1, now.wall);
    all.push_back({client, shown.clock, *best.state});
  }
  return all;
}

// Clients of this node.

bool Presence::acceptable(const Room& room, const AwarenessState& state, ClientHandle owner,
                          bool heard, const std::set<crdt::ClientId>& own) const {
  if (state.clock == 0) return false;
  const bool echo = heard && own.count(state.client) == 0 && state.clock >= kShownClockMin;
  if (echo) return false;
  const auto held = room.local.find(state.client);
  if (held == room.local.end()) return true;
  // A new connection may come before the old one is known to be dead, with the clock it had.
  const bool returned = held->second.owner != owner && !heard;
  return state.clock > held->second.own_clock ||
         (returned && state.clock == held->second.own_clock);
}

void Presence::announce(Now now, const DocumentId& document, ClientHandle client,
                        const std::string& guest, bool heard, std::set<crdt::ClientId>& own,
                        const std::vector<AwarenessState>& states) {
  Room& room = rooms_[document];
  for (const AwarenessState& state : states) {
    const auto held = room.local.find(state.client);
    const bool known = held != room.local.end();
    const bool mine = known && held->second.owner == client;
    if (known && !mine && held->second.guest != guest) continue;
    const bool renewal = mine && held->second.state == state.state;
    if (state.state.empty()) {
      if (mine) remove_local(now, document, room, state.client);
      continue;
    }
    const bool echo = heard && state.clock >= kShownClockMin;
    if (!echo && own.size() < kAwarenessIdsPerClientMax) own.insert(state.client);
    if (own.count(state.client) == 0) continue;
    if (!acceptable(room, state, client, heard, own)) continue;
    if (!known && room.local.size() >= kAwarenessIdsPerDeviceMax) continue;
    if (renewal) {
      // Other nodes hear of it with all others (republish_all()).
      held->second.own_clock = state.clock;
      held->second.clock = std::max(room.shown[state.client].clock + 1, now.wall);
      held->second.heard = now.steady;
      show(now, document, room, state.client, true);
      continue;
    }
    if (known) {
      mark(document, room, held->second.bundle);
      room.local.erase(held);
    }
    Local local;
    local.owner = client;
    local.guest = guest;
    local.own_clock = state.clock;
    local.clock = std::max(room.shown[state.client].clock + 1, now.wall);
    local.state = state.state;
    local.bundle = bundle_for(room, state.state);
    local.heard = now.steady;
    mark(document, room, local.bundle);
    room.local[state.client] = std::move(local);
    show(now, document, room, state.client, true);
  }
}

void Presence::mark(const DocumentId& document, Room& room, std::uint64_t bundle) {
  room.dirty.insert(bundle);
  dirty_rooms_.insert(document);
}

void Presence::remove_local(Now now, const DocumentId& document, Room& room,
                            crdt::ClientId client) {
  const auto found = room.local.find(client);
  mark(document, room, found->second.bundle);
  room.local.erase(found);
  show(now, document, room, client, true);
}

void Presence::leave(Now now, const DocumentId& document, ClientHandle client) {
  const auto found = rooms_.find(document);
  if (found == rooms_.end()) return;
  std::vector<crdt::ClientId> gone;
  for (const auto& [id, local] : found->second.local) {
    if (local.owner == client) gone.push_back(id);
  }
  for (const crdt::ClientId id : gone) remove_local(now, document, found->second, id);
}

void Presence::forget(Now now, const DeviceId& device) {
  for (auto& [document, room] : rooms_) {
    for (auto it = room.remote.lower_bound({device, 0});
         it != room.remote.end() && it->first.first == device;) {
      const auto states = std::move(it->second.states);
      it = room.remote.erase(it);
      for (const auto& [client, said] : states) show(now, document, room, client, true);
    }
  }
}

std::map<DeviceId, std::string> Presence::said_in(const DocumentId& document) const {
  std::map<DeviceId, std::string> said;
  const auto room = rooms_.find(document);
  if (room == rooms_.end()) return said;
  for (const auto& [from, remote] : room->second.remote) {
    if (remote.states.empty()) continue;
    said.try_emplace(from.first, remote.states.begin()->second.state.state);
  }
  return said;
}

std::set<DeviceId> Presence::origins() const {
  std::set<DeviceId> all;
  for (const auto& [document, room] : rooms_) {
    for (const auto& [from, remote] : room.remote) all.insert(from.first);
  }
  return all;
}

/// The first bundle with room for one more state.
std::uint64_t Presence::bundle_for(const Room& room, const std::string& state) const {
  std::map<std::uint64_t, std::size_t> used;
  for (const auto& [id, local] : room.local) used[local.bundle] += cost(local.state);
  constexpr std::size_t kFixed = DocumentId::kBytes + 8 + 8;
  std::uint64_t bundle = 0;
  while (used.count(bundle) > 0 && kFixed + used[bundle] + cost(state) > kPresenceBytesMax) {
    ++bundle;
  }
  return bundle;
}

// Other nodes.

std::uint64_t Presence::topic(const DocumentId& document, std::uint64_t bundle) const {
  Bytes number;
  append_u64(number, bundle);
  const Hash hash =
      crypto::hash({as_bytes(kTopicDomain), ledger_.workspace().view(), document.view(), number});
  ByteReader in(hash.view());
  return *read_u64(in) & kSafeIntegerMax;
}

Bytes Presence::envelope(const DeviceId& device, std::uint64_t topic, std::uint64_t counter,
                         const Hash& key) const {
  Bytes out;
  append(out, ledger_.workspace().view());
  append(out, device.view());
  append_u64(out, topic);
  append_u64(out, counter);
  append(out, key.view());
  return out;
}

std::optional<Presence::Publication> Presence::publication(const DocumentId& document,
                                                           const Room& room, std::uint64_t bundle) {
  Hash commitment;
  const crypto::SecretKey* key = ledger_.keys().write_key(ledger_.membership(), commitment);
  if (key == nullptr || bundle >= kBundlesMax) return std::nullopt;
  std::vector<AwarenessState> states;
  for (const auto& [client, local] : room.local) {
    if (local.bundle == bundle) states.push_back({client, local.clock, local.state});
  }
  Bytes clear(document.view().begin(), document.view().end());
  append_varuint(clear, bundle);
  append(clear, encode_awareness(states));

  Publication out;
  out.topic = topic(document, bundle);
  out.counter = ++counter_;
  const Bytes place = envelope(context_.identity.id(), out.topic, out.counter, commitment);
  const crypto::Nonce nonce = crypto::random_nonce(context_.random);
  const Bytes sealed = crypto::seal(*key, nonce, place, clear);
  const Hash hash = crypto::hash({as_bytes(kDomain), place, nonce.view(), sealed});
  out.message.push_back(kVersion);
  append(out.message, commitment.view());
  append(out.message, nonce.view());
  append(out.message, sealed);
  append(out.message, context_.identity.sign(hash.view()).view());
  return out;
}

AwarenessVerdict Presence::receive(Now now, const DeviceId& origin, std::uint64_t topic_in,
                                   std::uint64_t counter, ByteView message, Duration age) {
  if (ledger_.membership().find(origin) == nullptr) return AwarenessVerdict::kIgnored;
  if (message.size() < kEnvelopeBytes || message[0] != kVersion) return AwarenessVerdict::kRefused;
  ByteReader in(message.subspan(1));
  const Hash commitment = *read_id<Hash>(in);
  const crypto::Nonce nonce = *read_id<crypto::Nonce>(in);
  const ByteView sealed = *in.read_bytes(in.remaining() - crypto::Signature::kBytes);
  const crypto::Signature signature = *read_id<crypto::Signature>(in);
  const Bytes place = envelope(origin, topic_in, counter, commitment);
  const Hash hash = crypto::hash({as_bytes(kDomain), place, nonce.view(), sealed});
  if (!crypto::verify(origin, hash.view(), signature)) return AwarenessVerdict::kRefused;

  // Genuine from here on: others may be able to read what we cannot.
  const crypto::SecretKey* key = ledger_.keys().find(commitment);
  if (key == nullptr) return AwarenessVerdict::kGenuine;
  const auto clear = crypto::open(*key, nonce, place, sealed);
  if (!clear) return AwarenessVerdict::kRefused;
  ByteReader body(*clear);
  const auto document = read_id<DocumentId>(body);
  const auto bundle = read_number(body);
  if (!document || !bundle || *bundle >= kBundlesMax || topic(*document, *bundle) != topic_in) {
    return AwarenessVerdict::kRefused;
  }
  const auto states = decode_awareness(ByteView(*clear).subspan(body.offset()));
  if (!states || states->size() > kAwarenessIdsPerDeviceMax) return AwarenessVerdict::kRefused;

  if (rooms_.size() >= kDocumentsMax && rooms_.count(*document) == 0) {
    return AwarenessVerdict::kGenuine;
  }
  Room& room = rooms_[*document];
  if (room.remote.size() >= kPresenceDevicesMax && room.remote.count({origin, *bundle}) == 0) {
    return AwarenessVerdict::kGenuine;
  }
  Remote& remote = room.remote[{origin, *bundle}];
  const auto before = std::exchange(remote.states, {});
  remote.heard = now.steady - age;
  for (const AwarenessState& state : *states) {
    // A clock of the far future would leave no room above it.
    const bool sane = state.clock > 0 && state.clock <= now.wall + kClockSkewMsMax;
    if (!sane || state.state.empty()) continue;
    const auto old = before.find(state.client);
    remote.states[state.client] = {state, old == before.end() ? now.steady : old->second.since};
  }
  for (const auto& [client, said] : remote.states) {
    const auto old = before.find(client);
    // A renewal shows again, so that browsers do not time it out.
    const bool news = old == before.end() || !(old->second.state == said.state);
    show(now, *document, room, client, news && winner(room, client).holder == origin);
  }
  for (const auto& [client, said] : before) {
    const auto shown = room.shown.find(client);
    const bool held = shown != room.shown.end() && shown->second.holder == origin;
    if (remote.states.count(client) == 0 && held) show(now, *document, room, client, true);
  }
  if (remote.states.empty()) room.remote.erase({origin, *bundle});
  return AwarenessVerdict::kGenuine;
}

void Presence::republish_all() {
  for (auto& [document, room] : rooms_) {
    for (const auto& [client, local] : room.local) mark(document, room, local.bundle);
  }
}

/// Without a key that nobody who left may know, what there is to say waits.
bool Presence::can_publish() const {
  Hash commitment;
  return ledger_.keys().write_key(ledger_.membership(), commitment) != nullptr;
}

std::vector<Presence::Publication> Presence::take_publications(Now now) {
  std::vector<Publication> out;
  if (dirty_rooms_.empty() || !can_publish()) return out;
  for (auto it = dirty_rooms_.begin(); it != dirty_rooms_.end();) {
    Room& room = rooms_.at(*it);
    if (room.published + kPublishInterval > now.steady) {
      ++it;
      continue;
    }
    for (const std::uint64_t bundle : std::exchange(room.dirty, {})) {
      if (auto one = publication(*it, room, bundle)) out.push_back(std::move(*one));
    }
    room.published = now.steady;
    it = dirty_rooms_.erase(it);
  }
  return out;
}

void Presence::withdraw_all(Now now) {
  for (auto& [document, room] : rooms_) {
    while (!room.local.empty()) remove_local(now, document, room, room.local.begin()->first);
    room.published = now.steady - kPublishInterval;
  }
}

// Time.

void Presence::handle_timeout(Now now) {
  if (now.steady >= next_renewal_) {
    next_renewal_ = now.steady + kRenewal;
    republish_all();
  }
  if (now.steady < next_sweep_) return;
  next_sweep_ = now.steady + kSweep;
  for (auto it = rooms_.begin(); it != rooms_.end();) {
    const DocumentId& document = it->first;
    Room& room = it->second;
    for (auto remote = room.remote.begin(); remote != room.remote.end();) {
      if (remote->second.heard + kExpiry > now.steady) {
        ++remote;
        continue;
      }
      const auto states = std::move(remote->second.states);
      remote = room.remote.erase(remote);
      for (const auto& [client, said] : states) show(now, document, room, client, true);
    }
    std::vector<crdt::ClientId> silent;
    for (const auto& [client, local] : room.local) {
      if (local.heard + kExpiry <= now.steady) silent.push_back(client);
    }
    for (const crdt::ClientId client : silent) remove_local(now, document, room, client);
    for (const crdt::ClientId client : std::exchange(room.renewed, {})) {
      const Winner best = winner(room, client);
      if (best.state == nullptr) continue;
      changes_.push_back({document,
                          {client, room.shown[client].clock, *best.state},
                          best.owner,
                          best.own_clock,
                          best.holder});
    }
    for (auto shown = room.shown.begin(); shown != room.shown.end();) {
      const bool forget = !shown->second.present && shown->second.since + kMemory <= now.steady;
      shown = forget ? room.shown.erase(shown) : std::next(shown);
    }
    const bool empty =
        room.local.empty() && room.remote.empty() && room.shown.empty() && room.dirty.empty();
    it = empty ? rooms_.erase(it) : std::next(it);
  }
}

std::optional<Instant> Presence::next_deadline() const {
  if (rooms_.empty()) return std::nullopt;
  Instant due = std::min(next_sweep_, next_renewal_);
  if (!dirty_rooms_.empty() && !can_publish()) return due;
  for (const DocumentId& document : dirty_rooms_) {
    due = std::min(due, rooms_.at(document).published + kPublishInterval);
  }
  return due;
}

}  // namespace coterie::node
