#include "crdt/any.hpp"

#include <bit>
#include <cmath>

#include "crdt/base/utf16.hpp"

namespace coterie::crdt {
namespace {

// Tags of the lib0 form.
enum : std::uint8_t {
  kTagBytes = 116,
  kTagArray = 117,
  kTagObject = 118,
  kTagString = 119,
  kTagTrue = 120,
  kTagFalse = 121,
  kTagBigInt = 122,
  kTagFloat64 = 123,
  kTagFloat32 = 124,
  kTagInteger = 125,
  kTagNull = 126,
  kTagUndefined = 127,
};

constexpr double kIntegerMax = 2147483647.0;  // lib0 writes larger ones as floats.

template <typename Word>
void append_big_endian(Bytes& out, Word word) {
  std::uint8_t bytes[sizeof(Word)];
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(word >> (sizeof(Word) * 8 - 8));
    word = static_cast<Word>(word << 8);
  }
  append(out, bytes);
}

/// A tag and lib0's writeVarInt: six bits and the sign in the first byte, then seven a byte.
/// Precondition: an integer of at most kIntegerMax.
void append_integer(Bytes& out, double value) {
  std::uint8_t bytes[6] = {kTagInteger};
  auto rest = static_cast<std::uint32_t>(std::fabs(value));
  bytes[1] = static_cast<std::uint8_t>((rest > 0x3f ? 0x80u : 0u) |
                                       (std::signbit(value) ? 0x40u : 0u) | (rest & 0x3f));
  std::size_t size = 2;
  for (rest >>= 6; rest > 0; rest >>= 7) {
    bytes[size++] = static_cast<std::uint8_t>((rest > 0x7f ? 0x80u : 0u) | (rest & 0x7f));
  }
  out.insert(out.end(), bytes, bytes + size);
}

void append_number(Bytes& out, double value) {
  if (std::fabs(value) <= kIntegerMax && static_cast<std::int32_t>(value) == value) {
    append_integer(out, value);
  } else if (const auto narrow = static_cast<float>(value); static_cast<double>(narrow) == value) {
    out.push_back(kTagFloat32);
    append_big_endian(out, std::bit_cast<std::uint32_t>(narrow));
  } else {
    out.push_back(kTagFloat64);
    append_big_endian(out, std::bit_cast<std::uint64_t>(value));
  }
}

Result<double> read_varint(ByteReader& in) {
  COTERIE_TRY(const std::uint8_t first, in.read_u8());
  std::uint64_t value = first & 0x3f;
  std::uint8_t byte = first;
  for (unsigned shift = 6; (byte & 0x80) != 0; shift += 7) {
    if (shift > 55) return Error{ErrorCode::kMalformed, "varint too long", in.offset()};
    COTERIE_TRY(byte, in.read_u8());
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
  }
  const auto magnitude = static_cast<double>(value);
  return (first & 0x40) != 0 ? -magnitude : magnitude;
}

template <typename Word>
Result<Word> read_big_endian(ByteReader& in) {
  COTERIE_TRY(const ByteView bytes, in.read_bytes(sizeof(Word)));
  Word word = 0;
  for (const std::uint8_t byte : bytes) word = static_cast<Word>((word << 8) | byte);
  return word;
}

Result<std::string> read_text(ByteReader& in) {
  const std::size_t at = in.offset();
  COTERIE_TRY(const std::string_view text, in.read_varstring());
  if (!is_utf8(text)) return Error{ErrorCode::kMalformed, "string is not UTF-8", at};
  return std::string(text);
}

/// Recurses at most kAnyDepthMax deep.
Result<Any> decode_value(ByteReader& in, std::size_t depth) {
  const std::size_t at = in.offset();
  COTERIE_TRY(const std::uint8_t tag, in.read_u8());
  if ((tag == kTagArray || tag == kTagObject) && depth == kAnyDepthMax) {
    return Error{ErrorCode::kLimitExceeded, "value nested too deep", at};
  }
  switch (tag) {
    case kTagUndefined:
      return Any();
    case kTagNull:
      return Any(Any::Null());
    case kTagTrue:
      return Any(true);
    case kTagFalse:
      return Any(false);
    case kTagInteger: {
      COTERIE_TRY(const double value, read_varint(in));
      return Any(value);
    }
    case kTagFloat32: {
      COTERIE_TRY(const std::uint32_t word, read_big_endian<std::uint32_t>(in));
      return Any(static_cast<double>(std::bit_cast<float>(word)));
    }
    case kTagFloat64: {
      COTERIE_TRY(const std::uint64_t word, read_big_endian<std::uint64_t>(in));
      return Any(std::bit_cast<double>(word));
    }
    case kTagBigInt: {
      COTERIE_TRY(const std::uint64_t word, read_big_endian<std::uint64_t>(in));
      return Any::big_int(static_cast<std::int64_t>(word));
    }
    case kTagString: {
      COTERIE_TRY(std::string text, read_text(in));
      return Any(std::move(text));
    }
    case kTagBytes: {
      COTERIE_TRY(const ByteView bytes, in.read_varbytes());
      return Any(Bytes(bytes.begin(), bytes.end()));
    }
    case kTagArray: {
      COTERIE_TRY(const std::uint64_t count, in.read_varuint());
      Any::Array values;
      for (std::uint64_t i = 0; i < count; ++i) {
        COTERIE_TRY(Any value, decode_value(in, depth + 1));
        values.push_back(std::move(value));
      }
      return Any(std::move(values));
    }
    case kTagObject: {
      COTERIE_TRY(const std::uint64_t count, in.read_varuint());
      Any::Object members;
      for (std::uint64_t i = 0; i < count; ++i) {
        COTERIE_TRY(std::string name, read_text(in));
        COTERIE_TRY(Any value, decode_value(in, depth + 1));
        members.emplace_back(std::move(name), std::move(value));
      }
      return Any(std::move(members));
    }
    default:
      return Error{ErrorCode::kMalformed, "unknown value tag", at};
  }
}

}  // namespace

void Any::encode_to(Bytes& out) const {
  if (const double* number = get_if<double>()) return append_number(out, *number);
  struct Visitor {
    Bytes& out;
    void operator()(Undefined) const { out.push_back(kTagUndefined); }
    void operator()(Null) const { out.push_back(kTagNull); }
    void operator()(bool value) const { out.push_back(value ? kTagTrue : kTagFalse); }
    void operator()(double value) const { append_number(out, value); }
    void operator()(std::int64_t value) const {
      out.push_back(kTagBigInt);
      append_big_endian(out, static_cast<std::uint64_t>(value));
    }
    void operator()(const std::string& value) const {
      out.push_back(kTagString);
      append_varstring(out, value);
    }
    void operator()(const Bytes& value) const {
      out.push_back(kTagBytes);
      append_varbytes(out, value);
    }
    void operator()(const Array& values) const {
      out.push_back(kTagArray);
      append_varuint(out, values.size());
      for (const Any& value : values) value.encode_to(out);
    }
    void operator()(const Object& members) const {
      out.push_back(kTagObject);
      append_varuint(out, members.size());
      for (const auto& [name, value] : members) {
        append_varstring(out, name);
        value.encode_to(out);
      }
    }
  };
  std::visit(Visitor{out}, state_);
}

Result<Any> Any::decode(ByteReader& in) { return decode_value(in, 0); }

}  // namespace coterie::crdt
