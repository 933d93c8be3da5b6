#include "crdt/doc.hpp"

#include <algorithm>

#include "crdt/internal/store.hpp"

namespace coterie::crdt {

using internal::kNone;
using internal::UpdateFormat;

Doc::Doc(const Options& options) : store_(std::make_unique<internal::Store>(options)) {
  COTERIE_ASSERT(options.client_id <= kSafeIntegerMax);
}
Doc::Doc(Doc&& other) noexcept = default;
Doc& Doc::operator=(Doc&& other) noexcept {
  if (this == &other) return *this;
  if (store_ != nullptr) store_->tell_destroyed();
  store_ = std::move(other.store_);
  return *this;
}
Doc::~Doc() {
  if (store_ != nullptr) store_->tell_destroyed();
}

const std::string& Doc::guid() const { return store_->guid; }
const std::optional<std::string>& Doc::collection_id() const { return store_->collection_id; }
const Any& Doc::meta() const { return store_->meta; }

ClientId Doc::client_id() const { return store_->client_id; }

void Doc::set_client_id(ClientId client_id) {
  COTERIE_ASSERT(!store_->in_transaction() && client_id <= kSafeIntegerMax);
  store_->set_client_id(client_id);
}

Result<ApplyResult> Doc::apply_update(ByteView update_v1, Any origin) {
  return store_->apply(update_v1, UpdateFormat::kV1, UpdateFormat::kV1, &origin);
}
Result<ApplyResult> Doc::apply_update_v2(ByteView update_v2, Any origin) {
  return store_->apply(update_v2, UpdateFormat::kV2, UpdateFormat::kV2, &origin);
}

Status Doc::load_update(ByteView update_v1, Any origin) {
  const auto applied = store_->apply(update_v1, UpdateFormat::kV1, std::nullopt, &origin);
  if (!applied) return applied.error();
  return {};
}
Status Doc::load_update_v2(ByteView update_v2, Any origin) {
  const auto applied = store_->apply(update_v2, UpdateFormat::kV2, std::nullopt, &origin);
  if (!applied) return applied.error();
  return {};
}

StateVector Doc::state_vector() const { return store_->state_vector(); }

Clock Doc::clock_of(ClientId client) const { return store_->state_of(client); }

Bytes Doc::encode_state_as_update(const StateVector& since) const {
  return store_->encode(since, UpdateFormat::kV1);
}
Bytes Doc::encode_state_as_update_v2(const StateVector& since) const {
  return store_->encode(since, UpdateFormat::kV2);
}

std::uint64_t Doc::revision() const { return store_->revision(); }

bool Doc::has_pending() const { return store_->has_pending(); }

Text Doc::text(std::string_view name) {
  return Text(store_->handle(store_->root(name, TypeKind::kText)));
}
Map Doc::map(std::string_view name) {
  return Map(store_->handle(store_->root(name, TypeKind::kMap)));
}
Array Doc::array(std::string_view name) {
  return Array(store_->handle(store_->root(name, TypeKind::kArray)));
}

XmlFragment Doc::xml_fragment(std::string_view name) {
  return XmlFragment(store_->handle(store_->root(name, TypeKind::kXmlFragment)));
}
XmlElement Doc::xml_element(std::string_view name) {
  return XmlElement(store_->handle(store_->root(name, TypeKind::kXmlElement)));
}

SharedType Doc::get(std::string_view name, TypeKind kind) {
  return store_->handle(store_->root(name, kind));
}

Any Doc::to_json() const {
  Any::Object roots;
  for (const internal::BranchIndex index : store_->roots()) {
    const SharedType root = store_->handle(index);
    roots.emplace_back(store_->key_text(store_->branches[index].name), root.to_json());
  }
  return Any(std::move(roots));
}

std::vector<std::string> Doc::root_names() const {
  std::vector<std::string> names;
  for (const internal::BranchIndex root : store_->roots()) {
    names.push_back(store_->key_text(store_->branches[root].name));
  }
  return names;
}

std::optional<SharedType> Doc::root(std::string_view name) const {
  const internal::BranchIndex root = store_->find_root(name);
  if (root == kNone) return std::nullopt;
  return store_->handle(root);
}

std::string Doc::root_text(std::string_view name) const {
  const auto found = root(name);
  return found ? found->as_text().to_string() : std::string();
}

Subscription Doc::on_update(UpdateObserver observer) {
  return store_->observe(store_->observers().update, std::move(observer), internal::kWatchUpdates);
}
Subscription Doc::on_update_v2(UpdateObserver observer) {
  return store_->observe(store_->observers().update_v2, std::move(observer),
                         internal::kWatchUpdates);
}
Subscription Doc::on_before_all_transactions(std::function<void()> observer) {
  return store_->observe(store_->observers().before_all, std::move(observer),
                         internal::kWatchBegin);
}
Subscription Doc::on_before_transaction(TransactionObserver observer) {
  return store_->observe(store_->observers().before, std::move(observer), internal::kWatchBegin);
}
Subscription Doc::on_before_observer_calls(TransactionObserver observer) {
  return store_->observe(store_->observers().before_calls, std::move(observer),
                         internal::kWatchChanges);
}
Subscription Doc::on_after_transaction(TransactionObserver observer) {
  return store_->observe(store_->observers().after, std::move(observer), internal::kWatchChanges);
}
Subscription Doc::on_after_transaction_cleanup(TransactionObserver observer) {
  return store_->observe(store_->observers().after_cleanup, std::move(observer),
                         internal::kWatchChanges);
}
Subscription Doc::on_after_all_transactions(AllTransactionsObserver observer) {
  return store_->observe(store_->observers().after_all, std::move(observer),
                         internal::kWatchChanges);
}
Subscription Doc::on_destroy(std::function<void()> observer) {
  return store_->observe(store_->observers().destroy, std::move(observer), 0);
}

Subscription Doc::on_subdocs(
    std::function<void(const SubdocsEvent&, const Transaction&)> observer) {
  return store_->observe(store_->observers().subdocs, std::move(observer), 0);
}

std::vector<Subdoc> Doc::subdocs() const { return store_->subdocs(); }

std::vector<std::string> Doc::subdoc_guids() const {
  std::vector<std::string> guids;
  for (const Subdoc& subdoc : subdocs()) {
    if (std::find(guids.begin(), guids.end(), subdoc.guid()) == guids.end()) {
      guids.push_back(subdoc.guid());
    }
  }
  return guids;
}

void Doc::destroy() {
  store_->destroyed = true;
  for (Subdoc& subdoc : store_->subdocs()) subdoc.destroy();
  store_->tell_destroyed();
}
bool Doc::destroyed() const { return store_->destroyed; }

Doc::TransactionScope::TransactionScope(Doc& doc, Any origin) : store_(*doc.store_) {
  store_.begin(true, &origin);
}

Doc::TransactionScope::~TransactionScope() {
  if (!finished_) (void)store_.commit();  // The edits threw: what they did stays, as in Yjs.
}

Bytes Doc::TransactionScope::finish() {
  finished_ = true;
  return store_.commit();
}

}  // namespace coterie::crdt
