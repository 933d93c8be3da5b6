// JSON as JavaScript's JSON.parse and JSON.stringify have it, for Any and for the JSON texts inside
// updates (embeds, formatting attributes, old array contents).

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "crdt/any.hpp"
#include "crdt/base/bytes.hpp"
#include "crdt/internal/stored_json.hpp"
#include "crdt/internal/wire.hpp"

namespace coterie::crdt {
namespace {

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3f));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

/// Parses, or with kBuild false only checks. Recursion is bounded by kAnyDepthMax.
template <bool kBuild>
class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  Status parse(Any& out) {
    space();
    COTERIE_CHECK(value(out, 0));
    space();
    if (at_ != text_.size()) return malformed();
    return {};
  }

 private:
  Error malformed() const { return {ErrorCode::kMalformed, "not JSON", at_}; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char expected) {
    if (at_ >= text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  Status word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return malformed();
    at_ += expected.size();
    return {};
  }

  Status value(Any& out, std::size_t depth) {
    switch (peek()) {
      case '{':
        return object(out, depth);
      case '[':
        return array(out, depth);
      case '"': {
        std::string text;
        COTERIE_CHECK(string(text));
        if (kBuild) out = Any(std::move(text));
        return {};
      }
      case 't':
        out = Any(true);
        return word("true");
      case 'f':
        out = Any(false);
        return word("false");
      case 'n':
        out = Any(Any::Null());
        return word("null");
      default:
        return number(out);
    }
  }

  bool digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > start;
  }

  Status number(Any& out) {
    const std::size_t start = at_;
    take('-');
    if (!take('0') && !digits()) return malformed();
    if (take('.') && !digits()) return malformed();
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      if (!digits()) return malformed();
    }
    if (kBuild) {
      double parsed = 0;
      const std::string copy(text_.substr(start, at_ - start));
      parsed = std::strtod(copy.c_str(), nullptr);
      out = Any(parsed);
    }
    return {};
  }

  Result<std::uint32_t> hex4() {
    std::uint32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      std::uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        return malformed();
      }
      unit = unit * 16 + digit;
      ++at_;
    }
    return unit;
  }

  /// After "\u". A half of a surrogate pair alone becomes U+FFFD.
  Status unicode_escape(std::string& out) {
    COTERIE_TRY(std::uint32_t unit, hex4());
    if (unit >= 0xd800 && unit <= 0xdbff && text_.substr(at_, 2) == "\\u") {
      const std::size_t before = at_;
      at_ += 2;
      COTERIE_TRY(const std::uint32_t low, hex4());
      if (low >= 0xdc00 && low <= 0xdfff) {
        append_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        return {};
      }
      at_ = before;
    }
    if (unit >= 0xd800 && unit <= 0xdfff) unit = 0xfffd;
    append_utf8(out, unit);
    return {};
  }

  Status string(std::string& out) {
    if (!take('"')) return malformed();
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return {};
      if (static_cast<unsigned char>(c) < 0x20) return malformed();
      if (c != '\\') {
        if (kBuild) out.push_back(c);
        continue;
      }
      const char escaped = peek();
      ++at_;
      switch (escaped) {
        case '"':
        case '\\':
        case '/':
          out.push_back(escaped);
          break;
        case 'b':
          out.push_back('\b');
          break;
        case 'f':
          out.push_back('\f');
          break;
        case 'n':
          out.push_back('\n');
          break;
        case 'r':
          out.push_back('\r');
          break;
        case 't':
          out.push_back('\t');
          break;
        case 'u':
          COTERIE_CHECK(unicode_escape(out));
          break;
        default:
          return malformed();
      }
    }
    return malformed();
  }

  Status array(Any& out, std::size_t depth) {
    if (depth == kAnyDepthMax) return Error{ErrorCode::kLimitExceeded, "JSON nested too deep", at_};
    take('[');
    Any::Array values;
    space();
    if (!take(']')) {
      do {
        space();
        Any element;
        COTERIE_CHECK(value(element, depth + 1));
        if (kBuild) values.push_back(std::move(element));
        space();
      } while (take(','));
      if (!take(']')) return malformed();
    }
    if (kBuild) out = Any(std::move(values));
    return {};
  }

  Status object(Any& out, std::size_t depth) {
    if (depth == kAnyDepthMax) return Error{ErrorCode::kLimitExceeded, "JSON nested too deep", at_};
    take('{');
    Any::Object members;
    space();
    if (!take('}')) {
      do {
        space();
        std::string name;
        COTERIE_CHECK(string(name));
        space();
        if (!take(':')) return malformed();
        space();
        Any member;
        COTERIE_CHECK(value(member, depth + 1));
        if (kBuild) members.emplace_back(std::move(name), std::move(member));
        space();
      } while (take(','));
      if (!take('}')) return malformed();
    }
    if (kBuild) out = Any(std::move(members));
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void write_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escape[8];
          std::snprintf(escape, sizeof(escape), "\\u%04x", c);
          out += escape;
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

/// JavaScript's Number.prototype.toString: the shortest digits that read back, laid out by size.
void write_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  if (value == 0) {
    out += "0";
    return;
  }
  char shortest[40];
  const auto end = std::to_chars(shortest, shortest + sizeof(shortest), std::fabs(value),
                                 std::chars_format::scientific)
                       .ptr;
  // d.ddde±x into digits and exponent.
  std::string digits;
  const char* at = shortest;
  for (; at != end && *at != 'e'; ++at) {
    if (*at != '.') digits.push_back(*at);
  }
  int exponent = 0;
  const char* const sign = at + 1;
  std::from_chars(*sign == '+' ? sign + 1 : sign, end, exponent);
  ++exponent;  // The decimal point stands before digit `exponent`.
  const int count = static_cast<int>(digits.size());
  if (value < 0) out.push_back('-');
  if (count <= exponent && exponent <= 21) {
    out += digits + std::string(static_cast<std::size_t>(exponent - count), '0');
  } else if (0 < exponent && exponent <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(exponent)) + "." +
           digits.substr(static_cast<std::size_t>(exponent));
  } else if (-6 < exponent && exponent <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-exponent), '0') + digits;
  } else {
    out.push_back(digits[0]);
    if (count > 1) out += "." + digits.substr(1);
    out += exponent - 1 < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent - 1));
  }
}

