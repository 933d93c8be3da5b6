#include "crdt/internal/wire_v2.hpp"

#include <deque>
#include <functional>

#include "crdt/base/utf16.hpp"
#include "crdt/internal/stored_json.hpp"
#include "crdt/internal/varint.hpp"

namespace coterie::crdt::internal {
namespace {

constexpr std::uint8_t kHasOrigin = 0x80;
constexpr std::uint8_t kHasRightOrigin = 0x40;
constexpr std::uint8_t kHasKey = 0x20;
constexpr std::uint8_t kKindMask = 0x1f;

/// Room for a struct without names and content, and to write past its end.
constexpr std::size_t kHeadRoom = kStructHeadBytesMax + kVarintSlack + 16;

/// A text this short is copied in one step, with what stands behind it.
constexpr std::size_t kShortText = 16;

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// The first thing found wrong. Columns read on as if nothing were, and give zeros.
struct Fault {
  ErrorCode code = ErrorCode::kMalformed;
  const char* what = nullptr;
  const std::uint8_t* at = nullptr;

  bool is_set() const { return what != nullptr; }
  void set(const std::uint8_t* where, const char* why, ErrorCode kind = ErrorCode::kMalformed) {
    if (what != nullptr) return;
    code = kind;
    what = why;
    at = where;
  }
};

/// What is left of a column.
struct Column {
  const std::uint8_t* at = nullptr;
  const std::uint8_t* end = nullptr;

  Column() = default;
  explicit Column(ByteView bytes) : at(bytes.data()), end(bytes.data() + bytes.size()) {}

  std::uint64_t varuint(Fault& fault) {
    if (at < end && *at < 0x80) return *at++;
    return groups(fault);
  }

  struct Signed {
    std::uint64_t magnitude = 0;
    bool negative = false;
  };
  /// The sign is in the second bit of the first byte.
  Signed varint(Fault& fault) {
    const std::uint64_t value = groups(fault);
    return {(value & 0x3f) | ((value >> 7) << 6), (value & 0x40) != 0};
  }

 private:
  std::uint64_t groups(Fault& fault) {
    std::uint64_t value = 0;
    if (static_cast<std::size_t>(end - at) >= kVarintSlack) {
      const std::uint8_t* const next = load_varuint(at, value);
      if (next != nullptr && value <= kSafeIntegerMax) {
        at = next;
        return value;
      }
    } else {
      unsigned shift = 0;
      for (const std::uint8_t* byte = at; byte < end; ++byte, shift += 7) {
        value |= static_cast<std::uint64_t>(*byte & 0x7f) << shift;
        if (*byte >= 0x80) continue;
        if (value > kSafeIntegerMax) break;
        at = byte + 1;
        return value;
      }
    }
    fault.set(at, "column ends early, or bad varint");
    at = end;
    return 0;
  }
};

/// UintOptRleDecoder.
class UintRuns {
 public:
  UintRuns() = default;
  explicit UintRuns(ByteView column) : in_(column) {}
  explicit UintRuns(Column column) : in_(column) {}

  std::uint64_t read(Fault& fault) {
    if (left_ == 0) refill(fault);
    --left_;
    return value_;
  }

 private:
  void refill(Fault& fault) {
    const Column::Signed value = in_.varint(fault);
    value_ = value.magnitude;
    left_ = value.negative ? in_.varuint(fault) + 2 : 1;
  }

  Column in_;
  std::uint64_t value_ = 0;
  std::uint64_t left_ = 0;
};

/// IntDiffOptRleDecoder of clocks.
class ClockRuns {
 public:
  ClockRuns() = default;
  explicit ClockRuns(ByteView column) : in_(column) {}

  std::uint32_t read(Fault& fault) {
    if (left_ == 0) refill(fault);
    --left_;
    value_ += diff_;
    if (value_ < 0 || value_ > static_cast<std::int64_t>(kClockMax)) {
      fault.set(in_.at, "clock out of range", ErrorCode::kLimitExceeded);
      value_ = 0;
    }
    return static_cast<std::uint32_t>(value_);
  }

