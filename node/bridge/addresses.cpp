#include "node/bridge/internal/addresses.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace coterie::node::bridge::internal {

namespace asio = boost::asio;

namespace {

/// Entries without connections that may be kept before they are looked through.
constexpr std::size_t kSweepSize = 1024;
constexpr std::size_t kNetworkBytes = 8;

asio::ip::address unmapped(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

std::array<std::uint8_t, 16> key_of(const asio::ip::address& address) {
  if (address.is_v4())
    return asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
  auto bytes = address.to_v6().to_bytes();
  if (!address.is_loopback())
    std::fill(bytes.begin() + kNetworkBytes, bytes.end(), std::uint8_t{0});
  return bytes;
}

}  // namespace

std::size_t AddressBook::Hash::operator()(const std::array<std::uint8_t, 16>& key) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(key.data()), key.size()});
}

AddressBook::Place::Place(Place&& other) noexcept
    : book_(other.book_), entry_(std::exchange(other.entry_, nullptr)) {}

AddressBook::Place& AddressBook::Place::operator=(Place&& other) noexcept {
  std::swap(book_, other.book_);
  std::swap(entry_, other.entry_);
  return *this;
}

AddressBook::Place::~Place() {
  if (entry_ != nullptr) book_->give_back(*entry_);
}

bool AddressBook::Place::take_join(Instant now) { return entry_->second.joins.take(now); }

bool AddressBook::Place::is_loopback() const { return entry_->second.loopback; }

std::optional<AddressBook::Place> AddressBook::take(const asio::ip::address& from, Instant now) {
  const asio::ip::address address = unmapped(from);
  const AddressLimits& limits =
      address.is_loopback() ? limits_.per_loopback_address : limits_.per_address;
  if (entries_.size() > std::max(kSweepSize, 2 * swept_size_)) sweep(now);
  const auto [found, made] = entries_.try_emplace(
      key_of(address),
      Entry{address.is_loopback(), 0, {limits.joins_per_second, limits.joins_at_once}});
  if (found->second.connections >= limits.connections) return std::nullopt;
  ++found->second.connections;
  return Place(this, &*found);
}

/// Stays until it is swept: else whoever reconnects would be met as a stranger.
void AddressBook::give_back(Entries::value_type& entry) { --entry.second.connections; }

void AddressBook::sweep(Instant now) {
  std::erase_if(entries_, [now](const auto& entry) {
    return entry.second.connections == 0 && entry.second.joins.full(now);
  });
  swept_size_ = entries_.size();
}

}  // namespace coterie::node::bridge::internal
