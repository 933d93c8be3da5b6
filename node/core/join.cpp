#include "node/core/join.hpp"

#include <algorithm>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kConsentDomain = "coterie redeem v1";
constexpr std::uint8_t kVersion = 1;
enum class Kind : std::uint8_t { kRedeem = 1, kWelcome = 2, kRefused = 3, kWaiting = 4 };

constexpr std::size_t kFrontierRowBytesMax = 32 + 8 + 8 + 32;
constexpr std::size_t kWelcomeLogsMax =
    (transport::kApplicationBytesMax - 64 - kWelcomeCardBytesMax - kSealedKeysMax * (32 + 2 + 80)) /
    kFrontierRowBytesMax;

Hash consent_hash(const Redeem& redeem) {
  return crypto::hash({as_bytes(kConsentDomain), redeem.workspace.view(), redeem.device.view(),
                       redeem.invite.view(), as_bytes(redeem.name)});
}

/// As far as admission_proof() looks at it.
WorkspaceId padded(const WorkspaceTag& tag) {
  WorkspaceId workspace;
  std::copy(tag.bytes.begin(), tag.bytes.end(), workspace.bytes.begin());
  return workspace;
}

Bytes start(Kind kind) { return {kVersion, static_cast<std::uint8_t>(kind)}; }

struct Encoder {
  Bytes operator()(const Redeem& redeem) const {
    Bytes out = start(Kind::kRedeem);
    append(out, redeem.workspace.view());
    append(out, redeem.device.view());
    append(out, redeem.invite.view());
    append_varstring(out, redeem.name);
    append(out, redeem.consent.view());
    append(out, redeem.proof.view());
    return out;
  }
  Bytes operator()(const Welcome& welcome) const {
    Bytes out = start(Kind::kWelcome);
    append(out, welcome.workspace.view());
    append_sealed_keys(out, welcome.keys);
    std::size_t left = std::min(welcome.frontier.size(), kWelcomeLogsMax);
    append_varuint(out, left);
    for (const auto& [log, head] : welcome.frontier) {
      if (left-- == 0) break;
      append(out, log.device.view());
      append_u64(out, log.incarnation);
      append_varuint(out, head.seq);
      append(out, head.hash.view());
    }
    for (const Card& card : welcome.cards) {
      const Bytes bytes = encode_card(card);
      append_varuint(out, bytes.size());
      append(out, bytes);
    }
    return out;
  }
  Bytes operator()(const Refused& refused) const {
    Bytes out = start(Kind::kRefused);
    out.push_back(static_cast<std::uint8_t>(refused.reason));
    return out;
  }
  Bytes operator()(const Waiting& waiting) const {
    Bytes out = start(Kind::kWaiting);
    append(out, waiting.workspace.view());
    return out;
  }
};

Result<JoinMessage> decode_redeem(ByteReader& in) {
  Redeem redeem;
  COTERIE_TRY(redeem.workspace, read_id<WorkspaceTag>(in));
  COTERIE_TRY(redeem.device, read_id<DeviceId>(in));
  COTERIE_TRY(redeem.invite, read_id<DeviceId>(in));
  COTERIE_TRY(redeem.name, read_text(in, kNameBytesMax));
  COTERIE_CHECK(check_name(redeem.name));
  COTERIE_TRY(redeem.consent, read_id<crypto::Signature>(in));
  COTERIE_TRY(redeem.proof, read_id<crypto::Signature>(in));
  COTERIE_CHECK(expect_end(in));
  return JoinMessage(std::move(redeem));
}

