#include "node/core/transfer_messages.hpp"

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {
namespace {

constexpr std::uint8_t kVersion = 1;
enum class Kind : std::uint8_t { kOffer = 5, kFetch = 6, kPart = 7 };

constexpr std::size_t kPartOverheadBytesMax = 2 + 32 + 32 + 8;
static_assert(kTransferPartBytes + kPartOverheadBytesMax <= transport::kApplicationBytesMax);
static_assert(kTransferPartBytes <= transport::kBulkFrameBytes, "urgent frames wait for one");
static_assert(kCheckpointBytesMax <= kSafeIntegerMax);

Bytes start(Kind kind, const WorkspaceId& workspace) {
  Bytes out{kVersion, static_cast<std::uint8_t>(kind)};
  append(out, workspace.view());
  return out;
}

struct Encoder {
  Bytes operator()(const CheckpointOffer& offer) const {
    Bytes out = start(Kind::kOffer, offer.workspace);
    append(out, offer.checkpoint.view());
    append_varuint(out, offer.bytes);
    append(out, offer.hash.view());
    return out;
  }
  Bytes operator()(const CheckpointFetch& fetch) const {
    Bytes out = start(Kind::kFetch, fetch.workspace);
    append(out, fetch.hash.view());
    append_varuint(out, fetch.offset);
    return out;
  }
  Bytes operator()(const CheckpointPart& part) const {
    Bytes out = start(Kind::kPart, part.workspace);
    out.reserve(part.bytes.size() + kPartOverheadBytesMax);
    append(out, part.hash.view());
    append_varuint(out, part.offset);
    append(out, part.bytes);
    return out;
  }
};

Result<std::uint64_t> read_offset(ByteReader& in) {
  COTERIE_TRY(const std::uint64_t offset, read_number(in));
  if (offset >= kCheckpointBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "beyond the largest bundle", offset};
  }
  return offset;
}

Result<TransferMessage> decode_offer(ByteReader& in) {
  CheckpointOffer offer;
  COTERIE_TRY(offer.workspace, read_id<WorkspaceId>(in));
  COTERIE_TRY(offer.checkpoint, read_id<Hash>(in));
  COTERIE_TRY(offer.bytes, read_number(in));
  if (offer.bytes == 0) return malformed("empty bundle", in.offset());
  if (offer.bytes > kCheckpointBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "bundle too large", offer.bytes};
  }
  COTERIE_TRY(offer.hash, read_id<Hash>(in));
  COTERIE_CHECK(expect_end(in));
  return TransferMessage(offer);
}

Result<TransferMessage> decode_fetch(ByteReader& in) {
  CheckpointFetch fetch;
  COTERIE_TRY(fetch.workspace, read_id<WorkspaceId>(in));
  COTERIE_TRY(fetch.hash, read_id<Hash>(in));
  COTERIE_TRY(fetch.offset, read_offset(in));
  COTERIE_CHECK(expect_end(in));
  return TransferMessage(fetch);
}

Result<TransferMessage> decode_part(ByteReader& in) {
  CheckpointPart part;
  COTERIE_TRY(part.workspace, read_id<WorkspaceId>(in));
  COTERIE_TRY(part.hash, read_id<Hash>(in));
  COTERIE_TRY(part.offset, read_offset(in));
  if (in.remaining() > kTransferPartBytes) {
    return Error{ErrorCode::kLimitExceeded, "part too large", in.remaining()};
  }
  COTERIE_TRY(const ByteView bytes, in.read_bytes(in.remaining()));
  part.bytes.assign(bytes.begin(), bytes.end());
  return TransferMessage(std::move(part));
}

}  // namespace

Bytes encode_transfer_message(const TransferMessage& message) {
  return std::visit(Encoder{}, message);
}

bool is_transfer_message(ByteView payload) {
  return payload.size() >= 2 && payload[1] >= static_cast<std::uint8_t>(Kind::kOffer) &&
         payload[1] <= static_cast<std::uint8_t>(Kind::kPart);
}

Result<TransferMessage> decode_transfer_message(ByteView payload) {
  ByteReader in(payload);
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kVersion) return malformed("unknown version of checkpoint transfer", 0);
  COTERIE_TRY(const std::uint8_t kind, in.read_u8());
  switch (kind) {
    case static_cast<std::uint8_t>(Kind::kOffer):
      return decode_offer(in);
    case static_cast<std::uint8_t>(Kind::kFetch):
      return decode_fetch(in);
    case static_cast<std::uint8_t>(Kind::kPart):
      return decode_part(in);
    default:
      return malformed("unknown message of checkpoint transfer", 1);
  }
}

const WorkspaceId& workspace_of(const TransferMessage& message) {
  return std::visit([](const auto& known) -> const WorkspaceId& { return known.workspace; },
                    message);
}

}  // namespace coterie::node
