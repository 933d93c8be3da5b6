// Map: a shared map from string to value. Yjs: Y.Map (src/types/YMap.js).

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/result.hpp"
#include "crdt/content.hpp"
#include "crdt/shared_type.hpp"

namespace coterie::crdt {

/// See shared_type.hpp for lifetime and staleness. Mutations run in the current Doc::transact(), or
/// in a transaction of their own. Errors of mutations: kMalformed (key or string not UTF-8),
/// kNotFound (stale handle); nothing changed then.
class Map : public SharedType {
 public:
  /// Number of keys that hold a value. O(keys).
  std::uint64_t size() const;

  /// Keys that hold a value, in the order they first appeared here (which differs by replica).
  std::vector<std::string> keys() const;

  bool has(std::string_view key) const;
  std::optional<Value> get(std::string_view key) const;

  /// Keys with their values, or the values alone, in the order of keys().
  std::vector<std::pair<std::string, Value>> entries() const;
  std::vector<Value> values() const;
  void for_each(const std::function<void(const Value& value, const std::string& key)>& each) const;

  Status set(std::string_view key, const Any& value);
  /// Puts a new type with what it holds under `key`, or a new subdocument.
  Result<SharedType> set(std::string_view key, const NewType& type);
  Result<Subdoc> set(std::string_view key, const NewDoc& doc);
  /// Puts a new, empty type under `key`.
  Result<Text> set_text(std::string_view key);
  Result<Map> set_map(std::string_view key);
  Result<Array> set_array(std::string_view key);

  /// Removing what is not there is no error and changes nothing.
  Status remove(std::string_view key);

  Status clear();

 protected:
  friend class SharedType;
  friend class Doc;
  friend class Array;
  friend class Text;
  explicit Map(const SharedType& type) : SharedType(type) {}
};

}  // namespace coterie::crdt
