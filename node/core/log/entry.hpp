// Log entries: signed, hash-chained, content encrypted.
//
//     header  := version:u8 class:u8 workspace:32 device:32 incarnation:u64 seq:u64 previous:32
//                time:u64 heads:(count:varuint hash:32*) [key:32 when class is content]
//     digest  := BLAKE2b-256("coterie entry v1" header [nonce:24 when content] payload)
//     hash    := BLAKE2b-256("coterie entry hash v1" digest signature)
//     stored  := version:u8 class:u8 time:u64 heads:(count:varuint hash:32*)
//                [key:32 nonce:24 when content] payload:varbytes signature:64
//
// u64 is big-endian. The stored form is also the wire form; it leaves out what its position implies
// (workspace, device, incarnation, seq, previous). `signature` is the author's Ed25519 signature of
// `digest`. Content payloads are XChaCha20-Poly1305 ciphertexts with `header` as associated data,
// so that neither can be moved to another place; membership payloads are in clear, so that a node
// without keys can check who may write.
//
// Because `previous` is in the header and the header in the hash, the signature of the newest entry
// of a contiguous run verifies the whole run: two hashes per entry, one signature check. The hash
// covers the signature too, or whoever passes a run on could spoil a signature in its middle
// unnoticed, and the receiver could not pass on a run that ends there.
//
// Nonces are random, never derived from a position: a device restored from a backup reuses
// sequence numbers. Golden file: tests/golden/entries/entries_v1.json.
//
//     descriptor := version:u8 class:u8 incarnation:u64 first:u64 previous:32
//
// A descriptor (class 3) says where a branch of a forked log begins (log/segments.hpp). It is the
// first item of the branch, is not signed, and is in no chain: what it says is checked by the name
// of the branch, which covers the hash of its first entry.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "node/core/limits.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

inline constexpr std::uint8_t kEntryVersion = 1;

/// Persistent format: never renumber.
enum class EntryClass : std::uint8_t {
  kContent = 0,     ///< A record (node/core/records.hpp), encrypted.
  kMembership = 1,  ///< A membership operation, in clear.
  kGenesis = 2,     ///< The operation that makes a workspace; its hash is the workspace id.
  // 3 is a descriptor: no entry.
};

/// What is known about an entry before reading it.
struct EntryPosition {
  WorkspaceId workspace;
  LogId log;
  Seq seq = 0;    ///< From 1.
  Hash previous;  ///< Hash of the entry before; zero for the first.
};

struct Entry {
  EntryPosition position;
  EntryClass entry_class = EntryClass::kContent;
  std::uint64_t time = 0;  ///< Hybrid clock (hybrid_clock.hpp). Shown, never trusted for rights.
  /// Newest membership operations the author had seen, ascending: its causal past.
  std::vector<Hash> heads;
  Hash key;             ///< Commitment of the epoch key. Zero unless content.
  crypto::Nonce nonce;  ///< Zero unless content.
  Bytes payload;        ///< Ciphertext, or the operation in clear.
  crypto::Signature signature;
};

/// Header, as hashed and as associated data.
Bytes encode_header(const Entry& entry);

/// What the author signs.
Hash entry_digest(const Entry& entry);

/// What names the entry, and what the next one chains to.
Hash entry_hash(const Entry& entry);

/// Entry of class kContent around `record`. Precondition: the result fits kEntryBytesMax
/// (a record of kRecordPartBytes does). Costs an AEAD pass, a hash and a signature: about 20 us.
Entry seal_entry(EntryPosition position, std::uint64_t time, std::vector<Hash> heads,
                 const crypto::SecretKey& key, const Hash& commitment, SecureRandom& random,
                 const crypto::SigningKey& author, ByteView record, Hash& hash_out);

/// Entry of class kMembership or kGenesis.
Entry sign_entry(EntryPosition position, EntryClass entry_class, std::uint64_t time,
                 std::vector<Hash> heads, const crypto::SigningKey& author, Bytes operation,
                 Hash& hash_out);

Bytes encode_stored(const Entry& entry);

/// Errors: kMalformed (truncated, trailing, unknown version or class, heads not ascending, a
/// genesis that is not first), kLimitExceeded (kEntryBytesMax, kEntryHeadsMax). The signature is
/// unchecked.
Result<Entry> decode_stored(const EntryPosition& position, ByteView stored);

/// The record inside a content entry. Errors: kUnauthenticated (wrong key or altered).
Result<Bytes> open_entry(const Entry& entry, const crypto::SecretKey& key);

struct HashedEntry {
  Entry entry;
  Hash hash;
};

/// Where a branch begins.
struct BranchDescriptor {
  std::uint64_t incarnation = 0;  ///< Real: its highest bit is clear.
  Seq first = 0;                  ///< Number of its first entry.
  Hash previous;                  ///< Hash of the entry before that; zero when `first` is 1.

  bool operator==(const BranchDescriptor&) const = default;
};

Bytes encode_descriptor(const BranchDescriptor& descriptor);

/// Errors: kMalformed.
Result<BranchDescriptor> decode_descriptor(ByteView stored);

/// Decodes `stored`, which follows `before` in `log`, and computes the hash of each entry. No
/// signature is checked. Costs two hashes an entry. Errors: kMalformed, kLimitExceeded.
Result<std::vector<HashedEntry>> hash_run(const WorkspaceId& workspace, const LogId& log,
                                          const LogHead& before, std::span<const Bytes> stored);

/// Whether the signature of an entry is its author's. Costs one check (36 us).
bool verify_signature(const HashedEntry& entry);

/// Decodes `stored`, which continues `log` after `held`, and verifies the chain and the signature
/// of its newest entry. Errors: kMalformed, kLimitExceeded, kUnauthenticated. An empty run is fine.
Result<std::vector<HashedEntry>> verify_run(const WorkspaceId& workspace, const LogId& log,
                                            const LogHead& held, std::span<const Bytes> stored);

}  // namespace coterie::node
