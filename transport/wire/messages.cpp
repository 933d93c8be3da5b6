#include "transport/wire/messages.hpp"

#include <algorithm>
#include <optional>
#include <utility>

// Without it the headers want Boost for byte order and a few type traits.
#define MSGPACK_NO_BOOST
#include <msgpack.hpp>

#include "transport/crypto/crypto.hpp"

namespace coterie::transport {
namespace {

// Ranges of logs.

Bytes key_of(const LogId& log) {
  Bytes key(log.device.bytes.begin(), log.device.bytes.end());
  for (int shift = 56; shift >= 0; shift -= 8) {
    key.push_back(static_cast<std::uint8_t>(log.incarnation >> shift));
  }
  return key;
}

/// The first log id that is not before `bound`.
LogId bound_of(const Bytes& bound) {
  LogId log;
  const std::size_t device = std::min(bound.size(), log.device.bytes.size());
  std::copy_n(bound.begin(), device, log.device.bytes.begin());
  for (std::size_t i = device; i < kRangeBoundBytesMax; ++i) {
    if (i < log.device.bytes.size()) continue;
    log.incarnation = log.incarnation << 8 | (i < bound.size() ? bound[i] : 0);
  }
  return log;
}

/// The heads from `first` to `last`, as they are hashed.
Bytes heads_to_hash(Frontier::const_iterator first, Frontier::const_iterator last) {
  Bytes input;
  input.reserve(static_cast<std::size_t>(std::distance(first, last)) * 80);
  for (; first != last; ++first) {
    append(input, key_of(first->first));
    for (int shift = 56; shift >= 0; shift -= 8) {
      input.push_back(static_cast<std::uint8_t>(first->second.seq >> shift));
    }
    append(input, first->second.hash.view());
  }
  return input;
}

Error malformed(const char* what) { return {ErrorCode::kMalformed, what}; }
Error too_large(const char* what, std::uint64_t detail) {
  return {ErrorCode::kLimitExceeded, what, detail};
}

// Encoding. Integers take their shortest form, so that equal messages have equal bytes.

using Packer = msgpack::packer<msgpack::sbuffer>;

void put_array(Packer& out, std::size_t count) {
  out.pack_array(static_cast<std::uint32_t>(count));
}
void put(Packer& out, std::uint64_t value) { out.pack_uint64(value); }
void put(Packer& out, bool value) { out.pack(value); }
void put(Packer& out, EntriesMode mode) { out.pack_uint64(static_cast<std::uint64_t>(mode)); }
void put(Packer& out, const Bytes& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  out.pack_bin(size).pack_bin_body(reinterpret_cast<const char*>(bytes.data()), size);
}
template <typename Tag, std::size_t kSize>
void put(Packer& out, const FixedId<Tag, kSize>& id) {
  out.pack_bin(kSize).pack_bin_body(reinterpret_cast<const char*>(id.bytes.data()), kSize);
}
void put(Packer& out, const WorkspaceState& state);
void put(Packer& out, const Summary::Part& part);
template <typename Item>
void put(Packer& out, const std::vector<Item>& items) {
  put_array(out, items.size());
  for (const Item& item : items) put(out, item);
}
void put(Packer& out, const WorkspaceState& state) {
  put_array(out, 2);
  put(out, state.workspace);
  put(out, state.digest);
}
void put(Packer& out, const Summary::Part& part) {
  put_array(out, 3);
  put(out, part.range.lower);
  put(out, part.range.upper);
  put(out, part.fingerprint);
}
void put(Packer& out, const Frontier& heads) {
  put_array(out, heads.size());
  for (const auto& [log, head] : heads) {
    put_array(out, 4);
    put(out, log.device);
    put(out, log.incarnation);
    put(out, head.seq);
    put(out, head.hash);
  }
}

template <typename... Fields>
void put_frame(Packer& out, std::uint64_t kind, const Fields&... fields) {
  put_array(out, 2 + sizeof...(fields));
  put(out, kFrameVersion);
  put(out, kind);
  (put(out, fields), ...);
}

struct Encoder {
  Packer& out;
  std::uint64_t kind;

