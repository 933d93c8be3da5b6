#include "crdt/permanent_user_data.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "crdt/event.hpp"
#include "crdt/internal/access.hpp"
#include "crdt/internal/editing.hpp"

namespace coterie::crdt {

namespace internal {

/// What a PermanentUserData is: it is observed by address, so it does not move.
class UserData {
 public:
  explicit UserData(const Map& users) : store_(Access::store(users)), users_(users) {
    watching_ = users.observe([this](const Event& event, const TransactionView&) {
      for (const std::string& description : event.keys_changed()) read(description);
      for (const Mapping& mapping : mappings_) port(mapping.description);
    });
    for (const std::string& description : users.keys()) read(description);
  }
  UserData(const UserData&) = delete;
  UserData& operator=(const UserData&) = delete;

  Status map_user(ClientId client, std::string_view description, PermanentUserData::Filter filter);

  std::map<ClientId, std::string> clients;
  std::map<std::string, IdSet, std::less<>> deletions;

 private:
  struct User {
    std::optional<Array> ids;
    std::optional<Array> deletes;
    std::vector<Subscription> watching;
  };
  struct Mapping {
    std::string description;
    Subscription watching;
  };

  std::optional<Array> array_of(const Map& user, std::string_view key) const {
    const auto value = user.get(key);
    const auto* type = value ? std::get_if<SharedType>(&*value) : nullptr;
    if (type == nullptr || type->kind() != TypeKind::kArray) return std::nullopt;
    return type->as_array();
  }
  void read(const std::string& description);
  void learn_id(const std::string& description, const Value& value);
  void learn_deletes(const std::string& description, const Value& value);
  void port(const std::string& description);
  void record(const std::string& description, const TransactionView& transaction,
              const PermanentUserData::Filter& filter);

  Store& store_;
  Map users_;
  std::map<std::string, User> known_;
  std::vector<Mapping> mappings_;
  std::map<std::string, SharedType> ported_;  ///< Where the mapped ones were written last.
  Subscription watching_;
};

/// What others write may be anything: what is no such thing is passed over.
void UserData::learn_id(const std::string& description, const Value& value) {
  const Any* const any = std::get_if<Any>(&value);
  const double* const number = any == nullptr ? nullptr : any->get_if<double>();
  if (number == nullptr || std::trunc(*number) != *number || *number < 0 ||
      *number > static_cast<double>(kSafeIntegerMax)) {
    return;
  }
  clients[static_cast<ClientId>(*number)] = description;
}

void UserData::learn_deletes(const std::string& description, const Value& value) {
  const Any* const any = std::get_if<Any>(&value);
  const Bytes* const bytes = any == nullptr ? nullptr : any->get_if<Bytes>();
  if (bytes == nullptr) return;
  ByteReader in(*bytes);
  if (const auto set = IdSet::decode(in)) deletions[description].merge(*set);
}

void UserData::read(const std::string& description) {
  User& user = known_[description];
  user = {};
  const auto value = users_.get(description);
  const auto* type = value ? std::get_if<SharedType>(&*value) : nullptr;
  if (type == nullptr || type->kind() != TypeKind::kMap) return;
  user.ids = array_of(type->as_map(), "ids");
  user.deletes = array_of(type->as_map(), "ds");
  const auto follow = [&](const std::optional<Array>& array, auto learn) {
    if (!array) return;
    for (const Value& held : array->values()) (this->*learn)(description, held);
    user.watching.push_back(
        array->observe([this, description, learn](const Event& event, const TransactionView&) {
          for (const DeltaOp& op : event.delta()) {
            const auto* values = std::get_if<std::vector<Value>>(&op.insert);
            if (values == nullptr) continue;
            for (const Value& added : *values) (this->*learn)(description, added);
          }
        }));
  };
  follow(user.ids, &UserData::learn_id);
  follow(user.deletes, &UserData::learn_deletes);
}

/// Somebody put another map in the place of a user of ours: what we know goes there too.
void UserData::port(const std::string& description) {
  const User& user = known_[description];
  if (!user.ids || !user.deletes) return;
  SharedType& last = ported_.at(description);
  if (last == *user.ids) return;
  last = *user.ids;
  const Edit edit(store_);
  Array ids = *user.ids;
  for (const auto& [client, held] : clients) {
    if (held == description) (void)ids.push(Any(static_cast<double>(client)));
  }
  const auto found = deletions.find(description);
  if (found == deletions.end() || found->second.empty()) return;
  Bytes bytes;
  found->second.encode_to(bytes);
  Array deletes = *user.deletes;
  (void)deletes.push(Any(std::move(bytes)));
}

void UserData::record(const std::string& description, const TransactionView& transaction,
                      const PermanentUserData::Filter& filter) {
  if (!transaction.local()) return;
  const IdSet deleted(transaction.deleted());
  if (deleted.empty() || (filter && !filter(transaction, deleted))) return;
  const User& user = known_[description];
  if (!user.deletes) return;
  Bytes bytes;
  deleted.encode_to(bytes);
  Array deletes = *user.deletes;
  (void)deletes.push(Any(std::move(bytes)));
}

Status UserData::map_user(ClientId client, std::string_view description,
                          PermanentUserData::Filter filter) {
  if (!users_.alive()) return kStale;
  if (!is_utf8(description)) return kNotUtf8;
  const std::string name(description);
  if (!users_.has(description)) {
    const Edit edit(store_);
    COTERIE_TRY(Map user, users_.set_map(description));
    COTERIE_CHECK(user.set_array("ids"));
    COTERIE_CHECK(user.set_array("ds"));
  }
  read(name);
  const User& user = known_[name];
  if (!user.ids || !user.deletes) {
    return Error{ErrorCode::kConflict, "no user in the map of users", 0};
  }
  ported_.insert_or_assign(name, *user.ids);
  Array ids = *user.ids;
  COTERIE_CHECK(ids.push(Any(static_cast<double>(client))));
  Subscription watching = store_.observe(
      store_.observers().after,
      std::function<void(const TransactionView&)>(
          [this, name, filter = std::move(filter)](const TransactionView& transaction) {
            record(name, transaction, filter);
          }),
      kWatchChanges);
  mappings_.push_back({name, std::move(watching)});
  return {};
}

}  // namespace internal

PermanentUserData::PermanentUserData(const Map& users)
    : data_(std::make_unique<internal::UserData>(users)) {}
PermanentUserData::PermanentUserData(PermanentUserData&& other) noexcept = default;
PermanentUserData& PermanentUserData::operator=(PermanentUserData&& other) noexcept = default;
PermanentUserData::~PermanentUserData() = default;

Status PermanentUserData::set_user_mapping(ClientId client, std::string_view description,
                                           Filter filter) {
  return data_->map_user(client, description, std::move(filter));
}

std::optional<std::string> PermanentUserData::user_by_client_id(ClientId client) const {
  const auto found = data_->clients.find(client);
  return found == data_->clients.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> PermanentUserData::user_by_deleted_id(const Id& id) const {
  for (const auto& [description, deleted] : data_->deletions) {
    if (deleted.contains(id)) return description;
  }
  return std::nullopt;
}

const std::map<ClientId, std::string>& PermanentUserData::clients() const { return data_->clients; }
const std::map<std::string, IdSet, std::less<>>& PermanentUserData::deletions() const {
  return data_->deletions;
}

}  // namespace coterie::crdt
