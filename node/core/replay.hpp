// Replay: makes a document from its updates in canonical order, so that the result is a function of
// the updates and not of what was deleted or collected when.
//
// Contents first: what comes without content (GCs, deleted items) takes the ids that nothing else
// takes, in a second pass. And nothing is forgotten on the way, so that each update is compared
// with all that was ever said before it. The result is then read into a document that collects.

#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/admission.hpp"

namespace coterie::node {

class Replay {
 public:
  /// `gate` may be null. Until finish(), another replay of that document must not begin. `base`:
  /// what the updates that are not shown made of it.
  Replay(UpdateGate* gate, const DocumentId& id, const std::optional<Bytes>& base = {});

  /// Only to look: the same result, and the gate takes note of nothing.
  explicit Replay(const UpdateGate* gate, const std::optional<Bytes>& base = {});

  /// The next update in canonical order. What the gate refuses of it, or all that does not apply,
  /// is left out: it was reported when it came. Returns what was taken, valid until the next call;
  /// nothing if that is nothing. What comes without content takes ids in the order of `time`, then
  /// of this: whoever wrote first says what else was there by then.
  std::optional<ByteView> take(const EntryRef& ref, ByteView update, bool carried,
                               std::uint64_t time = 0);

  /// Reads what came of it into `into`, which is empty.
  void finish(crdt::Doc& into);

  /// With all that was deleted. To ask what was there.
  crdt::Doc& uncollected();

 private:
  void begin(ByteView base);
  void complete();

  UpdateGate::Judgement judge(const UpdateGate::Candidate& candidate);

  UpdateGate* gate_ = nullptr;         ///< Takes note.
  const UpdateGate* asked_ = nullptr;  ///< Does not.
  DocumentId id_;
  crdt::Doc doc_;
  Bytes taken_;
  /// With something that has no content.
  std::vector<std::pair<std::uint64_t, Bytes>> incomplete_;
};

}  // namespace coterie::node
