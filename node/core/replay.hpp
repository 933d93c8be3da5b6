// Replay: makes a document from its updates in canonical order, so that the result is a function of
// the updates and not of what was deleted or collected when.
//
// Contents first: what comes without content (GCs, deleted items) takes the ids that nothing else
// takes, in a second pass. And nothing is forgotten on the way, so that each update is compared
// with all that was ever said before it. The result is then read into a document that collects.

#pragma once

#include <optional>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/admission.hpp"

namespace coterie::node {

class Replay {
 public:
  /// `gate` may be null. Until finish(), another replay of that document must not begin.
  Replay(UpdateGate* gate, const DocumentId& id);

  /// The next update in canonical order. What the gate refuses of it, or all that does not apply,
  /// is left out: it was reported when it came. Returns what was taken, valid until the next call;
  /// nothing if that is nothing.
  std::optional<ByteView> take(const EntryRef& ref, ByteView update, bool carried);

  /// Reads what came of it into `into`, which is empty.
  void finish(crdt::Doc& into);

  /// With all that was deleted. To ask what was there.
  crdt::Doc& uncollected();

 private:
  void complete();

  UpdateGate* gate_;
  DocumentId id_;
  crdt::Doc doc_;
  Bytes taken_;
  std::vector<Bytes> incomplete_;  ///< With something that has no content.
};

}  // namespace coterie::node
