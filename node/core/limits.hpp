// Every number a member, a guest or a browser can push on in node/core. docs/PROTOCOL.md repeats
// the ones that other implementations must know; tests/node holds a test at and past each.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "crdt/base/clock.hpp"

namespace coterie::node {

// Entries (docs/PROTOCOL.md, "Entries").

/// Largest entry in its stored form. A frame (1 MiB) must hold one with its envelope.
inline constexpr std::size_t kEntryBytesMax = 768u << 10;
/// Membership heads an entry names. More concurrent heads than this are merged in two steps.
inline constexpr std::size_t kEntryHeadsMax = 64;
/// Update bytes in one record; a larger update is split over consecutive entries of the log.
inline constexpr std::size_t kRecordPartBytes = 512u << 10;
static_assert(kRecordPartBytes + (64u << 10) <= kEntryBytesMax);
/// Parts of one update: 64 MiB. Bounds what a member can make others hold in memory.
inline constexpr std::size_t kRecordPartsMax = 128;
/// Largest update a client may send: one record group.
inline constexpr std::size_t kUpdateBytesMax = kRecordPartBytes * kRecordPartsMax;
/// How far ahead of our clock an author's may be and still move our hybrid clock.
inline constexpr std::uint64_t kClockSkewMsMax = 3'600'000;

// Logs (docs/PROTOCOL.md, "Entries").

/// Logs of one device in a workspace: its incarnations, and the branches of those that forked.
inline constexpr std::size_t kLogsPerDeviceMax = 256;
/// At so many of its own a device goes on with the last in doubt, if a peer holds the same: an
/// honest one does not reach the limit above.
inline constexpr std::size_t kOwnIncarnationsMax = 32;
/// Entries of one device that are stored although a restriction disputes them and nobody
/// acknowledged them yet.
inline constexpr std::size_t kSetAsideEntriesMax = 4096;
/// Branches of peers that are remembered while what they branch from is not here, per workspace.
inline constexpr std::size_t kAliasesMax = 1024;
/// Signatures tried, from the end backwards, when a run is stored in part.
inline constexpr std::size_t kCutChecksMax = 16;

// Relays (quota.hpp).

/// Of the entries of one workspace, unless the operator says otherwise.
inline constexpr std::uint64_t kRelayQuotaBytes = std::uint64_t{10} << 30;

// Names and addresses.

inline constexpr std::size_t kNameBytesMax = 200;     ///< Workspaces and devices.
inline constexpr std::size_t kPathBytesMax = 1024;    ///< Documents.
inline constexpr std::size_t kAddressBytesMax = 255;  ///< "tcp://HOST:PORT".
inline constexpr std::size_t kAddressesMax = 8;       ///< Of one device.

// Membership (docs/PROTOCOL.md, "Membership").

/// Of one device in the past of one more of its own: further ones are no part of the graph, on any
/// replica. An honest device goes on from what it wrote, so it never has more.
inline constexpr std::size_t kOperationsPerDeviceMax = 4096;
inline constexpr std::size_t kOperationBytesPerDeviceMax = 16u << 20;
/// Of one device held here, written side by side, before we stop.
inline constexpr std::size_t kOperationsHeldPerDeviceMax = 2 * kOperationsPerDeviceMax;
inline constexpr std::size_t kMembershipOperationsMax = 32'768;  ///< Held per workspace.
inline constexpr std::size_t kSealedKeysMax = 256;               ///< In one admission.
inline constexpr std::size_t kMembersMax = 1024;                 ///< Per workspace.
/// Logs that one removal, role or acknowledgement says how far it holds.
inline constexpr std::size_t kLogMarksMax = 1024;
inline constexpr std::size_t kRekeyBoxesMax = 1024;   ///< Members a new epoch key is for.
inline constexpr std::size_t kRekeyPreviousMax = 64;  ///< Older keys under a new one.
/// Rotations that one device makes to heal the keys: this many at once, then one each
/// kRotationRefill.
inline constexpr std::size_t kRotationBurst = 8;
inline constexpr std::chrono::seconds kRotationRefill{30};
/// How often a host acknowledges what is stood upon, and how many restrictions at once.
inline constexpr std::chrono::minutes kVouchPause{10};
/// Between two reports of one device by this one.
inline constexpr std::chrono::hours kReportPause{1};
/// A report that is older is history: hosts are not told of it as news.
inline constexpr std::chrono::hours kReportNews{24};
inline constexpr std::size_t kVouchedOperationsMax = 16;
inline constexpr std::uint32_t kInviteUsesMax = 10'000;
inline constexpr std::chrono::hours kInviteValidityMax{24 * 366};
/// Invites whose keys ZAP lets in as guests: live ones first, then spent ones so that their holders
/// are told why; of each author the newest, then of each the next.
inline constexpr std::size_t kGuestKeysMax = 1024;

// Invites as text (docs/PROTOCOL.md, "Invites").

inline constexpr std::size_t kInviteTextBytesMax = 4096;
inline constexpr std::size_t kInviteContactsMax = 3;
inline constexpr std::size_t kInviteAddressesMax = 3;  ///< Of one contact.

// Joining.

// (How many guests, for how long: transport/wire/limits.hpp.)
inline constexpr std::size_t kRedeemBurst = 20;  ///< Over all guests; refilled five a second.
inline constexpr Duration kJoinTimeout = std::chrono::seconds(30);  ///< Until somebody answers.
/// When a newcomer that waits for approval asks again: each time later, up to the second.
inline constexpr Duration kJoinWaitingRetry = std::chrono::seconds(2);
inline constexpr Duration kJoinWaitingRetryMax = std::chrono::seconds(30);
/// Requests that wait for a host: more are refused as busy.
inline constexpr std::size_t kJoinRequestsMax = 64;
inline constexpr Duration kJoinSyncTimeout = std::chrono::minutes(10);  ///< Without any progress.

// Address cards (docs/PROTOCOL.md, "Address cards").

/// Cards in one frame: about a hundred.
inline constexpr std::size_t kCardBatchBytes = 32u << 10;
/// Cards in a welcome.
inline constexpr std::size_t kWelcomeCardBytesMax = 64u << 10;
/// Changes of one device's card that are taken from others: this many at once, then one each pause.
/// Each is a signature to check, and a frame to every peer.
inline constexpr std::size_t kCardChangeBurst = 8;
inline constexpr Duration kCardChangePause = std::chrono::seconds(10);
/// Digests and lists of one peer that are answered.
inline constexpr std::size_t kCardListBurst = 4;
inline constexpr Duration kCardListPause = std::chrono::seconds(2);

// The LAN beacon (docs/PROTOCOL.md, "LAN beacon").

/// Datagrams that are looked at: each costs some microseconds for each workspace. A tenth of one
/// source.
inline constexpr std::size_t kBeaconsPerSecond = 200;
inline constexpr std::size_t kBeaconSourcesMax = 512;
/// How long a member is taken to be where a beacon of it came from.
inline constexpr Duration kSightingKept = std::chrono::seconds(150);
/// Places at a time where one member was seen, and how often another one is taken.
inline constexpr std::size_t kSightingsMax = 3;
inline constexpr std::size_t kSightingBurst = 4;
inline constexpr Duration kSightingPause = std::chrono::seconds(10);

// Checkpoint transfer (docs/PROTOCOL.md).

inline constexpr std::size_t kCheckpointBytesMax = 256u << 20;  ///< One bundle.
/// Of one part: a frame of bulk, behind which an urgent one may have to wait.
inline constexpr std::size_t kTransferPartBytes = 64u << 10;
/// Fetches without an answer, of one link.
inline constexpr std::size_t kTransferPartsInFlight = 4;
/// Without a part, a link is given up. Four parts at 64 kbit/s take 32 s, one takes 8 s.
inline constexpr Duration kTransferSilence = std::chrono::seconds(30);
/// After so long, doubled with each failure of the peer, another peer that is no worse has its
/// turn.
inline constexpr Duration kTransferStint = std::chrono::minutes(5);
/// How long what was fetched is kept while nobody gives the rest, or the sink cannot take it.
inline constexpr Duration kTransferKept = std::chrono::minutes(10);
inline constexpr Duration kTransferTakeRetry = std::chrono::seconds(5);
/// Offers of one link that come faster are not looked at.
inline constexpr Duration kTransferOfferPause = std::chrono::seconds(5);
/// How long a peer is not heard after a bad bundle, doubled with each failure.
inline constexpr Duration kTransferBadPause = std::chrono::seconds(30);
/// Bad bundles that are remembered, and peers that failed.
inline constexpr std::size_t kTransferBarredMax = 64;
inline constexpr std::size_t kTransferPeersMax = 256;

// Previews (docs/PROTOCOL.md, "Previews"): what a newcomer is shown before it is proven.

inline constexpr std::size_t kPreviewDocumentsMax = 256;
inline constexpr std::size_t kPreviewBytesMax = 8u << 20;  ///< Of all states.
/// States that are made for one newcomer, with those that are found to be too large.
inline constexpr std::size_t kPreviewMadeBytesMax = 2 * kPreviewBytesMax;
/// How soon a device is given previews again: each time costs as much as opening the documents.
inline constexpr Duration kPreviewPause = std::chrono::minutes(1);

/// Entries that waited for a key and are looked at in one step, between which others have a turn.
inline constexpr std::size_t kWaitingStep = 256;

// Authors.

/// Triples of document, Yjs client and log that wrote structs of it, that are remembered. Beyond,
/// every update may contradict another: documents are loaded for it, and rebuilt to decide.
inline constexpr std::size_t kClientWritersMax = 1u << 18;

/// Client ids of which one update says otherwise than others did, that are left out of it. With
/// more it is refused whole: each costs a look at the update.
inline constexpr std::size_t kRefusedClientsMax = 64;

/// Of all updates that undo what a device did. More is done in steps: later times first.
inline constexpr std::size_t kRevertBytesMax = 128u << 20;

// Checkpoints (docs/PROTOCOL.md, "Checkpoints").

/// A hundred years.
inline constexpr std::uint64_t kRetentionHoursMax = std::uint64_t{24} * 365 * 100;
/// Logs in one: its record fits an entry.
inline constexpr std::size_t kCheckpointLogsMax = 4096;
/// Devices that one vouch says need not be waited for.
inline constexpr std::size_t kWaivedMax = kMembersMax;
/// Pairs of client id and log that a bundle names.
inline constexpr std::size_t kBundleWritersMax = 65'536;
/// Checkpoints of one device that are known: its newest.
inline constexpr std::size_t kCheckpointsPerDeviceMax = 6;

// Version history (docs/PROTOCOL.md, "Versions").

/// A named version's snapshot: one record.
inline constexpr std::size_t kVersionSnapshotBytesMax = kRecordPartBytes;
/// Records that name, rename or unname versions and count, of each device and document: its first.
inline constexpr std::size_t kNamedVersionsMax = 1000;
/// Versions in one answer: the newest.
inline constexpr std::size_t kVersionsListedMax = 10'000;
/// Text and values in one answer (a diff, a blame, a document).
inline constexpr std::size_t kHistoryAnswerBytesMax = 64u << 20;
/// And ranges.
inline constexpr std::size_t kHistoryRangesMax = 200'000;

// Rooms (docs/PROTOCOL.md, "Rooms").

inline constexpr std::size_t kMessageBytesMax = 8u << 10;
inline constexpr std::size_t kMentionsMax = 32;
inline constexpr std::size_t kQuoteBytesMax = 1024;
inline constexpr std::size_t kSuggestionBytesMax = 64u << 10;
inline constexpr std::size_t kAnchorBytesMax = 1024;  ///< One of its positions.
inline constexpr std::size_t kReactionBytesMax = 32;
inline constexpr std::size_t kGuestIdBytesMax = 64;
inline constexpr std::size_t kGuestsShownMax = 1000;  ///< Of a document.
/// Of one device about one message: its newest.
inline constexpr std::size_t kAmendmentsMax = 64;
inline constexpr std::size_t kReactionsMax = 64;  ///< Different ones shown of a message.
/// Looked at for one page, whether they count or not.
inline constexpr std::size_t kRoomRowsMax = 2000;
inline constexpr std::size_t kRoomPageMax = 200;  ///< Messages in it.
inline constexpr std::size_t kUnreadMax = 100;    ///< Counted, of so many messages:
inline constexpr std::size_t kUnreadRowsMax = 400;
inline constexpr std::size_t kStateKeyBytesMax = 64;
inline constexpr std::size_t kStateValueBytesMax = 4u << 10;
inline constexpr std::size_t kStateKeysMax = 256;  ///< Shown of one document.
inline constexpr std::size_t kActivityPageMax = 200;
inline constexpr std::size_t kParticipantNameBytesMax = 120;
inline constexpr std::size_t kWatchersMax = 4096;  ///< Of this node's bridge.
/// Records of one log within one minute (of its author's clock); those beyond count nowhere. A
/// bridge keeps each of its guests to much less.
inline constexpr std::size_t kMessagesPerMinute = 1000;
inline constexpr std::size_t kAmendmentsPerMinute = 2000;
inline constexpr std::size_t kStateWordsPerMinute = 2000;
inline constexpr std::size_t kAttendancesPerMinute = 600;
/// How somebody's presence is told (rooms/attendance.hpp).
inline constexpr Duration kTypingFor = std::chrono::seconds(1);
inline constexpr Duration kPresenceIdleAfter = std::chrono::seconds(60);
inline constexpr Duration kPresenceAwayAfter = std::chrono::seconds(300);
/// A participant that comes back within this has not left, as the record has it.
inline constexpr Duration kAttendanceGrace = std::chrono::seconds(60);

// Documents (docs/PROTOCOL.md, "Properties of documents").

inline constexpr std::size_t kPropertiesMax = 32;  ///< In one record.
inline constexpr std::size_t kPropertyKeyBytesMax = 64;
inline constexpr std::size_t kPropertyValueBytesMax = 4096;
inline constexpr std::size_t kLanguageBytesMax = 40;
/// Of what people noted of one document ("meta."): this node writes no more.
inline constexpr std::size_t kMetaMax = 64;
/// Of the words of one device about one document: different keys that are looked at, and the newest
/// words on each.
inline constexpr std::size_t kPropertyKeysMax = 256;
inline constexpr std::size_t kPropertyWordsMax = 64;
/// Documents that were made at one path, one after the other.
inline constexpr std::uint64_t kGenerationMax = 65'535;
/// Documents that one command moves.
inline constexpr std::size_t kDocumentsMovedMax = 10'000;
/// One answer of a search looks at so many documents, or so much text, and names so many.
inline constexpr std::size_t kSearchDocumentsMax = 64;
inline constexpr std::size_t kSearchBytesMax = 4u << 20;
inline constexpr std::size_t kSearchHitsMax = 50;
inline constexpr std::size_t kSearchTextBytesMax = 200;  ///< What is looked for.

// Documents and clients (docs/PROTOCOL.md, "Bridge").

inline constexpr std::size_t kDocumentsMax = 65'536;  ///< Per workspace.
inline constexpr std::size_t kClientsMax = 10'000;    ///< Per node.
inline constexpr std::size_t kClientMessageBytesMax = kUpdateBytesMax + 1024;
/// What a newcomer lacks goes to it in updates of about this size: something comes all the time, so
/// that no client takes a slow line for a dead one.
inline constexpr std::size_t kAnswerPartBytes = 256u << 10;
/// Smaller answers are not kept for the next who asks.
inline constexpr std::size_t kAnswerKeptBytesMin = 4u << 10;
/// State of one Yjs client; y-protocols sends it whole each time.
/// Fits one sealed message between nodes (transport::kAwarenessBytesMax) with its envelope.
inline constexpr std::size_t kAwarenessStateBytesMax = 3584;
/// Yjs client ids one connection may announce, and one device may per document.
inline constexpr std::size_t kAwarenessIdsPerClientMax = 16;
inline constexpr std::size_t kAwarenessIdsPerDeviceMax = 512;
/// States in one awareness message of a client.
inline constexpr std::size_t kAwarenessIdsPerMessageMax = 4096;
/// Awareness messages a client may send: this many at once, and this many a second.
inline constexpr std::size_t kAwarenessBurst = 60;
inline constexpr std::size_t kAwarenessPerSecond = 30;
/// Clear text of one presence message between nodes.
inline constexpr std::size_t kPresenceBytesMax = 3840;
static_assert(kAwarenessStateBytesMax + 64 <= kPresenceBytesMax);
/// Devices whose presence is held per document.
inline constexpr std::size_t kPresenceDevicesMax = 256;

/// What may wait for the disk before new work is refused.
inline constexpr std::size_t kStagedBytesMax = 256u << 20;

}  // namespace coterie::node
