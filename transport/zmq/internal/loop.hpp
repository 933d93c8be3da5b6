// The driver's thread: every ZeroMQ socket is used by it alone.

#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "transport/zmq/driver.hpp"
#include "transport/zmq/internal/gate.hpp"
#include "transport/zmq/internal/mailbox.hpp"
#include "transport/zmq/internal/out_queue.hpp"
#include "transport/zmq/internal/resolver.hpp"
#include "transport/zmq/internal/sockets.hpp"

namespace coterie::transport::internal {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;

  /// `mailbox` must outlive the loop. Throws zmq::error_t when the process has no sockets left.
  Loop(const ZmqDriver::Options& options, const crypto::SigningKey& identity, Mailbox& mailbox);

  /// Errors: as ZmqDriver::start().
  Status listen(const std::vector<std::string>& addresses);
  const std::vector<std::string>& endpoints() const { return endpoints_; }

  /// Until a StopCommand is carried out. On the driver's thread.
  void run();

  /// Thread-safe.
  ZmqDriver::Stats stats() const;

 private:
  /// A TCP connection, watched for a peer that never completes a frame.
  struct Connection {
    std::uint64_t identity = 0;    ///< See socket_identity().
    std::uint64_t bytes_then = 0;  ///< Received when a frame was last known to be complete.
    bool frame_since = true;       ///< One was completed since the last check.
  };
  struct Outgoing {
    DialCommand dial;
    std::vector<Address> untried;  ///< Further addresses of the same host.
    MonitoredSocket dealer;        ///< Empty while the host is looked up.
    OutQueue queue;
    Connection connection;
    int fd = -1;
    bool up = false;
    bool closing = false;          ///< LinkDown is told; what is queued still leaves.
    Clock::time_point dial_until;  ///< Of all addresses together.
    Clock::time_point deadline;    ///< Of this address, or of closing.
  };
  struct Incoming {
    DeviceId device;
    std::string user_id;  ///< As ZAP gave it: every frame must carry it.
    std::string route;    ///< The ROUTER's name for the connection.
    int fd = -1;
    OutQueue queue;
    bool gone = false;           ///< Disconnected; its last frames may still wait to be read.
    bool closing = false;        ///< LinkDown is told; what is queued still leaves.
    Clock::time_point deadline;  ///< Of closing: then it is cut.
  };
  struct Admitted {
    DeviceId device;
    bool guest;
  };
  enum class Pushed { kTaken, kFull, kGone };

  void run_commands();
  void carry_out(DialCommand& command);
  void carry_out(ResolvedCommand& command);
  void carry_out(SendCommand& command);
  void carry_out(CloseCommand& command);
  void carry_out(AllowCommand& command);
  void carry_out(StopCommand& command);

  // The listening side.
  void serve_zap();
  /// The admitted holder of `key`, or null.
  const Admitted* find_admitted(const std::string& mechanism, const zmq::message_t& key) const;
  void read_router_monitor();
  /// Lets the connection `fd`, just accepted, pass the gate.
  void judge(int fd);
  void cut_unproven(int fd, std::uint64_t ZmqDriver::Stats::*counter);
  void check_unproven();
  bool read_router();
  void take_incoming(const std::string& route, const zmq::message_t& message, bool more_parts);
  /// The live link that `message` came over, made if it is the first; null to ignore it.
  Incoming* link_of(const std::string& route, const zmq::message_t& message);
  void forget_gone();

  // The dialling side.
  /// Tries the next of `untried`; ends `outgoing` if there is none.
  void try_next(LinkId link, Outgoing& outgoing, const char* reason_if_none);
  Status open_dealer(Outgoing& outgoing, const Address& address);
  bool read_outgoing();
  /// Why the dial failed or the link ended, or null while it goes on.
  const char* read_dealer_monitor(LinkId link, Outgoing& outgoing);
  const char* read_dealer(LinkId link, Outgoing& outgoing, bool& progress);
  void end_outgoing(LinkId link, Outgoing& outgoing, const char* reason);

  // Both sides.
  bool flush_queues();
  bool flush(LinkId link, OutQueue& queue, zmq::socket_t& socket, const std::string* route,
             bool report, bool& gone);
  Pushed push(zmq::socket_t& socket, const std::string* route, ByteView frame);
  void cut_incoming(LinkId link, Incoming& incoming);
  void check_deadlines();
  void check_connections();
  /// Ends the accepted connection `fd`, if there is one.
  void cut_accepted(int fd);
  bool stalled(Connection& connection, int fd);
  bool flushed() const;
  bool backlog() const;
  void wait();
  void emit_frame(LinkId link, const zmq::message_t& message);
  void emit(ZmqDriver::Event event) { events_.push_back(std::move(event)); }
  void count(std::uint64_t ZmqDriver::Stats::*counter);

  Mailbox& mailbox_;
  const crypto::SigningKey identity_;
  const std::size_t connections_max_;
  const std::uint64_t incomplete_bytes_max_;
  std::vector<std::string> endpoints_;
  std::set<std::uint16_t> ports_;  ///< Of endpoints_.
  std::vector<ZmqDriver::Event> events_;

  zmq::context_t context_;  ///< Before the sockets: it must go last.
  zmq::socket_t zap_;
  MonitoredSocket router_;
  bool router_drained_ = true;
  std::size_t room_ = 0;  ///< What may still be read in this turn, in bytes.

  std::map<crypto::CurveKey, Admitted> admitted_;
  std::map<DeviceId, bool> admitted_devices_;  ///< To whether it is a guest.
  std::map<int, Connection> connections_;      ///< Accepted, by descriptor.
  AcceptGate gate_;
  std::map<LinkId, Outgoing> outgoing_;
  std::map<LinkId, Incoming> incoming_;
  std::map<std::string, LinkId> routes_;
  LinkId last_link_ = 0;
  std::uint64_t last_monitor_ = 0;

  Clock::time_point now_ = Clock::now();  ///< Of this turn.
  Clock::time_point next_check_{};
  Clock::time_point next_unproven_check_{};
  std::optional<Clock::time_point> stop_at_;

  mutable std::mutex stats_mutex_;
  ZmqDriver::Stats stats_;
  Resolver resolver_;
};

}  // namespace coterie::transport::internal
