#include "crdt/update.hpp"

#include <algorithm>

#include "crdt/internal/wire.hpp"

namespace coterie::crdt {
namespace {

using internal::ContentKind;
using internal::DeleteRange;
using internal::ParsedUpdate;
using internal::StructReader;
using internal::WireSection;
using internal::WireStruct;
using internal::WireWriter;

/// Collects structs into sections: a section's count goes before it, and is known at its end.
class SectionWriter {
 public:
  explicit SectionWriter(std::size_t expected) : structs_(expected) {}

  void write(const WireStruct& source, std::uint32_t offset) {
    if (sections_.empty() || sections_.back().client != source.client) {
      sections_.push_back({.client = source.client,
                           .clock = source.clock + offset,
                           .count = 0,
                           .begin = structs_.size()});
    }
    ++sections_.back().count;
    internal::write_struct(structs_, source, offset);
  }

  Bytes finish(const std::vector<DeleteRange<ClientId>>& deletes) {
    const Bytes structs = structs_.take();
    WireWriter out(structs.size() + 32 * sections_.size() + 12 * deletes.size() + 64);
    out.varuint(sections_.size());
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      const Section& section = sections_[i];
      const std::size_t end = i + 1 < sections_.size() ? sections_[i + 1].begin : structs.size();
      out.reserve(32 + end - section.begin);
      out.varuint(section.count);
      out.id(section.client, section.clock);
      out.bytes(ByteView(structs).subspan(section.begin, end - section.begin));
    }
    internal::write_delete_set(out, deletes);
    return out.take();
  }

 private:
  struct Section {
    ClientId client;
    std::uint32_t clock;
    std::uint64_t count;
    std::size_t begin;
  };
  WireWriter structs_;
  std::vector<Section> sections_;
};

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
  SectionWriter out_;
  WireStruct next_;
  WireStruct write_;  ///< Read but not yet written: it may grow, or be followed by a Skip.
  std::uint32_t offset_ = 0;
  bool writing_ = false;
};

template <typename Updates>
Result<Bytes> merge(const Updates& updates) {
  if (updates.empty()) return Bytes{0, 0};
  std::vector<WireSection> sections;
  std::vector<std::size_t> ends;
  std::vector<DeleteRange<ClientId>> deletes;
  std::size_t bytes = 0;
  ParsedUpdate parsed;
  ends.reserve(updates.size());
  for (const auto& update : updates) {
    COTERIE_CHECK(internal::parse_update(update, parsed));
    sections.insert(sections.end(), parsed.sections.begin(), parsed.sections.end());
    ends.push_back(sections.size());
    internal::for_each_delete(parsed.delete_set,
                              [&](ClientId client, std::uint32_t clock, std::uint32_t length) {
                                deletes.push_back({client, clock, length});
                              });
    bytes += update.size();
  }
  if (updates.size() == 1) return Bytes(updates[0].begin(), updates[0].end());
  internal::sort_and_merge(deletes);
  std::vector<Source> sources;
  sources.reserve(updates.size());
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    sources.emplace_back(sections.data() + begin, sections.data() + end);
    begin = end;
  }
  return Merger(std::move(sources), bytes).run(deletes);
}

/// Calls `each(section, struct)` for all structs, Skips included.
template <typename Each>
void for_each_struct(const ParsedUpdate& parsed, Each each) {
  WireStruct read;
  for (const WireSection& section : parsed.sections) {
    for (StructReader reader(section); !reader.done();) {
      reader.next(read);
      each(section, read);
    }
  }
}

}  // namespace

Result<Bytes> merge_updates(std::span<const ByteView> updates) { return merge(updates); }
Result<Bytes> merge_updates(std::span<const Bytes> updates) { return merge(updates); }

Result<Bytes> diff_update(ByteView update, const StateVector& since) {
  ParsedUpdate parsed;
  COTERIE_CHECK(internal::parse_update(update, parsed));
  SectionWriter out(update.size());
  WireStruct read;
  for (const WireSection& section : parsed.sections) {
    const Clock known = since.clock_of(section.client);
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
  std::vector<DeleteRange<ClientId>> deletes;
  internal::for_each_delete(parsed.delete_set,
                            [&](ClientId client, std::uint32_t clock, std::uint32_t length) {
                              deletes.push_back({client, clock, length});
                            });
  std::stable_sort(deletes.begin(), deletes.end(),
                   [](const auto& a, const auto& b) { return a.client > b.client; });
  return out.finish(deletes);
}

Result<StateVector> state_vector_from_update(ByteView update) {
  ParsedUpdate parsed;
  COTERIE_CHECK(internal::parse_update(update, parsed));
  StateVector vector;
  for (const WireSection& section : parsed.sections) {
    if (section.clock != 0) continue;
    std::uint32_t clock = 0;
    WireStruct read;
    for (StructReader reader(section); !reader.done();) {
      reader.next(read);
      if (read.kind == ContentKind::kSkip) break;
      clock = read.end();
    }
    vector.advance(section.client, clock);
  }
  return vector;
}

Result<UpdateMeta> parse_update_meta(ByteView update) {
  ParsedUpdate parsed;
  COTERIE_CHECK(internal::parse_update(update, parsed));
  UpdateMeta meta;
  for_each_struct(parsed, [&](const WireSection& section, const WireStruct& read) {
    meta.from.emplace(section.client, section.clock);
    meta.to[section.client] = read.end();
  });
  return meta;
}

Result<UpdateListing> inspect_update(ByteView update) {
  ParsedUpdate parsed;
  COTERIE_CHECK(internal::parse_update(update, parsed));
  UpdateListing listing;
  for_each_struct(parsed, [&](const WireSection&, const WireStruct& read) {
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
  internal::for_each_delete(parsed.delete_set,
                            [&](ClientId client, std::uint32_t clock, std::uint32_t length) {
                              listing.deletes.push_back({client, clock, length});
                            });
  return listing;
}

Status validate_update(ByteView update) {
  ParsedUpdate parsed;
  return internal::parse_update(update, parsed);
}

}  // namespace coterie::crdt
