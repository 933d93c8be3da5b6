// The state of one document, and the operations of the algorithm on it.
//
// Yjs's rules, in our data structures: items in arenas, one block list per client (clock order),
// one linked list per shared type and map key (document order). Sources in yjs: src/structs/Item.js
// (integrate, split, merge), src/utils/StructStore.js, src/utils/Transaction.js (clean-up),
// src/utils/encoding.js (apply, encode).
//
// Nothing here fails: updates are checked whole before they reach the store (wire.hpp), and limits
// are tested by the callers (Doc, Text, ...).

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"
#include "crdt/internal/block_list.hpp"
#include "crdt/internal/conflict_index.hpp"
#include "crdt/internal/element_index.hpp"
#include "crdt/internal/encoder.hpp"
#include "crdt/internal/item.hpp"
#include "crdt/internal/observers.hpp"
#include "crdt/internal/position_index.hpp"
#include "crdt/internal/scan_marks.hpp"
#include "crdt/internal/stable_vector.hpp"
#include "crdt/internal/subdocument.hpp"
#include "crdt/internal/unit_index.hpp"
#include "crdt/internal/wire.hpp"
#include "crdt/internal/wire_v2.hpp"

namespace coterie::crdt::internal {

struct Client {
  ClientId id = 0;
  std::uint32_t state = 0;   ///< One past the last clock held.
  std::uint32_t before = 0;  ///< `state` when the transaction numbered `touched` began.
  std::uint64_t touched = 0;
  BlockList blocks;
  Bytes content;                     ///< See item.hpp.
  std::uint64_t dead_bytes = 0;      ///< Bytes of `content` that no item refers to.
  bool scattered = false;            ///< Content is not everywhere contiguous by clock.
  std::uint32_t tail_clock = kNone;  ///< Where content was appended to an item last,
  std::uint32_t tail_byte = 0;       ///< and its place.
  mutable UnitIndex units;           ///< Of `content`, for text that is not ASCII.
  mutable ElementIndex elements;     ///< Of `content`, for values.
};

/// A client whose state grew in a transaction: from `before` to `after`.
struct Growth {
  ClientIndex client = kNone;
  std::uint32_t before = 0;
  std::uint32_t after = 0;  ///< Set when the edits are done.
};

/// A type that was edited: its list (key kNone) or a key of its map.
struct Change {
  BranchIndex branch = kNone;
  KeyIndex key = kNone;
};

/// The changes of one type.
struct ChangedType {
  BranchIndex branch = kNone;
  bool list = false;
  std::vector<KeyIndex> keys;
};

/// What observers are told of a transaction, worked out for them.
struct Told {
  std::vector<ChangedType> types;
  std::unordered_map<BranchIndex, std::size_t> lookup;  ///< Into `types`.
  std::unordered_set<BranchIndex> within;               ///< The types and all that they are in.
};

/// What happened since a transaction began.
struct Transaction {
  std::uint64_t number = 0;
  bool local = true;
  Any origin;
  std::vector<Growth> clients;  ///< Sorted by client when the edits are done and somebody asks.
  std::vector<DeleteRange<ClientIndex>> deletes;  ///< In order of deletion, sorted for clean-up.
  std::vector<LocalId> splits;                    ///< Items to try to squash again.
  std::vector<Change> changes;    ///< Types that existed before; texts only unless `tracked`.
  bool tracked = false;           ///< Somebody observes what changes.
  bool tidy = true;               ///< Nothing to collect or squash: all went the short ways.
  bool garbage = false;           ///< Content was deleted that is to be collected.
  bool clean_formatting = false;  ///< A text with formatting was changed from elsewhere.
  std::unordered_set<std::uint64_t> changed_keys;  ///< Branch and key, when `tracked`.
  std::vector<ClientIndex> delete_order;           ///< Clients as first deleted from.
  std::unique_ptr<SubdocChanges> subdocs;
  std::unique_ptr<Told> told;

