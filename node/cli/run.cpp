// coterie run: the node itself, until SIGINT or SIGTERM.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

/// More than all connections that the limits of mesh, bridge and control socket allow.
constexpr rlim_t kOpenFilesWanted = 8192;

struct RunArguments {
  std::string listen;
  std::string bridge;
  std::vector<std::string> advertise;
  std::vector<std::string> peers;
  bool no_lan = false;
};

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

void run(Context& context, const RunArguments& arguments) {
  raise_open_files_limit();
  // Before any thread starts: they all inherit the mask, and only sigwait() takes the signals.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  for (const int one : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stop_signals, one);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  CallError why{};
  const auto node = Node::start({.dir = context.dir,
                                 .listen = arguments.listen,
                                 .advertise = arguments.advertise,
                                 .peers = arguments.peers,
                                 .lan = !arguments.no_lan,
                                 .bridge = arguments.bridge,
                                 .control = true,
                                 .ask_passphrase = context.ask_passphrase()},
                                why);
  if (!node) return context.fail(why);
  print_ready(context, *node);
  int signal = 0;
  sigwait(&stop_signals, &signal);
  node->stop();
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Run the node until Ctrl-C");
  command->add_option("--listen", arguments->listen,
                      "Where other devices reach it: tcp://ADDRESS:PORT (port 0: any free one)");
  command->add_option("--bridge", arguments->bridge,
                      "Where browsers of this machine reach it: 127.0.0.1:PORT");
  command
      ->add_option("--advertise", arguments->advertise,
                   "What other devices are told to dial, if not the address of --listen: "
                   "tcp://HOST:PORT; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--peer", arguments->peers,
                   "Where a member is, if nothing else tells: DEVICE@tcp://HOST:PORT, DEVICE being "
                   "its name or the beginning of its id; may be repeated; remembered, until others "
                   "are given; `none` forgets them")
      ->allow_extra_args(false);
  command->add_flag("--no-lan", arguments->no_lan,
                    "Neither look for members on the local network nor be found there");
  command->final_callback([&context, arguments] { run(context, *arguments); });
}

}  // namespace coterie::node::cli