 private:
  void refill(Fault& fault) {
    const Column::Signed encoded = in_.varint(fault);
    // Halved towards minus infinity: the odd bit tells that a count follows.
    const auto half = static_cast<std::int64_t>(encoded.magnitude >> 1);
    const bool odd = (encoded.magnitude & 1) != 0;
    diff_ = encoded.negative ? -half - (odd ? 1 : 0) : half;
    left_ = odd ? in_.varuint(fault) + 2 : 1;
  }

  Column in_;
  std::int64_t value_ = 0;
  std::int64_t diff_ = 0;
  std::uint64_t left_ = 0;
};

/// RleDecoder of bytes.
class ByteRuns {
 public:
  ByteRuns() = default;
  explicit ByteRuns(ByteView column) : in_(column) {}

  std::uint8_t read(Fault& fault) {
    if (left_ == 0) refill(fault);
    --left_;
    return value_;
  }

 private:
  void refill(Fault& fault) {
    left_ = 1;
    if (in_.at == in_.end) {
      fault.set(in_.at, "column ends early");
      value_ = 0;
      return;
    }
    value_ = *in_.at++;
    left_ = in_.at == in_.end ? ~std::uint64_t{0} : in_.varuint(fault) + 1;
  }

  Column in_;
  std::uint8_t value_ = 0;
  std::uint64_t left_ = 0;
};

/// StringDecoder: pieces of one text, by lengths in UTF-16 units.
class Strings {
 public:
  Strings() = default;
  Strings(ByteView column, Fault& fault) {
    Column in(column);
    const std::uint64_t size = in.varuint(fault);
    if (size > static_cast<std::uint64_t>(in.end - in.at)) {
      fault.set(in.at, "truncated strings");
      return;
    }
    at_ = in.at;
    end_ = at_ + size;
    const Utf16Scan scan = scan_utf16({at_, end_});
    if (!scan.valid) fault.set(at_, "string is not UTF-8");
    ascii_ = scan.ascii;
    units_ = scan.length;
    lengths_ = UintRuns(Column({end_, in.end}));
  }

  /// The next piece, and its length. A piece cut inside a pair is put together in a buffer that the
  /// next read() may use again.
  ByteView read(Fault& fault, std::uint64_t& units) {
    units = lengths_.read(fault);
    if (units > units_) {
      fault.set(at_, "truncated strings");
      units = 0;
    }
    units_ -= units;
    if (!ascii_) return cut(units);
    const ByteView piece(at_, static_cast<std::size_t>(units));
    at_ += units;
    return piece;
  }
  ByteView read(Fault& fault) {
    std::uint64_t units = 0;
    return read(fault, units);
  }

  bool in_buffer(ByteView piece) const { return !piece.empty() && piece.data() == buffer_.data(); }

 private:
  ByteView cut(std::uint64_t units) {
    if (units == 0) return {};
    const bool from_half = inside_pair_;
    if (from_half) {
      at_ += 4;
      --units;
    }
    const Utf16Position end = utf16_position({at_, end_}, units);
    const ByteView whole(at_, end.byte);
    at_ += end.byte;
    inside_pair_ = end.inside_pair;
    if (!from_half && !inside_pair_) return whole;
    buffer_.clear();
    if (from_half) append(buffer_, as_bytes(kReplacement));
    append(buffer_, whole);
    if (inside_pair_) append(buffer_, as_bytes(kReplacement));
    return buffer_;
  }

  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  std::uint64_t units_ = 0;
  UintRuns lengths_;
  bool ascii_ = true;
  bool inside_pair_ = false;  ///< The first unit of the pair at `at_` has been read.
  Bytes buffer_;
};

}  // namespace

class ReaderV2 {
 public:
  ReaderV2(ByteView update, Transcriber& transcriber)
      : update_(update), transcriber_(transcriber), out_(transcriber.out_), rest_(update) {
    rest_.varuint();  // Flags, of which there are none yet: Yjs passes over them too.
    key_clocks_ = ClockRuns(rest_.varbytes());
    clients_ = UintRuns(rest_.varbytes());
    left_clocks_ = ClockRuns(rest_.varbytes());
    right_clocks_ = ClockRuns(rest_.varbytes());
    infos_ = ByteRuns(rest_.varbytes());
    const ByteView strings = rest_.varbytes();
    if (!rest_.failed()) strings_ = Strings(strings, fault_);
    parent_infos_ = ByteRuns(rest_.varbytes());
    type_refs_ = UintRuns(rest_.varbytes());
    lengths_ = UintRuns(rest_.varbytes());
    size_max_ = out_.size() + kUpdateExpansionMax + kUpdateExpansionFactor * update.size();
    structs_left_ = kUpdateStructsMax + update.size();
  }

