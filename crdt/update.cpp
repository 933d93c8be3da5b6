#include "crdt/update.hpp"

#include <algorithm>

#include "crdt/internal/encoder.hpp"
#include "crdt/internal/short_struct.hpp"
#include "crdt/internal/update_tools.hpp"
#include "crdt/internal/wire.hpp"
#include "crdt/internal/wire_v2.hpp"

namespace coterie::crdt {
namespace {

using internal::ContentKind;
using internal::DeleteRange;
using internal::deletes_for;
using internal::EncoderStored;
using internal::EncoderV1;
using internal::EncoderV2;
using internal::Input;
using internal::ParsedUpdate;
using internal::SectionWriter;
using internal::ShortReader;
using internal::ShortStruct;
using internal::StructReader;
using internal::Transcriber;
using internal::UpdateFormat;
using internal::WireReader;
using internal::WireSection;
using internal::WireStruct;
using internal::WireWriter;

/// Most bytes that the head of a section takes.
constexpr std::size_t kSectionHeadBytesMax = 32;

/// The structs of one update in order, Skips left out. Only ids are kept until read.
class Source {
 public:
  Source(const WireSection* section, const WireSection* end)
      : section_(section), end_(end), reader_(section == end ? WireSection{} : *section) {
    settle();
  }

  bool done() const { return section_ == end_; }
  ClientId client() const { return section_->client; }
  std::uint32_t clock() const { return reader_.clock(); }

  /// Reads the current struct, and stays there. Precondition: !done().
  void peek(WireStruct& out) const {
    StructReader ahead = reader_;
    ahead.next(out);
  }
  void next() {
    WireStruct skipped;
    reader_.next(skipped);
    settle();
  }

 private:
  void settle() {
    while (section_ != end_) {
      if (reader_.done()) {
        ++section_;
        if (section_ != end_) reader_ = StructReader(*section_);
      } else if (reader_.at_skip()) {
        WireStruct skip;
        reader_.next(skip);
      } else {
        return;
      }
    }
  }

  const WireSection* section_;
  const WireSection* end_;
  StructReader reader_;
};

/// Yjs's mergeUpdates. It sorts its sources after each run of structs: by client descending, clock
/// ascending, the one it has just read first among equals. Here the sources wait in a heap with the
/// same order, those never read yet in a sorted queue.
template <typename Encoder>
class Merger {
 public:
  Merger(std::vector<Source> sources, std::size_t expected)
      : sources_(std::move(sources)), out_(expected) {
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
      if (!sources_[i].done()) queue_.push_back(key_of(i, i));
    }
    if (!std::is_sorted(queue_.begin(), queue_.end())) std::sort(queue_.begin(), queue_.end());
  }

  Bytes run(const std::vector<DeleteRange<ClientId>>& deletes) {
    std::int64_t rank = 0;
    std::uint32_t source = 0;
    while (pop(source)) {
      step(sources_[source]);
      if (sources_[source].done()) continue;
      heap_.push_back(key_of(source, --rank));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
    if (writing_) out_.write(write_, offset_);
    return out_.finish(deletes);
  }

 private:
  struct Key {
    ClientId client;
    std::uint32_t clock;
    std::uint32_t source;
    std::int64_t rank;

    bool operator<(const Key& other) const {
      if (client != other.client) return client > other.client;
      if (clock != other.clock) return clock < other.clock;
      return rank < other.rank;
    }
    bool operator>(const Key& other) const { return other < *this; }
  };

  Key key_of(std::uint32_t source, std::int64_t rank) const {
    return {sources_[source].client(), sources_[source].clock(), source, rank};
  }

  bool pop(std::uint32_t& source) {
    const bool queued = queued_ < queue_.size();
    if (!queued && heap_.empty()) return false;
    if (!queued || (!heap_.empty() && heap_.front() < queue_[queued_])) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      source = heap_.back().source;
      heap_.pop_back();
    } else {
      source = queue_[queued_++].source;
    }
    return true;
  }