  bool empty() const { return clients.empty() && deletes.empty(); }
  void clear() {
    clients.clear();
    // The room of a load is not kept.
    constexpr std::size_t kKept = 1024;
    if (deletes.capacity() > kKept) deletes = {};
    if (splits.capacity() > kKept) splits = {};
    deletes.clear();
    splits.clear();
    changes.clear();
    tidy = true;
    garbage = false;
    clean_formatting = false;
    if (!origin.is_undefined()) origin = Any();
    if (tracked) changed_keys.clear();
  }
};

/// An item about to be integrated; neighbours and parent are resolved.
struct NewItem {
  ClientIndex client = kNone;
  std::uint32_t clock = 0;
  std::uint32_t length = 0;
  LocalId origin;
  LocalId right_origin;
  ItemIndex left = kNone;
  ItemIndex right = kNone;
  BranchIndex parent = kNone;
  KeyIndex key = kNone;
  ContentKind kind = ContentKind::kGc;
  bool ascii = false;
  TypeKind type = TypeKind::kUnknown;  ///< kType.
  std::string_view node_name;          ///< kType, XmlElement and XmlHook.
  ByteView content;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

/// Of its last clocks a client uses none for edits of ours: only an attacker gets there, by sending
/// a struct of four billion elements under our id.
inline constexpr std::uint64_t kClocksKept = 1u << 28;

class PendingIndex;

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): grouped by what belongs together.
class Store {
 public:
  explicit Store(Doc::Options options);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  // --- Ids, keys, branches -----------------------------------------------------------------

  ClientIndex client_index(ClientId id);       ///< Makes the client if need be.
  ClientIndex find_client(ClientId id) const;  ///< kNone if unknown.
  std::uint32_t state_of(ClientId id) const;
  /// The state of a client when the current transaction began.
  std::uint32_t before_state(const Client& client) const {
    return client.touched == transaction_.number ? client.before : client.state;
  }

  KeyIndex intern(std::string_view text);
  KeyIndex find_key(std::string_view text) const {  ///< kNone if unknown.
    const auto found = key_lookup_.find(text);
    return found == key_lookup_.end() ? kNone : found->second;
  }
  const std::string& key_text(KeyIndex key) const { return *key_texts_[key]; }

  BranchIndex root(std::string_view name, TypeKind kind);  ///< Makes it if need be.
  BranchIndex find_root(std::string_view name) const;
  const std::vector<BranchIndex>& roots() const { return roots_; }
  SharedType handle(BranchIndex branch);
  /// Whether the item that holds a branch is deleted (the branch itself may wait for collection).
  bool is_deleted(BranchIndex branch) const {
    return branches[branch].item != kNone && items[branches[branch].item].deleted;
  }
  /// The branch of a handle, or null if it went stale.
  Branch* resolve(const SharedType& handle);
  static BranchIndex slot_of(const SharedType& handle) { return handle.branch_; }

  // --- Finding and splitting ---------------------------------------------------------------

  ItemIndex item_at(LocalId id) const {
    const BlockList& blocks = clients_[id.client].blocks;
    return blocks.item(blocks.find(id.clock));
  }
  /// The item that starts at `id`, split off if need be. A GC is given whole.
  ItemIndex item_clean_start(LocalId id);
  /// The item that ends with `id`, split off if need be. A GC is given whole.
  ItemIndex item_clean_end(LocalId id);

  ByteView content_of(const Item& item) const;

  /// Where element `offset` starts in the content of an item, or where that ends (its length), in
  /// bytes of the content; kinds that can be split, and no text inside a pair. O(log length).
  std::uint32_t byte_of(const Item& item, std::uint32_t offset) const;

  /// Where unit `offset` of a kString starts in its content. O(log length).
  Utf16Position text_position(const Item& item, std::uint32_t offset) const;

  /// As find_position(), by the index always; the cursor stays. Precondition: `position` is there.
  PositionIndex::Found locate(BranchIndex branch, std::uint32_t position);

  /// Number of visible elements before an item of a list; 0 for a value of a map. O(log items).
  std::uint32_t position_of(ItemIndex item);

  /// Where what the item held came back when its deletion was undone: the id of the first element
  /// there, or none. O(log of how many there are) if it did.
  LocalId redone_of(const Item& item) const;
  /// The item came back there.
  void set_redone(ItemIndex item, LocalId to);

  // --- Transactions ------------------------------------------------------------------------

  bool in_transaction() const { return depth_ > 0; }
  /// Of the one that is open, or was last.
  std::uint64_t transaction_number() const { return transaction_.number; }
  /// Rises with each item that is split in it.
  std::size_t split_count() const { return transaction_.splits.size(); }
  /// Takes `origin` if it is given and this is the outermost call.
  void begin(bool local, Any* origin = nullptr);
  /// Ends the outermost transaction: observers, formatting clean-up, collection, squashing. Returns
  /// the effective update if it is `wanted` (in which format), with that of transactions that
  /// observers made; empty if nothing changed. Inner calls return nothing, nor do those inside an
  /// observer.
  Bytes commit(std::optional<UpdateFormat> wanted = UpdateFormat::kV1);

