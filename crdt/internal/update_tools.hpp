// What the functions on updates share, and those that the store needs itself.

#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "crdt/internal/encoder.hpp"
#include "crdt/internal/wire_v2.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::crdt::internal {

/// An update of either format, checked whole, as sections of v1.
class Input {
 public:
  Status parse(ByteView update, UpdateFormat format) {
    return format == UpdateFormat::kV1 ? parse_update(update, parsed_)
                                       : parse_update_v2(update, buffer_, parsed_);
  }
  void parse_stored(ByteView update) { internal::parse_stored(update, parsed_); }

  const std::vector<WireSection>& sections() const { return parsed_.sections; }
  ByteView delete_set() const { return parsed_.delete_set; }
  bool deletes_in_order() const { return parsed_.deletes_in_order; }

  /// Calls `each(section, struct)` for all structs, Skips included.
  template <typename Each>
  void for_each_struct(Each each) const {
    WireStruct read;
    for (const WireSection& section : parsed_.sections) {
      for (StructReader reader(section); !reader.done();) {
        reader.next(read);
        each(section, read);
      }
    }
  }

  /// The deleted ranges, by client descending, else in their order.
  std::vector<DeleteRange<ClientId>> deletes() const {
    std::vector<DeleteRange<ClientId>> ranges;
    for_each_delete(parsed_.delete_set,
                    [&](ClientId client, std::uint32_t clock, std::uint32_t length) {
                      ranges.push_back({client, clock, length});
                    });
    const auto before = [](const auto& a, const auto& b) { return a.client > b.client; };
    if (!std::is_sorted(ranges.begin(), ranges.end(), before)) {
      std::stable_sort(ranges.begin(), ranges.end(), before);
    }
    return ranges;
  }

 private:
  ParsedUpdate parsed_;
  Transcriber buffer_;
};

/// Collects structs into sections: a section's count goes before it, and is known at its end.
template <typename Encoder>
class SectionWriter {
 public:
  explicit SectionWriter(std::size_t expected) : out_(expected) {}

  void write(const WireStruct& source, std::uint32_t offset) {
    if (sections_.empty() || sections_.back().client != source.client) {
      sections_.push_back({.client = source.client,
                           .clock = source.clock + offset,
                           .count = 0,
                           .begin = out_.rest().size()});
      out_.section_client(source.client);
    }
    ++sections_.back().count;
    write_struct(out_, source, offset);
  }

  /// `deletes` as write_delete_set() wants them.
  Bytes finish(const std::vector<DeleteRange<ClientId>>& deletes) {
    const ByteView structs = out_.rest().view();
    WireWriter rest(structs.size() + 32 * sections_.size() + 12 * deletes.size() + 64);
    rest.varuint(sections_.size());
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      const Section& section = sections_[i];
      const std::size_t end = i + 1 < sections_.size() ? sections_[i + 1].begin : structs.size();
      rest.reserve(32 + end - section.begin);
      rest.varuint(section.count);
      Encoder::section_start(rest, section.client, section.clock);
      rest.bytes(structs.subspan(section.begin, end - section.begin));
    }
    write_delete_set<Encoder>(rest, deletes);
    return out_.finish_with(std::move(rest));
  }

 private:
  struct Section {
    ClientId client;
    std::uint32_t clock;
    std::uint64_t count;
    std::size_t begin;
  };
  Encoder out_;
  std::vector<Section> sections_;
};

/// The deletes of an update that goes on with them as they are.
template <typename Encoder>
std::vector<DeleteRange<ClientId>> deletes_for(const Input& input) {
  auto ranges = input.deletes();
  if (!Encoder::kDeletesAscend) return ranges;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].client == ranges[i - 1].client &&
        ranges[i].clock < ranges[i - 1].clock + ranges[i - 1].length) {
      sort_and_merge(ranges);
      break;
    }
  }
  return ranges;
}

/// As merge_updates(), from stored updates (EncoderStored) to the format of `Encoder`.
template <typename Encoder>
Bytes merge_stored(std::span<const Bytes> updates);

/// As diff_update(), from a stored update to a stored update.
Bytes diff_stored(ByteView update, const StateVector& since);

}  // namespace coterie::crdt::internal
