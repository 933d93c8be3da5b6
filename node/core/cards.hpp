// The address cards of a workspace (card_messages.hpp), and their exchange.
//
// Every member has a card, of whatever role: it is in no log, so viewers and relays have one too,
// and relays, who hold no key, read those of others. The newest of each is kept and passed on, so
// that nobody needs its author, or whoever let one in, to find another.
//
// Once linked, each side sends a digest of the cards it holds; whoever hears another one than its
// own sends its list, and is answered with what is newer. A card that is new here goes on to the
// linked members that are not known to have it, once.
//
// Sans-I/O, single-threaded owner.

#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/clock.hpp"
#include "crdt/base/random.hpp"
#include "node/core/card_messages.hpp"
#include "transport/core/mesh.hpp"

namespace coterie::node {

class Cards {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    /// Whether the card of `device` is of interest: a member's, as far as is known.
    virtual bool keeps_card_of(const DeviceId& device) const = 0;
    /// Whether cards are for `peer`.
    virtual bool shows_cards_to(const DeviceId& peer) const = 0;
    /// It is another one than before, or new: to be stored.
    virtual void card_changed(const Card& card) = 0;
  };
  /// An application frame to be sent over any link to that device.
  struct Output {
    DeviceId to;
    Bytes payload;
    transport::TrafficClass traffic_class;
  };

  /// `identity` and `host` must outlive the cards. `seed`: for jitter only.
  Cards(const WorkspaceId& workspace, const crypto::SigningKey& identity, std::uint64_t seed,
        Host& host);

  const std::map<DeviceId, Card>& all() const { return cards_; }
  const Card* find(const DeviceId& device) const;
  /// BLAKE2b-256("coterie cards v1" (device:32 serial:u64)*), ascending.
  Hash digest() const;

  /// From the store.
  void restore(Card card);
  /// Own name and addresses: another card, if they are others than before.
  void announce(Now now, const std::string& name, const std::vector<std::string>& addresses);
  /// From whoever let this device in: of members that are not known here yet, too. What does not
  /// verify is left out.
  void take_vouched(Now now, std::vector<Card> cards);
  /// Drops the cards the host does not keep, and returns their devices and names.
  std::vector<std::pair<DeviceId, std::string>> drop_strangers();
  /// As many as fit `bytes_max`, of `first` and then of others.
  std::vector<Card> some(const std::vector<DeviceId>& first, std::size_t bytes_max) const;

  void handle_linked(Now now, const DeviceId& peer);
  void handle_unlinked(const DeviceId& peer);
  /// What was sent to `peer` may not have arrived.
  void handle_lost(Now now, const DeviceId& peer);
  /// Errors: kUnauthenticated (a card that its device did not sign). Precondition: it is of this
  /// workspace.
  Status handle_message(Now now, const DeviceId& peer, CardMessage message);
  void handle_timeout(Now now);
  std::optional<Output> poll_output();
  std::optional<Instant> next_deadline() const;

 private:
  /// A rate limit with a burst, as one point in time (generic cell rate algorithm, ITU-T I.371).
  struct Rate {
    Instant at{};
    bool ready(Instant now, Duration pause, std::size_t burst) const;
    void count(Instant now, Duration pause);
  };
  struct Peer {
    std::optional<Instant> digest_due;
    std::optional<Instant> list_due;
    Duration list_pause{};  ///< Before the next one that strangers' cards ask for.
    Rate digests;           ///< Of theirs, that are answered.
    Rate lists;
  };

  Status handle(Now now, const DeviceId& peer, const CardDigest& digest);
  Status handle(Now now, const DeviceId& peer, const CardList& list);
  Status handle(Now now, const DeviceId& peer, CardBatch batch);
  Status take(Now now, const DeviceId& peer, Card card);
  void answer_own(Now now, const Card& card);
  void keep(Card card);
  void send_list(const DeviceId& peer);
  void send_cards(const DeviceId& peer, const std::vector<DeviceId>& devices,
                  transport::TrafficClass traffic_class);
  void pass_on();
  void ask_later(Now now, const DeviceId& peer, Duration pause);

  WorkspaceId workspace_;
  const crypto::SigningKey& identity_;
  Host& host_;
  Random random_;
  std::map<DeviceId, Card> cards_;
  std::map<DeviceId, Rate> changes_;  ///< Of cards that others brought.
  std::map<DeviceId, Peer> peers_;    ///< Linked ones.
  /// Cards to be passed on, and who has them already.
  std::map<DeviceId, std::set<DeviceId>> pending_;
  std::optional<Instant> pass_on_at_;
  std::deque<Output> outputs_;
};

}  // namespace coterie::node