/// With `kTagged`, bigints and binary are written as objects that name what they are; without, as
/// JSON.stringify writes them (and null for a bigint, which it refuses).
template <bool kTagged>
struct JsonWriter {
  std::string& out;

  void operator()(Any::Undefined) const { out += "null"; }
  void operator()(Any::Null) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(double value) const { write_number(out, value); }
  void operator()(std::int64_t value) const {
    if (!kTagged) {
      out += "null";
      return;
    }
    out += "{\"$bigint\":\"" + std::to_string(value) + "\"}";
  }
  void operator()(const std::string& value) const { write_string(out, value); }
  void operator()(const Bytes& value) const {
    if (!kTagged) return indexed(value);
    out += "{\"$bytes\":[";
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out.push_back(',');
      out += std::to_string(value[i]);
    }
    out += "]}";
  }
  void operator()(const Any::Array& values) const {
    out.push_back('[');
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out.push_back(',');
      std::visit(*this, values[i].state());
    }
    out.push_back(']');
  }
  void operator()(const Any::Object& members) const {
    if (!internal::is_in_javascript_order(members)) {
      return in_order(internal::in_javascript_order(members));
    }
    in_order(members);
  }

 private:
  void in_order(const Any::Object& members) const {
    out.push_back('{');
    bool first = true;
    for (const auto& [name, value] : members) {
      if (value.is_undefined()) continue;
      if (!first) out.push_back(',');
      first = false;
      write_string(out, name);
      out.push_back(':');
      std::visit(*this, value.state());
    }
    out.push_back('}');
  }
  void indexed(const Bytes& value) const {
    out.push_back('{');
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out.push_back(',');
      out += '"' + std::to_string(i) + "\":" + std::to_string(value[i]);
    }
    out.push_back('}');
  }
};

}  // namespace

std::string Any::to_json() const {
  std::string out;
  std::visit(JsonWriter<true>{out}, state_);
  return out;
}

Result<Any> Any::from_json(std::string_view text) {
  Any out;
  COTERIE_CHECK(JsonParser<true>(text).parse(out));
  return out;
}

void internal::append_stringified(std::string& out, const Any& value) {
  std::visit(JsonWriter<false>{out}, value.state());
}

Status internal::check_json(std::string_view text) {
  Any ignored;
  return JsonParser<false>(text).parse(ignored);
}

}  // namespace coterie::crdt
