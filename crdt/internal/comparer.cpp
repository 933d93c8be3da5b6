#include "crdt/internal/comparer.hpp"

#include <algorithm>

#include "crdt/any.hpp"
#include "crdt/base/utf16.hpp"
#include "crdt/internal/stored_json.hpp"

namespace coterie::crdt::internal {
namespace {

// --- Values -------------------------------------------------------------------------------------

/// The same for all forms of a value that JavaScript takes for one: a name once, members by name.
/// The depth is limited (kAnyDepthMax).
Any in_one_order(const Any& value) {  // NOLINT(misc-no-recursion)
  if (const auto* list = value.get_if<Any::Array>()) {
    Any::Array out;
    out.reserve(list->size());
    for (const Any& each : *list) out.push_back(in_one_order(each));
    return out;
  }
  if (const auto* object = value.get_if<Any::Object>()) {
    Any::Object out = in_javascript_order(*object);
    for (auto& [name, member] : out) member = in_one_order(member);
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
  }
  return value;
}

Bytes canonical(const Any& value) {
  Bytes out;
  in_one_order(value).encode_to(out);
  return out;
}

/// Of what remains once it went through JSON.
Bytes canonical_json(const Any& value) {
  std::string text;
  append_stringified(text, value);
  const auto again = Any::from_json(text);
  return canonical(again ? *again : Any::Null());
}

Any read_any(WireReader& reader) {
  ByteReader in({reader.at(), reader.end()});
  auto value = Any::decode(in);
  reader.skip_to(reader.at() + in.offset());
  return value ? *std::move(value) : Any();
}

bool same_any(ByteView one, ByteView other) {
  WireReader a(one);
  WireReader b(other);
  return canonical(read_any(a)) == canonical(read_any(b));
}

bool same_stored(std::string_view one, std::string_view other) {
  return one == other ||
         canonical_json(value_of_stored(one)) == canonical_json(value_of_stored(other));
}

bool same_json_element(ByteView one, ByteView other) {
  WireReader a(one);
  WireReader b(other);
  const std::string_view left = as_text(a.varbytes());
  const std::string_view right = as_text(b.varbytes());
  if (left == right) return true;
  const auto x = Any::from_json(left);
  const auto y = Any::from_json(right);
  return x && y && canonical(*x) == canonical(*y);
}

/// What of a subdocument's options Yjs keeps, each as it writes it.
Any doc_options(const Any& given) {
  bool gc = true;
  bool auto_load = false;
  Any meta = Any::Null();
  const auto is_true = [](const Any& value) {
    if (const auto* flag = value.get_if<bool>()) return *flag;
    if (const auto* number = value.get_if<double>()) return *number != 0;
    if (const auto* text = value.get_if<std::string>()) return !text->empty();
    return !value.is_null() && !value.is_undefined();
  };
  if (const auto* object = given.get_if<Any::Object>()) {
    for (const auto& [name, value] : *object) {
      if (name == "gc") gc = value.is_undefined() || is_true(value);
      if (name == "autoLoad") auto_load = is_true(value);
      if (name == "meta") meta = value.is_undefined() ? Any(Any::Null()) : value;
    }
  }
  return Any::Array{gc, auto_load, meta};
}

bool same_subdocument(ByteView one, ByteView other) {
  WireReader a(one);
  WireReader b(other);
  if (as_text(a.varbytes()) != as_text(b.varbytes())) return false;
  return canonical(doc_options(read_any(a))) == canonical(doc_options(read_any(b)));
}

// --- Text ---------------------------------------------------------------------------------------

constexpr std::uint16_t kReplacement = 0xfffd;

/// The UTF-16 unit at the cursor, which moves past it. The text was checked.
std::uint16_t next_unit(ByteView text, ContentCursor& at) {
  const std::uint8_t* const bytes = text.data() + at.byte;
  ++at.offset;
  const std::uint8_t lead = bytes[0];
  if (lead < 0x80) {
    at.byte += 1;
    return lead;
  }
  if (lead < 0xe0) {
    at.byte += 2;
    return static_cast<std::uint16_t>((lead & 0x1fu) << 6 | (bytes[1] & 0x3fu));
  }
  if (lead < 0xf0) {
    at.byte += 3;
    return static_cast<std::uint16_t>((lead & 0x0fu) << 12 | (bytes[1] & 0x3fu) << 6 |
                                      (bytes[2] & 0x3fu));
  }
  const std::uint32_t point = (lead & 0x07u) << 18 | (bytes[1] & 0x3fu) << 12 |
                              (bytes[2] & 0x3fu) << 6 | (bytes[3] & 0x3fu);
  if (!at.inside_pair) {
    at.inside_pair = true;
    return static_cast<std::uint16_t>(0xd800 + ((point - 0x10000) >> 10));
  }
  at.inside_pair = false;
  at.byte += 4;
  return static_cast<std::uint16_t>(0xdc00 + ((point - 0x10000) & 0x3ff));
}

bool is_surrogate(std::uint16_t unit) { return (unit & 0xf800) == 0xd800; }

bool same_text(const WireStruct& one, ContentCursor& one_at, const WireStruct& other,
               ContentCursor& other_at, std::uint32_t count) {
  if (one.ascii && other.ascii) {
    const bool same =
        std::equal(one.content.begin() + static_cast<std::ptrdiff_t>(one_at.byte),
                   one.content.begin() + static_cast<std::ptrdiff_t>(one_at.byte) +
                       static_cast<std::ptrdiff_t>(count),
                   other.content.begin() + static_cast<std::ptrdiff_t>(other_at.byte));
    advance(one_at, one, one_at.offset + count);
    advance(other_at, other, other_at.offset + count);
    return same;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint16_t left = next_unit(one.content, one_at);
    const std::uint16_t right = next_unit(other.content, other_at);
    const bool cut = (left == kReplacement && is_surrogate(right)) ||
                     (right == kReplacement && is_surrogate(left));
    if (left != right && !cut) return false;
  }
  return true;
}

bool same_elements(const WireStruct& one, ContentCursor& one_at, const WireStruct& other,
                   ContentCursor& other_at, std::uint32_t count) {
  const std::size_t left = one_at.byte;
  const std::size_t right = other_at.byte;
  const ContentCursor one_begin = one_at;
  const ContentCursor other_begin = other_at;
  advance(one_at, one, one_at.offset + count);
  advance(other_at, other, other_at.offset + count);
  const ByteView left_bytes = one.content.subspan(left, one_at.byte - left);
  const ByteView right_bytes = other.content.subspan(right, other_at.byte - right);
  if (std::equal(left_bytes.begin(), left_bytes.end(), right_bytes.begin(), right_bytes.end())) {
    return true;
  }
  ContentCursor a = one_begin;
  ContentCursor b = other_begin;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t a_byte = a.byte;
    const std::size_t b_byte = b.byte;
    advance(a, one, a.offset + 1);
    advance(b, other, b.offset + 1);
    const ByteView x = one.content.subspan(a_byte, a.byte - a_byte);
    const ByteView y = other.content.subspan(b_byte, b.byte - b_byte);
    if (std::equal(x.begin(), x.end(), y.begin(), y.end())) continue;
    if (one.kind == ContentKind::kAny ? !same_any(x, y) : !same_json_element(x, y)) return false;
  }
  return true;
}

/// What other types have for a name says nothing.
bool has_node_name(const WireStruct& of) {
  const auto type = static_cast<TypeKind>(of.type_ref);
  return type == TypeKind::kXmlElement || type == TypeKind::kXmlHook;
}

bool same_content(const WireStruct& one, ContentCursor& one_at, const WireStruct& other,
                  ContentCursor& other_at, std::uint32_t count) {
  const auto bytes_equal = [&] {
    return std::equal(one.content.begin(), one.content.end(), other.content.begin(),
                      other.content.end());
  };
  switch (one.kind) {
    case ContentKind::kString:
      return same_text(one, one_at, other, other_at, count);
    case ContentKind::kAny:
    case ContentKind::kJson:
      return same_elements(one, one_at, other, other_at, count);
    case ContentKind::kType:
      return one.type_ref == other.type_ref &&
             (!has_node_name(one) || one.node_name == other.node_name);
    case ContentKind::kEmbed:
    case ContentKind::kFormat: {
      if (bytes_equal()) return true;
      WireReader a(one.content);
      WireReader b(other.content);
      if (one.kind == ContentKind::kFormat && as_text(a.varbytes()) != as_text(b.varbytes())) {
        return false;
      }
      return same_stored(as_text(a.varbytes()), as_text(b.varbytes()));
    }
    case ContentKind::kDoc:
      return bytes_equal() || same_subdocument(one.content, other.content);
    default:
      return bytes_equal();
  }
}

// --- Places -------------------------------------------------------------------------------------

bool same_id(const WireId& one, const WireId& other) {
  return one.client == other.client && one.clock == other.clock;
}

/// What stands left of element `clock` of a struct as its author saw it.
bool left_of(const WireStruct& of, std::uint32_t clock, WireId& id) {
  if (clock > of.clock) {
    id = {of.client, clock - 1};
    return true;
  }
  id = of.origin;
  return of.has_origin;
}

bool same_place(const WireStruct& one, const WireStruct& other, std::uint32_t clock) {
  WireId a;
  WireId b;
  const bool has_left = left_of(one, clock, a);
  if (has_left != left_of(other, clock, b) || (has_left && !same_id(a, b))) return false;
  if (one.has_right_origin != other.has_right_origin) return false;
  if (one.has_right_origin && !same_id(one.right_origin, other.right_origin)) return false;
  if (has_left || one.has_right_origin) return true;  // They tell the parent.
  if (one.has_parent_name != other.has_parent_name || one.has_key != other.has_key) return false;
  if (one.has_key && one.key != other.key) return false;
  return one.has_parent_name ? one.parent_name == other.parent_name
                             : same_id(one.parent_id, other.parent_id);
}

}  // namespace