  void operator()(const Hello& m) const {
    put_frame(out, kind, m.version_max, m.device, m.answer, m.workspaces);
  }
  void operator()(const Heartbeat& m) const {
    put_frame(out, kind, m.sent_us, m.echo_us, m.held_us, m.workspaces);
  }
  void operator()(const Goodbye&) const { put_frame(out, kind); }
  void operator()(const FrontierReport& m) const {
    put_frame(out, kind, m.workspace, m.reply_wanted, m.heads, m.range.lower, m.range.upper);
  }
  void operator()(const Pull& m) const {
    put_frame(out, kind, m.workspace, m.log.device, m.log.incarnation, m.first, m.bytes_max);
  }
  void operator()(const Entries& m) const {
    put_frame(out, kind, m.workspace, m.log.device, m.log.incarnation, m.first, m.mode, m.head,
              m.entries);
  }
  void operator()(const Announce& m) const {
    put_frame(out, kind, m.workspace, m.log.device, m.log.incarnation, m.head);
  }
  void operator()(const Awareness& m) const {
    put_frame(out, kind, m.workspace, m.origin, m.topic, m.counter, m.message, m.age_ms);
  }
  void operator()(const Application& m) const { put_frame(out, kind, m.payload); }
  void operator()(const Neighbours& m) const {
    put_frame(out, kind, m.workspace, m.added, m.removed);
  }
  void operator()(const Summary& m) const { put_frame(out, kind, m.workspace, m.parts); }
  void operator()(const Unknown&) const { COTERIE_ASSERT(false); }  // Precondition.
};

// Decoding.

/// First pass: walks the frame without building anything, so that the second allocates no more than
/// the limits allow. A container counts with the size it claims, before its items are read.
class LimitCheck : public msgpack::null_visitor {
 public:
  bool start_array(std::uint32_t count) { return open(count); }
  bool end_array() { return close(); }
  bool start_map(std::uint32_t pairs) { return open(2 * std::uint64_t{pairs}); }
  bool end_map() { return close(); }

  bool exceeded() const { return exceeded_; }

 private:
  bool open(std::uint64_t count) {
    values_ += count;
    ++depth_;
    exceeded_ = values_ > kValuesPerFrameMax || depth_ > kNestingMax;
    return !exceeded_;
  }
  bool close() {
    --depth_;
    return true;
  }

  std::uint64_t values_ = 1;
  std::size_t depth_ = 0;
  bool exceeded_ = false;
};

Status check_limits(ByteView frame) {
  if (frame.size() > kFrameBytesMax) return too_large("frame", frame.size());
  LimitCheck check;
  std::size_t offset = 0;
  const bool whole =
      msgpack::parse(reinterpret_cast<const char*>(frame.data()), frame.size(), offset, check);
  if (check.exceeded()) return too_large("values or nesting in frame", offset);
  if (!whole) return malformed("frame is not msgpack");
  if (offset != frame.size()) return malformed("bytes after frame");
  return {};
}

/// Reads the items of an array in order. After the first item that is not as wanted, every further
/// read gives a default value and status() tells.
class Fields {
 public:
  explicit Fields(const msgpack::object& array, std::size_t at = 0) : at_(at) {
    if (array.type == msgpack::type::ARRAY) {
      items_ = array.via.array.ptr;
      count_ = array.via.array.size;
    } else {
      fail(malformed("array expected"));
    }
  }

  Status status() const { return error_ ? Status(*error_) : Status(); }
  void fail(Error error) {
    if (!error_) error_ = error;
  }

