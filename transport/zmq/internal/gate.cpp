#include "transport/zmq/internal/gate.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace coterie::transport::internal {

std::optional<AddressKey> address_key(const sockaddr_storage& address) {
  AddressKey key{};
  if (address.ss_family == AF_INET) {
    key[10] = key[11] = 0xff;
    std::memcpy(&key[12], &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
    return key;
  }
  if (address.ss_family != AF_INET6) return std::nullopt;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  std::memcpy(key.data(), &v6, IN6_IS_ADDR_V4MAPPED(&v6) ? 16 : 8);
  return key;
}

std::optional<AddressKey> peer_address(int fd) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&from), &size) != 0) return std::nullopt;
  return address_key(from);
}

std::optional<int> AcceptGate::accepted(int fd, const AddressKey& from, Clock::time_point now) {
  forget(fd);  // The end of the connection that had the descriptor before may not be told yet.
  Address& here = address(from, now);
  if (here.tokens < 1) return fd;
  here.tokens -= 1;
  ++here.unproven;
  unproven_[fd] = {from, now, ++last_number_};
  int victim = -1;
  if (here.unproven > limits_.unproven_per_address_max) {
    victim = oldest_of(from);
  } else if (unproven_.size() > limits_.unproven_max) {
    victim = oldest_of(busiest());
  } else {
    return std::nullopt;
  }
  forget(victim);
  return victim;
}

std::vector<int> AcceptGate::unproven_connections() const {
  std::vector<int> fds;
  for (const auto& [fd, one] : unproven_) fds.push_back(fd);
  return fds;
}

std::vector<int> AcceptGate::overdue(Clock::time_point now) const {
  std::vector<int> fds;
  for (const auto& [fd, one] : unproven_) {
    if (now - one.since >= kHandshakeTimeout) fds.push_back(fd);
  }
  return fds;
}

AcceptGate::Address& AcceptGate::address(const AddressKey& key, Clock::time_point now) {
  const auto [found, fresh] = addresses_.try_emplace(key);
  Address& it = found->second;
  const auto burst = static_cast<double>(limits_.burst_per_address);
  const auto rate = static_cast<double>(limits_.per_second_per_address);
  if (fresh) {
    it.tokens = burst;
  } else {
    const std::chrono::duration<double> passed = now - it.refilled;
    it.tokens = std::min(it.tokens + passed.count() * rate, burst);
  }
  it.refilled = now;
  if (fresh && addresses_.size() > kAddressesRemembered) {
    auto oldest = addresses_.end();
    for (auto one = addresses_.begin(); one != addresses_.end(); ++one) {
      if (one == found || one->second.unproven > 0) continue;
      if (oldest == addresses_.end() || one->second.refilled < oldest->second.refilled)
        oldest = one;
    }
    if (oldest != addresses_.end()) addresses_.erase(oldest);
  }
  return it;
}

int AcceptGate::oldest_of(const AddressKey& key) const {
  auto oldest = unproven_.end();
  for (auto one = unproven_.begin(); one != unproven_.end(); ++one) {
    if (one->second.from != key) continue;
    if (oldest == unproven_.end() || one->second.number < oldest->second.number) oldest = one;
  }
  return oldest->first;
}

/// The address with most unproven connections; of several the one with the oldest.
AddressKey AcceptGate::busiest() const {
  const Unproven* best = nullptr;
  std::size_t most = 0;
  for (const auto& [fd, one] : unproven_) {
    const std::size_t count = addresses_.at(one.from).unproven;
    if (best == nullptr || count > most || (count == most && one.number < best->number)) {
      best = &one;
      most = count;
    }
  }
  return best->from;
}

void AcceptGate::forget(int fd) {
  const auto found = unproven_.find(fd);
  if (found == unproven_.end()) return;
  --addresses_.at(found->second.from).unproven;
  unproven_.erase(found);
}

}  // namespace coterie::transport::internal
