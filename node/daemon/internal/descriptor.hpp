// File descriptors that close themselves, and the kernel's notices about this machine's network.

#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

namespace coterie::node {

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

/// Whether it was set.
template <typename Option>
bool set_option(const Descriptor& socket, int level, int name, const Option& value) {
  return ::setsockopt(socket.get(), level, name, &value, sizeof value) == 0;
}

/// Readable when something of `groups` (RTMGRP_...) changes. None where the kernel gives none.
inline Descriptor open_network_watch(std::uint32_t groups) {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket) return socket;
  sockaddr_nl wanted{};
  wanted.nl_family = AF_NETLINK;
  wanted.nl_groups = groups;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&wanted), sizeof wanted) != 0) {
    return Descriptor();
  }
  return socket;
}

/// Takes the notices that wait; that there are some is all they say.
inline void drain_network_watch(const Descriptor& watch) {
  std::array<char, 8192> news;
  while (::recv(watch.get(), news.data(), news.size(), 0) > 0) {
  }
}

}  // namespace coterie::node
