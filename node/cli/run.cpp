// coterie run: the node itself, until SIGINT or SIGTERM.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/daemon/log.hpp"

namespace coterie::node::cli {

namespace {

/// More than all connections that the limits of mesh, bridge and control socket allow.
constexpr rlim_t kOpenFilesWanted = 32768;

void print_ready(const Context& context, const Node& node) {
  if (context.print_json({{"device", node.device().hex()},
                          {"name", node.name()},
                          {"listen", node.listen_address()},
                          {"advertise", node.advertised()},
                          {"bridge", node.bridge_url()},
                          {"pid", ::getpid()}})) {
    std::cout.flush();
    return;
  }
  std::cout << "device  " << printable(node.name()) << " (" << node.device().hex() << ")\n";
  std::cout << "listen  "
            << (node.listen_address().empty() ? "no: this node dials, others cannot dial it"
                                              : node.listen_address())
            << '\n';
  for (const std::string& address : node.advertised()) std::cout << "reach   " << address << '\n';
  std::cout << "bridge  " << (node.bridge_url().empty() ? "no" : node.bridge_url() + "/") << '\n';
  std::cout << "ready" << std::endl;
}

/// Every link and every browser needs a descriptor: as many as the system lets us have.
void raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kOpenFilesWanted) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, kOpenFilesWanted);
  ::setrlimit(RLIMIT_NOFILE, &limit);  // Where that fails, the old limit serves fewer.
}

}  // namespace

void serve(Context& context, Node::Options options,
           const std::function<bool(Node& node)>& before_ready) {
  raise_open_files_limit();
  // Before any thread starts: they all inherit the mask, and only sigwait() takes the signals.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  for (const int one : kStopSignals) sigaddset(&stop_signals, one);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  CallError why{};
  options.dir = context.dir;
  options.control = true;
  options.ask_passphrase = context.ask_passphrase();
  const auto node = Node::start(std::move(options), why);
  if (!node) return context.fail(why);
  if (before_ready && !before_ready(*node)) return node->stop();
  print_ready(context, *node);
  int signal = 0;
  do {
    sigwait(&stop_signals, &signal);
  } while (signal == SIGHUP && node->reload_certificate());
  node->stop();
}

void add_listening(CLI::App& command, Node::Options& options) {
  command.add_option("--listen", options.listen,
                     "Where other devices reach it: tcp://ADDRESS:PORT (port 0: any free one)");
  command
      .add_option("--advertise", options.advertise,
                  "What other devices are told to dial, if not the address of --listen: "
                  "tcp://HOST:PORT; may be repeated")
      ->allow_extra_args(false);
  command
      .add_option("--peer", options.peers,
                  "Where a member is, if nothing else tells: DEVICE@tcp://HOST:PORT, DEVICE being "
                  "its name or the beginning of its id; may be repeated; remembered, until others "
                  "are given; `none` forgets them")
      ->allow_extra_args(false);
  command.add_flag_callback(
      "--no-lan", [&options] { options.lan = false; },
      "Neither look for members on the local network nor be found there");
  command.add_flag_callback(
      "--no-port-mapping", [&options] { options.port_mapping = false; },
      "Do not ask the router of the network to pass connections from outside to this node");
}

namespace {

void add_bridge(CLI::App& command, Node::Options& options) {
  BridgeOptions& bridge = options.bridge_options;
  command.add_option("--bridge", options.bridge,
                     "Where browsers and other Yjs clients reach it: 127.0.0.1:PORT; another "
                     "address takes --bridge-require-token and a certificate");
  CLI::Option* certificate =
      command.add_option("--bridge-cert", bridge.certificate_file,
                         "PEM file of the certificate and its chain: HTTPS and WSS; read again on "
                         "SIGHUP");
  CLI::Option* key =
      command.add_option("--bridge-key", bridge.key_file, "PEM file of the certificate's key");
  certificate->needs(key);
  key->needs(certificate);
  const auto several = [&](const char* name, std::vector<std::string>& into, const char* help) {
    command.add_option(name, into, help)->allow_extra_args(false);
  };
  several("--bridge-host", bridge.hosts,
          "A name or address, without a port, by which others reach the bridge; may be repeated");
  several("--bridge-origin", bridge.origins,
          "A web site whose pages may use the bridge: https://HOST[:PORT]; may be repeated");
  several("--bridge-trusted-proxy", bridge.trusted_proxies,
          "The address of a reverse proxy, whose X-Forwarded-For is believed; may be repeated");
  command.add_flag("--bridge-require-token", bridge.require_token,
                   "Whoever uses the bridge must show a token, on this machine, too");
  command
      .add_option("--bridge-token-secret", bridge.token_secret_file,
                  "File with what a login service signs its tokens with (HS256), that nobody else "
                  "can read")
      ->check(not_empty);
  command.add_flag("--bridge-insecure", bridge.insecure,
                   "Let others than this machine reach the bridge without tokens, or without TLS");
  command
      .add_option("--bridge-connections", bridge.connections,
                  "Connections of the bridge at once (10000)")
      ->check(CLI::Range(1, 1'000'000));
  command
      .add_option("--bridge-connections-per-address", bridge.connections_per_address,
                  "The same of one address that is not this machine's (1000)")
      ->check(CLI::Range(1, 1'000'000));
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  const auto options = std::make_shared<Node::Options>();
  CLI::App* command = app.add_subcommand("run", "Run the node until Ctrl-C");
  add_listening(*command, *options);
  add_bridge(*command, *options);
  command->add_flag_callback("--log-json", set_log_json, "Log lines of JSON");
  command->final_callback([&context, options] { serve(context, *options, nullptr); });
}

}  // namespace coterie::node::cli