  Status run() {
    const std::uint64_t sections = rest_.varuint();
    if (sections > kClientsMax) rest_.fail(ErrorCode::kLimitExceeded, "too many clients");
    for (std::uint64_t i = 0; i < sections && !failed(); ++i) section();
    transcriber_.delete_set_ = out_.size();
    if (!failed()) delete_set();
    if (!rest_.at_end()) rest_.fail(ErrorCode::kMalformed, "trailing bytes after update");
    if (rest_.failed()) return rest_.error();
    if (fault_.is_set()) {
      return Error{fault_.code, fault_.what,
                   static_cast<std::uint64_t>(fault_.at - update_.data())};
    }
    return {};
  }

 private:
  bool failed() const { return rest_.failed() || fault_.is_set(); }

  void section() {
    Transcriber::Section one;
    WireSection& section = one.section;
    section.count = rest_.varuint();
    section.client = clients_.read(fault_);
    section.clock = rest_.clock();
    if (section.count > structs_left_) {
      rest_.fail(ErrorCode::kLimitExceeded, "too many structs");
      return;
    }
    structs_left_ -= section.count;
    one.begin = out_.size();
    client_ = section.client;
    clock_ = section.clock;
    bool skipped = false;
    for (std::uint64_t k = 0; k < section.count; ++k) {
      skip_ = false;
      const std::uint64_t length = one_struct();
      if (skip_ && !skipped) {
        skipped = true;
        section.clock_skip = clock_;
      }
      if (length > kClockMax - clock_) {
        rest_.fail(ErrorCode::kLimitExceeded, "clock above limit");
      }
      if (out_.size() > size_max_) {
        rest_.fail(ErrorCode::kLimitExceeded, "update expands too far");
      }
      if (failed()) return;
      clock_ += static_cast<std::uint32_t>(length);
    }
    one.end = out_.size();
    section.clock_end = clock_;
    if (!skipped) section.clock_skip = clock_;
    if (section.count > 0) transcriber_.sections_.push_back(one);
  }

  /// Returns its length.
  std::uint64_t one_struct() {
    const std::uint8_t info = infos_.read(fault_);
    const auto kind = static_cast<ContentKind>(info & kKindMask);
    out_.reserve(kHeadRoom);
    std::uint8_t* at = out_.end();
    if (kind == ContentKind::kGc || kind == ContentKind::kSkip) {
      skip_ = skip_ || kind == ContentKind::kSkip;
      *at++ = static_cast<std::uint8_t>(kind);
      const std::uint64_t length = kind == ContentKind::kGc ? read_length() : rest_.clock();
      out_.set_end(store_varuint(at, length));
      return length;
    }
    *at++ = info;
    if ((info & kHasOrigin) != 0) at = put_id(at, left_clocks_);
    if ((info & kHasRightOrigin) != 0) at = put_id(at, right_clocks_);
    if ((info & (kHasOrigin | kHasRightOrigin)) != 0) {
      if (kind == ContentKind::kDeleted) {
        const std::uint64_t length = read_length();
        out_.set_end(store_varuint(at, length));
        return length;
      }
      out_.set_end(at);
      return content(kind);
    }
    const bool by_name = parent_infos_.read(fault_) == 1;
    *at++ = by_name ? 1 : 0;
    if (!by_name) at = put_id(at, left_clocks_);
    out_.set_end(at);
    if (by_name) put_string(strings_.read(fault_));
    if ((info & kHasKey) != 0) put_string(strings_.read(fault_));
    return content(kind);
  }