  void put(const WireStruct& next, std::uint32_t offset) {
    if (writing_) out_.write(write_, offset_);
    write_ = next;
    offset_ = offset;
    writing_ = true;
  }

  /// Writes from `source` what follows on what was written last; sources is sorted again then.
  void step(Source& source) {
    const ClientId client = source.client();
    source.peek(next_);
    if (!writing_) {
      put(next_, 0);
      source.next();
    } else {
      bool known = false;
      while (next_.client >= write_.client && next_.end() <= write_.end()) {
        source.next();
        known = true;
        if (source.done()) return;
        source.peek(next_);
      }
      if (next_.client != client || (known && next_.clock > write_.end())) return;
      if (client != write_.client) {
        put(next_, 0);
        source.next();
      } else if (write_.end() < next_.clock) {
        WireStruct skip;
        skip.kind = ContentKind::kSkip;
        skip.client = client;
        skip.clock = write_.end();
        skip.length = next_.clock - skip.clock;
        put(skip, 0);
      } else if (write_.kind == ContentKind::kGc && next_.kind == ContentKind::kGc) {
        write_.length = next_.end() - write_.clock;
      } else {
        put(next_, write_.end() - next_.clock);
        source.next();
      }
    }
    while (!source.done() && source.client() == client && source.clock() == write_.end()) {
      source.peek(next_);
      put(next_, 0);
      source.next();
    }
  }

  std::vector<Source> sources_;
  std::vector<Key> queue_;
  std::size_t queued_ = 0;
  std::vector<Key> heap_;
  SectionWriter<Encoder> out_;
  WireStruct next_;
  WireStruct write_;  ///< Read but not yet written: it may grow, or be followed by a Skip.
  std::uint32_t offset_ = 0;
  bool writing_ = false;
};

/// What is known of the updates to merge: their sections, and where those of each end.
struct MergeInput {
  std::vector<WireSection> sections;
  std::vector<std::size_t> ends;
  std::vector<DeleteRange<ClientId>> deletes;
  std::size_t bytes = 0;

  void add_deletes(ByteView delete_set) {
    internal::for_each_delete(delete_set,
                              [&](ClientId client, std::uint32_t clock, std::uint32_t length) {
                                deletes.push_back({client, clock, length});
                              });
  }
  void add(const ParsedUpdate& parsed, std::size_t size) {
    sections.insert(sections.end(), parsed.sections.begin(), parsed.sections.end());
    ends.push_back(sections.size());
    add_deletes(parsed.delete_set);
    bytes += size;
  }

