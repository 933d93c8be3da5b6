// Guests: what hosts said of those who take part in a document at a member's bridge without a
// device of their own, as the entries that are held make it.
//
//     counts    what a host wrote: EntryJudge's word on the right kHost, asked when it is read
//     standing  the newest word about that guest (by hybrid clock, then entry hash) that counts;
//               none: as the device of its bridge. Never more than that device may do there.
//     session   the newest word about it; none: open. While it has ended guests are out; members
//               are not.
//
// The device of the bridge signs what its guests write and says who they were. So bridges enforce
// this against guests; replicas, against bridges that do not: what a guest says in a room after it
// was out (by the clocks of both entries) is not shown by anybody. A bridge that lies, about the
// time or about who its guest was, answers for it with its device: a host lowers or removes that.
//
// On disk (room_index.hpp): kRooms 'g' document:16 device:32 size:u8 guest when -> ref, where
// device and guest are zero and empty for the session.
//
// Single-threaded owner. Cost of a question: one or two short scans.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/core/admission.hpp"
#include "node/core/ledger.hpp"
#include "node/core/people.hpp"
#include "node/core/rooms/guest_records.hpp"

namespace coterie::node {

class Guests {
 public:
  /// Both must outlive it.
  Guests(const Ledger& ledger, const EntryJudge& judge) : ledger_(ledger), judge_(judge) {}

  /// The most that a guest may do: now, or by the words up to `time` (hybrid clock). Nothing: it is
  /// out, or the session has ended.
  std::optional<Role> standing(const DocumentId& document, const DeviceId& device,
                               const std::string& guest,
                               std::optional<std::uint64_t> time = {}) const;
  /// Whether the session has ended and is not open again.
  bool ended(const DocumentId& document, std::optional<std::uint64_t> time = {}) const;
  /// Those of whom something is said. At most kGuestsShownMax. Errors: kIo.
  Result<std::vector<GuestInfo>> all(const DocumentId& document) const;

 private:
  std::optional<GuestRecord> newest(const Bytes& prefix, std::optional<std::uint64_t> time) const;
  std::optional<GuestRecord> read(ByteView row) const;

  const Ledger& ledger_;
  const EntryJudge& judge_;
};

}  // namespace coterie::node
