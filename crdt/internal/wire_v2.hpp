// Update v2 on the wire: reading. The columns of an update are read side by side, once, and written
// down as the same structs in v1, with values in their stored form; all of the engine that reads
// structs then reads those. A pass of its own over a whole state costs less than the checks of v1
// that it stands for, and the v1 form is what pending structs are kept in, whichever way they came.
// (Layout of the columns: encoder.hpp. Source: yjs src/utils/UpdateDecoder.js.)
//
// Two things of v2 cannot be said in v1. A string of JavaScript may hold half a surrogate pair, and
// v2 cuts strings from one text by lengths: a cut inside a pair makes U+FFFD on both sides. And the
// lengths of runs are free: see kUpdateStructsMax, kUpdateExpansionMax in update.hpp.

#pragma once

#include <vector>

#include "crdt/internal/wire.hpp"

namespace coterie::crdt::internal {

/// Updates v2 written down one after the other in v1, in one buffer.
class Transcriber {
 public:
  /// Takes in one more. Errors as of parse_update(); what was taken in before stays.
  Status add(ByteView update_v2);

  /// Forgets all, and keeps the room unless there is much of it.
  void clear() {
    if (out_.capacity() > kKeptBytesMax) out_ = WireWriter();
    out_.clear();
    sections_.clear();
  }

  /// Sections of all updates since clear(), and how many there are. Pointers into the buffer are
  /// good until the next add().
  std::size_t section_count() const { return sections_.size(); }
  void sections(std::vector<WireSection>& out) const;
  /// The delete set of the last update; as above.
  ByteView delete_set() const { return out_.view().subspan(delete_set_); }
  std::size_t size() const { return out_.size(); }

 private:
  friend class ReaderV2;

  static constexpr std::size_t kKeptBytesMax = 64u << 10;

  /// `begin` and `end` of `section` are not set: the buffer may move.
  struct Section {
    WireSection section;
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  WireWriter out_;
  std::vector<Section> sections_;
  std::size_t delete_set_ = 0;
};

/// As parse_update() for v2. `buffer` is cleared; `out` points into it.
Status parse_update_v2(ByteView update, Transcriber& buffer, ParsedUpdate& out);

}  // namespace coterie::crdt::internal