  template <typename Encoder>
  Bytes merge() {
    internal::sort_and_merge(deletes);
    std::vector<Source> sources;
    sources.reserve(ends.size());
    std::size_t begin = 0;
    const auto descending = [](const auto& x, const auto& y) { return x.client > y.client; };
    for (const std::size_t end : ends) {
      // Merging goes by clients descending, as Yjs writes them. Others may write any order.
      const auto from = sections.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto to = sections.begin() + static_cast<std::ptrdiff_t>(end);
      if (!std::is_sorted(from, to, descending)) std::sort(from, to, descending);
      sources.emplace_back(sections.data() + begin, sections.data() + end);
      begin = end;
    }
    return Merger<Encoder>(std::move(sources), bytes).run(deletes);
  }
};

template <typename Updates>
Result<Bytes> merge(const Updates& updates) {
  if (updates.empty()) return Bytes{0, 0};
  MergeInput input;
  input.ends.reserve(updates.size());
  ParsedUpdate parsed;
  for (const auto& update : updates) {
    COTERIE_CHECK(internal::parse_update(update, parsed));
    input.add(parsed, update.size());
  }
  if (updates.size() == 1) return Bytes(updates[0].begin(), updates[0].end());
  return input.merge<EncoderV1>();
}

template <typename Updates>
Result<Bytes> merge_v2(const Updates& updates) {
  MergeInput input;
  input.ends.reserve(updates.size());
  Transcriber buffer;
  for (const auto& update : updates) {
    COTERIE_CHECK(buffer.add(update));
    input.ends.push_back(buffer.section_count());
    input.add_deletes(buffer.delete_set());
    input.bytes += update.size();
  }
  if (updates.size() == 1) return Bytes(updates[0].begin(), updates[0].end());
  buffer.sections(input.sections);
  return input.merge<EncoderV2>();
}

template <typename Encoder>
Bytes diff_each(const Input& input, const StateVector& since) {
  SectionWriter<Encoder> out(1024);
  WireStruct read;
  for (const WireSection& section : input.sections()) {
    const Clock known = since.clock_of(section.client);
    if (known >= section.clock_end) continue;
    bool writing = false;
    for (StructReader reader(section); !reader.done();) {
      reader.next(read);
      if (writing) {
        out.write(read, 0);
      } else if (read.kind != ContentKind::kSkip && read.end() > known) {
        const Clock offset = known > read.clock ? known - read.clock : 0;
        out.write(read, static_cast<std::uint32_t>(offset));
        writing = true;
      }
    }
  }
  return out.finish(deletes_for<Encoder>(input));
}

/// Writes the structs of a section without Skips from `known` on, which is before its end. Most are
/// as they will be written, and copied.
void copy_section(const WireSection& section, std::uint32_t known, EncoderV1& out) {
  const ShortReader shorts(section.client);
  ShortStruct brief;
  WireStruct read;
  WireReader reader(section.begin, section.end);
  std::uint32_t clock = section.clock;
  std::uint64_t left = section.count;
  for (; left > 0; --left) {
    const std::uint8_t* const at = reader.at();
    const std::uint8_t* const after = shorts.read(at, section.end, clock, brief);
    std::uint32_t length = brief.length;
    if (after != nullptr) {
      reader.skip_to(after);
    } else {
      internal::read_struct<false>(reader, section.client, clock, read);
      length = read.length;
    }
    if (clock + length > known) {
      reader.skip_to(at);
      break;
    }
    clock += length;
  }
  out.section(left, section.client, std::max(known, clock));
  const auto write_one = [&](std::uint32_t offset) {
    internal::read_struct<false>(reader, section.client, clock, read);
    internal::write_struct(out, read, offset);
    clock += read.length;
  };
  write_one(known > clock ? known - clock : 0);
  const std::uint8_t* run = reader.at();
  const auto copy_run = [&](const std::uint8_t* end) {
    const ByteView structs(run, end);
    out.reserve(structs.size());
    out.bytes(structs);
  };
  while (--left > 0 && (section.all_short == nullptr || reader.at() < section.all_short)) {
    const std::uint8_t* const at = reader.at();
    if (const auto* const after = shorts.read(at, section.end, clock, brief)) {
      reader.skip_to(after);
      clock += brief.length;
    } else {
      copy_run(at);
      write_one(0);
      run = reader.at();
    }
  }
  copy_run(section.end);
}

template <typename Encoder>
Bytes diff(const Input& input, const StateVector& since) {
  return diff_each<Encoder>(input, since);
}
/// Without a step for each struct that is as it will be written.
template <>
Bytes diff<EncoderV1>(const Input& input, const StateVector& since) {
  std::size_t bytes = 64 + input.delete_set().size();
  std::size_t wanted = 0;
  for (const WireSection& section : input.sections()) {
    if (since.clock_of(section.client) >= section.clock_end) continue;
    // What is before a Skip may be all that is written, or not: the count is not known before.
    if (section.clock_skip < section.clock_end) return diff_each<EncoderV1>(input, since);
    bytes += static_cast<std::size_t>(section.end - section.begin) + kSectionHeadBytesMax;
    ++wanted;
  }
  EncoderV1 out(bytes);
  out.varuint(wanted);
  for (const WireSection& section : input.sections()) {
    const Clock known = since.clock_of(section.client);
    if (known >= section.clock_end) continue;
    copy_section(section, static_cast<std::uint32_t>(known), out);
  }
  if (input.deletes_in_order()) {
    out.reserve(input.delete_set().size());
    out.bytes(input.delete_set());
  } else {
    internal::write_delete_set<EncoderV1>(out, deletes_for<EncoderV1>(input));
  }
  return out.take();
}

template <typename Encoder>
Result<Bytes> diff(ByteView update, UpdateFormat format, const StateVector& since) {
  Input input;
  COTERIE_CHECK(input.parse(update, format));
  return diff<Encoder>(input, since);
}

/// Takes the structs of an update in an order in which each comes after those it depends on, and
/// cuts that into parts. Within a part the structs of a client follow each other in the update too,
/// so that they are copied as they are.
class Splitter {
 public:
  Splitter(const Input& input, std::size_t part_bytes) : input_(input), part_bytes_(part_bytes) {
    sections_.reserve(input.sections().size());
    for (const WireSection& section : input.sections()) {
      index_.emplace(section.client, sections_.size());
      sections_.push_back(
          {&section, StructReader(section), section.begin, section.clock, 0, false});
    }
  }

