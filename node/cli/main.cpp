// coterie: a peer-to-peer collaboration node. See docs/OPERATIONS.md.

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>

#include "node/cli/app.hpp"
#include "node/daemon/heap.hpp"
#include "transport/crypto/crypto.hpp"

int main(int argc, char** argv) {
  ::umask(S_IRWXG | S_IRWXO);  // Nothing that a node writes is anybody else's business.
  ::signal(SIGPIPE, SIG_IGN);
  coterie::node::tune_heap();
  if (const auto ready = coterie::crypto::initialise(); !ready) {
    std::fprintf(stderr, "coterie: %s\n", ready.error().what);
    return 1;
  }
  return coterie::node::cli::run_command_line(argc, argv);
}
