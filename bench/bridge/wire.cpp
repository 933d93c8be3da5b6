#include "bench/bridge/wire.hpp"

#include <charconv>

namespace coterie::bench {
namespace {

constexpr std::uint64_t kSync = 0;
constexpr std::uint64_t kAwareness = 1;
constexpr std::uint64_t kAuth = 2;
constexpr std::uint64_t kSyncReply = 4;   // Hocuspocus: as kSync.
constexpr std::uint64_t kSyncStatus = 8;  // Hocuspocus.
constexpr std::uint64_t kPermissionDenied = 1;

constexpr std::string_view kPlace = R"("anchor":)";

constexpr std::uint8_t kStringContent = 4;
constexpr std::uint8_t kHasOrigin = 0x80;

Bytes begin(Protocol protocol, std::string_view document, std::uint64_t type) {
  Bytes out;
  if (protocol == Protocol::kHocuspocus) append_varstring(out, document);
  append_varuint(out, type);
  return out;
}

Bytes sync_message(Protocol protocol, std::string_view document, std::uint64_t step,
                   ByteView payload) {
  Bytes out = begin(protocol, document, kSync);
  out.reserve(out.size() + payload.size() + 8);
  append_varuint(out, step);
  append_varbytes(out, payload);
  return out;
}

}  // namespace

Message parse_message(Protocol protocol, ByteView bytes) {
  using Kind = Message::Kind;
  ByteReader in(bytes);
  if (protocol == Protocol::kHocuspocus) {
    if (bytes.size() < 2) return {};  // Ping and pong have no address.
    if (!in.read_varbytes()) return {};
  }
  const auto type = in.read_varuint();
  if (!type) return {};
  if (*type == kSync || (protocol == Protocol::kHocuspocus && *type == kSyncReply)) {
    const auto step = in.read_varuint();
    if (!step || *step > 2) return {};
    const auto payload = in.read_varbytes();
    if (!payload) return {};
    constexpr Kind kKinds[] = {Kind::kStep1, Kind::kStep2, Kind::kUpdate};
    return {.kind = kKinds[*step], .payload = *payload};
  }
  if (*type == kAwareness) {
    const auto payload = in.read_varbytes();
    return payload ? Message{.kind = Kind::kAwareness, .payload = *payload} : Message{};
  }
  if (*type == kAuth) {
    const auto what = in.read_varuint();
    const bool refused = protocol == Protocol::kYWebsocket || (what && *what == kPermissionDenied);
    return {.kind = refused ? Kind::kRefused : Kind::kOther, .payload = {}};
  }
  if (protocol == Protocol::kHocuspocus && *type == kSyncStatus) {
    const auto taken = in.read_varuint();
    return {.kind = taken && *taken == 1 ? Kind::kSaved : Kind::kRefused, .payload = {}};
  }
  return {};
}

std::vector<Bytes> hello(Protocol protocol, std::string_view document) {
  std::vector<Bytes> out;
  if (protocol == Protocol::kHocuspocus) {
    Bytes auth = begin(protocol, document, kAuth);
    append_varuint(auth, 0);          // A token,
    append_varstring(auth, "");       // which is empty,
    append_varstring(auth, "4.7.0");  // of a provider of this version.
    out.push_back(std::move(auth));
  }
  out.push_back(sync_message(protocol, document, 0, crdt::StateVector{}.encode()));
  return out;
}

Bytes step2_message(Protocol protocol, std::string_view document, ByteView update) {
  return sync_message(protocol, document, 1, update);
}

Bytes update_message(Protocol protocol, std::string_view document, ByteView update) {
  return sync_message(protocol, document, 2, update);
}

Bytes awareness_message(Protocol protocol, std::string_view document, crdt::ClientId client,
                        std::uint64_t moves) {
  const std::string place = std::to_string(moves);
  const std::string state = R"({"user":{"name":"Guest )" + std::to_string(client) +
                            R"(","color":"#336699"},"cursor":{)" + std::string(kPlace) + place +
                            R"(,"head":)" + place + "}}";
  Bytes payload;
  append_varuint(payload, 1);
  append_varuint(payload, client);
  append_varuint(payload, moves);
  append_varstring(payload, state);
  Bytes out = begin(protocol, document, kAwareness);
  append_varbytes(out, payload);
  return out;
}

Bytes insertion(crdt::ClientId client, crdt::Clock clock, std::string_view text) {
  Bytes out;
  append_varuint(out, 1);  // One client,
  append_varuint(out, 1);  // one struct.
  append_varuint(out, client);
  append_varuint(out, clock);
  if (clock == 0) {
    out.push_back(kStringContent);
    append_varuint(out, 1);  // The parent is a root.
    append_varstring(out, kTextRoot);
  } else {
    out.push_back(kStringContent | kHasOrigin);
    append_varuint(out, client);
    append_varuint(out, clock - 1);
  }
  append_varstring(out, text);
  append_varuint(out, 0);  // No deletes.
  return out;
}

Bytes deletion(crdt::ClientId client, crdt::Clock clock, crdt::Clock length) {
  Bytes out;
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{1}, client, std::uint64_t{1}, clock, length}) {
    append_varuint(out, number);
  }
  return out;
}

std::vector<AwarenessEntry> awareness_entries(ByteView payload) {
  std::vector<AwarenessEntry> out;
  ByteReader in(payload);
  const auto count = in.read_varuint();
  if (!count) return {};
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto client = in.read_varuint();
    const auto clock = client ? in.read_varuint() : client;
    if (!clock) return {};
    const auto state = in.read_varbytes();
    if (!state) return {};
    out.push_back({.client = *client, .moves = {}});
    const std::string_view text = as_text(*state);
    const std::size_t place = text.find(kPlace);
    if (place == std::string_view::npos) continue;
    std::uint64_t moves = 0;
    const char* from = text.data() + place + kPlace.size();
    if (std::from_chars(from, text.data() + text.size(), moves).ec == std::errc{}) {
      out.back().moves = moves;
    }
  }
  return out;
}

}  // namespace coterie::bench
