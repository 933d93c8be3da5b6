#include "crdt/internal/wire.hpp"

#include <algorithm>

#include "crdt/base/utf16.hpp"
#include "crdt/internal/short_struct.hpp"

namespace coterie::crdt::internal {
namespace {

constexpr std::uint8_t kHasOrigin = 0x80;
constexpr std::uint8_t kHasRightOrigin = 0x40;
constexpr std::uint8_t kHasKey = 0x20;
constexpr std::uint8_t kKindMask = 0x1f;

/// A varstring whose bytes are checked to be UTF-8, as lib0's fatal TextDecoder does.
template <bool kCheck>
std::string_view varstring(WireReader& reader) {
  const ByteView bytes = reader.varbytes();
  if constexpr (kCheck) {
    if (!scan_utf16(bytes).valid) reader.fail(ErrorCode::kMalformed, "string is not UTF-8");
  }
  return as_text(bytes);
}

template <bool kCheck>
void read_json(WireReader& reader) {
  const std::string_view text = varstring<kCheck>(reader);
  if constexpr (kCheck) {
    if (reader.failed()) return;
    if (const Status status = check_json(text); !status) {
      reader.fail(status.error().code, status.error().what);
    }
  }
}

/// The count that leads kAny and kJson content, then what `element` reads that many times.
template <bool kCheck, typename Element>
void read_elements(WireReader& reader, WireStruct& out, Element element) {
  out.length = reader.clock();
  const std::uint8_t* const begin = reader.at();
  if constexpr (kCheck) {
    // Each element takes a byte at least: a lying count cannot make us loop.
    if (out.length > reader.remaining()) reader.fail(ErrorCode::kMalformed, "truncated elements");
  }
  for (std::uint32_t i = 0; i < out.length && !reader.failed(); ++i) element();
  out.content = {begin, reader.at()};
}

template <bool kCheck>
void read_string(WireReader& reader, WireStruct& out) {
  out.content = reader.varbytes();
  const Utf16Scan scan = scan_utf16(out.content);
  if (kCheck && !scan.valid) reader.fail(ErrorCode::kMalformed, "string is not UTF-8");
  if (kCheck && scan.length > kClockMax) reader.fail(ErrorCode::kLimitExceeded, "string too long");
  out.ascii = scan.ascii;
  out.length = static_cast<std::uint32_t>(scan.length);
}

template <bool kCheck>
void read_type(WireReader& reader, WireStruct& out) {
  const std::uint64_t ref = reader.varuint();
  if (kCheck && ref > static_cast<std::uint64_t>(TypeKind::kXmlText)) {
    reader.fail(ErrorCode::kMalformed, "unknown type");
    return;
  }
  out.type_ref = static_cast<std::uint8_t>(ref);
  const auto kind = static_cast<TypeKind>(ref);
  if (kind == TypeKind::kXmlElement || kind == TypeKind::kXmlHook) {
    out.node_name = varstring<kCheck>(reader);
  }
}

template <bool kCheck>
void read_content(WireReader& reader, WireStruct& out) {
  out.length = 1;
  const std::uint8_t* const begin = reader.at();
  switch (out.kind) {
    case ContentKind::kDeleted:
      out.length = reader.clock();
      return;
    case ContentKind::kJson:
      read_elements<kCheck>(reader, out, [&] {
        if (!kCheck) {
          reader.varbytes();
          return;
        }
        WireReader peek = reader;
        if (as_text(peek.varbytes()) == "undefined") {
          reader.varbytes();
        } else {
          read_json<kCheck>(reader);
        }
      });
      return;
    case ContentKind::kAny:
      read_elements<kCheck>(reader, out, [&] {
        if (!reader.skip_integer()) skip_any<kCheck>(reader);
      });
      return;
    case ContentKind::kString:
      read_string<kCheck>(reader, out);
      return;
    case ContentKind::kBinary:
      reader.varbytes();
      break;
    case ContentKind::kEmbed:
      read_json<kCheck>(reader);
      break;
    case ContentKind::kFormat:
      varstring<kCheck>(reader);
      read_json<kCheck>(reader);
      break;
    case ContentKind::kType:
      read_type<kCheck>(reader, out);
      return;
    case ContentKind::kDoc:
      varstring<kCheck>(reader);
      skip_any<kCheck>(reader);
      break;
    default:
      reader.fail(ErrorCode::kMalformed, "unknown content kind");
      return;
  }
  out.content = {begin, reader.at()};
}

/// What a struct refers to among its own client's ids must come before it.
void check_references(WireReader& reader, const WireStruct& read) {
  const auto check = [&](bool has, const WireId& id) {
    if (has && id.client == read.client && id.clock >= read.clock) {
      reader.fail(ErrorCode::kMalformed, "struct refers to itself or later");
    }
  };
  check(read.has_origin, read.origin);
  check(read.has_right_origin, read.right_origin);
  check(read.has_parent_id, read.parent_id);
}

}  // namespace

std::uint64_t WireReader::long_varuint() {
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::uint8_t* at = at_; at < end_; ++at) {
    value |= static_cast<std::uint64_t>(*at & 0x7f) << shift;
    if ((*at & 0x80) == 0) {
      if (value > kSafeIntegerMax) break;
      at_ = at + 1;
      return value;
    }
    shift += 7;
    if (shift > 56) break;
  }
  fail(ErrorCode::kMalformed, "bad varuint");
  return 0;
}