  std::uint64_t content(ContentKind kind) {
    switch (kind) {
      case ContentKind::kDeleted:
        return put_length();
      case ContentKind::kString: {
        std::uint64_t units = 0;
        put_string(strings_.read(fault_, units));
        if (units == 0) fault_.set(rest_.at(), "empty struct");
        return units;
      }
      case ContentKind::kType:
        type();
        return 1;
      case ContentKind::kJson:
        return json_elements();
      case ContentKind::kAny:
        return any_elements();
      case ContentKind::kBinary: {
        const ByteView binary = rest_.varbytes();
        out_.reserve(binary.size() + 10);
        out_.varbytes(binary);
        return 1;
      }
      case ContentKind::kEmbed:
        read_any_as_stored(rest_, out_);
        return 1;
      case ContentKind::kFormat:
        key();
        read_any_as_stored(rest_, out_);
        return 1;
      case ContentKind::kDoc:
        put_string(strings_.read(fault_));
        put_any();
        return 1;
      default:
        rest_.fail(ErrorCode::kMalformed, "unknown content kind");
        return 0;
    }
  }

  std::uint64_t read_length() {
    const std::uint64_t length = lengths_.read(fault_);
    if (length == 0) fault_.set(rest_.at(), "empty struct");
    return length;
  }
  std::uint64_t put_length() {
    const std::uint64_t length = read_length();
    out_.set_end(store_varuint(out_.end(), length));
    return length;
  }

  /// What a struct refers to among its own client's ids must come before it.
  std::uint8_t* put_id(std::uint8_t* at, ClockRuns& clocks) {
    const ClientId client = clients_.read(fault_);
    const std::uint32_t clock = clocks.read(fault_);
    if (client == client_ && clock >= clock_) {
      fault_.set(rest_.at(), "struct refers to itself or later");
    }
    return store_varuint(store_varuint(at, client), clock);
  }

  /// Whether `text` stands in the update with `count` bytes there from its start on.
  bool has_behind(ByteView text, std::size_t count) const {
    const std::less<const std::uint8_t*> before;
    const std::uint8_t* const end = update_.data() + update_.size();
    return !text.empty() && !before(text.data(), update_.data()) && before(text.data(), end) &&
           static_cast<std::size_t>(end - text.data()) >= count;
  }

  void put_string(ByteView text) {
    out_.reserve(text.size() + kHeadRoom);
    std::uint8_t* const at = store_varuint(out_.end(), text.size());
    if (text.size() <= kShortText && has_behind(text, kShortText)) {
      std::memcpy(at, text.data(), kShortText);
    } else if (!text.empty()) {
      std::memcpy(at, text.data(), text.size());
    }
    out_.set_end(at + text.size());
  }

  void put_any() {
    const std::uint8_t* const begin = rest_.at();
    skip_any<true>(rest_);
    const ByteView any(begin, rest_.at());
    out_.reserve(any.size());
    out_.bytes(any);
  }

  /// Keys are numbered in the order they come, and one that came before is only its number. (Yjs
  /// never writes that, but reads it.)
  void key() {
    const std::uint32_t number = key_clocks_.read(fault_);
    if (number >= keys_.size()) {
      ByteView text = strings_.read(fault_);
      if (strings_.in_buffer(text)) text = kept_.emplace_back(text.begin(), text.end());
      keys_.push_back(text);
      put_string(text);
    } else {
      put_string(keys_[number]);
    }
  }

  void type() {
    const std::uint64_t ref = type_refs_.read(fault_);
    if (ref > static_cast<std::uint64_t>(TypeKind::kXmlText)) {
      rest_.fail(ErrorCode::kMalformed, "unknown type");
      return;
    }
    out_.u8(static_cast<std::uint8_t>(ref));
    const auto kind = static_cast<TypeKind>(ref);
    if (kind == TypeKind::kXmlElement || kind == TypeKind::kXmlHook) key();
  }

