// A subdocument of a Store: what a Subdoc refers to.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/internal/item.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::crdt {
class Doc;
}

namespace coterie::crdt::internal {

class Store;

struct Subdocument {
  Subdocument() = default;
  Subdocument(const Subdocument&) = delete;
  Subdocument& operator=(const Subdocument&) = delete;
  ~Subdocument();

  Store* parent = nullptr;     ///< Null once it is removed or destroyed, or the parent is gone.
  LocalId id;                  ///< Of its item.
  std::uint64_t added = 0;     ///< When it joined the parent's set, by a count; 0: it is not in it.
  std::uint64_t added_in = 0;  ///< The transaction that says so; 0 once that deleted it again.
  std::string guid;
  Any meta = Any::Null();
  bool gc = true;
  bool auto_load = false;
  bool should_load = false;
  bool destroyed = false;
  std::optional<std::string> collection_id;
  ClientId client_id = 0;
  std::unique_ptr<Doc> doc;
};

/// What a transaction did to subdocuments, in the order it did.
struct SubdocChanges {
  std::vector<std::shared_ptr<Subdocument>> added;
  std::vector<std::shared_ptr<Subdocument>> removed;
  std::vector<std::shared_ptr<Subdocument>> loaded;
};

}  // namespace coterie::crdt::internal
