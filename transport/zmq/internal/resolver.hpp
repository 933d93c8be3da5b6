// Looks up host names on a thread of its own: ZeroMQ would do it on the thread that serves every
// link, and a name server that does not answer would stop them all.

#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "transport/core/mesh.hpp"
#include "transport/zmq/internal/address.hpp"

namespace coterie::transport::internal {

class Resolver {
 public:
  /// Called on the resolver's thread; never after the Resolver was destroyed.
  using OnResolved = std::function<void(LinkId link, std::vector<Address> addresses)>;

  explicit Resolver(OnResolved on_resolved);
  /// Does not wait for a name server: a look-up that is under way ends by itself, unheard.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void resolve(LinkId link, Address address);

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace coterie::transport::internal
