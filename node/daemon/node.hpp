// One node as a process runs it: the engine and the real parts around it.
//
//     main thread      starts and stops; waits for signals (node/cli/run.cpp)
//     engine thread    owns the Engine; the only one that reads the clock (engine_thread.hpp)
//     network thread   ZeroMQ sockets (transport/zmq)
//     writer thread    LMDB commits, many in one fsync (storage/commit_queue.hpp)
//     I/O thread       the bridge and the control socket (node/bridge, control.hpp)
//     network watch    beacons, and this machine's addresses (local_network.hpp)
//     port mapping     a port of the router, if there is one to ask (port_mapping.hpp)
//
// What they exchange goes through bounded queues. A client is not read while its messages wait for
// the engine; neither clients nor the network are read while more than kCommitBytesMax wait for the
// disk; what goes out is bounded by the windows of mesh and engine.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/bridge/call.hpp"
#include "node/identity/data_dir.hpp"
#include "node/identity/device_key_file.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// As those of bridge::Server::Options and Limits.
struct BridgeOptions {
  std::string certificate_file;
  std::string key_file;
  std::vector<std::string> hosts;
  std::vector<std::string> origins;
  std::vector<std::string> trusted_proxies;
  bool require_token = false;  ///< Whether even who is on this machine must show a token.
  /// What a login service signs its tokens with (HS256): the first line, 32 to 1,024 bytes. Empty:
  /// only tokens of this device are accepted.
  std::string token_secret_file;
  bool insecure = false;
  std::optional<std::size_t> connections;              ///< At once, of all.
  std::optional<std::size_t> connections_per_address;  ///< The same, where not of this machine.
};

class Node {
 public:
  struct Options {
    DataDir dir;
    std::string listen;                  ///< "tcp://ADDRESS:PORT", port 0: any. Empty: dials only.
    std::vector<std::string> advertise;  ///< "tcp://HOST:PORT". Empty: derived from `listen`, or
                                         ///< what the last run advertised when not listening.
    std::vector<std::string> peers;      ///< "DEVICE@tcp://HOST:PORT". Empty: as in the last run;
                                         ///< only "none": no more.
    bool lan = true;                     ///< Whether to find others, and be found, by beacons.
    /// Whether to ask the router of the network for a port, where others are not told other
    /// addresses anyway (`advertise`).
    bool port_mapping = true;
    std::string bridge;  ///< "127.0.0.1:PORT". Empty: none.
    BridgeOptions bridge_options;
    /// Bytes of entries kept of each workspace where this device is a relay; nothing: as last time.
    std::optional<std::uint64_t> relay_quota;
    bool control = false;          ///< Whether to open the control socket.
    AskPassphrase ask_passphrase;  ///< For a locked device; called on start()'s thread.
  };

  /// Takes the data directory, opens what it holds, and returns with everything up. On failure
  /// null, with what happened and what to do in `why`. Blocks on disk.
  static std::unique_ptr<Node> start(Options options, CallError& why);
  /// As stop().
  ~Node();

  const DeviceId& device() const;
  const std::string& name() const;
  std::string listen_address() const;           ///< With the real port; empty when not listening.
  std::vector<std::string> advertised() const;  ///< What other devices are told to dial.
  std::string bridge_url() const;               ///< Empty when there is no bridge.

  /// Reads the bridge's certificate again, for connections from now on; what is wrong with it is
  /// logged, and the old one stays. False: there is none.
  bool reload_certificate();

  /// Thread-safe.
  void call(Call call, CallReply reply);
  /// As call(), blocking. kUnavailable when there is no answer in time.
  CallResult call_and_wait(Call call, std::chrono::milliseconds patience);

  /// Says goodbye to clients and peers, waits for what is being written, ends all threads. Takes a
  /// few seconds at most.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
  explicit Node(std::unique_ptr<State> state);
};

}  // namespace coterie::node
