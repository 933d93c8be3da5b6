#include "node/daemon/hocuspocus_protocol.hpp"

#include "node/core/codec.hpp"

namespace coterie::node {

namespace {

constexpr std::uint8_t kToken = 0;
constexpr std::uint8_t kDenied = 1;
constexpr std::uint8_t kAuthenticated = 2;

Bytes head(std::string_view address, HocuspocusType type) {
  Bytes out;
  append_varstring(out, address);
  append_varuint(out, static_cast<std::uint64_t>(type));
  return out;
}

SharedBytes share(Bytes bytes) { return std::make_shared<const Bytes>(std::move(bytes)); }

SharedBytes with_text(std::string_view address, HocuspocusType type, std::string_view text) {
  Bytes out = head(address, type);
  append_varstring(out, text);
  return share(std::move(out));
}

SharedBytes auth(std::string_view address, std::uint8_t kind, std::string_view text) {
  Bytes out = head(address, HocuspocusType::kAuth);
  out.push_back(kind);
  append_varstring(out, text);
  return share(std::move(out));
}

}  // namespace

Result<HocuspocusMessage> read_hocuspocus(ByteView message) {
  HocuspocusMessage out;
  const auto is_bare = [&](HocuspocusType type) {
    return message.size() == 1 && message[0] == static_cast<std::uint8_t>(type);
  };
  if (is_bare(HocuspocusType::kPing)) return out;
  if (is_bare(HocuspocusType::kPong)) {
    out.type = HocuspocusType::kPong;
    return out;
  }
  ByteReader in(message);
  COTERIE_TRY(out.address, in.read_varstring());
  if (out.address.size() > kHocuspocusAddressBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the document's name is too long", out.address.size()};
  }
  if (hocuspocus_document(out.address).empty()) {
    return Error{ErrorCode::kMalformed, "a message needs the name of its document"};
  }
  const std::size_t at = in.offset();
  COTERIE_TRY(const std::uint64_t type, in.read_varuint());
  if (type > static_cast<std::uint64_t>(HocuspocusType::kPong)) {
    return Error{ErrorCode::kMalformed, "unknown type of message", type};
  }
  out.type = static_cast<HocuspocusType>(type);
  out.yjs = message.subspan(at);
  out.body = message.subspan(in.offset());
  return out;
}

Result<std::string> read_hocuspocus_token(ByteView body) {
  ByteReader in(body);
  COTERIE_TRY(const std::uint64_t kind, in.read_varuint());
  if (kind != kToken) return Error{ErrorCode::kMalformed, "clients say who they are, not more"};
  COTERIE_TRY(const std::string_view token, in.read_varstring());
  return std::string(token);
}

Result<std::string_view> read_hocuspocus_text(ByteView body) {
  ByteReader in(body);
  return in.read_varstring();
}

std::string_view hocuspocus_document(std::string_view address) {
  return address.substr(0, address.find('\0'));
}

SharedBytes hocuspocus_wrap(std::string_view address, ByteView yjs) {
  Bytes out;
  out.reserve(address.size() + 4 + yjs.size());
  append_varstring(out, address);
  out.insert(out.end(), yjs.begin(), yjs.end());
  return share(std::move(out));
}

SharedBytes hocuspocus_authenticated(std::string_view address, bool may_edit) {
  return auth(address, kAuthenticated, may_edit ? "read-write" : "readonly");
}

SharedBytes hocuspocus_denied(std::string_view address, std::string_view reason) {
  return auth(address, kDenied, reason);
}

SharedBytes hocuspocus_ask_token(std::string_view address) {
  Bytes out = head(address, HocuspocusType::kAuth);
  out.push_back(kToken);
  return share(std::move(out));
}

SharedBytes hocuspocus_status(std::string_view address, bool saved) {
  Bytes out = head(address, HocuspocusType::kSyncStatus);
  out.push_back(saved ? 1 : 0);
  return share(std::move(out));
}

SharedBytes hocuspocus_stateless(std::string_view address, std::string_view payload) {
  return with_text(address, HocuspocusType::kStateless, payload);
}

SharedBytes hocuspocus_close(std::string_view address, std::string_view reason) {
  return with_text(address, HocuspocusType::kClose, reason);
}

SharedBytes hocuspocus_pong() { return share({static_cast<std::uint8_t>(HocuspocusType::kPong)}); }

}  // namespace coterie::node
