// How much each address may ask for: connections at once, and WebSockets opened per second.
//
// Loopback has limits of its own. Whoever is on this machine is its user, who is not to be
// protected from themself; and what a reverse proxy passes on comes from there, until the proxy is
// trusted to say for whom.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <boost/asio/ip/address.hpp>

#include "crdt/base/token_bucket.hpp"
#include "node/bridge/server.hpp"

namespace coterie::node::bridge::internal {

class AddressBook {
  struct Entry;
  struct Hash {
    std::size_t operator()(const std::array<std::uint8_t, 16>& key) const;
  };
  using Entries = std::unordered_map<std::array<std::uint8_t, 16>, Entry, Hash>;

 public:
  /// One connection's place. Movable; given back when destroyed, which must be before the book is.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    ~Place();

    /// Whether one more WebSocket may be opened; counts it if so.
    bool take_join(Instant now);
    bool is_loopback() const;

   private:
    friend class AddressBook;
    Place(AddressBook* book, Entries::value_type* entry) : book_(book), entry_(entry) {}
    AddressBook* book_;
    Entries::value_type* entry_;
  };

  explicit AddressBook(const Limits& limits) : limits_(limits) {}
  AddressBook(const AddressBook&) = delete;
  AddressBook& operator=(const AddressBook&) = delete;

  /// Nothing when `address` has as many connections as it may. Of IPv6, the network of 64 bits that
  /// one household gets is one address.
  std::optional<Place> take(const boost::asio::ip::address& address, Instant now);

 private:
  struct Entry {
    bool loopback;
    std::size_t connections;
    TokenBucket joins;
  };
  void give_back(Entries::value_type& entry);
  void sweep(Instant now);

  const Limits& limits_;
  Entries entries_;
  std::size_t swept_size_ = 0;  ///< Of `entries_`, after the last sweep.
};

}  // namespace coterie::node::bridge::internal