template <bool kCheck>
void read_struct(WireReader& reader, ClientId client, std::uint32_t clock, WireStruct& out) {
  const std::uint8_t info = reader.u8();
  out.kind = static_cast<ContentKind>(info & kKindMask);
  out.client = client;
  out.clock = clock;
  out.has_origin = out.has_right_origin = out.has_parent_id = out.has_parent_name = false;
  out.has_key = out.key_bit = false;
  out.content = {};
  if (out.kind == ContentKind::kGc || out.kind == ContentKind::kSkip) {
    out.length = reader.clock();
  } else {
    out.has_origin = (info & kHasOrigin) != 0;
    out.has_right_origin = (info & kHasRightOrigin) != 0;
    out.key_bit = (info & kHasKey) != 0;
    if (out.has_origin) out.origin = reader.id();
    if (out.has_right_origin) out.right_origin = reader.id();
    if (!out.has_origin && !out.has_right_origin) {
      // Nothing to take the parent from, so it is written.
      if (reader.varuint() == 1) {
        out.has_parent_name = true;
        out.parent_name = varstring<kCheck>(reader);
      } else {
        out.has_parent_id = true;
        out.parent_id = reader.id();
      }
      if (out.key_bit) {
        out.has_key = true;
        out.key = varstring<kCheck>(reader);
      }
    }
    read_content<kCheck>(reader, out);
    if constexpr (kCheck) check_references(reader, out);
  }
  if constexpr (kCheck) {
    if (out.length == 0 && out.kind != ContentKind::kSkip) {
      reader.fail(ErrorCode::kMalformed, "empty struct");
    }
    if (out.length > kClockMax - clock) reader.fail(ErrorCode::kLimitExceeded, "clock above limit");
  }
}

template void read_struct<true>(WireReader&, ClientId, std::uint32_t, WireStruct&);
template void read_struct<false>(WireReader&, ClientId, std::uint32_t, WireStruct&);

Status check_no_client_twice(const std::vector<WireSection>& sections) {
  bool descending = true;
  for (std::size_t i = 1; i < sections.size(); ++i) {
    descending = descending && sections[i].client < sections[i - 1].client;
  }
  if (descending) return {};  // What every Yjs writes.
  std::vector<ClientId> clients;
  clients.reserve(sections.size());
  for (const WireSection& section : sections) clients.push_back(section.client);
  std::sort(clients.begin(), clients.end());
  if (std::adjacent_find(clients.begin(), clients.end()) != clients.end()) {
    return Error{ErrorCode::kMalformed, "client twice in update"};
  }
  return {};
}

namespace {

/// Whether its clients descend and no range is empty.
bool check_delete_set(WireReader& reader) {
  const std::uint64_t clients = reader.varuint();
  if (clients > kClientsMax) reader.fail(ErrorCode::kLimitExceeded, "too many clients");
  bool in_order = true;
  ClientId before = ~ClientId{0};
  for (std::uint64_t i = 0; i < clients && !reader.failed(); ++i) {
    const ClientId client = reader.varuint();
    in_order = in_order && client < before;
    before = client;
    const std::uint64_t ranges = reader.varuint();
    in_order = in_order && ranges > 0;
    for (std::uint64_t k = 0; k < ranges && !reader.failed(); ++k) {
      const std::uint32_t clock = reader.clock();
      const std::uint32_t length = reader.clock();
      in_order = in_order && length > 0;
      if (length > kClockMax - clock) {
        reader.fail(ErrorCode::kLimitExceeded, "clock above limit");
      }
    }
  }
  return in_order;
}

/// From so many structs on, a ShortReader pays.
constexpr std::uint64_t kShortStructsMin = 8;

template <bool kCheck>
Status parse(ByteView update, ParsedUpdate& out) {
  out.clear();
  WireReader reader(update);
  const std::uint64_t sections = reader.varuint();
  if (sections > kClientsMax) reader.fail(ErrorCode::kLimitExceeded, "too many clients");
  WireStruct read;
  for (std::uint64_t i = 0; i < sections && !reader.failed(); ++i) {
    WireSection section;
    section.count = reader.varuint();
    section.client = reader.varuint();
    section.clock = reader.clock();
    section.begin = reader.at();
    std::uint32_t clock = section.clock;
    bool skipped = false;
    const auto read_one = [&] {
      read_struct<kCheck>(reader, section.client, clock, read);
      if (read.kind == ContentKind::kSkip && !skipped) {
        skipped = true;
        section.clock_skip = clock;
      }
      clock += read.length;
    };
    if (section.count < kShortStructsMin) {
      for (std::uint64_t k = 0; k < section.count && !reader.failed(); ++k) read_one();
    } else {
      section.all_short = section.begin;
      const ShortReader shorts(section.client);
      ShortStruct brief;
      for (std::uint64_t k = 0; k < section.count && !reader.failed(); ++k) {
        const std::uint8_t* const after = shorts.read(reader.at(), reader.end(), clock, brief);
        if (after == nullptr) {
          read_one();
          section.all_short = reader.at();
        } else {
          reader.skip_to(after);
          clock += brief.length;
        }
      }
    }
    section.end = reader.at();
    section.clock_end = clock;
    if (!skipped) section.clock_skip = clock;
    if (section.count > 0) out.sections.push_back(section);
  }
  const std::uint8_t* const delete_set = reader.at();
  out.deletes_in_order = check_delete_set(reader);
  if (!reader.at_end()) reader.fail(ErrorCode::kMalformed, "trailing bytes after update");
  if (reader.failed()) return reader.error();
  if (const Status unique = check_no_client_twice(out.sections); !unique) return unique;
  out.delete_set = {delete_set, reader.at()};
  // Content is a part of the bytes; only a split surrogate pair can need more (6 bytes for 4).
  out.content_bytes = update.size() * 2;
  return {};
}

}  // namespace

