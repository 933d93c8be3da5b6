#include "node/bridge/request_target.hpp"

namespace coterie::node::bridge {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
    if (high < 0 || low < 0) return Error{ErrorCode::kMalformed, "bad percent escape", at};
    const int value = high * 16 + low;
    if (value == 0) return Error{ErrorCode::kMalformed, "NUL in the request target", at};
    out += static_cast<char>(value);
    at += 2;
  }
  return out;
}

/// Cuts `text` at `separator`: calls `part` for each piece until it fails.
template <typename Part>
Status split(std::string_view text, char separator, Part part) {
  for (;;) {
    const std::size_t end = text.find(separator);
    COTERIE_CHECK(part(text.substr(0, end)));
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string RequestTarget::tail(std::size_t first) const {
  std::string joined;
  for (std::size_t at = first; at < segments.size(); ++at) {
    if (at != first) joined += '/';
    joined += segments[at];
  }
  return joined;
}

Result<RequestTarget> parse_request_target(std::string_view target) {
  if (target.empty() || target.front() != '/') {
    return Error{ErrorCode::kMalformed, "the request target must begin with '/'"};
  }
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) {
      return Error{ErrorCode::kMalformed, "control character in the request target"};
    }
  }
  RequestTarget out;
  const std::size_t question = target.find('?');
  out.path = target.substr(0, question);
  COTERIE_CHECK(
      split(std::string_view(out.path).substr(1), '/', [&](std::string_view piece) -> Status {
        COTERIE_TRY(std::string segment, percent_decode(piece));
        out.segments.push_back(std::move(segment));
        return {};
      }));
  if (question == std::string_view::npos) return out;
  COTERIE_CHECK(split(target.substr(question + 1), '&', [&](std::string_view piece) -> Status {
    const std::size_t equals = piece.find('=');
    COTERIE_TRY(std::string name, percent_decode(piece.substr(0, equals)));
    std::string_view raw = equals == std::string_view::npos ? "" : piece.substr(equals + 1);
    COTERIE_TRY(std::string value, percent_decode(raw));
    out.query.emplace(std::move(name), std::move(value));
    return {};
  }));
  return out;
}

}  // namespace coterie::node::bridge
