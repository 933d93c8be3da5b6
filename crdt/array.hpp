// Array: a shared sequence of values. Yjs: Y.Array (src/types/YArray.js).

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/result.hpp"
#include "crdt/content.hpp"
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
  /// From `start` to before `end`; negative ones count from the end. O(log items + values).
  std::vector<Value> slice(std::int64_t start, std::int64_t end = INT64_MAX) const;
  void for_each(const std::function<void(const Value& value, std::uint64_t index)>& each) const;

  /// O(log items + values).
  Status insert(std::uint64_t index, std::span<const Any> values);
  Status push(const Any& value);
  /// Values of every kind: plain ones, new types with what they hold, new subdocuments.
  Status insert(std::uint64_t index, std::span<const NewValue> values);
  Status push(std::span<const NewValue> values);
  Status unshift(std::span<const NewValue> values) { return insert(0, values); }
  Result<SharedType> insert(std::uint64_t index, const NewType& type);
  Result<Subdoc> insert(std::uint64_t index, const NewDoc& doc);
  /// Inserts a new, empty type.
  Result<Text> insert_text(std::uint64_t index);
  Result<Map> insert_map(std::uint64_t index);
  Result<Array> insert_array(std::uint64_t index);

  Status remove(std::uint64_t index, std::uint64_t count = 1);

 private:
  friend class SharedType;
  friend class Doc;
  friend class Map;
  friend class Text;
  explicit Array(const SharedType& type) : SharedType(type) {}
};

}  // namespace coterie::crdt
