// Every number that a stranger or a faulty member can push on at the wire.
//
// Each has its unit in its name, its reason beside it, and a test at it and one past it
// (tests/transport/wire_test.cpp, mesh_*_test.cpp). docs/PROTOCOL.md, "Limits", repeats them: a
// peer that breaks one is faulty, so changing one changes the protocol.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "crdt/base/clock.hpp"

namespace coterie::transport {

inline constexpr std::size_t kKiB = 1024;

// Frames.

/// One frame, whole. Large enough for an entry with a pasted chapter in it; small enough that a few
/// hundred links with one frame each in flight fit in memory. The driver refuses more unread.
inline constexpr std::size_t kFrameBytesMax = 1024 * kKiB;
/// Room in a frame for everything around its payload: ids, lengths, fields of later versions.
inline constexpr std::size_t kFrameOverheadBytesMax = 4 * kKiB;
/// One log entry in its stored form: it travels in one frame.
inline constexpr std::size_t kEntryBytesMax = kFrameBytesMax - kFrameOverheadBytesMax;
/// Arrays within arrays. Ours need 4; two more leave room for later fields.
inline constexpr std::size_t kNestingMax = 6;
/// msgpack values in one frame: bounds what parsing allocates (24 bytes a value) at 2 MiB.
inline constexpr std::size_t kValuesPerFrameMax = 90'000;

// Entries.

/// Entries in one frame. The smallest entry (signature, nonce, tag, header) is above 200 bytes, so
/// a full bulk frame of kBulkFrameBytes holds about 300.
inline constexpr std::size_t kEntriesPerFrameMax = 4'096;
/// What one pull may ask for at most: a long catch-up streams in batches of this size.
inline constexpr std::size_t kPullBytesMax = 256 * kKiB;
/// Answers to pulls are cut into frames of about this size, so that a keystroke never waits behind
/// more than one of them. An entry that is larger travels alone.
inline constexpr std::size_t kBulkFrameBytes = 64 * kKiB;
/// Entries of this size or more are announced and pulled, not pushed: with several links each, most
/// nodes would otherwise receive them more than once.
inline constexpr std::size_t kAnnounceEntryBytesMin = 1024;
/// Highest sequence number: 2^53 - 1 is out of reach for a log, and sums cannot overflow.
inline constexpr std::uint64_t kSeqMax = (std::uint64_t{1} << 53) - 1;
/// Logs in one workspace: a frontier travels in one frame. Every member has one per incarnation.
inline constexpr std::size_t kLogsPerWorkspaceMax = 8'192;
/// A bound of a range of logs: a whole log id.
inline constexpr std::size_t kRangeBoundBytesMax = 40;
/// Ranges of which one frame tells the fingerprints.
inline constexpr std::size_t kSummaryPartsMax = 512;
/// Reports and summaries of one peer: each can cost a look at every log (0.7 ms for the most that
/// there can be). Further ones are ignored; heartbeats lead to new ones.
inline constexpr std::uint64_t kExchangesPerSecond = 32;
inline constexpr std::uint64_t kExchangesBurst = 128;

// Workspaces and members.

/// Workspaces that two devices share: a hello or heartbeat names them all.
inline constexpr std::size_t kSharedWorkspacesMax = 256;
/// Devices that a node announces as linked, per workspace: all of them in a full mesh.
/// Further ones are not announced, which costs duplicate pushes and nothing else.
inline constexpr std::size_t kNeighboursMax = 256;
/// Up to so many members, this device included, everybody is linked with everybody.
inline constexpr std::size_t kFullMeshMembersMax = 32;
/// Members of one workspace.
inline constexpr std::size_t kMembersMax = 1'024;
/// One address of a member: "tcp://" + a DNS name (253) + port.
inline constexpr std::size_t kAddressBytesMax = 280;

// Received and not yet verified: at rest with the engine, waiting for signature checks and commits.

/// From one link. Four pulls in flight.
inline constexpr std::size_t kUnverifiedBytesPerLinkMax = 4 * kFrameBytesMax;
/// From all links together.
inline constexpr std::size_t kUnverifiedBytesMax = 16 * kFrameBytesMax;

// What a peer may say unasked.

/// Pushes and announcements; a push counts one more for each KiB in it. Beyond it pushes are taken
/// as announcements, and pulled when it is their turn: many entries under one signature check,
/// where a push costs a check, a commit and an edit each (0.3 ms and more).
inline constexpr std::uint64_t kEagerTakenPerSecond = 500;
inline constexpr std::uint64_t kEagerTakenBurst = 500;
/// What a node allows itself of them to one peer; beyond it, pushes become announcements, and these
/// wait: the newest of a log says it all.
inline constexpr std::uint64_t kEagerPerSecond = 200;
inline constexpr std::uint64_t kEagerBurst = 200;
/// All other frames but answers to our pulls, goodbyes, and awareness, which has limits of its own.
/// Beyond it they are not heard. A newcomer pulls each log at once.
inline constexpr std::uint64_t kUnaskedPerSecond = 4'000;
inline constexpr std::uint64_t kUnaskedBurst = 10'000;
/// Whoever is above what it may say for kFloodMax is linked with no more for kQuarantineMin; each
/// further time within kFloodMemory for twice as long, up to kQuarantineMax.
inline constexpr Duration kFloodMax = std::chrono::seconds(5);
inline constexpr Duration kQuarantineMin = std::chrono::seconds(60);
inline constexpr Duration kQuarantineMax = std::chrono::minutes(30);
inline constexpr Duration kFloodMemory = std::chrono::hours(24);

// Awareness.

/// One sealed awareness message.
inline constexpr std::size_t kAwarenessBytesMax = 4 * kKiB;
/// What was said is forgotten after this, unless it was said again.
inline constexpr Duration kAwarenessLifetime = std::chrono::seconds(30);
/// What was said lately, kept for those who come; what does not fit they hear when it is said
/// again.
inline constexpr std::size_t kAwarenessKeptBytesMax = kKiB * 1024 * 8;
/// Messages a device may send per second, lasting; a cursor that moves at 30 frames a second.
inline constexpr std::uint64_t kAwarenessPerSecond = 30;
/// Messages a device may send at once: the state of 60 documents on connect.
inline constexpr std::uint64_t kAwarenessBurst = 60;
/// What a device allows itself at once: messages that were spread out may arrive in a bunch.
inline constexpr std::uint64_t kAwarenessOwnBurst = kAwarenessBurst / 2;
/// Messages one link may carry per second, of all origins: bounds signature checks (36 us each).
inline constexpr std::uint64_t kAwarenessPerLinkPerSecond = 20 * kAwarenessPerSecond;
inline constexpr std::uint64_t kAwarenessPerLinkBurst = 20 * kAwarenessBurst;
/// Topics remembered per device for "latest wins"; the one that was quiet longest is forgotten.
inline constexpr std::size_t kAwarenessTopicsMax = 1'024;
/// Messages given to the engine and not yet judged; more are dropped.
inline constexpr std::size_t kAwarenessUnjudgedMax = 1'024;
/// Waiting in one link's outbox; the oldest is dropped.
inline constexpr std::size_t kAwarenessOutboxBytesMax = 512 * kKiB;

// Application frames (joining) and guests.

/// Payload of one application frame.
inline constexpr std::size_t kApplicationBytesMax = 256 * kKiB;
/// Waiting in one link's outbox; more are refused.
inline constexpr std::size_t kApplicationOutboxBytesMax = 4 * kApplicationBytesMax;
/// A guest redeems an invite and leaves: a handful of frames, a short stay, few at a time.
inline constexpr std::uint64_t kGuestFramesPerSecond = 4;
inline constexpr std::uint64_t kGuestFramesBurst = 16;
inline constexpr std::size_t kGuestLinksMax = 32;
inline constexpr Duration kGuestStayMax = std::chrono::seconds(60);

// Relations. Sizes in the middle terms are upper bounds of the msgpack encoding.

static_assert(kEntryBytesMax + kFrameOverheadBytesMax <= kFrameBytesMax);
static_assert(kPullBytesMax <= kUnverifiedBytesPerLinkMax);
static_assert(kFrameBytesMax <= kUnverifiedBytesPerLinkMax, "the largest entry can be received");
static_assert(kUnverifiedBytesPerLinkMax < kUnverifiedBytesMax, "one peer cannot use it all up");
static_assert(kBulkFrameBytes <= kPullBytesMax);
static_assert(kBulkFrameBytes + kFrameOverheadBytesMax + 5 * kEntriesPerFrameMax <= kFrameBytesMax);
static_assert(kAnnounceEntryBytesMin <= kBulkFrameBytes);
static_assert(kAwarenessBytesMax <= kAwarenessOutboxBytesMax);
static_assert(kAwarenessBytesMax + kFrameOverheadBytesMax <= kFrameBytesMax);
static_assert(kApplicationBytesMax + kFrameOverheadBytesMax <= kFrameBytesMax);
static_assert(kApplicationBytesMax <= kApplicationOutboxBytesMax);
static_assert(2 * kEagerPerSecond <= kEagerTakenPerSecond && 2 * kEagerBurst <= kEagerTakenBurst,
              "frames that were spread out may arrive in a bunch");
static_assert(kLogsPerWorkspaceMax <= kUnaskedBurst);
static_assert(kBulkFrameBytes / kKiB < kEagerBurst, "a frame of pushes can be sent");
/// A log in a frontier: array head, device, incarnation, seq, hash.
static_assert(kLogsPerWorkspaceMax * (1 + 34 + 9 + 9 + 34) + kFrameOverheadBytesMax <=
              kFrameBytesMax);
static_assert(kLogsPerWorkspaceMax * 5 < kValuesPerFrameMax);
/// A workspace in a hello: array head, id, digest.
static_assert(kSharedWorkspacesMax * (1 + 34 + 34) + kFrameOverheadBytesMax <= kFrameBytesMax);
static_assert(kSharedWorkspacesMax * 3 < kValuesPerFrameMax);
/// A part of a summary: array head, two bounds, fingerprint.
static_assert(kSummaryPartsMax * (1 + 2 * (2 + kRangeBoundBytesMax) + 18) +
                  kFrameOverheadBytesMax <=
              kFrameBytesMax);
static_assert(2 * kNeighboursMax * 34 + kFrameOverheadBytesMax <= kFrameBytesMax);

}  // namespace coterie::transport
