// Addresses of links: "tcp://HOST:PORT", HOST being a name, an IPv4 address or [an IPv6 address].

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.hpp"

namespace coterie::transport::internal {

struct Address {
  std::string host;  ///< Without brackets.
  std::string port;

  /// Whether `host` is an IP address, so that no name need be looked up.
  bool is_numeric() const;
  std::string text() const;
};

/// Errors: kMalformed. ZeroMQ itself takes other transports, source addresses, and ports modulo
/// 65,536.
Result<Address> parse_dial_address(std::string_view text);
/// As above; the host may also be *, or the name of a network interface, and the port *.
Result<Address> parse_listen_address(std::string_view text);

/// The numeric forms of `address`, best first; empty if the name is unknown. Blocks for seconds
/// when the name server is slow.
std::vector<Address> look_up(const Address& address);

}  // namespace coterie::transport::internal
