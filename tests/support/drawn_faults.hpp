// A bad network, drawn for a simulation.

#pragma once

#include "tests/support/choices.hpp"
#include "tests/support/sim_network.hpp"

namespace coterie::testing {

/// Below `lost` in a thousand frames are lost where there is no stream, below `delayed` come late.
inline SimNetwork::Faults draw_faults(Choices& choices, std::uint64_t lost, std::uint64_t delayed) {
  SimNetwork::Faults faults;
  const bool stream = choices.chance(50);
  faults.manner = stream ? SimNetwork::Manner::kStream : SimNetwork::Manner::kDatagram;
  faults.latency_max = std::chrono::milliseconds(2 + choices.below(60));
  faults.lost = choices.below(stream ? 5 : lost);
  faults.duplicated = choices.below(50);
  faults.delayed = choices.below(delayed);
  return faults;
}

}  // namespace coterie::testing
