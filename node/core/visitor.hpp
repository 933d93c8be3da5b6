// Who uses this node's bridge, as far as the node knows: what the bridge made of a token.

#pragma once

#include <string>

#include "node/core/role.hpp"

namespace coterie::node {

struct Visitor {
  std::string guest;        ///< As Participant::id; empty: this device's owner.
  Role most = Role::kHost;  ///< Never more than this, whatever the device may. Not a relay.

  bool operator==(const Visitor&) const = default;
};

}  // namespace coterie::node
