// Which content entries count, and what else an update must pass before it is applied.
//
// UpdateGate is where the rule of Yjs client ids plugs in: an update that counts by its author's
// standing may still be refused as a whole, because it carries other bytes under ids that are held
// already, or client ids that another's log declares. Which of two that contradict each other is
// refused must not depend on which came first; so a gate may ask for a rebuild, which applies all
// that counts in one canonical order:
//
//     rank() of the update, then seniority of the device, then log, then sequence number
//
// Single-threaded owner.

#pragma once

#include "crdt/base/bytes.hpp"
#include "crdt/doc.hpp"
#include "node/core/schema.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

class UpdateGate {
 public:
  enum class Verdict : std::uint8_t {
    kApply,
    kRefuse,   ///< Not applied, whatever came first: it is wrong by itself, or by rank.
    kRebuild,  ///< Not applied now: the order of arrival decided. Within a rebuild as kRefuse.
  };

  virtual ~UpdateGate() = default;

  /// Of a whole update (parts joined) that counts, before it is applied to `doc`, which holds what
  /// was applied before. `ref` is its entry, or the last one of its parts. Called again for the
  /// same update when a document is loaded from its tail: must then say the same.
  virtual Verdict judge(const DocumentId& document, const crdt::Doc& doc, const EntryRef& ref,
                        ByteView update) = 0;

  /// Its place in the canonical order before seniority; smaller comes first.
  virtual std::uint8_t rank(const DocumentId& document, const EntryRef& ref,
                            ByteView update) const = 0;

  /// A rebuild of `document` begins: judge() is asked for all its updates anew, in canonical order.
  virtual void restart(const DocumentId& document) = 0;
};

}  // namespace coterie::node
