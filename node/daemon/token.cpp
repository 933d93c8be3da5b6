#include "node/daemon/token.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "node/core/limits.hpp"
#include "node/daemon/call_json.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr const char* kAudience = "coterie";
constexpr std::string_view kDeviceAlgorithm = "EdDSA";
constexpr std::string_view kSharedAlgorithm = "HS256";
/// So that seconds fit wherever they are multiplied.
constexpr std::int64_t kSecondsMax = std::int64_t{1} << 40;

Error malformed(const char* what) { return {ErrorCode::kMalformed, what}; }
Error refused(const char* what) { return {ErrorCode::kUnauthenticated, what}; }

Result<json> read_part(std::string_view part) {
  const auto bytes = crypto::from_base64url(part);
  if (!bytes) return malformed("this is no token: not base64url");
  json object = json::parse(bytes->begin(), bytes->end(), nullptr, false);
  if (!object.is_object()) return malformed("this is no token: not JSON");
  return object;
}

Result<std::optional<std::string>> text_claim(const json& claims, const char* name,
                                              std::size_t bytes_max) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::optional<std::string>();
  if (!found->is_string()) return malformed("a claim of the token is of the wrong type");
  auto text = found->get<std::string>();
  if (text.size() > bytes_max) return malformed("a claim of the token is too long");
  return std::optional(std::move(text));
}

Result<std::optional<std::int64_t>> time_claim(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::optional<std::int64_t>();
  if (!found->is_number()) return malformed("a time of the token is no number");
  const double seconds = found->get<double>();
  if (!(seconds >= 0 && seconds <= static_cast<double>(kSecondsMax))) {
    return malformed("a time of the token is out of range");
  }
  return std::optional(static_cast<std::int64_t>(seconds));
}

bool is_for_us(const json& claims) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  return *found == kAudience ||
         (found->is_array() && std::find(found->begin(), found->end(), kAudience) != found->end());
}

Result<std::vector<std::string>> documents_of(const json& claims) {
  std::vector<std::string> documents;
  const auto found = claims.find("docs");
  if (found == claims.end()) return documents;
  if (!found->is_array() || found->empty() || found->size() > kTokenDocumentsMax) {
    return malformed("the documents of the token must be a list of 1 to 64");
  }
  for (const json& one : *found) {
    if (!one.is_string()) return malformed("the documents of the token must be texts");
    documents.push_back(one.get<std::string>());
  }
  return documents;
}

/// What the claims say, without their times.
Result<TokenClaims> read_claims(const json& claims) {
  TokenClaims out;
  if (!is_for_us(claims)) return refused("this token is for something else");
  COTERIE_TRY(const auto subject, text_claim(claims, "sub", kGuestIdBytesMax));
  if (subject && subject->empty()) return malformed("the token names nobody");
  out.visitor.guest = subject.value_or("");
  COTERIE_TRY(auto name, text_claim(claims, "name", kParticipantNameBytesMax));
  out.name = std::move(name).value_or("");
  COTERIE_TRY(const auto role, text_claim(claims, "role", 16));
  const auto most = role ? role_named(*role) : std::nullopt;
  if (!most) return malformed("the token needs a role: host, editor, commenter or viewer");
  out.visitor.most = *most;
  COTERIE_TRY(const auto workspace, text_claim(claims, "ws", 64));
  if (workspace) {
    const auto id = parse_hex_id<WorkspaceId>(*workspace);
    if (!id) return malformed("the token's workspace is no id");
    out.workspace = *id;
  }
  COTERIE_TRY(out.documents, documents_of(claims));
  return out;
}

std::string signed_part(const json& header, const json& claims) {
  const auto part = [](const json& one) { return crypto::to_base64url(as_bytes(one.dump())); };
  return part(header) + "." + part(claims);
}

}  // namespace

Result<TokenKeys> TokenKeys::make(crypto::SigningKey device, Bytes shared_secret) {
  if (!shared_secret.empty() && shared_secret.size() < kSharedSecretBytesMin) {
    return malformed("the secret for tokens must have 32 bytes or more");
  }
  if (shared_secret.size() > kSharedSecretBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the secret for tokens is too long"};
  }
  return TokenKeys(std::move(device), std::move(shared_secret));
}

std::string TokenKeys::issue(const TokenClaims& claims, WallMillis now) const {
  json body{{"aud", kAudience},
            {"iss", device_.id().hex()},
            {"iat", now / 1000},
            {"exp", claims.expires / 1000},
            {"role", role_name(claims.visitor.most)}};
  if (!claims.visitor.guest.empty()) body["sub"] = claims.visitor.guest;
  if (!claims.name.empty()) body["name"] = claims.name;
  if (claims.workspace) body["ws"] = claims.workspace->hex();
  if (!claims.documents.empty()) body["docs"] = claims.documents;
  const std::string text =
      signed_part({{"alg", kDeviceAlgorithm}, {"typ", "JWT"}, {"kid", device_.id().hex()}}, body);
  const auto signature = device_.sign(as_bytes(text));
  return text + "." + crypto::to_base64url(signature.view());
}

Result<TokenClaims> TokenKeys::verify(std::string_view token, WallMillis now) const {
  if (token.size() > kTokenBytesMax) return malformed("this is no token: too long");
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) {
    return malformed("this is no token: it needs three parts");
  }
  COTERIE_TRY(const json header, read_part(token.substr(0, first)));
  const auto signature = crypto::from_base64url(token.substr(second + 1));
  if (!signature) return malformed("this is no token: not base64url");
  if (header.contains("crit")) return refused("the token wants what this node does not know");
  const auto algorithm = header.find("alg");
  const ByteView text = as_bytes(token.substr(0, second));
  bool valid = false;
  if (algorithm != header.end() && *algorithm == kDeviceAlgorithm) {
    const auto bytes = crypto::Signature::from(*signature);
    valid = bytes && crypto::verify(device_.id(), text, *bytes);
  } else if (algorithm != header.end() && *algorithm == kSharedAlgorithm && !secret_.empty()) {
    valid = crypto::verify_hmac_sha256(secret_, text, *signature);
  } else {
    return refused("tokens signed in this way are not accepted");
  }
  if (!valid) return refused("the token is not signed by this node or its login service");

  COTERIE_TRY(const json claims, read_part(token.substr(first + 1, second - first - 1)));
  COTERIE_TRY(TokenClaims out, read_claims(claims));
  const auto seconds = static_cast<std::int64_t>(now / 1000);
  COTERIE_TRY(const auto expires, time_claim(claims, "exp"));
  if (!expires) return malformed("the token needs a time of expiry (exp)");
  if (*expires <= seconds) return refused("the token has expired: get another");
  out.expires = static_cast<WallMillis>(*expires) * 1000;
  COTERIE_TRY(const auto begins, time_claim(claims, "nbf"));
  if (begins && *begins > seconds + kTokenLeewaySeconds)
    return refused("the token is not valid yet");
  COTERIE_TRY(const auto issued, time_claim(claims, "iat"));
  if (issued && *issued > seconds + kTokenLeewaySeconds) {
    return refused("the token is from the future: are the clocks right?");
  }
  return out;
}

}  // namespace coterie::node
