// Array: a shared sequence of values. Yjs: Y.Array (src/types/YArray.js).

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/result.hpp"
#include "crdt/shared_type.hpp"

namespace coterie::crdt {

/// See shared_type.hpp for lifetime and staleness. Mutations run in the current Doc::transact(), or
/// in a transaction of their own. Errors of mutations: kMalformed (index or count past the end,
/// string not UTF-8), kNotFound (stale handle); nothing changed then.
class Array : public SharedType {
 public:
  /// O(1).
  std::uint64_t size() const;

  /// O(log items).
  std::optional<Value> get(std::uint64_t index) const;
  std::vector<Value> values() const;

  /// O(log items + values).
  Status insert(std::uint64_t index, std::span<const Any> values);
  Status push(const Any& value);
  /// Inserts a new, empty type.
  Result<Text> insert_text(std::uint64_t index);
  Result<Map> insert_map(std::uint64_t index);
  Result<Array> insert_array(std::uint64_t index);

  Status remove(std::uint64_t index, std::uint64_t count);

 private:
  friend class SharedType;
  friend class Doc;
  friend class Map;
  friend class Text;
  explicit Array(const SharedType& type) : SharedType(type) {}
};

}  // namespace coterie::crdt
