// What two nodes say to each other over a link, as values, and their encoding.
//
//     frame := msgpack array [version:uint, kind:uint, field...]
//
// Fields are positional, in the order of the structs below. Later versions of this protocol add
// fields at the end of a frame or of an inner array, and new kinds; both are ignored by those who
// do not know them. docs/PROTOCOL.md, "Frames", is the normative description, with golden vectors
// in tests/golden/wire. Format of the container: https://github.com/msgpack/msgpack (spec.md).
//
// Value types. Distinct objects are independent; the functions are thread-safe.

#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "transport/wire/ids.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::transport {

/// The version in front of each frame. A frame of another version is ignored.
inline constexpr std::uint64_t kFrameVersion = 1;

/// Where the sender stands in one workspace. Only workspaces that both sides are members of, as the
/// sender knows, are ever named.
struct WorkspaceState {
  WorkspaceId workspace;
  Hash digest;  ///< frontier_digest() of what the sender holds.

  bool operator==(const WorkspaceState&) const = default;
};

/// The first frame on a link, from each side.
struct Hello {
  std::uint64_t version_max = kFrameVersion;  ///< The latest frame version the sender understands.
  DeviceId device;                            ///< The sender: must be who CURVE says it is.
  bool answer = false;                        ///< Answers a repeated hello; is not answered itself.
  std::vector<WorkspaceState> workspaces;

  bool operator==(const Hello&) const = default;
};

/// Proof of life, clock echo and anti-entropy in one.
struct Heartbeat {
  std::uint64_t sent_us = 0;  ///< Sender's clock; any origin. Given back by the receiver.
  std::uint64_t echo_us = 0;  ///< `sent_us` of the last heartbeat received; 0 when none.
  std::uint64_t held_us = 0;  ///< How long ago that one was received.
  std::vector<WorkspaceState> workspaces;

  bool operator==(const Heartbeat&) const = default;
};

/// The sender closes the link and will not answer.
struct Goodbye {
  bool operator==(const Goodbye&) const = default;
};

/// A stretch of all log ids in their order, from `lower` on and before `upper`. A bound is the
/// first bytes of a log id written as device and incarnation (8 bytes, big endian); of what
/// follows, zeros. An empty `upper` is no bound.
struct LogRange {
  Bytes lower{};  ///< At most kRangeBoundBytesMax, as `upper`.
  Bytes upper{};

  auto operator<=>(const LogRange&) const = default;
};

/// All heads of the sender's logs in a range.
struct FrontierReport {
  WorkspaceId workspace;
  bool reply_wanted = false;  ///< Answered with the receiver's own, reply_wanted unset.
  Frontier heads;             ///< Strictly ascending by log; seq 1 to kSeqMax.
  LogRange range{};           ///< No head is outside.

  bool operator==(const FrontierReport&) const = default;
};

/// What the sender holds in some ranges, in short: where the receiver holds the same, nothing need
/// be said; where not, heads are exchanged, or fingerprints of parts of the range.
struct Summary {
  struct Part {
    LogRange range;
    Fingerprint fingerprint;

    bool operator==(const Part&) const = default;
  };
  WorkspaceId workspace;
  std::vector<Part> parts;  ///< 1 to kSummaryPartsMax.

  bool operator==(const Summary&) const = default;
};

/// How the devices that are linked to the sender for the workspace changed since it last said so on
/// this link; at first there are none. Strictly ascending, each.
struct Neighbours {
  WorkspaceId workspace;
  std::vector<DeviceId> added;
  std::vector<DeviceId> removed;

  bool operator==(const Neighbours&) const = default;
};

/// "Send me entries of this log from `first` on." Answered with one or more Entries, kPulled except
/// for the last, which is kPulledEnd.
struct Pull {
  WorkspaceId workspace;
  LogId log;
  Seq first = 0;
  std::uint64_t bytes_max = 0;  ///< Credit: entry bytes; one entry is sent even if it is larger.

  bool operator==(const Pull&) const = default;
};

/// Values travel: never renumber.
enum class EntriesMode : std::uint8_t { kPushed = 0, kPulled = 1, kPulledEnd = 2 };

/// Consecutive entries of one log, in their stored form.
struct Entries {
  WorkspaceId workspace;
  LogId log;
  Seq first = 0;
  EntriesMode mode = EntriesMode::kPushed;
  Seq head = 0;                ///< How far the sender holds the log.
  std::vector<Bytes> entries;  ///< Empty only with kPulledEnd. Each 1 to kEntryBytesMax bytes.

  bool operator==(const Entries&) const = default;
};

/// "I hold this log up to `head`": instead of a push, when entries are large or the receiver is
/// behind.
struct Announce {
  WorkspaceId workspace;
  LogId log;
  Seq head = 0;

  bool operator==(const Announce&) const = default;
};

/// One sealed awareness message.
struct Awareness {
  WorkspaceId workspace;
  DeviceId origin;
  std::uint64_t topic = 0;
  std::uint64_t counter = 0;
  Bytes message;             ///< At most kAwarenessBytesMax.
  std::uint64_t age_ms = 0;  ///< How long ago it was said; at most kAwarenessLifetime. 0: just now.

  bool operator==(const Awareness&) const = default;
};

/// For node/core (joining); at most kApplicationBytesMax.
struct Application {
  Bytes payload;

  bool operator==(const Application&) const = default;
};

/// A frame of a version or kind that is not known here: to be ignored.
struct Unknown {
  std::uint64_t version = 0;
  std::uint64_t kind = 0;

  bool operator==(const Unknown&) const = default;
};

/// The kind on the wire is the index plus 1; Unknown has none. Append only.
using Message = std::variant<Hello, Heartbeat, Goodbye, FrontierReport, Pull, Entries, Announce,
                             Awareness, Application, Neighbours, Summary, Unknown>;

/// Precondition: `message` is not Unknown and keeps the limits (then so does the frame).
Bytes encode(const Message& message);

/// Errors: kMalformed (no msgpack, trailing bytes, wrong types, missing fields, values out of range
/// or order), kLimitExceeded (limits.hpp). Before a frame is known to keep the limits, nothing is
/// allocated for it; afterwards at most 24 bytes a value plus its size.
Result<Message> decode(ByteView frame);

bool in_range(const LogId& log, const LogRange& range);
/// The part of `frontier` in `range`, as [first, last).
std::pair<Frontier::const_iterator, Frontier::const_iterator> logs_in(const Frontier& frontier,
                                                                      const LogRange& range);
/// The first 16 bytes of BLAKE2b-256 of "coterie range v1" and the heads of `frontier` in `range`,
/// each written as for frontier_digest().
Fingerprint fingerprint_of(const Frontier& frontier, const LogRange& range);
/// Divides `range` into at most `count` parts that hold about as many logs of `frontier` each.
/// Precondition: there are at least `count` logs in it.
std::vector<LogRange> split_range(const Frontier& frontier, const LogRange& range,
                                  std::size_t count);

/// BLAKE2b-256 of "coterie frontier v1" and, for each log in order: device, incarnation (8 bytes,
/// big endian), seq (8 bytes, big endian), hash. Equal frontiers have equal digests.
Hash frontier_digest(const Frontier& frontier);

}  // namespace coterie::transport
