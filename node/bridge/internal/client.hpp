// One attached client, whatever it speaks: as the Server's functions of the same names see it.

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "crdt/base/bytes.hpp"
#include "node/bridge/call.hpp"

namespace coterie::node::bridge::internal {

class Client {
 public:
  virtual void accept() = 0;
  virtual void refuse(const CallError& error) = 0;
  virtual void send_message(std::shared_ptr<const Bytes> message) = 0;
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  virtual void processed(std::size_t bytes) = 0;

 protected:
  ~Client() = default;  ///< ServerState owns them as Connections.
};

}  // namespace coterie::node::bridge::internal