Status parse_update(ByteView update, ParsedUpdate& out) { return parse<true>(update, out); }

void parse_stored(ByteView update, ParsedUpdate& out) {
  COTERIE_ASSERT(parse<false>(update, out).has_value());
}

template <bool kCheck>
void skip_any(WireReader& reader) {
  // How many values each open array or object still lacks; objects count keys before values.
  struct Open {
    std::uint64_t missing;
    bool object;
  };
  Open open[kAnyDepthMax];
  std::size_t depth = 0;
  while (true) {
    const std::uint8_t tag = reader.u8();
    std::uint64_t opened = 0;
    bool opens = false;
    switch (tag) {
      case 127:
      case 126:
      case 121:
      case 120:
        break;
      case 125:
        for (unsigned count = 1; (reader.u8() & 0x80) != 0; ++count) {
          if (kCheck && count == 8) reader.fail(ErrorCode::kMalformed, "varint too long");
          if (reader.failed()) return;
        }
        break;
      case 124:
        reader.bytes(4);
        break;
      case 123:
      case 122:
        reader.bytes(8);
        break;
      case 119:
        varstring<kCheck>(reader);
        break;
      case 116:
        reader.varbytes();
        break;
      case 118:
      case 117:
        opened = reader.varuint();
        opens = true;
        break;
      default:
        reader.fail(ErrorCode::kMalformed, "unknown value tag");
    }
    if (kCheck && reader.failed()) return;
    if (opens && opened > 0) {
      if (kCheck && depth == kAnyDepthMax) {
        reader.fail(ErrorCode::kLimitExceeded, "value nested too deep");
        return;
      }
      open[depth++] = {opened, tag == 118};
    } else {
      while (depth > 0 && --open[depth - 1].missing == 0) --depth;
    }
    if (depth == 0) return;
    if (open[depth - 1].object) varstring<kCheck>(reader);
    if (kCheck && reader.failed()) return;
  }
}

template void skip_any<true>(WireReader&);
template void skip_any<false>(WireReader&);

std::size_t content_bytes(ContentKind kind, bool ascii, std::uint32_t length,
                          const std::uint8_t* at, const std::uint8_t* end) {
  WireReader reader(at, end);
  switch (kind) {
    case ContentKind::kString:
      return ascii ? length : utf16_prefix_bytes({at, end}, length);
    case ContentKind::kJson:
      for (std::uint32_t i = 0; i < length; ++i) reader.varbytes();
      break;
    case ContentKind::kAny:
      for (std::uint32_t i = 0; i < length; ++i) {
        if (!reader.skip_integer()) skip_any<false>(reader);
      }
      break;
    case ContentKind::kBinary:
    case ContentKind::kEmbed:
      reader.varbytes();
      break;
    case ContentKind::kFormat:
      reader.varbytes();
      reader.varbytes();
      break;
    case ContentKind::kDoc:
      reader.varbytes();
      skip_any<false>(reader);
      break;
    case ContentKind::kGc:
    case ContentKind::kDeleted:
    case ContentKind::kType:
    case ContentKind::kSkip:
      return 0;
  }
  return static_cast<std::size_t>(reader.at() - at);
}

std::size_t content_prefix_bytes(ContentKind kind, bool ascii, ByteView content,
                                 std::uint32_t count) {
  if (content.empty()) return 0;
  return content_bytes(kind, ascii, count, content.data(), content.data() + content.size());
}

void WireWriter::grow(std::size_t count) {
  buffer_.resize(std::max(buffer_.size() * 2, size_ + count));
}

void write_text(WireWriter& out, ByteView content, Utf16Position cut) {
  if (!cut.inside_pair) {
    out.varbytes(content.subspan(cut.byte));
    return;
  }
  const ByteView rest = content.subspan(cut.byte + 4);
  out.varuint(rest.size() + 3);
  out.bytes(as_bytes("\xef\xbf\xbd"));
  out.bytes(rest);
}

}  // namespace coterie::crdt::internal