  std::uint64_t uint() {
    const msgpack::object* item = next(msgpack::type::POSITIVE_INTEGER);
    return item == nullptr ? 0 : item->via.u64;
  }
  std::uint64_t uint(std::uint64_t least, std::uint64_t most) {
    const std::uint64_t value = uint();
    if (value < least || value > most) fail(malformed("number out of range"));
    return value;
  }
  bool boolean() {
    const msgpack::object* item = next(msgpack::type::BOOLEAN);
    return item != nullptr && item->via.boolean;
  }
  /// Points into the frame.
  ByteView bytes() {
    const msgpack::object* item = next(msgpack::type::BIN);
    if (item == nullptr) return {};
    return {reinterpret_cast<const std::uint8_t*>(item->via.bin.ptr), item->via.bin.size};
  }
  Bytes bytes(std::size_t size_min, std::size_t size_max) {
    const ByteView view = bytes();
    if (view.size() > size_max) {
      fail(too_large("byte string", view.size()));
    } else if (view.size() < size_min) {
      fail(malformed("byte string too short"));
    }
    return error_ ? Bytes() : Bytes(view.begin(), view.end());
  }
  template <typename Id>
  Id id() {
    const auto read = Id::from(bytes());
    if (!read) {
      fail(read.error());
      return {};
    }
    return *read;
  }
  LogId log() {
    const auto device = id<DeviceId>();
    return {device, uint()};
  }
  Seq seq() { return uint(1, kSeqMax); }

  /// Calls `read` with a Fields over the array that is the next item.
  template <typename Read>
  void array(std::size_t count_max, Read read) {
    const msgpack::object* item = next(msgpack::type::ARRAY);
    if (item == nullptr) return;
    if (item->via.array.size > count_max) return fail(too_large("array", item->via.array.size));
    Fields inner(*item);
    read(inner);
    if (inner.error_) fail(*inner.error_);
  }
  std::size_t left() const { return error_ ? 0 : count_ - at_; }
  std::size_t count() const { return count_; }

 private:
  const msgpack::object* next(msgpack::type::object_type type) {
    if (error_) return nullptr;
    if (at_ == count_) {
      fail(malformed("missing field"));
      return nullptr;
    }
    const msgpack::object* item = &items_[at_++];
    if (item->type == type) return item;
    fail(malformed("field of wrong type"));
    return nullptr;
  }

