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

/// A socket and the monitor that tells what becomes of its connections. Empty when default made.
class MonitoredSocket {
 public:
  MonitoredSocket() = default;
  /// `name`: of no other monitor of `context`.
  /// `events`: ZMQ_EVENT_..., those that next_event() tells.
  MonitoredSocket(zmq::context_t& context, zmq::socket_t socket, const std::string& name,
                  int events);
  MonitoredSocket(MonitoredSocket&&) = default;
  MonitoredSocket& operator=(MonitoredSocket&& other) noexcept;
  ~MonitoredSocket() { close(); }

  explicit operator bool() const { return static_cast<bool>(socket_); }
  zmq::socket_t& socket() { return socket_; }
  /// To poll for next_event().
  const zmq::socket_t& monitor() const { return monitor_; }
  std::optional<MonitorEvent> next_event();
  void close();

 private:
  zmq::socket_t socket_;
  zmq::socket_t monitor_;
};

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
/// Which socket `fd` is, among all that this machine had since it started; nothing if it is none.
std::optional<std::uint64_t> socket_identity(int fd);
/// The port that the socket `fd` has here; 0 if it has none.
std::uint16_t local_port(int fd);
/// Ends the TCP connection `fd`; ZeroMQ notices and closes it. Harmless when `fd` has come to mean
/// another socket than `identity`.
void cut(int fd, std::uint64_t identity);

}  // namespace coterie::transport::internal
