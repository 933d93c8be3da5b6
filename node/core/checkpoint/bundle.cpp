#include "node/core/checkpoint/bundle.hpp"

#include <utility>

#include "node/core/codec.hpp"
#include "node/core/compression.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kDomain = "coterie bundle v1";

Bytes associated(const WorkspaceId& workspace) {
  Bytes out;
  append(out, as_bytes(kDomain));
  append(out, workspace.view());
  return out;
}

void append_blob(Bytes& out, ByteView bytes) {
  append_varuint(out, bytes.size());
  append(out, bytes);
}

void append_placed(Bytes& out, const Ledger::KeptEntry& one) {
  append(out, log_key(one.log));
  append_varuint(out, one.seq);
  append(out, one.previous.view());
  append_blob(out, one.stored);
}

void append_all_placed(Bytes& out, const Bundle::Entries& all) {
  append_varuint(out, all.size());
  for (const auto& one : all) append_placed(out, one);
}

Result<LogId> read_log(ByteReader& in) {
  LogId log;
  COTERIE_TRY(log.device, read_id<DeviceId>(in));
  COTERIE_TRY(log.incarnation, read_u64(in));
  return log;
}

Result<Ledger::KeptEntry> read_placed(ByteReader& in) {
  Ledger::KeptEntry one;
  COTERIE_TRY(one.log, read_log(in));
  COTERIE_TRY(one.seq, read_number(in));
  COTERIE_TRY(one.previous, read_id<Hash>(in));
  COTERIE_TRY(const ByteView stored, read_blob(in));
  if (stored.size() > kEntryBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "entry too large", stored.size()};
  }
  one.stored.assign(stored.begin(), stored.end());
  return one;
}

Result<Bundle::Entries> read_all_placed(ByteReader& in) {
  Bundle::Entries list;
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(auto one, read_placed(in));
    const bool ascends =
        list.empty() || std::pair(list.back().log, list.back().seq) < std::pair(one.log, one.seq);
    if (!ascends) return malformed("entries out of order", in.offset());
    list.push_back(std::move(one));
  }
  return list;
}

Status read_documents(ByteReader& in, Bundle& bundle) {
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kDocumentsMax) return Error{ErrorCode::kLimitExceeded, "too many documents", count};
  std::size_t bytes = 0;
  std::uint64_t pairs = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(const DocumentId id, read_id<DocumentId>(in));
    const bool ascends = bundle.states.empty() || bundle.states.rbegin()->first < id;
    if (!ascends) return malformed("documents out of order", in.offset());
    COTERIE_TRY(const std::uint64_t writers, read_number(in));
    if (writers > kBundleWritersMax || (pairs += writers) > kBundleWritersMax) {
      return Error{ErrorCode::kLimitExceeded, "too many client ids", writers};
    }
    for (std::uint64_t k = 0; k < writers; ++k) {
      COTERIE_TRY(const std::uint64_t client, read_u64(in));
      COTERIE_TRY(const LogId log, read_log(in));
      bundle.writers[id].emplace(client, log);
    }
    COTERIE_TRY(const ByteView packed, read_blob(in));
    COTERIE_TRY(Bytes state, decompress(packed, kCheckpointBytesMax - bytes));
    bytes += state.size();
    bundle.states.emplace(id, std::move(state));
  }
  return {};
}

}  // namespace

Bytes encode_bundle(const WorkspaceId& workspace, const Bundle& bundle,
                    const crypto::SecretKey& key, const Hash& commitment, SecureRandom& random) {
  Bytes body;
  append_placed(body, bundle.checkpoint);
  append_all_placed(body, bundle.vouches);
  append_all_placed(body, bundle.kept);
  append_varuint(body, bundle.states.size());
  for (const auto& [id, state] : bundle.states) {
    append(body, id.view());
    const auto writers = bundle.writers.find(id);
    append_varuint(body, writers == bundle.writers.end() ? 0 : writers->second.size());
    if (writers != bundle.writers.end()) {
      for (const auto& [client, log] : writers->second) {
        append_u64(body, client);
        append(body, log_key(log));
      }
    }
    append_blob(body, compress(state));
  }
  Bytes out{kVersion};
  append_all_placed(out, bundle.operations);
  append(out, commitment.view());
  append(out, crypto::seal_with_nonce(key, random, associated(workspace), body));
  return out;
}

Result<BundleHead> decode_bundle(ByteView bundle) {
  ByteReader in(bundle);
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kVersion) return malformed("a bundle of another version", 0);
  BundleHead head;
  COTERIE_TRY(head.operations, read_all_placed(in));
  COTERIE_TRY(head.commitment, read_id<Hash>(in));
  COTERIE_TRY(head.sealed, in.read_bytes(in.remaining()));
  return head;
}

Result<Bundle> open_bundle(const WorkspaceId& workspace, BundleHead head,
                           const crypto::SecretKey& key) {
  COTERIE_TRY(const Bytes body, crypto::open_with_nonce(key, associated(workspace), head.sealed));
  ByteReader in(body);
  Bundle bundle;
  bundle.operations = std::move(head.operations);
  COTERIE_TRY(bundle.checkpoint, read_placed(in));
  COTERIE_TRY(bundle.vouches, read_all_placed(in));
  COTERIE_TRY(bundle.kept, read_all_placed(in));
  COTERIE_CHECK(read_documents(in, bundle));
  COTERIE_CHECK(expect_end(in));
  return bundle;
}

}  // namespace coterie::node