  // --- Observing -------------------------------------------------------------------------------

  /// Who observes; made when first needed.
  Observers& observers();
  template <typename... Args>
  Subscription observe(ObserverList<Args...>& list, std::function<void(Args...)> function,
                       std::uint8_t watch) {
    Subscription subscription = observers().add(list, std::move(function), watch);
    begin_tracking();
    return subscription;
  }
  void tell_destroyed();
  /// For the origin of each undo manager.
  std::uint64_t next_undo_manager() { return ++undo_managers_; }

  /// The state of a client when `transaction`, whose edits are done, began.
  std::uint32_t before_of(const Transaction& transaction, ClientIndex client) const;
  StateVector before_state(const Transaction& transaction) const;
  StateVector after_state(const Transaction& transaction) const;
  /// Its changed types, by first edit.
  const Told& told_of(Transaction& transaction);

  // --- Editing, inside a transaction ---------------------------------------------------------

  /// Returns where the item is: a new one, or its left neighbour, extended.
  ItemIndex integrate(const NewItem& item);
  /// As integrate(), as an item of its own until the transaction ends.
  ItemIndex integrate_apart(const NewItem& item);
  void delete_item(ItemIndex index);

  /// An item of the local client between two neighbours.
  ItemIndex insert_local(BranchIndex parent, KeyIndex key, ItemIndex left, ItemIndex right,
                         ContentKind kind, std::uint32_t length, ByteView content,
                         bool ascii = false, TypeKind type = TypeKind::kUnknown,
                         std::string_view node_name = {});

  /// The item that holds a position of a list. By the cursor when the edits are at one place, else
  /// by the index (built when first needed).
  PositionIndex::Found find_position(BranchIndex branch, std::uint32_t position);

  /// Where the last local edit of a list was: an item of it, and the position where that starts.
  struct Cursor {
    BranchIndex branch = kNone;
    ItemIndex item = kNone;
    std::uint32_t start = 0;
  };
  const Cursor& cursor() const { return cursor_; }
  /// For those who know that the edits since the cursor was taken were there or right of it.
  void set_cursor(const Cursor& cursor) { cursor_ = cursor; }

  /// Deletes the last `count` elements of an item whose right neighbour is the rest of the same
  /// item, deleted before: that grows to the left. False (nothing done) where it is not so.
  bool give_to_deleted_right(ItemIndex item, std::uint32_t count);
  /// The same with the first `count` elements and the left neighbour.
  bool give_to_deleted_left(ItemIndex item, std::uint32_t count);

  /// Deletes `count` elements from inside an item, of which something is left on both sides. False
  /// (nothing done) where that is not so, or there is more to do about it.
  bool cut_out(ItemIndex item, std::uint32_t offset, std::uint32_t count);

  // --- The short way (caret.cpp) -----------------------------------------------------------------
  //
  // Typing and deleting go on where they were: while nobody observes, such an edit is done without
  // a transaction, because all that one would do about it is known beforehand.

  /// After an edit of a list that ended at `position`: remembers what lies there.
  void take_caret(BranchIndex branch, std::uint64_t position);
  /// Inserts valid UTF-8. False (nothing done): take the long way.
  bool insert_at_caret(const SharedType& handle, std::uint64_t index, ByteView text,
                       std::uint64_t length, bool ascii);
  bool remove_at_caret(const SharedType& handle, std::uint64_t index, std::uint64_t length);
  void set_client_id(ClientId id) {
    client_id = id;
    own_ = find_client(id);
    caret_.branch = kNone;
  }

  /// Whether the document may take `more` bytes of content.
  bool has_room(std::uint64_t more) const { return content_bytes_ + more <= kContentBytesMax; }

  /// Whether it may take an edit of ours of `more` bytes of content. What such an edit inserts
  /// besides (types, formatting marks) is far less than kClocksKept.
  bool may_edit(std::uint64_t more) const {
    return has_room(more) && state_of(client_id) + more <= kClockMax - kClocksKept;
  }

  // --- Subdocuments ----------------------------------------------------------------------------

