#include "node/core/card_messages.hpp"

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kDomain = "coterie card v1";
constexpr std::uint8_t kVersion = 1;
enum class Kind : std::uint8_t { kDigest = 8, kList = 9, kCards = 10 };

constexpr std::size_t kVarBytesMax = 9;
/// The largest card.
constexpr std::size_t kCardBytesMax = 1 + DeviceId::kBytes + kVarBytesMax + 2 + kNameBytesMax + 1 +
                                      kAddressesMax * (2 + kAddressBytesMax) +
                                      crypto::Signature::kBytes;
constexpr std::size_t kHeaderBytes = 2 + WorkspaceId::kBytes;
static_assert(2 + kCardBytesMax <= kCardBatchBytes);
static_assert(kHeaderBytes + kCardBatchBytes <= transport::kBulkFrameBytes, "urgent ones wait");
static_assert(kHeaderBytes + kMembersMax * (DeviceId::kBytes + kVarBytesMax) <=
              transport::kApplicationBytesMax);

Bytes encode_signed(const Card& card) {
  Bytes out{kVersion};
  append(out, card.device.view());
  append_varuint(out, card.serial);
  append_varstring(out, card.name);
  append_varuint(out, card.addresses.size());
  for (const std::string& address : card.addresses) append_varstring(out, address);
  return out;
}

Hash signed_hash(const WorkspaceId& workspace, const Card& card) {
  return crypto::hash({as_bytes(kDomain), workspace.view(), encode_signed(card)});
}

Bytes start(Kind kind, const WorkspaceId& workspace) {
  Bytes out{kVersion, static_cast<std::uint8_t>(kind)};
  append(out, workspace.view());
  return out;
}

struct Encoder {
  Bytes operator()(const CardDigest& message) const {
    Bytes out = start(Kind::kDigest, message.workspace);
    append(out, message.digest.view());
    return out;
  }
  Bytes operator()(const CardList& message) const {
    Bytes out = start(Kind::kList, message.workspace);
    for (const auto& [device, serial] : message.serials) {
      append(out, device.view());
      append_varuint(out, serial);
    }
    return out;
  }
  Bytes operator()(const CardBatch& message) const {
    Bytes out = start(Kind::kCards, message.workspace);
    for (const Card& card : message.cards) {
      const Bytes bytes = encode_card(card);
      append_varuint(out, bytes.size());
      append(out, bytes);
    }
    return out;
  }
};

Result<std::uint64_t> read_serial(ByteReader& in) {
  COTERIE_TRY(const std::uint64_t serial, read_number(in));
  if (serial > kSafeIntegerMax) return malformed("serial out of range", in.offset());
  return serial;
}

Result<CardMessage> decode_list(ByteReader& in, const WorkspaceId& workspace) {
  CardList list;
  list.workspace = workspace;
  while (!in.at_end()) {
    if (list.serials.size() == kMembersMax) {
      return Error{ErrorCode::kLimitExceeded, "too many cards", kMembersMax};
    }
    COTERIE_TRY(const DeviceId device, read_id<DeviceId>(in));
    if (!list.serials.empty() && device <= list.serials.rbegin()->first) {
      return malformed("cards are not in order", in.offset());
    }
    COTERIE_TRY(const std::uint64_t serial, read_serial(in));
    list.serials.emplace_hint(list.serials.end(), device, serial);
  }
  return CardMessage(std::move(list));
}

Result<CardMessage> decode_batch(ByteReader& in, const WorkspaceId& workspace) {
  if (in.remaining() > kCardBatchBytes) {
    return Error{ErrorCode::kLimitExceeded, "too many cards at once", in.remaining()};
  }
  CardBatch batch;
  batch.workspace = workspace;
  while (!in.at_end()) {
    COTERIE_TRY(const ByteView bytes, read_blob(in));
    COTERIE_TRY(Card card, decode_card(bytes));
    batch.cards.push_back(std::move(card));
  }
  return CardMessage(std::move(batch));
}

}  // namespace

Card make_card(const WorkspaceId& workspace, const crypto::SigningKey& device, std::uint64_t serial,
               std::string name, std::vector<std::string> addresses) {
  Card card{device.id(), serial, std::move(name), std::move(addresses), {}};
  card.signature = device.sign(signed_hash(workspace, card).view());
  return card;
}

bool verify_card(const WorkspaceId& workspace, const Card& card) {
  return crypto::verify(card.device, signed_hash(workspace, card).view(), card.signature);
}

Bytes encode_card(const Card& card) {
  Bytes out = encode_signed(card);
  append(out, card.signature.view());
  return out;
}

Result<Card> decode_card(ByteView bytes) {
  ByteReader in(bytes);
  Card card;
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kVersion) return malformed("unknown version of cards", 0);
  COTERIE_TRY(card.device, read_id<DeviceId>(in));
  COTERIE_TRY(card.serial, read_serial(in));
  COTERIE_TRY(card.name, read_text(in, kNameBytesMax));
  COTERIE_CHECK(check_name(card.name));
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kAddressesMax) return Error{ErrorCode::kLimitExceeded, "too many addresses", count};
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(std::string address, read_text(in, kAddressBytesMax));
    COTERIE_CHECK(check_address(address));
    card.addresses.push_back(std::move(address));
  }
  COTERIE_TRY(card.signature, read_id<crypto::Signature>(in));
  COTERIE_CHECK(expect_end(in));
  return card;
}

Bytes encode_card_message(const CardMessage& message) { return std::visit(Encoder{}, message); }

bool is_card_message(ByteView payload) {
  return payload.size() >= 2 && payload[1] >= static_cast<std::uint8_t>(Kind::kDigest) &&
         payload[1] <= static_cast<std::uint8_t>(Kind::kCards);
}

Result<CardMessage> decode_card_message(ByteView payload) {
  ByteReader in(payload);
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kVersion) return malformed("unknown version of address cards", 0);
  COTERIE_TRY(const std::uint8_t kind, in.read_u8());
  COTERIE_TRY(const WorkspaceId workspace, read_id<WorkspaceId>(in));
  switch (kind) {
    case static_cast<std::uint8_t>(Kind::kDigest): {
      COTERIE_TRY(const Hash digest, read_id<Hash>(in));
      COTERIE_CHECK(expect_end(in));
      return CardMessage(CardDigest{workspace, digest});
    }
    case static_cast<std::uint8_t>(Kind::kList):
      return decode_list(in, workspace);
    case static_cast<std::uint8_t>(Kind::kCards):
      return decode_batch(in, workspace);
    default:
      return malformed("unknown message of address cards", 1);
  }
}

const WorkspaceId& workspace_of(const CardMessage& message) {
  return std::visit([](const auto& known) -> const WorkspaceId& { return known.workspace; },
                    message);
}

}  // namespace coterie::node
