// Awareness: who is present in a document now, and what each shows of itself (name, cursor, ...).
//
// Ephemeral and last-writer-wins per client: each client raises a clock of its own with each state
// it sets, renews it while it lives, and is forgotten when it has been silent for 30 s.
//
//     update := count:varuint (client:varuint clock:varuint state:varstring){count}
//               state: JSON; "null" when the client has left
//
// Source: y-protocols 1.0.7, src/awareness.js. Where that reports something curious (a client that
// was seen before comes back as `updated`; who is told that he left while he is here counts as
// `removed`, which makes providers say that he is), so does this.
//
// Nothing here proves who says what: anybody may set the clock of anybody. Who must know vouches
// for it before (modify_awareness_update(), or signatures around the update).
//
// Sans-I/O: time is handed in, and what happened is returned. Send encode_update() of the clients
// in AwarenessEvent::update to the others; draw what is in AwarenessEvent::change.
//
//     Awareness awareness(doc.client_id(), now);
//     auto event = awareness.set_local_state(now, Any::Object{{"name", "Ada"}});
//     send(*awareness.encode_update(event->update.clients()));
//     ...
//     auto heard = awareness.apply_update(now, bytes_from_elsewhere);
//     ...
//     if (now >= awareness.next_deadline()) events = awareness.handle_timeout(now);

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "crdt/base/result.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::crdt {

/// Who was not heard of for this long is taken for gone.
inline constexpr Duration kAwarenessTimeout = std::chrono::seconds(30);

/// The own state is renewed when it is this old.
inline constexpr Duration kAwarenessRenewal = kAwarenessTimeout / 2;

/// What a stranger can make us hold.
struct AwarenessLimits {
  /// Clients present, and as many again that left and whose clocks are remembered (the one that
  /// left longest ago is forgotten first); also entries in one update.
  std::size_t clients = 16'384;
  /// One state as JSON.
  std::size_t state_bytes = 64u << 10;
  /// All states together.
  std::size_t total_bytes = 16u << 20;
};

/// One client in an update.
struct AwarenessEntry {
  ClientId client = 0;
  std::uint64_t clock = 0;
  std::string state = "null";  ///< JSON; "null" when the client has left.

  bool operator==(const AwarenessEntry&) const = default;
};

/// Reads an update; states as Any::to_json() writes what they say. O(update.size()).
///
/// Errors: kMalformed (truncated, trailing bytes, a state that is not JSON), kLimitExceeded
/// (limits, JSON nested deeper than kAnyDepthMax).
Result<std::vector<AwarenessEntry>> decode_awareness_update(ByteView update,
                                                            const AwarenessLimits& limits = {});

Bytes encode_awareness_update(std::span<const AwarenessEntry> entries);

/// The update with each state replaced by what `modify` makes of it (null or undefined: gone): for
/// a server that vouches for who is who. Errors: as decode_awareness_update().
Result<Bytes> modify_awareness_update(ByteView update, const std::function<Any(Any)>& modify,
                                      const AwarenessLimits& limits = {});

/// Which clients an event is about, in the order they were handled.
struct AwarenessChange {
  std::vector<ClientId> added;
  std::vector<ClientId> updated;
  std::vector<ClientId> removed;

  bool empty() const { return added.empty() && updated.empty() && removed.empty(); }
  /// All of them.
  std::vector<ClientId> clients() const;
  bool operator==(const AwarenessChange&) const = default;
};

/// What an operation did. Both parts are empty if it did nothing.
struct AwarenessEvent {
  /// States that differ from before; Yjs: 'change'.
  AwarenessChange change;
  /// Those and the mere renewals: what others are to be told; Yjs: 'update'.
  AwarenessChange update;
  /// "local", "timeout", or what the caller gave.
  Any origin;

  bool operator==(const AwarenessEvent&) const = default;
};

/// A value type with a single-threaded owner. States are held as JSON text.
class Awareness {
 public:
  using Limits = AwarenessLimits;

  /// Starts with an empty object as own state, at clock 0.
  Awareness(ClientId client_id, Instant now, const Limits& limits = {});

  ClientId client_id() const { return client_id_; }

  /// Null (Any::Null) when the client is not there. O(state).
  Any local_state() const { return state_of(client_id_); }
  Any state_of(ClientId client) const;
  /// Clients that have a state, in the order they came. O(clients).
  std::vector<ClientId> clients() const;
  /// With their states. O(bytes of all states).
  std::vector<std::pair<ClientId, Any>> states() const;
  std::size_t client_count() const { return present_.size(); }

  /// The clock of a client, also of one that left and is remembered.
  std::optional<std::uint64_t> clock_of(ClientId client) const;
  std::optional<Instant> last_updated(ClientId client) const;

  /// Sets the own state; null or undefined says that we left. Binary and bigint values become what
  /// Any::to_json() writes. Errors: kMalformed (not UTF-8), kLimitExceeded; nothing changed then.
  Result<AwarenessEvent> set_local_state(Instant now, const Any& state);

  /// Sets one member of the own state (a state that is no object becomes one). Does nothing while
  /// we are gone, as y-protocols.
  Result<AwarenessEvent> set_local_state_field(Instant now, std::string_view field,
                                               const Any& value);

  /// Takes in what others said: what is newer by its clock, or as new and says that its client
  /// left. Who claims that this client left is answered by a raised clock. O(entries log clients +
  /// bytes). Errors: as decode_awareness_update(); kLimitExceeded also where the states would not
  /// fit beside the present ones. Nothing changed then.
  Result<AwarenessEvent> apply_update(Instant now, ByteView update, Any origin = {});

  /// Takes clients for gone, as when their connection broke.
  AwarenessEvent remove_states(Instant now, std::span<const ClientId> clients, Any origin = {});

  /// Errors: kNotFound (a client never heard of).
  Result<Bytes> encode_update(std::span<const ClientId> clients) const;
  /// Everybody present: for a newcomer.
  Bytes encode_update() const;

  /// Renews the own state, and removes who was silent too long. Call at next_deadline(); calls that
  /// come early do nothing. At most one event of either kind, the renewal first.
  std::vector<AwarenessEvent> handle_timeout(Instant now);
  std::optional<Instant> next_deadline() const;

 private:
  struct Client {
    std::uint64_t clock = 0;
    Instant updated;
    std::uint64_t known_order = 0;  ///< Rises in the order clients became known.
    std::uint64_t order = 0;        ///< Rises in the order clients came.
    std::optional<std::string> state;
  };

  const Client* find(ClientId client) const;
  static bool is_news(std::uint64_t clock, bool present, const AwarenessEntry& entry);
  Status check_room(const std::vector<AwarenessEntry>& entries) const;
  void put(Instant now, ClientId client, std::uint64_t clock, std::optional<std::string> state);
  void forget_oldest();
  AwarenessEvent put_local(Instant now, std::optional<std::string> state);

  ClientId client_id_;
  Limits limits_;
  std::map<ClientId, Client> clients_;
  std::map<std::uint64_t, ClientId> present_;              ///< By Client::order.
  std::set<std::pair<Instant, ClientId>> present_by_age_;  ///< The own one left out.
  std::set<std::pair<Instant, ClientId>> gone_by_age_;     ///< The own one left out.
  std::size_t bytes_ = 0;
  std::uint64_t orders_ = 0;
};

}  // namespace coterie::crdt