void advance(ContentCursor& cursor, const WireStruct& in, std::uint32_t offset) {
  const std::uint32_t count = offset - cursor.offset;
  if (count == 0) return;
  cursor.offset = offset;
  if (in.kind == ContentKind::kString && !in.ascii) {
    // Half a pair that was passed already counts from its start.
    const Utf16Position to =
        utf16_position(in.content.subspan(cursor.byte), count + (cursor.inside_pair ? 1 : 0));
    cursor.byte += to.byte;
    cursor.inside_pair = to.inside_pair;
  } else if (in.kind == ContentKind::kString) {
    cursor.byte += count;
  } else if (in.kind == ContentKind::kAny || in.kind == ContentKind::kJson) {
    cursor.byte += content_prefix_bytes(in.kind, in.ascii, in.content.subspan(cursor.byte), count);
  }
}

bool say_the_same(const WireStruct& one, ContentCursor& one_at, const WireStruct& other,
                  ContentCursor& other_at, std::uint32_t clock, std::uint32_t end) {
  if (!same_place(one, other, clock)) return false;
  if (one.kind == ContentKind::kDeleted || other.kind == ContentKind::kDeleted) return true;
  return one.kind == other.kind && same_content(one, one_at, other, other_at, end - clock);
}

void PendingIndex::extend(const std::vector<Bytes>& parts) {
  ParsedUpdate parsed;
  WireStruct read;
  for (; parts_ < parts.size(); ++parts_) {
    parse_stored(parts[parts_], parsed);
    for (const WireSection& section : parsed.sections) {
      Runs& runs = clients_[section.client];
      WireReader reader(section.begin, section.end);
      Run run;
      std::uint32_t structs = 0;
      std::uint32_t clock = section.clock;
      for (std::uint64_t i = 0; i < section.count; ++i) {
        if (structs == 0) run = {clock, clock, reader.at(), section.end};
        read_struct<false>(reader, section.client, clock, read);
        clock += read.length;
        if (read.kind == ContentKind::kSkip) {
          if (structs > 0) add(runs, run.clock, run);
          structs = 0;
          continue;
        }
        run.end = clock;
        const auto bytes = static_cast<std::size_t>(reader.at() - run.begin);
        if (++structs == kRunStructs || bytes >= kRunBytes) {
          add(runs, run.clock, run);
          structs = 0;
        }
      }
      if (structs > 0) add(runs, run.clock, run);
    }
  }
}

/// Where nothing is known yet.
void PendingIndex::add(Runs& runs, std::uint32_t clock, const Run& run) {
  while (clock < run.end) {
    const auto next = runs.upper_bound(clock);
    if (next != runs.begin() && std::prev(next)->second.end > clock) {
      clock = std::prev(next)->second.end;
      continue;
    }
    const std::uint32_t end = next == runs.end() ? run.end : std::min(run.end, next->first);
    Run part = run;
    part.end = end;
    runs.emplace_hint(next, clock, part);
    clock = end;
  }
}

}  // namespace coterie::crdt::internal