  std::uint64_t json_elements() {
    const std::uint64_t length = put_length();
    for (std::uint64_t i = 0; i < length && !failed(); ++i) {
      const ByteView text = strings_.read(fault_);
      if (as_text(text) != "undefined") {
        const Status status = check_json(as_text(text));
        if (!status) fault_.set(rest_.at(), status.error().what, status.error().code);
      }
      put_string(text);
    }
    return length;
  }

  std::uint64_t any_elements() {
    const std::uint64_t length = put_length();
    // Each takes a byte at least: a lying count cannot make us loop.
    if (length > rest_.remaining()) rest_.fail(ErrorCode::kMalformed, "truncated elements");
    const std::uint8_t* const begin = rest_.at();
    for (std::uint64_t i = 0; i < length && !rest_.failed(); ++i) skip_any<true>(rest_);
    const ByteView any(begin, rest_.at());
    out_.reserve(any.size());
    out_.bytes(any);
    return length;
  }

  void delete_set() {
    const std::uint64_t clients = rest_.varuint();
    if (clients > kClientsMax) rest_.fail(ErrorCode::kLimitExceeded, "too many clients");
    out_.reserve(10);
    out_.varuint(clients);
    for (std::uint64_t i = 0; i < clients && !rest_.failed(); ++i) {
      const ClientId client = rest_.varuint();
      const std::uint64_t ranges = rest_.varuint();
      out_.reserve(20);
      out_.varuint(client);
      out_.varuint(ranges);
      std::uint64_t end = 0;
      for (std::uint64_t k = 0; k < ranges && !rest_.failed(); ++k) {
        const std::uint64_t clock = end + rest_.varuint();
        const std::uint64_t length = rest_.varuint() + 1;
        end = clock + length;
        if (end > kClockMax) {
          rest_.fail(ErrorCode::kLimitExceeded, "clock above limit");
          return;
        }
        out_.reserve(20);
        out_.id(clock, static_cast<std::uint32_t>(length));
      }
    }
  }

  ByteView update_;
  Transcriber& transcriber_;
  WireWriter& out_;
  WireReader rest_;
  Fault fault_;
  ClockRuns key_clocks_;
  UintRuns clients_;
  ClockRuns left_clocks_;
  ClockRuns right_clocks_;
  ByteRuns infos_;
  Strings strings_;
  ByteRuns parent_infos_;
  UintRuns type_refs_;
  UintRuns lengths_;
  std::vector<ByteView> keys_;
  std::deque<Bytes> kept_;  ///< Keys that are in no column as they are.
  ClientId client_ = 0;
  std::uint32_t clock_ = 0;
  bool skip_ = false;  ///< The struct read last is a Skip.
  std::uint64_t structs_left_ = 0;
  std::size_t size_max_ = 0;
};

Status Transcriber::add(ByteView update_v2) {
  const std::size_t before = sections_.size();
  Status status = ReaderV2(update_v2, *this).run();
  if (status) {
    std::vector<WireSection> added;
    for (std::size_t i = before; i < sections_.size(); ++i) added.push_back(sections_[i].section);
    status = check_no_client_twice(added);
  }
  if (!status) sections_.resize(before);
  return status;
}

void Transcriber::sections(std::vector<WireSection>& out) const {
  out.clear();
  out.reserve(sections_.size());
  const std::uint8_t* const base = out_.view().data();
  for (const Section& one : sections_) {
    WireSection section = one.section;
    section.begin = base + one.begin;
    section.end = base + one.end;
    out.push_back(section);
  }
}

Status parse_update_v2(ByteView update, Transcriber& buffer, ParsedUpdate& out) {
  out.clear();
  buffer.clear();
  COTERIE_CHECK(buffer.add(update));
  buffer.sections(out.sections);
  out.delete_set = buffer.delete_set();
  out.content_bytes = buffer.size() * 2;
  return {};
}

}  // namespace coterie::crdt::internal