  std::optional<Subdoc> subdoc_of(const Item& item) const;
  std::vector<Subdoc> subdocs() const;
  void load_subdoc(const std::shared_ptr<Subdocument>& subdoc);
  void destroy_subdoc(const std::shared_ptr<Subdocument>& subdoc);
  void orphan_subdocs();

  /// While it lives, a subdocument that is inserted is this one, made here.
  class LocalSubdoc {
   public:
    LocalSubdoc(Store& store, const NewDoc& doc) : store_(store) { store_.local_subdoc_ = &doc; }
    ~LocalSubdoc() { store_.local_subdoc_ = nullptr; }
    LocalSubdoc(const LocalSubdoc&) = delete;
    LocalSubdoc& operator=(const LocalSubdoc&) = delete;

   private:
    Store& store_;
  };

  /// The mark whose value object a mark has (formatting.hpp): itself unless it was told another.
  LocalId value_source(const Item& mark) const {
    if (value_sources_.empty()) return mark.id();
    const auto found = value_sources_.find(std::uint64_t{mark.client} << 32 | mark.clock);
    return found == value_sources_.end() ? mark.id() : found->second;
  }
  void set_value_source(const Item& mark, LocalId source) {
    value_sources_[std::uint64_t{mark.client} << 32 | mark.clock] = source;
  }
  void forget_value_source(const Item& mark) {
    if (value_sources_.empty()) return;
    value_sources_.erase(std::uint64_t{mark.client} << 32 | mark.clock);
  }

  /// Deletes marks of a text that say nothing; returns their number.
  std::size_t clean_text(BranchIndex branch);

  // --- Updates -------------------------------------------------------------------------------

  /// `wanted`: report the effective update in that format (else ApplyResult::update stays empty).
  Result<ApplyResult> apply(ByteView update, UpdateFormat format,
                            std::optional<UpdateFormat> wanted, Any* origin = nullptr);
  StateVector state_vector() const;
  Bytes encode(const StateVector& since, UpdateFormat format) const;
  /// What was deleted, of what is held. O(items).
  IdSet delete_set() const;
  /// What was held at `until`, less `deletes`, as an update. Precondition: it is held. Errors:
  /// kMalformed (ends inside a surrogate pair).
  Result<Bytes> encode_until(const StateVector& until, const IdSet& deletes) const;
  std::uint64_t revision() const { return transactions_; }
  bool has_pending() const { return !pending_structs_.empty() || !pending_deletes_.empty(); }
  /// Of the structs that wait; null if none do. Valid until the next update. O(those that came to
  /// wait since it was asked for last).
  const PendingIndex* pending_index() const;

  // --- Data, open to the rest of the engine ----------------------------------------------------

  StableVector<Item> items;
  StableVector<Branch> branches;
  ClientId client_id;
  bool gc;
  std::function<bool(const IdRange&)> gc_filter;
  std::string guid;
  std::optional<std::string> collection_id;
  Any meta;
  bool destroyed = false;

  const Client& client(ClientIndex index) const { return clients_[index]; }

  /// When to stop walking over concurrent items and ask an index. Tests choose other values.
  struct ConflictPatience {
    std::uint64_t steps = 256;       ///< In one walk, and then only if ...
    std::uint64_t total = 1u << 16;  ///< ... all walks of the update took this many steps,
    std::uint64_t rounds = 4;        ///< and this many times the items there are.
    std::size_t block_max = 1024;
  };
  ConflictPatience conflict_patience;

 private:
  struct Integrator;
  struct BulkLoader;

  // store.cpp
  ItemIndex new_item();
  void free_item(ItemIndex index);
  BranchIndex new_branch(TypeKind kind);
  void free_branch(BranchIndex index);
  std::uint32_t append_content(Client& client, ByteView bytes);
  static std::uint32_t byte_near_end(const Client& client, const Item& item, std::uint32_t offset);
  ItemIndex split(BlockList::Cursor cursor, ItemIndex index, std::uint32_t diff);
  std::uint32_t split_content(Item& item, std::uint32_t diff);
  std::uint32_t split_pair(Client& client, Item& item, std::uint32_t byte, std::uint32_t bytes);
  void compact_content(Client& client);  ///< If enough of it is dead.

