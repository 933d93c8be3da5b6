// Bundle: what somebody begins from who cannot be given the entries themselves any more: a
// checkpoint that stands, those who vouch for it, what is kept below it, and the documents there.
//
//     bundle := version:u8 count:varuint operation:placed* commitment:32 sealed
//     sealed := seal_with_nonce(key of `commitment`, "coterie bundle v1" workspace, body)
//     body   := checkpoint:placed count:varuint vouch:placed* count:varuint kept:placed*
//               count:varuint (document:16 writers:(count:varuint (client:u64 log)*)
//               state:varbytes)*
//     placed := log seq:varuint previous:32 entry:varbytes
//
// The operations, all that the sender holds, are in clear as they are in logs: whoever was away for
// long learns the key from them. `state` is a zstd frame of a Yjs update (v1). `writers`, whose
// client ids stand in whose log, is a hint: nothing that it says is believed against what a
// document holds.
//
// Pure functions.

#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/ledger.hpp"

namespace coterie::node {

struct Bundle {
  using Writers = std::set<std::pair<crdt::ClientId, LogId>>;
  using Entries = std::vector<Ledger::KeptEntry>;  ///< By log and number.
  Entries operations;
  Ledger::KeptEntry checkpoint;
  Entries vouches;
  Entries kept;                        ///< Content entries below the checkpoint.
  std::map<DocumentId, Bytes> states;  ///< Yjs updates (v1).
  std::map<DocumentId, Writers> writers;
};

Bytes encode_bundle(const WorkspaceId& workspace, const Bundle& bundle,
                    const crypto::SecretKey& key, const Hash& commitment, SecureRandom& random);

/// What of a bundle can be read without its key.
struct BundleHead {
  Bundle::Entries operations;
  Hash commitment;  ///< Of its key.
  ByteView sealed;  ///< Points into what was decoded.
};

// Nothing that is decoded is checked against anything. Errors: kMalformed, kLimitExceeded; of
// open_bundle() also kUnauthenticated.
Result<BundleHead> decode_bundle(ByteView bundle);
Result<Bundle> open_bundle(const WorkspaceId& workspace, BundleHead head,
                           const crypto::SecretKey& key);

}  // namespace coterie::node
