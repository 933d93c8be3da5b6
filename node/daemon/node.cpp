#include "node/daemon/node.hpp"

#include <future>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "node/bridge/io_thread.hpp"
#include "node/bridge/server.hpp"
#include "node/daemon/advertise.hpp"
#include "node/daemon/control.hpp"
#include "node/daemon/engine_thread.hpp"
#include "node/daemon/local_network.hpp"
#include "node/daemon/log.hpp"
#include "node/daemon/port_mapping.hpp"
#include "node/daemon/settings.hpp"
#include "node/daemon/waker.hpp"
#include "storage/lmdb/lmdb_store.hpp"

namespace coterie::node {

namespace {

/// A short command may hold the directory when a node starts: it is given this long to end.
constexpr std::chrono::seconds kLockPatience{3};
constexpr std::chrono::milliseconds kLockRetry{50};
/// For goodbyes to reach the network when the node stops.
constexpr std::chrono::milliseconds kFlushPatience{1000};

CallError explain(const std::string& where, const Error& error) {
  std::string message = where + ": " + error.what;
  if (error.code == ErrorCode::kIo && error.detail != 0) {
    message += " (" + std::system_category().message(static_cast<int>(error.detail)) + ")";
  }
  return {error.code, std::move(message)};
}

CallError explain_lock(const DataDir& dir, const Error& error) {
  if (error.code != ErrorCode::kConflict) return explain(dir.root.string(), error);
  return {ErrorCode::kConflict,
          dir.root.string() + ": in use by another coterie process" +
              (error.detail != 0 ? " (pid " + std::to_string(error.detail) + ")" : "") +
              "; stop it first, or give this node a directory of its own"};
}

Result<DataDirLock> acquire_lock(const DataDir& dir) {
  const auto ends = std::chrono::steady_clock::now() + kLockPatience;
  for (;;) {
    auto held = DataDirLock::acquire(dir);
    const bool again = !held && held.error().code == ErrorCode::kConflict &&
                       std::chrono::steady_clock::now() < ends && !is_node_running(dir);
    if (!again) return held;
    std::this_thread::sleep_for(kLockRetry);
  }
}

/// `listen` as the user wrote it, with the port that was picked.
std::string with_port_of(const std::string& listen, const std::string& endpoint) {
  return listen.substr(0, listen.rfind(':')) + endpoint.substr(endpoint.rfind(':'));
}

/// What the driver calls "any free port".
std::string driver_address(const std::string& listen) {
  return listen.ends_with(":0") ? listen.substr(0, listen.size() - 1) + "*" : listen;
}

bool is_loopback(const MeshAddress& address) {
  return address.host.starts_with("127.") || address.host == "::1" || address.host == "localhost";
}

}  // namespace

// Declared in the order they are made; destroyed in the opposite one.
struct Node::State {
  explicit State(Options given) : options(std::move(given)) {}

  Options options;
  Waker waker;
  std::optional<DataDirLock> lock;
  DeviceId device;
  std::string name;
  std::string listening;
  mutable std::mutex advertised_mutex;
  std::vector<std::string> advertised;  ///< With `mapped`. Guarded by `advertised_mutex`.
  std::string mapped;                   ///< What the router gave. Guarded, too.
  std::vector<PeerAddress> peers;
  std::uint64_t relay_quota = kRelayQuotaBytes;
  std::unique_ptr<storage::LmdbStoreProvider> stores;
  std::unique_ptr<transport::ZmqDriver> driver;
  std::unique_ptr<EngineThread> engine;
  std::unique_ptr<LocalNetwork> local_network;
  std::unique_ptr<PortMapping> mapping;
  std::unique_ptr<bridge::IoThread> io;
  std::unique_ptr<bridge::Server> server;
  std::unique_ptr<ControlServer> control;

