#include "node/core/log/entry.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kDigestDomain = "coterie entry v1";
constexpr std::string_view kHashDomain = "coterie entry hash v1";
constexpr std::uint8_t kDescriptorClass = 3;

void append_heads(Bytes& out, const std::vector<Hash>& heads) {
  append_varuint(out, heads.size());
  for (const Hash& head : heads) append(out, head.view());
}

/// Bytes an entry has beside its payload, at most: kEntryHeadsMax heads are 2 KiB.
constexpr std::size_t kOverheadMax = 2 + 8 + 2 + kEntryHeadsMax * 32 + 32 + 24 + 9 + 64;
static_assert(kRecordPartBytes + kOverheadMax + 256 <= kEntryBytesMax);

Entry make_entry(EntryPosition position, EntryClass entry_class, std::uint64_t time,
                 std::vector<Hash> heads) {
  COTERIE_ASSERT(position.seq > 0 && heads.size() <= kEntryHeadsMax);
  Entry entry;
  entry.position = position;
  entry.entry_class = entry_class;
  entry.time = time;
  entry.heads = std::move(heads);
  std::sort(entry.heads.begin(), entry.heads.end());
  return entry;
}

void sign(Entry& entry, const crypto::SigningKey& author, Hash& hash_out) {
  COTERIE_ASSERT(author.id() == entry.position.log.device);
  entry.signature = author.sign(entry_digest(entry).view());
  hash_out = entry_hash(entry);
}

}  // namespace

Bytes encode_header(const Entry& entry) {
  // A genesis names no workspace: its own hash will be the id.
  const WorkspaceId workspace =
      entry.entry_class == EntryClass::kGenesis ? WorkspaceId{} : entry.position.workspace;
  Bytes out;
  out.reserve(192 + entry.heads.size() * Hash::kBytes);
  out.push_back(kEntryVersion);
  out.push_back(static_cast<std::uint8_t>(entry.entry_class));
  append(out, workspace.view());
  append(out, entry.position.log.device.view());
  append_u64(out, entry.position.log.incarnation);
  append_u64(out, entry.position.seq);
  append(out, entry.position.previous.view());
  append_u64(out, entry.time);
  append_heads(out, entry.heads);
  if (entry.entry_class == EntryClass::kContent) append(out, entry.key.view());
  return out;
}

Hash entry_digest(const Entry& entry) {
  const Bytes header = encode_header(entry);
  if (entry.entry_class == EntryClass::kContent) {
    return crypto::hash({as_bytes(kDigestDomain), header, entry.nonce.view(), entry.payload});
  }
  return crypto::hash({as_bytes(kDigestDomain), header, entry.payload});
}

Hash entry_hash(const Entry& entry) {
  return crypto::hash({as_bytes(kHashDomain), entry_digest(entry).view(), entry.signature.view()});
}

Entry seal_entry(EntryPosition position, std::uint64_t time, std::vector<Hash> heads,
                 const crypto::SecretKey& key, const Hash& commitment, SecureRandom& random,
                 const crypto::SigningKey& author, ByteView record, Hash& hash_out) {
  Entry entry = make_entry(position, EntryClass::kContent, time, std::move(heads));
  entry.key = commitment;
  entry.nonce = crypto::random_nonce(random);
  entry.payload = crypto::seal(key, entry.nonce, encode_header(entry), record);
  sign(entry, author, hash_out);
  return entry;
}

Entry sign_entry(EntryPosition position, EntryClass entry_class, std::uint64_t time,
                 std::vector<Hash> heads, const crypto::SigningKey& author, Bytes operation,
                 Hash& hash_out) {
  COTERIE_ASSERT(entry_class != EntryClass::kContent);
  Entry entry = make_entry(position, entry_class, time, std::move(heads));
  entry.payload = std::move(operation);
  sign(entry, author, hash_out);
  return entry;
}

Bytes encode_stored(const Entry& entry) {
  Bytes out;
  out.reserve(160 + entry.heads.size() * Hash::kBytes + entry.payload.size());
  out.push_back(kEntryVersion);
  out.push_back(static_cast<std::uint8_t>(entry.entry_class));
  append_u64(out, entry.time);
  append_heads(out, entry.heads);
  if (entry.entry_class == EntryClass::kContent) {
    append(out, entry.key.view());
    append(out, entry.nonce.view());
  }
  append_varbytes(out, entry.payload);
  append(out, entry.signature.view());
  return out;
}

