// Any: a JavaScript-like value, as maps, arrays, embeds and formatting attributes hold them.
//
// Numbers are doubles, as in JavaScript. Objects keep the order of their members. The lib0 wire
// form (`writeAny` / `readAny`) is one tag byte and a payload:
//
//     any := 127 undefined | 126 null | 125 varint | 124 float32 | 123 float64 | 122 int64
//          | 121 false | 120 true | 119 varstring | 118 count (varstring any)*
//          | 117 count any* | 116 varbytes
//
// Source: lib0 src/encoding.js (writeAny) and src/decoding.js (readAny).

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"

namespace coterie::crdt {

/// The deepest nesting of arrays and objects inside one value. Deeper input is refused
/// (kLimitExceeded), so that reading a value may recurse.
inline constexpr std::size_t kAnyDepthMax = 200;

/// A value type: copying is deep, moving is cheap.
class Any {
 public:
  struct Undefined {
    bool operator==(const Undefined&) const = default;
  };
  struct Null {
    bool operator==(const Null&) const = default;
  };
  using Array = std::vector<Any>;
  using Object = std::vector<std::pair<std::string, Any>>;
  using State =
      std::variant<Undefined, Null, bool, double, std::int64_t, std::string, Bytes, Array, Object>;

  /// Undefined.
  Any() = default;
  // Implicit on purpose: map.set("done", true) reads well. Integers other than int are ambiguous on
  // purpose, too: say double, which is exact up to 2^53, or big_int().
  Any(Null value) : state_(value) {}
  Any(std::nullptr_t) : state_(Null()) {}
  Any(bool value) : state_(value) {}
  Any(double value) : state_(value) {}
  Any(int value) : state_(static_cast<double>(value)) {}
  Any(const char* value) : state_(std::string(value)) {}
  Any(std::string_view value) : state_(std::string(value)) {}
  Any(std::string value) : state_(std::move(value)) {}
  Any(Bytes value) : state_(std::move(value)) {}
  Any(Array value) : state_(std::move(value)) {}
  Any(Object value) : state_(std::move(value)) {}
  /// A JavaScript bigint (64 bits, as lib0 writes it).
  static Any big_int(std::int64_t value) {
    Any any;
    any.state_ = value;
    return any;
  }

  const State& state() const { return state_; }
  bool is_undefined() const { return std::holds_alternative<Undefined>(state_); }
  bool is_null() const { return std::holds_alternative<Null>(state_); }
  /// The held value of that type, or null.
  template <typename T>
  const T* get_if() const {
    return std::get_if<T>(&state_);
  }

  /// Equal in type and value; members of objects in the same order.
  bool operator==(const Any& other) const { return state_ == other.state_; }

  /// Appends the lib0 form that Yjs would write. Precondition: nested at most kAnyDepthMax deep,
  /// strings are UTF-8.
  void encode_to(Bytes& out) const;

  /// Reads one value. Errors: kMalformed (truncated, unknown tag, not UTF-8), kLimitExceeded
  /// (nested deeper than kAnyDepthMax). Memory is O(bytes read).
  static Result<Any> decode(ByteReader& in);

  /// What JavaScript's JSON.stringify gives, with binary as {"$bytes":[...]} and bigint as
  /// {"$bigint":"..."}; undefined is null, or left out as a member of an object. Members are in
  /// JavaScript's order: those named like array indices first, by number.
  std::string to_json() const;

  /// Parses JSON text. Errors: kMalformed, kLimitExceeded (depth).
  static Result<Any> from_json(std::string_view text);

 private:
  State state_;
};

}  // namespace coterie::crdt
