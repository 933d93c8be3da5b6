// Properties of documents: of each, the newest word that counts.
//
// Newest: by time (hybrid clock), then entry hash. Counts: what EntryJudge says of its author's
// right to edit, asked anew when membership moves; so what is disputed, released or refused later
// needs no rebuild. Of one device and document kPropertyKeysMax keys are looked at, in the order of
// their tags (room_index.hpp), and kPropertyWordsMax words on each, the newest.
//
//     kRooms  'p' document:16 device:32 tag:17 when -> ref   (when, ref: rooms.hpp)
//
// In memory: which documents have any; of those that were asked about, the words.
//
// Single-threaded owner.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/core/admission.hpp"
#include "node/core/document_store.hpp"
#include "node/core/ledger.hpp"
#include "node/core/rooms/property_records.hpp"
#include "node/core/rooms/room.hpp"

namespace coterie::node {

class Properties final : public DocumentPlaces {
 public:
  /// Both must outlive it.
  Properties(const Ledger& ledger, const EntryJudge& judge) : ledger_(ledger), judge_(judge) {}

  /// Reads what the store has. Cost: O(rows). Errors: kCorrupt, kIo.
  Status load();
  /// A record that is staged, ours or another's.
  void note(const LedgerRecord& record, const PropertiesRecord& decoded);

  struct Word {
    RoomMoment moment;
    std::string value;  ///< Empty: it was taken away.
  };
  using Words = std::map<std::string, Word, std::less<>>;
  /// Valid until the next call. What cannot be read counts for nothing. Cost: O(log documents);
  /// after a new word or when membership moved, some 20 us a word.
  const Words& of(const DocumentId& document) const;
  /// What is said, without where it is. Valid until the next call; costs as of().
  const PropertyValues& values(const DocumentId& document) const;

  /// Documents that were moved, put away or thrown away, whether that counts or not.
  const std::set<DocumentId>& placed() const { return placed_; }

  // DocumentPlaces.
  Place place_of(const DocumentId& document) const override;

 private:
  using Heads = std::shared_ptr<const std::vector<Hash>>;
  /// What may be said by it, and whether that counts.
  struct Judged {
    EntryRef ref;
    Hash hash;
    Heads heads;
    EntryJudge::Verdict verdict;
  };
  struct Cached {
    EntryJudge::Epoch epoch;
    std::vector<Judged> judged;
    Words words;
    PropertyValues values;
  };
  struct Said {
    RoomMoment moment;
    PropertyValues values;
    bool counts = false;
  };
  /// That the store does not show yet.
  struct Fresh {
    std::uint64_t batch = 0;
    Judged judged;
    Said said;
    std::vector<std::pair<Bytes, Bytes>> rows;
  };
  using Rows = std::map<Bytes, EntryRef>;  ///< By key.

  const Cached* find(const DocumentId& document) const;
  bool still(const DocumentId& document, Cached& cached) const;
  void read(const DocumentId& document, Cached& cached) const;
  void read_device(const DocumentId& document, const Bytes& prefix, Cached& cached) const;
  Rows group(const Bytes& begin, const Bytes& end, std::size_t shared, std::size_t most) const;
  const Said& said(const DocumentId& document, const EntryRef& ref, Cached& cached) const;
  Heads share(const std::vector<Hash>& heads) const;
  static void take(const std::string& key, Word said, Words& words);

  const Ledger& ledger_;
  const EntryJudge& judge_;
  std::set<DocumentId> known_;   ///< Those with any.
  std::set<DocumentId> placed_;  ///< Of these.
  mutable std::map<DocumentId, std::vector<Fresh>> fresh_;
  mutable std::map<DocumentId, Cached> cached_;
  // Of the document that is being read:
  mutable std::map<std::pair<LogId, Seq>, Said> reading_;
  mutable Rows unwritten_;
  mutable Heads last_heads_;  ///< Most entries name the same.
};

}  // namespace coterie::node
