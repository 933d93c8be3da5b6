// What all calls have in common (node/bridge/call.hpp): arguments in, JSON out.

#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "crdt/base/result.hpp"
#include "node/bridge/call.hpp"

namespace coterie::node {

/// Text of others may hold anything: what is no UTF-8 is replaced.
inline std::string dump_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

inline std::string text_of(const Call& call, const std::string& name,
                           std::string_view otherwise = "") {
  const auto found = call.arguments.find(name);
  return found == call.arguments.end() ? std::string(otherwise) : found->second;
}

/// Errors: kMalformed.
inline Result<std::string> needed(const Call& call, const std::string& name) {
  const auto found = call.arguments.find(name);
  if (found == call.arguments.end()) {
    return Error{ErrorCode::kMalformed, "an argument of the call is missing"};
  }
  return found->second;
}

/// Absent, or empty: `otherwise`. Errors: kMalformed.
inline Result<std::uint64_t> number_of(const Call& call, const std::string& name,
                                       std::uint64_t otherwise) {
  const std::string text = text_of(call, name);
  if (text.empty()) return otherwise;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return Error{ErrorCode::kMalformed, "an argument is no number"};
  }
  return value;
}

/// An id in hexadecimal. Errors: kMalformed.
template <typename Id>
Result<Id> parse_hex_id(std::string_view text) {
  if (text.size() != 2 * Id::kBytes) return Error{ErrorCode::kMalformed, "this is no id"};
  COTERIE_TRY(const Bytes bytes, from_hex(text));
  return Id::from(bytes);
}

}  // namespace coterie::node
