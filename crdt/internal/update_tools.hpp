// Updates in their stored form (EncoderStored), as the store keeps what it cannot place yet.

#pragma once

#include <span>

#include "crdt/internal/encoder.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::crdt::internal {

/// As merge_updates(), from stored updates to the format of `Encoder`.
template <typename Encoder>
Bytes merge_stored(std::span<const Bytes> updates);

/// As diff_update(), from a stored update to a stored update.
Bytes diff_stored(ByteView update, const StateVector& since);

}  // namespace coterie::crdt::internal
