#include "crdt/state_vector.hpp"

#include <algorithm>

namespace coterie::crdt {

Result<StateVector> StateVector::decode(ByteView input) {
  ByteReader reader(input);
  COTERIE_TRY(const std::uint64_t count, reader.read_varuint());
  if (count > kStateVectorClientsMax) {
    return Error{ErrorCode::kLimitExceeded, "too many clients in state vector", count};
  }
  StateVector vector;
  Clocks seen;  // Zero clocks too: a repeated client is malformed whatever its clock.
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t at = reader.offset();
    COTERIE_TRY(const ClientId client, reader.read_varuint());
    COTERIE_TRY(const Clock clock, reader.read_varuint());
    if (!seen.emplace(client, clock).second) {
      return Error{ErrorCode::kMalformed, "repeated client in state vector", at};
    }
    vector.advance(client, clock);
  }
  if (!reader.at_end()) {
    return Error{ErrorCode::kMalformed, "trailing bytes after state vector", reader.offset()};
  }
  return vector;
}

void StateVector::encode_to(Bytes& out) const {
  append_varuint(out, clocks_.size());
  for (const auto& [client, clock] : clocks_) {
    append_varuint(out, client);
    append_varuint(out, clock);
  }
}

Bytes StateVector::encode() const {
  Bytes out;
  encode_to(out);
  return out;
}

Clock StateVector::clock_of(ClientId client) const {
  const auto found = clocks_.find(client);
  return found == clocks_.end() ? 0 : found->second;
}

void StateVector::advance(ClientId client, Clock clock) {
  if (clock == 0) return;
  Clock& held = clocks_[client];
  held = std::max(held, clock);
}

void StateVector::merge(const StateVector& other) {
  for (const auto& [client, clock] : other.clocks_) advance(client, clock);
}

}  // namespace coterie::crdt
