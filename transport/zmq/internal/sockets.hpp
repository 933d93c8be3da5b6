// ZeroMQ sockets as this driver uses them: options, monitor events, connections by descriptor.

#pragma once

#include <zmq.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "crdt/base/result.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::transport::internal {

/// What a socket's monitor reports. `value` is the connection's descriptor for accepted, connected
/// and disconnected, and an errno or a reason otherwise.
struct MonitorEvent {
  std::uint16_t kind;
  std::uint32_t value;
};

/// Options that both ends share: limits, timeouts, small queues.
void set_common_options(zmq::socket_t& socket);
void set_server_key(zmq::socket_t& socket, const crypto::SigningKey& identity);
/// Errors: kMalformed (`device` is no valid key).
Status set_client_keys(zmq::socket_t& socket, const DeviceId& device,
                       const crypto::SigningKey& own);

/// The monitor of `socket`, as a socket to read with next_event().
zmq::socket_t attach_monitor(zmq::context_t& context, zmq::socket_t& socket,
                             const std::string& name);
std::optional<MonitorEvent> next_event(zmq::socket_t& monitor);

/// Errors: as ZmqDriver::start().
Status bind(zmq::socket_t& socket, const std::string& address);

/// A received message without waiting, or nothing.
bool receive(zmq::socket_t& socket, zmq::message_t& message);

/// Limits what the kernel holds unsent, so that an urgent frame is not stuck behind a megabyte.
void limit_unsent(int fd);
/// Bytes that came in over the TCP connection `fd` so far; nothing if it is none any more.
std::optional<std::uint64_t> received_bytes(int fd);
/// Files and sockets this process may have open (ulimit -n).
std::size_t open_files_max();
/// Ends the TCP connection `fd`; ZeroMQ notices and closes it. Harmless on anything else.
void cut(int fd);

}  // namespace coterie::transport::internal
