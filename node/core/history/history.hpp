// History: all that ever counted in one document, to be asked what it was and who made it so.
//
// Loaded from the entries for a question and then forgotten: the document with all that was ever
// deleted in it, and for each update, in the order in which they were written, which elements it
// brought and deleted. A version is then a Yjs snapshot of that document.
//
// What was written together with something it needs that comes later (by clocks that lie) is there
// when that is.
//
// Single-threaded owner. Memory: the document, and about 200 bytes an update.

#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/snapshot.hpp"
#include "node/core/history/provenance.hpp"
#include "node/core/history/timeline.hpp"
#include "node/core/history/versions.hpp"
#include "node/core/views.hpp"

namespace coterie::node {

class History {
 public:
  /// Reads all of `document` that counts. `gate` may be null. Cost: Views::for_each_update(), and
  /// a replay of the document. Errors: kCorrupt, kIo.
  static Result<History> load(Now now, Views& views, const UpdateGate* gate,
                              const DocumentId& document);

  /// As load(), of updates in canonical order that `source` visits.
  using Visit = std::function<Status(const Views::CountedUpdate&)>;
  using Source = std::function<Result<Views::HistoryNotes>(const Visit&)>;
  static Result<History> make(const UpdateGate* gate, const Source& source);

  /// What is older than the newest `limit` is counted only. Automatic versions and named ones.
  VersionList versions(WallMillis now, std::size_t limit) const;

  struct Found {
    VersionFound version;
    crdt::Snapshot snapshot;
    Bytes written;  ///< Of a named one: its snapshot as it was signed.
  };
  /// Errors: kNotFound; kConflict (several names or ids fit); kMalformed (a snapshot that was
  /// signed, and is none).
  Result<Found> find(const VersionChoice& choice) const;

  /// The first that `fits` of what there was after so many updates as were written up to `time`,
  /// or up to `most` fewer, or more. Cost: at most 2 * most + 1 times O(document).
  std::optional<crdt::Snapshot> find_around(
      WallMillis time, std::size_t most,
      const std::function<bool(const crdt::Snapshot&)>& fits) const;

  /// Errors: kLimitExceeded (kHistoryAnswerBytesMax).
  Result<VersionContent> read(const Found& found) const;
  /// Errors: kLimitExceeded (that, and kHistoryRangesMax).
  Result<VersionDiff> diff(const Found& from, const Found& to) const;
  Result<Blame> blame(const Found& at) const;

  /// Records about names that count of `device`, and whether a version is called `name`.
  std::size_t names_of(const DeviceId& device) const;
  bool has_name(const std::string& name) const;
  /// What the version of that moment and snapshot (encoded) is called; empty if it has no name.
  std::string name_of(WallMillis moment, ByteView snapshot) const;

  /// The document with all that was deleted; to be changed by who is done with the rest.
  crdt::Doc& doc() { return doc_; }
  const crdt::Doc& doc() const { return doc_; }

 private:
  struct Update {
    std::uint64_t time = 0;
    DeviceId device;
    Seq seq = 0;
    Hash hash;
    bool carried = false;
    std::uint32_t bytes = 0;
    // Into ranges_: what it says, what of that has content, what it deletes.
    std::size_t first = 0;
    std::uint32_t structs = 0;
    std::uint32_t contents = 0;
    std::uint32_t deletes = 0;
  };
  struct Origins {
    Claims inserted;
    Claims deleted;
  };
  class Walk;

  History() : doc_({.client_id = 0, .gc = false}) {}
  std::span<const crdt::IdRange> structs(const Update& update) const;
  std::span<const crdt::IdRange> contents(const Update& update) const;
  std::span<const crdt::IdRange> deletes(const Update& update) const;
  std::vector<Stretch> stretches(WallMillis now) const;
  std::vector<VersionInfo> automatic(WallMillis now) const;
  Result<crdt::Snapshot> settled(crdt::Snapshot raw) const;
  Result<Found> after(std::size_t updates) const;
  std::size_t updates_until(WallMillis time) const;
  void take_names(std::vector<Views::NamedVersion> records);
  Result<Found> named(const Views::NamedVersion& version) const;
  Result<Found> by_id(const std::string& digits) const;
  const Origins& origins() const;

  crdt::Doc doc_;
  std::vector<Update> updates_;  ///< By time, device, number, hash.
  std::vector<crdt::IdRange> ranges_;
  std::vector<Views::NamedVersion> named_;  ///< By time; of each version the name it has now.
  std::map<DeviceId, std::size_t> names_made_;
  HistoryLimits limits_;
  WallMillis floor_time_ = 0;  ///< Of what was pruned, the newest.
  mutable std::optional<Origins> origins_;
};

/// All that `snapshot` shows of `doc`, which forgot nothing, as one string: equal for what reads
/// equal. O(document).
std::string rendering(const crdt::Doc& doc, const crdt::Snapshot& snapshot);

}  // namespace coterie::node
