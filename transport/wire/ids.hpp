// The identifiers that travel between nodes. Distinct types, so that they cannot be mixed up.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "crdt/base/bytes.hpp"

namespace coterie {

/// A fixed-size byte string with its own type per `Tag`. Value type; ordered bytewise.
template <typename Tag, std::size_t kSize>
struct FixedId {
  static constexpr std::size_t kBytes = kSize;
  std::array<std::uint8_t, kSize> bytes{};

  /// Errors: kMalformed when `view` is not exactly kBytes long.
  static Result<FixedId> from(ByteView view) {
    if (view.size() != kSize) return Error{ErrorCode::kMalformed, "identifier of wrong length"};
    FixedId id;
    std::memcpy(id.bytes.data(), view.data(), kSize);
    return id;
  }

  ByteView view() const { return bytes; }
  bool is_zero() const { return *this == FixedId{}; }
  std::string hex() const { return to_hex(bytes); }
  /// The first 8 hexadecimal digits: for logs and tables.
  std::string short_hex() const { return to_hex(ByteView(bytes).first(4)); }

  auto operator<=>(const FixedId&) const = default;
};

/// A device's Ed25519 public key: who signed an entry, who is at the other end of a link.
using DeviceId = FixedId<struct DeviceTag, 32>;
/// Hash of a workspace's genesis entry.
using WorkspaceId = FixedId<struct WorkspaceTag, 32>;
/// BLAKE2b-256.
using Hash = FixedId<struct HashTag, 32>;
/// Stands for what is held in a range of logs: the beginning of a BLAKE2b-256.
using Fingerprint = FixedId<struct FingerprintTag, 16>;
/// Names a document in its workspace; see node/core/records.hpp for how it is derived.
using DocumentId = FixedId<struct DocumentTag, 16>;

/// Position of an entry in its log. The first entry has 1; 0 means "none".
using Seq = std::uint64_t;

/// One append-only log: a device writes exactly one per workspace and incarnation.
struct LogId {
  DeviceId device;
  std::uint64_t incarnation = 0;  ///< Random; a restored or cloned device starts a new one.

  auto operator<=>(const LogId&) const = default;
};

/// How far a log is held, and the hash of the entry there (a height alone can hide a fork).
struct LogHead {
  Seq seq = 0;
  Hash hash;

  bool operator==(const LogHead&) const = default;
};

/// For each log, how far it is held. Ordered, so that equal frontiers have equal bytes.
using Frontier = std::map<LogId, LogHead>;

}  // namespace coterie