  // integrate.cpp
  void touch(ClientIndex index);
  bool extend_left(const NewItem& item);
  void integrate_gc(ClientIndex client, std::uint32_t clock, std::uint32_t length);
  ItemIndex resolve_conflicts(const NewItem& item);
  void link(ItemIndex index, ItemIndex left);
  void store_content(const NewItem& source, ItemIndex index);
  void note_change(BranchIndex branch, KeyIndex key);
  void note_delete(const Item& item);
  void mark_deleted(ItemIndex index);
  bool is_out_of_patience(std::uint64_t steps);
  void integrate_structs(const ParsedUpdate& update);
  void integrate_all(const ParsedUpdate& update);
  /// False: Integrator has to finish it.
  bool bulk_load(const ParsedUpdate& update);
  void apply_delete_set(ByteView delete_set);
  void apply_delete(ClientIndex client, std::uint32_t clock, std::uint32_t end);
  void add_pending_delete(ClientId client, std::uint32_t clock, std::uint32_t length);
  void retry_pending_deletes();
  void keep_pending(Bytes update);
  void retry_pending_structs();
  void note_missing(ClientId client, std::uint32_t clock);
  bool pending_ready() const;

  // caret.cpp
  /// Whether nobody is told of a transaction that might begin now.
  bool is_quiet() const { return depth_ == 0 && watch_ == 0 && !cleaning_ && in_place_ == nullptr; }
  /// An update of one struct that continues the last one of its client.
  bool apply_at_end(const ParsedUpdate& update, std::optional<UpdateFormat> wanted,
                    ApplyResult& result);
  template <typename Encoder>
  void encode_tail(Encoder& out, const Item& item, std::uint32_t offset) const;
  /// Whether the end of `left` may go to the deleted item right of it, or `right`'s start to that
  /// on the left, as if it were deleted, collected and squashed.
  bool is_rest(const Item& left, const Item& deleted) const;
  bool is_continued(const Item& deleted, const Item& right) const;

  // subdoc.cpp
  SubdocChanges& subdoc_changes();
  void add_subdoc(const Item& item);
  void delete_subdoc(const Item& item);
  void forget_subdoc(const Item& item);
  void tell_subdocs(Transaction& transaction);

  // observers.cpp
  void step_aside();
  void tell_begin();
  void begin_tracking();
  template <typename Each>
  void for_each_touched(const Transaction& transaction, Each each) const;
  StateVector state_before(std::uint64_t number, bool its_edits) const;
  void prepare(Transaction& transaction);
  void tell_changes(Transaction& transaction);
  std::vector<BranchIndex> tell_types(Transaction& transaction);
  void tell_deep(Transaction& transaction, const std::vector<BranchIndex>& changed);
  void tell_cleaned_up(Transaction& transaction);
  void tell_updates(Transaction& transaction, ByteView v1);

  // transaction.cpp
  Bytes clean_up(Bytes first, std::optional<UpdateFormat> wanted);
  Bytes finish(Transaction& transaction, std::optional<UpdateFormat> wanted);
  void collect(const Transaction& transaction);
  void collect_item(ItemIndex index);
  void squash(const Transaction& transaction);
  void squash_deleted(Client& client, std::uint32_t clock, std::uint32_t end);
  void squash_new(Client& client, std::uint32_t before);
  bool try_squash(ItemIndex left, ItemIndex right);
  /// Squashes the block at `cursor` and those before it while they fit; returns where they went.
  BlockList::Cursor squash_with_lefts(Client& client, BlockList::Cursor cursor,
                                      std::uint32_t& merged);
  template <typename Encoder>
  void encode_transaction(Encoder& out, const Transaction& transaction);
  void clean_formatting(Transaction& after);

  // encode.cpp
  template <typename Encoder>
  void write_item(Encoder& out, const Item& item, std::uint32_t offset) const;
  template <typename Encoder>
  void write_section(Encoder& out, const Client& client, std::uint32_t clock) const;
  std::size_t expected_bytes(const Client& client, std::uint32_t clock) const;
  std::vector<DeleteRange<ClientId>> all_deletes(const std::vector<ClientIndex>& clients) const;
  /// Without what is pending.
  template <typename Encoder>
  Bytes encode_held(const StateVector& since) const;
  Bytes with_pending(Bytes held, const StateVector& since, UpdateFormat format) const;

  Item* last_item(Client& client) {
    return client.blocks.empty() ? nullptr : &items[client.blocks.last()];
  }

