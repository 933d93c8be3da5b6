// A port of the gateway that leads to this node (gateway.hpp): asked for when the node starts,
// renewed at half its time, asked for anew when the router or this machine's address on its network
// changes or the router says that it began anew, and given back at the end.
//
// Where there is no router with a private address, nothing is sent.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace coterie::node {

class PortMapping {
 public:
  struct Options {
    /// Where the node listens, as a host: "*", "0.0.0.0", "::", or the address on the router's
    /// network. For any other one nothing is asked.
    std::string listen_host;
    std::uint16_t port = 0;
  };
  struct Status {
    std::string address;  ///< "tcp://HOST:PORT", as others are told; empty: no port is open.
    std::string by;       ///< "NAT-PMP" or "UPnP", if one is.
    std::string gateway;  ///< The router that is asked; empty: there is none.
    std::string why;      ///< Why no port is open, for people.
    bool operator==(const Status&) const = default;
  };
  /// Called on the thread of the mapping when Status::address is another one.
  using Changed = std::function<void(std::string address)>;

  /// Starts the thread.
  PortMapping(Options options, Changed changed);
  /// As stop().
  ~PortMapping();

  /// Thread-safe.
  Status status() const;
  /// Gives the port back and ends the thread. Takes two seconds at most, also in the middle of a
  /// question.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coterie::node
