// The thread that owns the engine: feeds it what happens, carries out what it decides.
//
// Sources, in turn and a bounded number of each, so that none starves another: commits that are
// done, the network, calls, clients. While more than kCommitBytesMax wait for the disk, clients and
// the network are not read (they wait in their own sockets); calls are always answered.

#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "node/bridge/server.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/access.hpp"
#include "node/daemon/clients.hpp"
#include "node/daemon/heap.hpp"
#include "node/daemon/service.hpp"
#include "node/daemon/waker.hpp"
#include "storage/commit_queue.hpp"
#include "transport/zmq/driver.hpp"

namespace coterie::node {

/// Waiting for the disk, keys and values, in bytes; beyond, no more input is taken.
inline constexpr std::size_t kCommitBytesMax = 32u << 20;
/// Inputs of one source before the next source has its turn.
inline constexpr int kTurn = 64;
/// Beacons that wait for their turn.
inline constexpr std::size_t kBeaconsWaitingMax = 256;
/// For what is being written when the node stops, and for linked members to hear it; then it stops
/// anyway, and nobody was told that the rest is safe.
inline constexpr std::chrono::seconds kStopPatience{3};

/// The monotonic and the wall clock: the only place of a node that reads them for the engine.
Now read_clock();

/// The functions of bridge::Handler are for the bridge's I/O thread (call() for any); the rest is
/// for one thread.
class EngineThread final : public bridge::Handler {
 public:
  struct Parts {
    std::unique_ptr<Engine> engine;
    std::string device_name;
    TokenKeys tokens;
    Access::Options access = {};
    storage::StoreProvider* stores = nullptr;
    transport::ZmqDriver* driver = nullptr;
    Waker* waker = nullptr;      ///< The driver's events wake it, too.
    /// Called on the engine thread; nothing where none are sent.
    std::function<void(Bytes datagram)> send_beacon = {};
    Service::MappingStatus port_mapping = {};
  };

  explicit EngineThread(Parts parts);
  /// As stop().
  ~EngineThread() override;

  /// `server` may be null; it must outlive stop().
  void start(bridge::Server* server);
  /// Shuts the engine down, waits for its commits and for linked members to say that they hold them
  /// (at most kStopPatience), ends the thread. The
  /// bridge must have been stopped before.
  void stop();

  // Thread-safe.
  /// As Engine::handle_addresses().
  void addresses_changed(std::vector<std::string> addresses);
  /// As Engine::handle_beacon(). While many wait, further ones are dropped.
  void beacon_heard(std::string source, Bytes datagram);

  // bridge::Handler.
  void client_opened(bridge::ClientHandle client, bridge::ClientRequest request) override;
  void client_message(bridge::ClientHandle client, Bytes message) override;
  void clients_sent(std::vector<bridge::Sent> sent) override;
  void client_closed(bridge::ClientHandle client) override;
  void call(Call call, CallReply reply) override;
  void turn_ended() override;

 private:
  using Input = std::function<void(Now)>;

  void run();
  void wait_for_work();
  std::optional<Instant> next_deadline() const;
  bool take_turns();
  bool take_commits();
  bool take_network();
  bool take(std::deque<Input>& queue);
  void finish();
  void post(std::deque<Input>& queue, Input input);

  /// Carries out everything the engine has to say.
  void drain();
  /// Messages to clients leave together; what else is asked of the server must not overtake them.
  void send_messages();
  void carry_out(Engine::SendFrame& output);
  void carry_out(Engine::CloseLink& output);
  void carry_out(Engine::Dial& output);
  void carry_out(Engine::AllowPeers& output);
  void carry_out(Engine::CommitBatch& output);
  void carry_out(Engine::SendToClient& output);
  void carry_out(Engine::CloseClient& output);
  void carry_out(Engine::ClientRole& output);
  void carry_out(Engine::SendEvent& output);
  void carry_out(Engine::SendBeacon& output);
  void carry_out(Engine::Reply& output);
  void carry_out(Engine::Notice& output);

  // Feeds the engine.
  void handle(Now now, const transport::ZmqDriver::LinkUp& event);
  void handle(Now now, const transport::ZmqDriver::LinkDown& event);
  void handle(Now now, const transport::ZmqDriver::DialFailed& event);
  void handle(Now now, const transport::ZmqDriver::Frame& event);
  void handle(Now now, const transport::ZmqDriver::Sent& event);

  Parts parts_;
  Service service_;
  Access access_;
  Clients clients_;
  bridge::Server* server_ = nullptr;

  // Of the engine thread.
  std::map<CommitToken, std::size_t> commits_;  ///< Outstanding, with their bytes.
  std::size_t commit_bytes_ = 0;
  HeapKeeper heap_;

  std::vector<bridge::Outgoing> messages_;  ///< Not yet handed to the server.

  // Of the bridge's I/O thread.
  std::vector<Input> said_;  ///< By clients, in the turn under way.

  // Shared.
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::deque<Input> calls_;
  std::deque<Input> from_clients_;
  std::deque<Input> beacons_;

  storage::CommitQueue commit_queue_;  ///< Its thread wakes ours.
  std::thread thread_;
};

}  // namespace coterie::node