  std::vector<Bytes> run() {
    for (std::size_t first = 0; first < sections_.size(); ++first) {
      push(first, sections_[first].wire->clock_end);
      while (!stack_.empty()) step();
    }
    parts_.push_back(finish(input_.delete_set()));
    return std::move(parts_);
  }

 private:
  struct Section {
    const WireSection* wire;
    StructReader reader;
    // What is in the part that is being made.
    const std::uint8_t* begin;
    std::uint32_t clock;
    std::uint64_t count;
    bool waiting;  ///< On the stack.
  };
  struct Wanted {
    std::size_t index;
    std::uint32_t until;  ///< The clock.
  };

  void push(std::size_t index, std::uint32_t until) {
    sections_[index].waiting = true;
    stack_.push_back({index, until});
  }

  /// Takes the next struct of the section on top of the stack, or puts the one that it waits for
  /// there.
  void step() {
    const Wanted wanted = stack_.back();
    Section& section = sections_[wanted.index];
    if (section.reader.done() || section.reader.clock() >= wanted.until) {
      section.waiting = false;
      stack_.pop_back();
      return;
    }
    StructReader ahead = section.reader;
    ahead.next(read_);
    if (read_.has_origin && wait_for(read_.origin)) return;
    if (read_.has_right_origin && wait_for(read_.right_origin)) return;
    if (read_.has_parent_id && wait_for(read_.parent_id)) return;
    if (section.count++ == 0) touched_.push_back(wanted.index);
    bytes_ += static_cast<std::size_t>(ahead.at() - section.reader.at());
    section.reader = ahead;
    if (bytes_ < part_bytes_) return;
    constexpr std::uint8_t kNoDeletes[] = {0};
    parts_.push_back(finish(kNoDeletes));
  }

  bool wait_for(const internal::WireId& id) {
    const auto found = index_.find(id.client);
    if (found == index_.end()) return false;
    const Section& section = sections_[found->second];
    // One that waits already would wait for itself: a circle, which no editor makes.
    if (section.waiting || id.clock < section.reader.clock() ||
        id.clock >= section.wire->clock_end) {
      return false;
    }
    push(found->second, id.clock + 1);
    return true;
  }

  Bytes finish(ByteView deletes) {
    EncoderV1 out(bytes_ + touched_.size() * kSectionHeadBytesMax + deletes.size() + 16);
    out.varuint(touched_.size());
    for (const std::size_t index : touched_) {
      Section& section = sections_[index];
      out.section(section.count, section.wire->client, section.clock);
      const ByteView structs(section.begin, section.reader.at());
      out.reserve(structs.size());
      out.bytes(structs);
      section.begin = section.reader.at();
      section.clock = section.reader.clock();
      section.count = 0;
    }
    touched_.clear();
    bytes_ = 0;
    out.reserve(deletes.size());
    out.bytes(deletes);
    return out.take();
  }