Result<Entry> decode_stored(const EntryPosition& position, ByteView stored) {
  if (stored.size() > kEntryBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "entry above its size limit", stored.size()};
  }
  Entry entry;
  entry.position = position;
  ByteReader in(stored);
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kEntryVersion) return malformed("unknown entry version", 0);
  COTERIE_TRY(const std::uint8_t entry_class, in.read_u8());
  if (entry_class > static_cast<std::uint8_t>(EntryClass::kGenesis)) {
    return malformed("unknown entry class", 1);
  }
  entry.entry_class = static_cast<EntryClass>(entry_class);
  if (entry.entry_class == EntryClass::kGenesis && position.seq != 1) {
    return malformed("genesis is not the first entry of its log", 1);
  }
  COTERIE_TRY(entry.time, read_u64(in));
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kEntryHeadsMax) {
    return Error{ErrorCode::kLimitExceeded, "entry names too many membership heads", count};
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(const Hash head, read_id<Hash>(in));
    if (!entry.heads.empty() && !(entry.heads.back() < head)) {
      return malformed("membership heads not ascending", in.offset());
    }
    entry.heads.push_back(head);
  }
  if (entry.entry_class == EntryClass::kContent) {
    COTERIE_TRY(entry.key, read_id<Hash>(in));
    COTERIE_TRY(entry.nonce, read_id<crypto::Nonce>(in));
  }
  COTERIE_TRY(const ByteView payload, read_blob(in));
  entry.payload.assign(payload.begin(), payload.end());
  COTERIE_TRY(entry.signature, read_id<crypto::Signature>(in));
  COTERIE_CHECK(expect_end(in));
  return entry;
}

Result<Bytes> open_entry(const Entry& entry, const crypto::SecretKey& key) {
  return crypto::open(key, entry.nonce, encode_header(entry), entry.payload);
}

Bytes encode_descriptor(const BranchDescriptor& descriptor) {
  Bytes out{kEntryVersion, kDescriptorClass};
  append_u64(out, descriptor.incarnation);
  append_u64(out, descriptor.first);
  append(out, descriptor.previous.view());
  return out;
}

Result<BranchDescriptor> decode_descriptor(ByteView stored) {
  ByteReader in(stored);
  BranchDescriptor descriptor;
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  COTERIE_TRY(const std::uint8_t entry_class, in.read_u8());
  if (version != kEntryVersion || entry_class != kDescriptorClass) {
    return malformed("not a descriptor of a branch", 0);
  }
  COTERIE_TRY(descriptor.incarnation, read_u64(in));
  COTERIE_TRY(descriptor.first, read_u64(in));
  COTERIE_TRY(descriptor.previous, read_id<Hash>(in));
  COTERIE_CHECK(expect_end(in));
  const bool possible = (descriptor.incarnation >> 63) == 0 && descriptor.first != 0 &&
                        descriptor.first < (Seq{1} << 53) &&
                        (descriptor.first == 1) == descriptor.previous.is_zero();
  if (!possible) return malformed("a branch that begins nowhere", 2);
  return descriptor;
}

Result<std::vector<HashedEntry>> hash_run(const WorkspaceId& workspace, const LogId& log,
                                          const LogHead& before, std::span<const Bytes> stored) {
  std::vector<HashedEntry> run;
  run.reserve(stored.size());
  LogHead head = before;
  for (const Bytes& bytes : stored) {
    COTERIE_TRY(Entry entry, decode_stored({workspace, log, head.seq + 1, head.hash}, bytes));
    head = {head.seq + 1, entry_hash(entry)};
    run.push_back({std::move(entry), head.hash});
  }
  return run;
}

bool verify_signature(const HashedEntry& entry) {
  return crypto::verify(entry.entry.position.log.device, entry_digest(entry.entry).view(),
                        entry.entry.signature);
}

Result<std::vector<HashedEntry>> verify_run(const WorkspaceId& workspace, const LogId& log,
                                            const LogHead& held, std::span<const Bytes> stored) {
  COTERIE_TRY(auto run, hash_run(workspace, log, held, stored));
  if (!run.empty() && !verify_signature(run.back())) {
    return Error{ErrorCode::kUnauthenticated, "run does not continue the log we hold",
                 held.seq + run.size()};
  }
  return run;
}

}  // namespace coterie::node
