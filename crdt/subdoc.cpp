#include "crdt/subdoc.hpp"

#include <algorithm>

#include "crdt/doc.hpp"
#include "crdt/internal/store.hpp"

namespace coterie::crdt {

namespace internal {

Subdocument::~Subdocument() = default;

namespace {

std::uint64_t key_of(LocalId id) { return std::uint64_t{id.client} << 32 | id.clock; }

/// As the wire has them: lib0 varstring, then an object of what is not by default.
void read_options(ByteView content, Subdocument& out) {
  ByteReader reader(content);
  if (const auto guid = reader.read_varstring()) out.guid = *guid;
  const auto options = Any::decode(reader);
  if (!options) return;
  const auto* const members = options->get_if<Any::Object>();
  if (members == nullptr) return;
  const auto truthy = [](const Any& value) {
    if (const auto* flag = value.get_if<bool>()) return *flag;
    if (const auto* number = value.get_if<double>()) return *number != 0;
    if (const auto* text = value.get_if<std::string>()) return !text->empty();
    return !value.is_null() && !value.is_undefined();
  };
  for (const auto& [name, value] : *members) {
    if (name == "meta") out.meta = value;
    if (name == "gc") out.gc = truthy(value);
    if (name == "autoLoad") out.auto_load = truthy(value);
    if (name == "shouldLoad") out.should_load = truthy(value);
    if (name == "collectionid") {
      if (const auto* text = value.get_if<std::string>()) out.collection_id = *text;
    }
  }
  out.should_load = out.should_load || out.auto_load;
}

}  // namespace

SubdocChanges& Store::subdoc_changes() {
  COTERIE_ASSERT(in_transaction());
  if (transaction_.subdocs == nullptr) transaction_.subdocs = std::make_unique<SubdocChanges>();
  return *transaction_.subdocs;
}

void Store::add_subdoc(const Item& item) {
  auto subdoc = std::make_shared<Subdocument>();
  subdoc->parent = this;
  subdoc->id = item.id();
  subdoc->client_id = client_id;
  read_options(content_of(item), *subdoc);
  subdocs_by_id_[key_of(subdoc->id)] = subdoc;
  if (local_subdoc_ != nullptr) {
    subdoc->should_load = local_subdoc_->should_load;
    subdoc->collection_id = local_subdoc_->collection_id;
  }
  SubdocChanges& changes = subdoc_changes();
  subdoc->added_in = transaction_.number;
  if (subdoc->should_load) changes.loaded.push_back(subdoc);
  changes.added.push_back(std::move(subdoc));
}

void Store::delete_subdoc(const Item& item) {
  const auto found = subdocs_by_id_.find(key_of(item.id()));
  if (found == subdocs_by_id_.end()) return;
  SubdocChanges& changes = subdoc_changes();
  if (found->second->added_in == transaction_.number) {
    found->second->added_in = 0;
  } else {
    changes.removed.push_back(found->second);
  }
}

void Store::forget_subdoc(const Item& item) {
  const auto found = subdocs_by_id_.find(key_of(item.id()));
  if (found == subdocs_by_id_.end()) return;
  // What came and went in one transaction is not removed later: nobody else would tell it.
  if (found->second->added_in == 0) found->second->parent = nullptr;
  subdocs_by_id_.erase(found);
}

std::optional<Subdoc> Store::subdoc_of(const Item& item) const {
  const auto found = subdocs_by_id_.find(key_of(item.id()));
  if (found == subdocs_by_id_.end()) return std::nullopt;
  return Subdoc(found->second);
}

void Store::load_subdoc(const std::shared_ptr<Subdocument>& subdoc) {
  begin(true);
  subdoc_changes().loaded.push_back(subdoc);
  (void)commit(std::nullopt);
}

/// Yjs's Doc.destroy of a subdocument.
void Store::destroy_subdoc(const std::shared_ptr<Subdocument>& subdoc) {
  subdoc->destroyed = true;
  if (subdoc->doc != nullptr) subdoc->doc->destroy();
  if (subdoc->parent == nullptr) return;
  subdoc->parent = nullptr;
  const auto found = subdocs_by_id_.find(key_of(subdoc->id));
  begin(true);
  if (found != subdocs_by_id_.end() && found->second == subdoc) {
    auto fresh = std::make_shared<Subdocument>();
    fresh->parent = this;
    fresh->id = subdoc->id;
    fresh->client_id = client_id;
    fresh->guid = subdoc->guid;
    fresh->meta = subdoc->meta;
    fresh->gc = subdoc->gc;
    fresh->auto_load = subdoc->auto_load;
    found->second = fresh;
    const Item& item = items[item_at(subdoc->id)];
    if (!item.deleted) {
      fresh->added_in = transaction_.number;
      subdoc_changes().added.push_back(std::move(fresh));
    }
  }
  subdoc_changes().removed.push_back(subdoc);
  (void)commit(std::nullopt);
}

/// After the update: the set of subdocuments, those who observe it, and the end of the removed.
void Store::tell_subdocs(Transaction& transaction) {
  const auto changes = std::move(transaction.subdocs);
  std::erase_if(changes->added,
                [&](const auto& subdoc) { return subdoc->added_in != transaction.number; });
  if (changes->added.empty() && changes->removed.empty() && changes->loaded.empty()) return;
  for (const auto& subdoc : changes->added) {
    subdoc->client_id = client_id;
    if (!subdoc->collection_id) subdoc->collection_id = collection_id;
    if (subdoc->added != 0) continue;
    subdoc->added = ++subdocs_added_;
    subdocs_.emplace(subdoc->added, subdoc);
  }
  for (const auto& subdoc : changes->removed) {
    subdocs_.erase(subdoc->added);
    subdoc->added = 0;
  }
  if (observers_ != nullptr && !observers_->subdocs.empty()) {
    SubdocsEvent event;
    const auto handles = [](const auto& from) {
      std::vector<Subdoc> to;
      std::unordered_set<const Subdocument*> seen;
      for (const auto& subdoc : from) {
        if (seen.insert(subdoc.get()).second) to.push_back(Subdoc(subdoc));
      }
      return to;
    };
    event.added = handles(changes->added);
    event.removed = handles(changes->removed);
    event.loaded = handles(changes->loaded);
    observers_->enter();
    observers_->subdocs.call<false>(event, TransactionView(*this, transaction));
    observers_->leave();
  }
  for (const auto& subdoc : changes->removed) destroy_subdoc(subdoc);
}

std::vector<Subdoc> Store::subdocs() const {
  std::vector<Subdoc> all;
  all.reserve(subdocs_.size());
  for (const auto& [added, subdoc] : subdocs_) all.push_back(Subdoc(subdoc));
  return all;
}

void Store::orphan_subdocs() {
  for (const auto& [key, subdoc] : subdocs_by_id_) subdoc->parent = nullptr;
}

}  // namespace internal

const std::string& Subdoc::guid() const { return state_->guid; }
const Any& Subdoc::meta() const { return state_->meta; }
bool Subdoc::auto_load() const { return state_->auto_load; }
bool Subdoc::collects_garbage() const { return state_->gc; }
bool Subdoc::should_load() const { return state_->should_load; }
const std::optional<std::string>& Subdoc::collection_id() const { return state_->collection_id; }
bool Subdoc::destroyed() const { return state_->destroyed; }

void Subdoc::load() {
  const auto state = state_;  // An observer may end this handle.
  if (state->should_load) return;
  if (state->parent != nullptr) state->parent->load_subdoc(state);
  state->should_load = true;
}

Doc& Subdoc::doc() {
  if (state_->doc == nullptr) {
    state_->doc =
        std::make_unique<Doc>(Doc::Options{.client_id = state_->client_id, .gc = state_->gc});
  }
  return *state_->doc;
}

void Subdoc::destroy() {
  const auto state = state_;
  if (state->parent != nullptr) {
    state->parent->destroy_subdoc(state);
  } else {
    state->destroyed = true;
    if (state->doc != nullptr) state->doc->destroy();
  }
}

}  // namespace coterie::crdt
