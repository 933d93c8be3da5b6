// PermanentUserData: which person is behind a client id, and who deleted what, kept in the
// document.
//
// Authors of what is there are known by attribution.hpp as client ids; a person has a new one with
// each session. This keeps, in a map of the document, per person the client ids, and the sets of
// what was deleted under them. Yjs: src/utils/PermanentUserData.js, which reads and writes the
// same:
//
//     users: Map of description -> Map { "ids": Array of client ids,
//                                        "ds": Array of delete sets v1 (id_set.hpp) as binary }
//
//     PermanentUserData users(doc);
//     auto status = users.set_user_mapping(doc.client_id(), "Ada");
//     users.user_by_client_id(range.ids.client);      // of an AttributedRange

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/base/result.hpp"
#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"
#include "crdt/map.hpp"
#include "crdt/transaction.hpp"

namespace coterie::crdt {

namespace internal {
class UserData;
}  // namespace internal

/// Observes its map, and after set_user_mapping() the document. Movable; may outlive the document,
/// and then learns no more. Anybody who may edit the document may claim to be anybody here.
class PermanentUserData {
 public:
  /// False: what this transaction deleted is not recorded.
  using Filter = std::function<bool(const Transaction&, const IdSet& deleted)>;

  /// In the root map "users".
  explicit PermanentUserData(Doc& doc) : PermanentUserData(doc.map("users")) {}
  explicit PermanentUserData(const Map& users);
  PermanentUserData(PermanentUserData&& other) noexcept;
  PermanentUserData& operator=(PermanentUserData&& other) noexcept;
  ~PermanentUserData();

  /// Notes that `client` is `description`, and from now on records what is deleted here as theirs,
  /// each time in a transaction of its own. Errors: kMalformed (not UTF-8), kNotFound (the map is
  /// gone), kConflict (something else is in its place in the map).
  Status set_user_mapping(ClientId client, std::string_view description, Filter filter = nullptr);

  std::optional<std::string> user_by_client_id(ClientId client) const;
  /// O(users log ranges).
  std::optional<std::string> user_by_deleted_id(const Id& id) const;

  const std::map<ClientId, std::string>& clients() const;
  const std::map<std::string, IdSet, std::less<>>& deletions() const;

 private:
  std::unique_ptr<internal::UserData> data_;
};

}  // namespace coterie::crdt
