// Tokens of the bridge: JSON Web Tokens (RFC 7519) in compact form, signed by this device (EdDSA,
// RFC 8037) or by whoever shares a secret with it, such as a team's login service (HS256).
//
//     header   {"alg":"EdDSA","typ":"JWT"} or {"alg":"HS256",...}; others are refused, and HS256
//              where no secret is configured. "kid", if there, is this device's id.
//     claims   aud   "coterie", or a list with it                    exp   seconds; needed
//              sub   who: as Participant::id; without it the owner   nbf, iat  seconds
//              name  what it is called                               ws    workspace id; without
//              role  host, editor, commenter, viewer; needed               it all of this device
//              docs  ids, paths, or folders ("notes/"), as a list;
//                    without it all
//
// What a token allows is the most: never more than the device may, and for guests what hosts say.
// Thread-safe: immutable. Cost: one signature check, some 50 us (EdDSA).

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/clock.hpp"
#include "crdt/base/result.hpp"
#include "node/core/visitor.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Largest token, in bytes.
inline constexpr std::size_t kTokenBytesMax = 4096;
inline constexpr std::size_t kTokenDocumentsMax = 64;
/// Secrets of HS256, in bytes.
inline constexpr std::size_t kSharedSecretBytesMin = 32;
inline constexpr std::size_t kSharedSecretBytesMax = 1024;
/// How far the clock of who made a token may be ahead, in seconds.
inline constexpr std::int64_t kTokenLeewaySeconds = 60;

struct TokenClaims {
  Visitor visitor;
  std::string name;                      ///< At most kParticipantNameBytesMax.
  std::optional<WorkspaceId> workspace;  ///< None: all.
  std::vector<std::string> documents;    ///< Ids, paths, or folders ("notes/"); empty: all.
  WallMillis expires = 0;

  bool operator==(const TokenClaims&) const = default;
};

class TokenKeys {
 public:
  /// Errors: kMalformed, kLimitExceeded (the secret's size). Empty: HS256 is refused.
  static Result<TokenKeys> make(crypto::SigningKey device, Bytes shared_secret);

  /// A token signed by this device. Precondition: claims within the limits.
  std::string issue(const TokenClaims& claims, WallMillis now) const;
  /// Errors: kMalformed (no such token), kUnauthenticated (another signature, algorithm or
  /// audience; expired, or not valid yet).
  Result<TokenClaims> verify(std::string_view token, WallMillis now) const;

 private:
  TokenKeys(crypto::SigningKey device, Bytes secret)
      : device_(std::move(device)), secret_(std::move(secret)) {}

  crypto::SigningKey device_;
  Bytes secret_;
};

}  // namespace coterie::node