  std::vector<Client> clients_;
  std::unordered_map<ClientId, ClientIndex> client_lookup_;
  /// Those looked up last, by their lowest bits: edits come in runs, of few at a time.
  static constexpr std::size_t kRecentClients = 16;
  mutable std::array<ClientIndex, kRecentClients> recent_clients_;
  ClientIndex own_ = kNone;  ///< The client of client_id, once there is one.
  ItemIndex free_items_ = kNone;
  std::vector<BranchIndex> free_branches_;
  std::vector<BranchIndex> roots_;
  std::unordered_map<KeyIndex, BranchIndex> root_lookup_;
  std::unordered_map<std::string, KeyIndex, TextHash, std::equal_to<>> key_lookup_;
  std::vector<const std::string*> key_texts_;
  PositionIndex positions_;
  std::uint64_t content_bytes_ = 0;

  int depth_ = 0;
  Transaction transaction_;
  std::uint64_t transactions_ = 0;

  std::unique_ptr<Observers> observers_;
  std::uint8_t watch_ = 0;     ///< Bits of Watch: what `observers_` need.
  bool deletes_asked_ = true;  ///< Structs that come deleted are to be noted.
  bool cleaning_ = false;      ///< Observers may run: what they edit is queued.
  bool quiet_ = false;         ///< A hook runs that must not edit.
  /// Transactions whose edits are done, and those that observers made meanwhile.
  std::vector<std::unique_ptr<Transaction>> queue_;
  /// The view of `transaction_` that update observers have been given, while they run.
  TransactionView* in_place_ = nullptr;
  std::unique_ptr<Transaction> aside_;  ///< Where it went when one of them began another.
  std::unique_ptr<Told> open_told_;     ///< Of a transaction that is still open.

  ScanMarks marks_;
  std::unique_ptr<ConflictIndex> conflicts_;  ///< While an update is integrated that needs it.
  bool integrating_ = false;                  ///< Structs of an update.
  std::uint64_t conflict_steps_ = 0;          ///< Walked for the update being integrated.

  /// Updates (stored form) of structs that wait; merged when they are tried again.
  std::vector<Bytes> pending_structs_;
  std::size_t pending_bytes_ = 0;
  /// Of them, as far as it was asked for; gone when they were merged or tried again.
  mutable std::unique_ptr<PendingIndex> pending_index_;
  /// What they wait for: the least missing clock per client.
  std::unordered_map<ClientId, std::uint32_t> missing_;
  /// Deletes that wait, per client: disjoint ranges, start to end.
  std::map<ClientId, std::map<std::uint32_t, std::uint32_t>> pending_deletes_;
  std::size_t pending_delete_count_ = 0;

  Cursor cursor_;

  std::unordered_map<std::uint64_t, std::shared_ptr<Subdocument>> subdocs_by_id_;
  std::map<std::uint64_t, std::shared_ptr<Subdocument>> subdocs_;  ///< As they were added.
  std::uint64_t subdocs_added_ = 0;
  const NewDoc* local_subdoc_ = nullptr;

  std::unordered_map<std::uint64_t, LocalId> value_sources_;  ///< By mark, while it is there.

  /// What lies at the place of the last edit. Any transaction forgets it.
  struct Caret {
    BranchIndex branch = kNone;
    std::uint32_t generation = 0;
    std::uint64_t position = 0;
    Client* client = nullptr;  ///< Author of what follows.
    Item* typed = nullptr;     ///< The last struct of the local client: grows.
    Item* gone = nullptr;      ///< A deleted item,
    Item* before = nullptr;    ///< which may grow by the end of the item left of it
    Item* after = nullptr;     ///< and by the start of the one right of it.
    ItemIndex typed_index = kNone;
    ItemIndex before_index = kNone;
    ItemIndex after_index = kNone;
    BlockList::Cursor block;  ///< Of `gone`.
  };
  Caret caret_;

  /// By the first id that each covers: Item::redone. Items that are split share an entry.
  std::map<std::pair<ClientIndex, std::uint32_t>, LocalId> redone_;
  std::uint64_t undo_managers_ = 0;

  // Scratch, kept for its capacity.
  ParsedUpdate parsed_;
  Transcriber transcriber_;
  EncoderV1 scratch_;
  EncoderV2 scratch_v2_;
  std::vector<DeleteRange<ClientId>> encoded_deletes_;
  std::vector<Growth> encoded_clients_;
};

}  // namespace coterie::crdt::internal