  const Input& input_;
  std::size_t part_bytes_;
  std::map<ClientId, std::size_t> index_;
  std::vector<Section> sections_;
  std::vector<Wanted> stack_;
  std::vector<std::size_t> touched_;  ///< Sections with structs in the part being made.
  std::size_t bytes_ = 0;
  WireStruct read_;
  std::vector<Bytes> parts_;
};

template <typename Encoder>
Result<Bytes> convert(ByteView update, UpdateFormat from) {
  Input input;
  COTERIE_CHECK(input.parse(update, from));
  SectionWriter<Encoder> out(update.size());
  input.for_each_struct([&](const WireSection&, const WireStruct& read) { out.write(read, 0); });
  return out.finish(deletes_for<Encoder>(input));
}

Result<StateVector> state_vector(ByteView update, UpdateFormat format) {
  Input input;
  COTERIE_CHECK(input.parse(update, format));
  StateVector vector;
  for (const WireSection& section : input.sections()) {
    if (section.clock == 0) vector.advance(section.client, section.clock_skip);
  }
  return vector;
}

Result<UpdateMeta> parse_meta(ByteView update, UpdateFormat format) {
  Input input;
  COTERIE_CHECK(input.parse(update, format));
  UpdateMeta meta;
  input.for_each_struct([&](const WireSection& section, const WireStruct& read) {
    meta.from.emplace(section.client, section.clock);
    meta.to[section.client] = read.end();
  });
  return meta;
}

Result<UpdateListing> inspect(ByteView update, UpdateFormat format) {
  Input input;
  COTERIE_CHECK(input.parse(update, format));
  UpdateListing listing;
  input.for_each_struct([&](const WireSection&, const WireStruct& read) {
    if (read.kind == ContentKind::kSkip) return;
    ++listing.struct_count;
    if (!listing.structs.empty()) {
      IdRange& last = listing.structs.back();
      if (last.client == read.client && last.clock + last.length == read.clock) {
        last.length += read.length;
        return;
      }
    }
    listing.structs.push_back({read.client, read.clock, read.length});
  });
  internal::for_each_delete(input.delete_set(),
                            [&](ClientId client, std::uint32_t clock, std::uint32_t length) {
                              listing.deletes.push_back({client, clock, length});
                            });
  return listing;
}

}  // namespace

Result<Bytes> merge_updates(std::span<const ByteView> updates) { return merge(updates); }
Result<Bytes> merge_updates(std::span<const Bytes> updates) { return merge(updates); }
Result<Bytes> merge_updates_v2(std::span<const ByteView> updates) { return merge_v2(updates); }
Result<Bytes> merge_updates_v2(std::span<const Bytes> updates) { return merge_v2(updates); }

Result<Bytes> diff_update(ByteView update, const StateVector& since) {
  return diff<EncoderV1>(update, UpdateFormat::kV1, since);
}
Result<Bytes> diff_update_v2(ByteView update, const StateVector& since) {
  return diff<EncoderV2>(update, UpdateFormat::kV2, since);
}

Result<Bytes> select_clients(ByteView update, const std::function<bool(ClientId)>& keep) {
  Input input;
  COTERIE_CHECK(input.parse(update, UpdateFormat::kV1));
  SectionWriter<EncoderV1> out(update.size());
  WireStruct read;
  for (const WireSection& section : input.sections()) {
    if (!keep(section.client)) continue;
    for (StructReader reader(section); !reader.done();) {
      reader.next(read);
      out.write(read, 0);
    }
  }
  return out.finish(deletes_for<EncoderV1>(input));
}

Result<Bytes> without_collected(ByteView update) {
  Input input;
  COTERIE_CHECK(input.parse(update, UpdateFormat::kV1));
  SectionWriter<EncoderV1> out(update.size());
  WireStruct read;
  for (const WireSection& section : input.sections()) {
    WireStruct gap;
    gap.kind = ContentKind::kSkip;
    gap.client = section.client;
    bool begun = false;
    for (StructReader reader(section); !reader.done();) {
      reader.next(read);
      if (read.kind == ContentKind::kGc || read.kind == ContentKind::kDeleted ||
          read.kind == ContentKind::kSkip) {
        if (gap.length == 0) gap.clock = read.clock;
        gap.length += read.length;
        continue;
      }
      if (begun && gap.length > 0) out.write(gap, 0);
      gap.length = 0;
      begun = true;
      out.write(read, 0);
    }
  }
  return out.finish(deletes_for<EncoderV1>(input));
}

