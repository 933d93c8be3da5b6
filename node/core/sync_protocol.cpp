#include "node/core/sync_protocol.hpp"

#include "node/core/codec.hpp"
#include "node/core/json_check.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {
namespace {

constexpr std::uint64_t kSync = 0;
constexpr std::uint64_t kAwareness = 1;
constexpr std::uint64_t kAuth = 2;
constexpr std::uint64_t kQueryAwareness = 3;
constexpr std::uint64_t kSaved = 100;

constexpr std::uint64_t kStep1 = 0;
constexpr std::uint64_t kStep2 = 1;
constexpr std::uint64_t kUpdate = 2;
constexpr std::uint64_t kPermissionDenied = 0;

constexpr std::string_view kGone = "null";

Message sync_message(std::uint64_t kind, ByteView body) {
  Bytes out;
  out.reserve(body.size() + 12);
  append_varuint(out, kSync);
  append_varuint(out, kind);
  append_varbytes(out, body);
  return std::make_shared<const Bytes>(std::move(out));
}

Result<ClientMessage> read_sync(ByteReader& in) {
  COTERIE_TRY(const std::uint64_t kind, in.read_varuint());
  COTERIE_TRY(const ByteView body, in.read_varbytes());
  if (kind == kStep1) {
    COTERIE_TRY(crdt::StateVector have, crdt::StateVector::decode(body));
    return ClientMessage(SyncStep1{std::move(have)});
  }
  if (kind == kStep2 || kind == kUpdate) return ClientMessage(SyncUpdate{body});
  return malformed("unknown kind of sync message", in.offset());
}

}  // namespace

Result<ClientMessage> read_client_message(ByteReader& in) {
  COTERIE_TRY(const std::uint64_t type, in.read_varuint());
  switch (type) {
    case kSync:
      return read_sync(in);
    case kAwareness: {
      COTERIE_TRY(const ByteView payload, in.read_varbytes());
      return ClientMessage(AwarenessMessage{payload});
    }
    case kQueryAwareness:
      return ClientMessage(AwarenessQuery{});
    default:
      return ClientMessage(IgnoredMessage{});
  }
}

Result<std::vector<AwarenessState>> decode_awareness(ByteView payload) {
  ByteReader in(payload);
  COTERIE_TRY(const std::uint64_t count, in.read_varuint());
  if (count > kAwarenessIdsPerMessageMax) {
    return Error{ErrorCode::kLimitExceeded, "too many clients in one awareness message", count};
  }
  std::vector<AwarenessState> states;
  for (std::uint64_t i = 0; i < count; ++i) {
    AwarenessState state;
    COTERIE_TRY(state.client, in.read_varuint());
    COTERIE_TRY(state.clock, in.read_varuint());
    COTERIE_TRY(const std::string_view json, in.read_varstring());
    if (json.size() > kAwarenessStateBytesMax) {
      return Error{ErrorCode::kLimitExceeded, "awareness state too large", json.size()};
    }
    if (json != kGone) {
      if (!is_json_object(json)) return malformed("awareness state is no JSON object", in.offset());
      state.state = json;
    }
    states.push_back(std::move(state));
  }
  COTERIE_CHECK(expect_end(in));
  return states;
}

Bytes encode_awareness(const std::vector<AwarenessState>& states) {
  Bytes out;
  append_varuint(out, states.size());
  for (const AwarenessState& state : states) {
    append_varuint(out, state.client);
    append_varuint(out, state.clock);
    append_varstring(out, state.state.empty() ? kGone : std::string_view(state.state));
  }
  return out;
}

Message step1_message(const crdt::StateVector& have) { return sync_message(kStep1, have.encode()); }
Message step2_message(ByteView update) { return sync_message(kStep2, update); }
Message update_message(ByteView update) { return sync_message(kUpdate, update); }

Message refusal_message(const std::string& why) {
  Bytes out;
  append_varuint(out, kAuth);
  append_varuint(out, kPermissionDenied);
  append_varstring(out, why);
  return std::make_shared<const Bytes>(std::move(out));
}

Message awareness_message(const std::vector<AwarenessState>& states) {
  Bytes out;
  append_varuint(out, kAwareness);
  append_varbytes(out, encode_awareness(states));
  return std::make_shared<const Bytes>(std::move(out));
}

Message saved_message(std::uint64_t count) {
  Bytes out;
  append_varuint(out, kSaved);
  append_varuint(out, count);
  return std::make_shared<const Bytes>(std::move(out));
}

}  // namespace coterie::node