  std::optional<CallError> open();
  std::optional<CallError> open_network(const crypto::SigningKey& key);
  std::optional<CallError> read_settings();
  std::optional<CallError> choose_peers(Settings& settings);
  std::optional<MeshAddress> beacon_address() const;
  void watch_network();
  const char* unmapped_because() const;
  void map_port();
  void follow_addresses();
  Result<TokenKeys> open_tokens(const crypto::SigningKey& key) const;
  std::optional<CallError> open_engine(crypto::SigningKey key);
  std::optional<CallError> open_doors();
  void stop();
};

std::optional<CallError> Node::State::open() {
  const std::string where = options.dir.root.string();
  // The directory first: a lock file would be made in somebody else's.
  auto loaded = load_device(options.dir, options.ask_passphrase);
  if (!loaded) return explain(where, loaded.error());
  auto held = acquire_lock(options.dir);
  if (!held) return explain_lock(options.dir, held.error());
  lock.emplace(*std::move(held));
  device = loaded->key.id();
  name = loaded->name;
  auto opened = storage::LmdbStoreProvider::open_directory(options.dir.workspaces().string());
  if (!opened) return explain(options.dir.workspaces().string(), opened.error());
  stores = *std::move(opened);
  // One by one before the engine does: so that an error says which.
  const auto names = stores->list();
  if (!names) return explain(options.dir.workspaces().string(), names.error());
  for (const std::string& one : *names) {
    const auto store = stores->open(one);
    if (!store) return explain((options.dir.workspaces() / one).string(), store.error());
  }

  if (auto why = open_network(loaded->key)) return why;
  if (auto why = open_engine(std::move(loaded->key))) return why;
  if (auto why = open_doors()) return why;
  watch_network();
  map_port();
  engine->start(server.get());
  if (options.control) log_line(Engine::Notice::Level::kInfo, "node started");
  return std::nullopt;
}

std::optional<CallError> Node::State::open_network(const crypto::SigningKey& key) {
  for (const std::string& address : options.advertise) {
    const auto parsed = parse_mesh_address(address);
    if (!parsed) return explain("--advertise " + address, parsed.error());
  }
  transport::ZmqDriver::Options wanted;
  if (!options.listen.empty()) {
    const auto parsed = parse_mesh_address(options.listen);
    if (!parsed) return explain("--listen " + options.listen, parsed.error());
    wanted.listen.push_back(driver_address(options.listen));
  }
  auto started = transport::ZmqDriver::start(wanted, key, [this] { waker.wake(); });
  if (!started) return explain("--listen " + options.listen, started.error());
  driver = *std::move(started);
  if (!driver->endpoints().empty()) {
    listening = with_port_of(options.listen, driver->endpoints().front());
  }
  return read_settings();
}

/// What is not given is as it was last time; what is, is remembered.
std::optional<CallError> Node::State::read_settings() {
  auto settings = load_settings(options.dir);
  if (!settings) return explain(options.dir.root.string(), settings.error());
  if (auto why = choose_peers(*settings)) return why;
  if (options.relay_quota) settings->relay_quota = *options.relay_quota;
  relay_quota = settings->relay_quota;
  advertised = options.advertise;
  if (listening.empty()) {
    if (advertised.empty()) advertised = settings->advertise;
  } else {
    const auto parsed = parse_mesh_address(listening);
    if (advertised.empty() && parsed) advertised = default_advertised(*parsed);
    settings->advertise = advertised;
  }
  const auto saved = save_settings(options.dir, *settings);
  if (!saved) return explain(options.dir.root.string(), saved.error());
  return std::nullopt;
}

std::optional<CallError> Node::State::choose_peers(Settings& settings) {
  if (!options.peers.empty()) settings.peers.clear();
  for (const std::string& one : options.peers) {
    if (one == "none" && options.peers.size() == 1) break;
    const auto parsed = parse_peer(one);
    if (!parsed) return explain("--peer " + one, parsed.error());
    settings.peers.push_back(*parsed);
  }
  peers = settings.peers;
  return std::nullopt;
}

/// Where beacons say that this node is, if any are sent and heard. What listens on the loopback
/// address only is not on the local network. Port 0: it is not listening.
std::optional<MeshAddress> Node::State::beacon_address() const {
  if (!options.lan || !options.control) return std::nullopt;
  if (listening.empty()) return MeshAddress{};
  const auto parsed = parse_mesh_address(listening);
  return !parsed || is_loopback(*parsed) ? std::nullopt : std::optional(*parsed);
}

void Node::State::watch_network() {
  if (!options.control) return;  // For one command only.
  const auto address = beacon_address();
  LocalNetwork::Options wanted;
  wanted.beacons = address.has_value();
  if (address) wanted.listen_host = address->host;
  LocalNetwork::Events events;
  events.heard = [this](std::string source, Bytes datagram) {
    engine->beacon_heard(std::move(source), std::move(datagram));
  };
  events.addresses_changed = [this] { follow_addresses(); };
  local_network = std::make_unique<LocalNetwork>(std::move(wanted), std::move(events));
}

/// Why the router is not asked for a port; null: it is.
const char* Node::State::unmapped_because() const {
  if (listening.empty() || !options.control) return "this node does not listen";
  if (!options.port_mapping) return "told not to ask (--no-port-mapping)";
  if (!options.advertise.empty()) return "others are told what --advertise says";
  const auto parsed = parse_mesh_address(listening);
  if (!parsed || is_loopback(*parsed)) return "this node listens on the loopback address only";
  return nullptr;
}

void Node::State::map_port() {
  if (unmapped_because() != nullptr) return;
  const auto parsed = parse_mesh_address(listening);
  mapping = std::make_unique<PortMapping>(
      PortMapping::Options{.listen_host = parsed->host, .port = parsed->port},
      [this](std::string address) {
        {
          const std::lock_guard guard(advertised_mutex);
          mapped = std::move(address);
        }
        follow_addresses();
      });
}

/// On the threads of `local_network` and `mapping`: one at a time, so that what is told last is so.
void Node::State::follow_addresses() {
  const std::lock_guard guard(advertised_mutex);
  const auto parsed = parse_mesh_address(listening);
  if (options.advertise.empty() && parsed) {
    // Between two networks there is none: then the last ones stay.
    auto now = default_advertised(*parsed);
    if (!now.empty()) advertised = with_mapped(std::move(now), mapped);
  }
  engine->addresses_changed(advertised);
  const auto saved = save_settings(options.dir, {advertised, peers, relay_quota});
  if (!saved) log_line(Engine::Notice::Level::kWarning, "settings.json could not be written");
}

Result<TokenKeys> Node::State::open_tokens(const crypto::SigningKey& key) const {
  Bytes secret;
  if (const std::string& file = options.bridge_options.token_secret_file; !file.empty()) {
    COTERIE_TRY(const std::string content, read_private_file(file, kSharedSecretBytesMax + 2));
    const std::size_t end = std::min(content.find_first_of("\r\n"), content.size());
    if (end == 0) return Error{ErrorCode::kMalformed, "the secret for tokens is empty"};
    secret.assign(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return TokenKeys::make(key.clone(), std::move(secret));
}

std::optional<CallError> Node::State::open_engine(crypto::SigningKey key) {
  SecureRandom& random = crypto::system_random();
  Engine::Options wanted;
  wanted.device_name = name;
  wanted.addresses = advertised;
  for (const PeerAddress& one : peers) wanted.static_peers.push_back({one.device, one.address});
  if (const auto address = beacon_address()) {
    wanted.beacons = true;
    wanted.beacon_port = address->port;
  }
  wanted.seed = random.next_u64();
  wanted.relay_quota_bytes = relay_quota;
  auto place = take_place(options.dir, random);
  if (!place) return explain(options.dir.place_file().string(), place.error());
  wanted.place_found = std::move(place->found);
  wanted.place = std::move(place->now);
  auto tokens = open_tokens(key);
  if (!tokens) return explain(options.bridge_options.token_secret_file, tokens.error());
  auto opened = Engine::open(read_clock(), std::move(wanted), std::move(key), *stores, random);
  if (!opened) {
    CallError why = explain(options.dir.root.string(), opened.error());
    if (opened.error().code == ErrorCode::kCorrupt) {
      why.message += "; `coterie doctor` tells more, and whether it can be repaired";
    }
    return why;
  }
  engine = std::make_unique<EngineThread>(EngineThread::Parts{
      .engine = *std::move(opened),
      .device_name = name,
      .tokens = *std::move(tokens),
      .access = {.token_needed = options.bridge_options.require_token},
      .stores = stores.get(),
      .driver = driver.get(),
      .waker = &waker,
      .send_beacon = [this](Bytes one) { local_network->send(std::move(one)); },
      .port_mapping =
          [this] {
            if (mapping) return mapping->status();
            return PortMapping::Status{
                .address = "", .by = "", .gateway = "", .why = unmapped_because()};
          }});
  return std::nullopt;
}

std::optional<CallError> Node::State::open_doors() {
  if (options.bridge.empty() && !options.control) return std::nullopt;
  io = std::make_unique<bridge::IoThread>();
  if (!options.bridge.empty()) {
    const BridgeOptions& given = options.bridge_options;
    bridge::Server::Options wanted;
    wanted.bind = options.bridge;
    wanted.assets = bridge::embedded_web_assets();
    wanted.certificate_file = given.certificate_file;
    wanted.key_file = given.key_file;
    wanted.hosts = given.hosts;
    wanted.origins = given.origins;
    wanted.trusted_proxies = given.trusted_proxies;
    wanted.require_token = given.require_token;
    wanted.insecure = given.insecure;
    if (given.connections) wanted.limits.connections = *given.connections;
    if (given.connections_per_address) {
      wanted.limits.per_address.connections = *given.connections_per_address;
    }
    auto started = bridge::Server::start(io->context(), std::move(wanted), *engine);
    if (!started) return explain("--bridge " + options.bridge, started.error());
    server = *std::move(started);
  }
  if (!options.control) return std::nullopt;
  auto started = ControlServer::start(
      io->context(), options.dir,
      [this](Call call, CallReply reply) { engine->call(std::move(call), std::move(reply)); });
  if (!started) return explain(options.dir.root.string(), started.error());
  control = *std::move(started);
  return std::nullopt;
}

void Node::State::stop() {
  // From the outside in: no new questions, clients gone, then what is under way is finished.
  if (control) log_line(Engine::Notice::Level::kInfo, "node stopping");
  if (control) control->stop();
  if (server) server->stop();
  if (local_network) local_network->stop();
  if (mapping) mapping->stop();
  if (engine) engine->stop();
  if (driver) driver->stop(kFlushPatience);
  if (control) log_line(Engine::Notice::Level::kInfo, "node stopped");
  control.reset();  // Stopping again does nothing.
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}

Node::~Node() { stop(); }

std::unique_ptr<Node> Node::start(Options options, CallError& why) {
  auto state = std::make_unique<State>(std::move(options));
  if (auto failed = state->open()) {
    why = *std::move(failed);
    state->stop();
    return nullptr;
  }
  return std::unique_ptr<Node>(new Node(std::move(state)));
}

const DeviceId& Node::device() const { return state_->device; }
const std::string& Node::name() const { return state_->name; }
std::vector<std::string> Node::advertised() const {
  const std::lock_guard lock(state_->advertised_mutex);
  return state_->advertised;
}

std::string Node::listen_address() const { return state_->listening; }

std::string Node::bridge_url() const { return state_->server ? state_->server->url() : ""; }

bool Node::reload_certificate() {
  if (state_->server == nullptr || state_->options.bridge_options.certificate_file.empty()) {
    return false;
  }
  const Status read = state_->server->reload_certificate();
  log_line(read ? Engine::Notice::Level::kInfo : Engine::Notice::Level::kWarning,
           read ? "the bridge's certificate was read again"
                : std::string("the old certificate of the bridge stays: ") + read.error().what);
  return true;
}

void Node::call(Call call, CallReply reply) {
  state_->engine->call(std::move(call), std::move(reply));
}

CallResult Node::call_and_wait(Call call, std::chrono::milliseconds patience) {
  // Shared, because the answer may come after we have given up.
  const auto answer = std::make_shared<std::promise<CallResult>>();
  state_->engine->call(std::move(call),
                       [answer](CallResult result) { answer->set_value(std::move(result)); });
  auto waiting = answer->get_future();
  if (waiting.wait_for(patience) == std::future_status::ready) return waiting.get();
  return {"", CallError{ErrorCode::kUnavailable, "there was no answer in time; try again later"}};
}

void Node::stop() { state_->stop(); }

}  // namespace coterie::node
