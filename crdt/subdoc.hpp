// Subdoc: a document that stands as a value in a map or an array of another one. Yjs: a Y.Doc
// inserted into another (src/structs/ContentDoc.js, src/utils/Doc.js).
//
// The parent carries the subdocument's guid and options only; its content is exchanged apart, by
// whoever loads it. Here the parent owns a Doc for each subdocument somebody asks the Doc of.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/any.hpp"

namespace coterie::crdt {

class Doc;

namespace internal {
class Store;
struct Subdocument;
}  // namespace internal

/// A handle. Stays usable when the subdocument is removed or its parent goes: it keeps its Doc.
/// Equal if it is the same place of the same document.
class Subdoc {
 public:
  const std::string& guid() const;
  /// What the author said of it; null if nothing.
  const Any& meta() const;
  bool auto_load() const;
  bool collects_garbage() const;
  /// Whether it is to be exchanged: the author of an insertion means to, peers do once they call
  /// load(), or at once with auto_load().
  bool should_load() const;
  /// The parent's, if it had none when it was added.
  const std::optional<std::string>& collection_id() const;

  /// Asks for its content: the parent's on_subdocs() is told, once.
  void load();

  /// Its document, empty when first asked for; client id as the parent's. Never moved from.
  Doc& doc();

  /// Ends the Doc (Doc::destroy) and puts a fresh one, not to be loaded, in its place; the parent's
  /// on_subdocs() is told. Other handles to the old one stay with it.
  void destroy();
  bool destroyed() const;

  bool operator==(const Subdoc&) const = default;

 private:
  friend class internal::Store;
  explicit Subdoc(std::shared_ptr<internal::Subdocument> state) : state_(std::move(state)) {}

  std::shared_ptr<internal::Subdocument> state_;
};

/// What one transaction did to the subdocuments of a document. As in Yjs, one that is removed from
/// its map or array is told of twice: when it is, and when it has been destroyed for it.
struct SubdocsEvent {
  std::vector<Subdoc> added;
  std::vector<Subdoc> removed;
  std::vector<Subdoc> loaded;
};

}  // namespace coterie::crdt