  const msgpack::object* items_ = nullptr;
  std::size_t count_ = 0;
  std::size_t at_ = 0;
  std::optional<Error> error_;
};

/// An inner array with its own fields; those beyond what is read belong to a later version.
template <typename Read>
void read_tuple(Fields& in, Read read) {
  in.array(kValuesPerFrameMax, read);
}

std::vector<DeviceId> read_devices(Fields& in) {
  std::vector<DeviceId> devices;
  in.array(kNeighboursMax, [&](Fields& items) {
    while (items.left() > 0) {
      devices.push_back(items.id<DeviceId>());
      const std::size_t count = devices.size();
      if (count > 1 && !(devices[count - 2] < devices[count - 1])) {
        items.fail(malformed("devices out of order"));
      }
    }
  });
  return devices;
}

std::vector<WorkspaceState> read_workspaces(Fields& in) {
  std::vector<WorkspaceState> workspaces;
  in.array(kSharedWorkspacesMax, [&](Fields& items) {
    while (items.left() > 0) {
      WorkspaceState state;
      read_tuple(items, [&](Fields& fields) {
        state.workspace = fields.id<WorkspaceId>();
        state.digest = fields.id<Hash>();
      });
      if (!workspaces.empty() && !(workspaces.back().workspace < state.workspace)) {
        items.fail(malformed("workspaces out of order"));
      }
      workspaces.push_back(std::move(state));
    }
  });
  return workspaces;
}

Frontier read_heads(Fields& in) {
  Frontier heads;
  in.array(kLogsPerWorkspaceMax, [&](Fields& items) {
    while (items.left() > 0) {
      LogId log;
      LogHead head;
      read_tuple(items, [&](Fields& fields) {
        log = fields.log();
        head.seq = fields.seq();
        head.hash = fields.id<Hash>();
      });
      if (!heads.empty() && !(heads.rbegin()->first < log)) {
        items.fail(malformed("logs out of order"));
      }
      heads.emplace_hint(heads.end(), log, head);
    }
  });
  return heads;
}

LogRange read_range(Fields& in) {
  LogRange range;
  range.lower = in.bytes(0, kRangeBoundBytesMax);
  range.upper = in.bytes(0, kRangeBoundBytesMax);
  if (!range.upper.empty() && !(bound_of(range.lower) < bound_of(range.upper))) {
    in.fail(malformed("empty range"));
  }
  return range;
}

Hello read_hello(Fields& in) {
  Hello m;
  m.version_max = in.uint(1, UINT64_MAX);
  m.device = in.id<DeviceId>();
  m.answer = in.boolean();
  m.workspaces = read_workspaces(in);
  return m;
}

Heartbeat read_heartbeat(Fields& in) {
  Heartbeat m;
  m.sent_us = in.uint();
  m.echo_us = in.uint();
  m.held_us = in.uint();
  m.workspaces = read_workspaces(in);
  return m;
}

FrontierReport read_frontier(Fields& in) {
  FrontierReport m;
  m.workspace = in.id<WorkspaceId>();
  m.reply_wanted = in.boolean();
  m.heads = read_heads(in);
  m.range = read_range(in);
  if (in.status()) {
    const auto [first, last] = logs_in(m.heads, m.range);
    if (first != m.heads.begin() || last != m.heads.end()) in.fail(malformed("log out of range"));
  }
  return m;
}

Neighbours read_neighbours(Fields& in) {
  Neighbours m;
  m.workspace = in.id<WorkspaceId>();
  m.added = read_devices(in);
  m.removed = read_devices(in);
  return m;
}

Summary read_summary(Fields& in) {
  Summary m;
  m.workspace = in.id<WorkspaceId>();
  in.array(kSummaryPartsMax, [&](Fields& items) {
    while (items.left() > 0) {
      Summary::Part part;
      read_tuple(items, [&](Fields& fields) {
        part.range = read_range(fields);
        part.fingerprint = fields.id<Fingerprint>();
      });
      m.parts.push_back(std::move(part));
    }
  });
  if (m.parts.empty()) in.fail(malformed("empty summary"));
  return m;
}

Pull read_pull(Fields& in) {
  Pull m;
  m.workspace = in.id<WorkspaceId>();
  m.log = in.log();
  m.first = in.seq();
  m.bytes_max = in.uint(1, kPullBytesMax);
  return m;
}

Entries read_entries(Fields& in) {
  Entries m;
  m.workspace = in.id<WorkspaceId>();
  m.log = in.log();
  m.first = in.seq();
  m.mode = static_cast<EntriesMode>(in.uint(0, 2));
  m.head = in.uint(0, kSeqMax);
  in.array(kEntriesPerFrameMax, [&](Fields& items) {
    m.entries.reserve(items.count());
    while (items.left() > 0) m.entries.push_back(items.bytes(1, kEntryBytesMax));
  });
  if (m.entries.empty() && m.mode != EntriesMode::kPulledEnd) in.fail(malformed("no entries"));
  if (!m.entries.empty() && m.head < m.first + m.entries.size() - 1) {
    in.fail(malformed("head below the entries sent"));
  }
  return m;
}

Announce read_announce(Fields& in) {
  Announce m;
  m.workspace = in.id<WorkspaceId>();
  m.log = in.log();
  m.head = in.seq();
  return m;
}

Awareness read_awareness(Fields& in) {
  Awareness m;
  m.workspace = in.id<WorkspaceId>();
  m.origin = in.id<DeviceId>();
  m.topic = in.uint();
  m.counter = in.uint();
  m.message = in.bytes(1, kAwarenessBytesMax);
  m.age_ms = in.uint(0, kAwarenessLifetime / std::chrono::milliseconds(1));
  return m;
}

Message read_message(std::uint64_t kind, Fields& in) {
  switch (kind) {
    case 1:
      return read_hello(in);
    case 2:
      return read_heartbeat(in);
    case 3:
      return Goodbye{};
    case 4:
      return read_frontier(in);
    case 5:
      return read_pull(in);
    case 6:
      return read_entries(in);
    case 7:
      return read_announce(in);
    case 8:
      return read_awareness(in);
    case 9:
      return Application{in.bytes(1, kApplicationBytesMax)};
    case 10:
      return read_neighbours(in);
    case 11:
      return read_summary(in);
    default:
      return Unknown{kFrameVersion, kind};
  }
}

bool reference_into_frame(msgpack::type::object_type, std::size_t, void*) { return true; }

}  // namespace

Bytes encode(const Message& message) {
  msgpack::sbuffer buffer;
  Packer out(buffer);
  std::visit(Encoder{out, message.index() + 1}, message);
  COTERIE_ASSERT(buffer.size() <= kFrameBytesMax);
  const auto* data = reinterpret_cast<const std::uint8_t*>(buffer.data());
  return Bytes(data, data + buffer.size());
}

Result<Message> decode(ByteView frame) {
  COTERIE_CHECK(check_limits(frame));
  msgpack::object_handle handle;
  try {
    bool referenced = false;
    handle = msgpack::unpack(reinterpret_cast<const char*>(frame.data()), frame.size(), referenced,
                             reference_into_frame);
  } catch (const msgpack::unpack_error&) {
    return malformed("frame is not msgpack");  // Not seen after check_limits(); no throw may pass.
  }
  Fields header(handle.get());
  const std::uint64_t version = header.uint();
  const std::uint64_t kind = header.uint();
  COTERIE_CHECK(header.status());
  if (version != kFrameVersion) return Message(Unknown{version, kind});
  Message message = read_message(kind, header);
  COTERIE_CHECK(header.status());
  return message;
}

bool in_range(const LogId& log, const LogRange& range) {
  return !(log < bound_of(range.lower)) && (range.upper.empty() || log < bound_of(range.upper));
}

std::pair<Frontier::const_iterator, Frontier::const_iterator> logs_in(const Frontier& frontier,
                                                                      const LogRange& range) {
  return {frontier.lower_bound(bound_of(range.lower)),
          range.upper.empty() ? frontier.end() : frontier.lower_bound(bound_of(range.upper))};
}

Fingerprint fingerprint_of(const Frontier& frontier, const LogRange& range) {
  const auto [first, last] = logs_in(frontier, range);
  const Hash hash = crypto::hash({as_bytes("coterie range v1"), heads_to_hash(first, last)});
  Fingerprint fingerprint;
  std::copy_n(hash.bytes.begin(), Fingerprint::kBytes, fingerprint.bytes.begin());
  return fingerprint;
}

std::vector<LogRange> split_range(const Frontier& frontier, const LogRange& range,
                                  std::size_t count) {
  const auto [first, last] = logs_in(frontier, range);
  const auto logs = static_cast<std::size_t>(std::distance(first, last));
  COTERIE_ASSERT(count > 0 && logs >= count);
  std::vector<LogRange> parts = {range};
  auto log = first;
  std::size_t at = 0;
  for (std::size_t i = 1; i < count; ++i) {
    const std::size_t next = logs * i / count;
    std::advance(log, next - at);
    at = next;
    // The shortest bound that divides this log from the one before.
    const Bytes before = key_of(std::prev(log)->first);
    Bytes bound = key_of(log->first);
    const auto differ = std::mismatch(bound.begin(), bound.end(), before.begin()).first;
    bound.erase(differ + 1, bound.end());
    parts.back().upper = bound;
    parts.push_back({std::move(bound), range.upper});
  }
  return parts;
}

Hash frontier_digest(const Frontier& frontier) {
  return crypto::hash(
      {as_bytes("coterie frontier v1"), heads_to_hash(frontier.begin(), frontier.end())});
}

}  // namespace coterie::transport