Result<Bytes> state_deletes(ByteView update) {
  Input input;
  COTERIE_CHECK(input.parse(update, UpdateFormat::kV1));
  std::vector<DeleteRange<ClientId>> more;
  input.for_each_struct([&](const WireSection&, const WireStruct& read) {
    if (read.kind != ContentKind::kDeleted) return;
    if (!more.empty() && more.back().client == read.client &&
        more.back().clock + more.back().length == read.clock) {
      more.back().length += read.length;
    } else {
      more.push_back({read.client, read.clock, read.length});
    }
  });
  Bytes same(update.begin(), update.end());
  if (more.empty()) return same;
  auto told = input.deletes();
  sort_and_merge(told);
  const auto is_told = [&](const auto& range) {
    const auto after =
        std::upper_bound(told.begin(), told.end(), range, [](const auto& a, const auto& b) {
          return a.client != b.client ? a.client > b.client : a.clock < b.clock;
        });
    if (after == told.begin()) return false;
    const auto& holder = *std::prev(after);
    return holder.client == range.client &&
           holder.clock + holder.length >= range.clock + range.length;
  };
  if (std::all_of(more.begin(), more.end(), is_told)) return same;
  told.insert(told.end(), more.begin(), more.end());
  sort_and_merge(told);
  SectionWriter<EncoderV1> out(update.size());
  input.for_each_struct([&](const WireSection&, const WireStruct& read) { out.write(read, 0); });
  return out.finish(told);
}

Result<std::vector<Bytes>> split_update(ByteView update, std::size_t part_bytes) {
  Input input;
  COTERIE_CHECK(input.parse(update, UpdateFormat::kV1));
  if (update.size() <= part_bytes) return std::vector<Bytes>{Bytes(update.begin(), update.end())};
  return Splitter(input, part_bytes).run();
}

Result<Bytes> convert_update_v1_to_v2(ByteView update_v1) {
  return convert<EncoderV2>(update_v1, UpdateFormat::kV1);
}
Result<Bytes> convert_update_v2_to_v1(ByteView update_v2) {
  return convert<EncoderV1>(update_v2, UpdateFormat::kV2);
}

Result<StateVector> state_vector_from_update(ByteView update) {
  return state_vector(update, UpdateFormat::kV1);
}
Result<StateVector> state_vector_from_update_v2(ByteView update) {
  return state_vector(update, UpdateFormat::kV2);
}

Result<UpdateMeta> parse_update_meta(ByteView update) {
  return parse_meta(update, UpdateFormat::kV1);
}
Result<UpdateMeta> parse_update_meta_v2(ByteView update) {
  return parse_meta(update, UpdateFormat::kV2);
}

Result<UpdateListing> inspect_update(ByteView update) { return inspect(update, UpdateFormat::kV1); }
Result<UpdateListing> inspect_update_v2(ByteView update) {
  return inspect(update, UpdateFormat::kV2);
}

Status validate_update(ByteView update) { return Input().parse(update, UpdateFormat::kV1); }
Status validate_update_v2(ByteView update) { return Input().parse(update, UpdateFormat::kV2); }

template <typename Encoder>
Bytes internal::merge_stored(std::span<const Bytes> updates) {
  MergeInput input;
  ParsedUpdate parsed;
  for (const Bytes& update : updates) {
    parse_stored(update, parsed);
    input.add(parsed, update.size());
  }
  return input.merge<Encoder>();
}

template Bytes internal::merge_stored<internal::EncoderV1>(std::span<const Bytes>);
template Bytes internal::merge_stored<internal::EncoderV2>(std::span<const Bytes>);
template Bytes internal::merge_stored<internal::EncoderStored>(std::span<const Bytes>);

Bytes internal::diff_stored(ByteView update, const StateVector& since) {
  Input input;
  input.parse_stored(update);
  return diff<EncoderStored>(input, since);
}

}  // namespace coterie::crdt