Result<JoinMessage> decode_welcome(ByteReader& in) {
  Welcome welcome;
  COTERIE_TRY(welcome.workspace, read_id<WorkspaceId>(in));
  COTERIE_TRY(welcome.keys, read_sealed_keys(in));
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kWelcomeLogsMax) return Error{ErrorCode::kLimitExceeded, "too many logs", count};
  for (std::uint64_t i = 0; i < count; ++i) {
    LogId log;
    COTERIE_TRY(log.device, read_id<DeviceId>(in));
    COTERIE_TRY(log.incarnation, read_u64(in));
    LogHead head;
    COTERIE_TRY(head.seq, read_number(in));
    COTERIE_TRY(head.hash, read_id<Hash>(in));
    if (!welcome.frontier.emplace(log, head).second) return malformed("log twice", in.offset());
  }
  if (in.remaining() > kWelcomeCardBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "too many cards", in.remaining()};
  }
  while (!in.at_end()) {
    COTERIE_TRY(const ByteView bytes, read_blob(in));
    COTERIE_TRY(Card card, decode_card(bytes));
    welcome.cards.push_back(std::move(card));
  }
  return JoinMessage(std::move(welcome));
}

}  // namespace

Error refusal_error(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kUnknownInvite:
      return {ErrorCode::kUnauthorized, "this invite is not known there: ask for a new one"};
    case RefusalReason::kExpired:
      return {ErrorCode::kUnauthorized, "this invite has expired: ask for a new one"};
    case RefusalReason::kUsedUp:
      return {ErrorCode::kUnauthorized, "this invite is used up: ask for a new one"};
    case RefusalReason::kNotEntitled:
      return {ErrorCode::kUnauthorized, "the member that answered may not let anybody in"};
    case RefusalReason::kBusy:
      return {ErrorCode::kUnavailable, "the member that answered is busy: try again later"};
    case RefusalReason::kBadSignature:
      return {ErrorCode::kUnauthenticated, "the invite's signature does not verify"};
    case RefusalReason::kRevoked:
      return {ErrorCode::kUnauthorized, "this invite was revoked: ask for a new one"};
    case RefusalReason::kRemoved:
      return {ErrorCode::kUnauthorized,
              "this device was removed from the workspace: ask for a new invite"};
    case RefusalReason::kDenied:
      return {ErrorCode::kUnauthorized, "a host was asked to let this device in, and declined"};
  }
  return {ErrorCode::kUnauthorized, "the invite was refused"};
}

Bytes encode_join_message(const JoinMessage& message) { return std::visit(Encoder{}, message); }

Result<JoinMessage> decode_join_message(ByteView payload) {
  ByteReader in(payload);
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kVersion) return malformed("unknown version of joining", 0);
  COTERIE_TRY(const std::uint8_t kind, in.read_u8());
  switch (kind) {
    case static_cast<std::uint8_t>(Kind::kRedeem):
      return decode_redeem(in);
    case static_cast<std::uint8_t>(Kind::kWelcome):
      return decode_welcome(in);
    case static_cast<std::uint8_t>(Kind::kRefused): {
      COTERIE_TRY(const std::uint8_t reason, in.read_u8());
      COTERIE_CHECK(expect_end(in));
      return JoinMessage(Refused{static_cast<RefusalReason>(reason)});
    }
    case static_cast<std::uint8_t>(Kind::kWaiting): {
      Waiting waiting;
      COTERIE_TRY(waiting.workspace, read_id<WorkspaceId>(in));
      COTERIE_CHECK(expect_end(in));
      return JoinMessage(waiting);
    }
    default:
      return malformed("unknown message of joining", 1);
  }
}

Redeem make_redeem(const WorkspaceTag& workspace, const crypto::SigningKey& device,
                   const std::string& name, const crypto::SigningKey& invite) {
  Redeem redeem;
  redeem.workspace = workspace;
  redeem.device = device.id();
  redeem.invite = invite.id();
  redeem.name = name;
  redeem.consent = device.sign(consent_hash(redeem).view());
  redeem.proof = invite.sign(admission_proof(padded(workspace), device.id()).view());
  return redeem;
}

bool verify_redeem(const Redeem& redeem) {
  return crypto::verify(redeem.device, consent_hash(redeem).view(), redeem.consent) &&
         crypto::verify(redeem.invite,
                        admission_proof(padded(redeem.workspace), redeem.device).view(),
                        redeem.proof);
}

}  // namespace coterie::node
