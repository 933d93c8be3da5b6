// Doc: one Yjs document, byte-compatible with Yjs 13.6.
//
// What stock Yjs encodes is understood here, what this encodes stock Yjs understands, and after the
// same updates both encode the same state to the same bytes. Source: the npm package yjs 13.6.33.
//
//     Doc doc({.client_id = 7});
//     Text text = doc.text("content");
//     Bytes update = doc.transact([&] { (void)text.insert(0, "hello"); });
//     auto applied = other.apply_update(update);

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/array.hpp"
#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/event.hpp"
#include "crdt/map.hpp"
#include "crdt/shared_type.hpp"
#include "crdt/state_vector.hpp"
#include "crdt/subscription.hpp"
#include "crdt/text.hpp"
#include "crdt/transaction.hpp"
#include "crdt/update.hpp"
#include "crdt/xml.hpp"

namespace coterie::crdt {

/// Most bytes of structs that a document keeps because what they build on has not arrived. Past
/// it the structs that cannot be placed are dropped: the state vector does not claim them, so the
/// next exchange of state vectors fetches them again.
inline constexpr std::size_t kPendingBytesMax = 64u << 20;

/// Most deleted ranges kept because what they delete has not arrived; past it they are dropped.
inline constexpr std::size_t kPendingDeletesMax = 1u << 20;

/// Most bytes of content (text, values) in one document, what was deleted lately included.
inline constexpr std::uint64_t kContentBytesMax = 0xf000'0000;

/// What applying an update did.
struct ApplyResult {
  /// Something is new: structs were integrated or elements deleted that were not before.
  bool changed = false;
  /// The document now holds structs or deletes (from this update or earlier ones) that it cannot
  /// place yet, because what they build on is missing.
  bool pending = false;
  /// The client id of this document appeared as author of new structs from elsewhere: choose a new
  /// one (set_client_id) before the next local edit.
  bool client_id_taken = false;
  /// What changed, as Yjs's 'update' event carries it: only structs newly integrated (from this
  /// update, or pending ones that it completed) and elements newly deleted. Empty if !changed.
  Bytes update;
};

/// One document. Single-threaded owner: use one Doc and its handles from one thread at a time.
/// Movable; handles (Text, Map, Array) stay valid when it moves.
class Doc {
 public:
  struct Options {
    /// Author of local edits. Must be fresh: two replicas that edit under one id break the document
    /// for both. At most kSafeIntegerMax; Yjs draws 32 bits.
    ClientId client_id = 0;
    /// Forget the content of what was deleted, as Yjs does by default.
    bool gc = true;
    /// Of a document that forgets: whether to forget what is at these ids, asked once it is
    /// deleted. Must not touch the document. Empty: always. Yjs: gcFilter.
    std::function<bool(const IdRange&)> gc_filter = {};
    /// What the application calls it. Yjs draws a random one; nothing here depends on it.
    std::string guid = {};
    /// A group of documents that belong together; subdocuments take it over.
    std::optional<std::string> collection_id = std::nullopt;
    /// Anything the application wants to keep beside the document. Not exchanged.
    Any meta = Any::Null();
  };

  explicit Doc(const Options& options);
  Doc(Doc&& other) noexcept;
  Doc& operator=(Doc&& other) noexcept;
  ~Doc();

  const std::string& guid() const;
  const std::optional<std::string>& collection_id() const;
  const Any& meta() const;

  ClientId client_id() const;
  /// Author of the edits from here on. Precondition: not inside transact().
  void set_client_id(ClientId client_id);

  /// Applies an update (v1). Cost: O(log items) for a small one.
  ///
  /// Errors: kMalformed, kLimitExceeded (limits of update.hpp and above); the document is
  /// untouched. Precondition: not inside transact(). `origin` is what observers are told of it;
  /// without one an UndoManager by default takes it for a change made here, as in Yjs.
  Result<ApplyResult> apply_update(ByteView update_v1, Any origin = {});
  /// As apply_update() for v2; ApplyResult::update is v2 as well.
  Result<ApplyResult> apply_update_v2(ByteView update_v2, Any origin = {});

  /// As apply_update(), without telling what changed: to load a document from storage. Saves
  /// writing the effective update, which is as large as what is loaded.
  Status load_update(ByteView update_v1, Any origin = {});
  Status load_update_v2(ByteView update_v2, Any origin = {});

  /// What this document holds, per client, without gaps; pending structs do not count. O(clients).
  StateVector state_vector() const;

  /// state_vector().clock_of(client). O(1).
  Clock clock_of(ClientId client) const;

  /// Everything a replica at `since` lacks, as an update (v1); pending structs and deletes
  /// included, as Yjs does. O(output + clients + log items).
  Bytes encode_state_as_update(const StateVector& since = {}) const;
  /// As encode_state_as_update(), as an update v2.
  Bytes encode_state_as_update_v2(const StateVector& since = {}) const;

  bool has_pending() const;

  /// Another number after each transaction, those that changed nothing included: while it is the
  /// same, so is the document.
  std::uint64_t revision() const;

  /// The root type of that name, made if it is not there. The first call decides what an unknown
  /// root is (TypeKind), which matters as in Yjs: a root known to be a text has redundant
  /// formatting cleaned up after remote changes.
  Text text(std::string_view name);
  Map map(std::string_view name);
  Array array(std::string_view name);
  XmlFragment xml_fragment(std::string_view name);
  XmlElement xml_element(std::string_view name);

  /// All roots by name, each as its to_json().
  Any to_json() const;

  /// As those, of any kind: Yjs's doc.get(name, type). kUnknown takes it as it is. One that is of
  /// another kind already is given as that (Yjs throws): ask kind().
  SharedType get(std::string_view name, TypeKind kind = TypeKind::kUnknown);

  /// Names of all roots, in the order they appeared here.
  std::vector<std::string> root_names() const;

  /// The root of that name, whatever it is; nothing is made or decided.
  std::optional<SharedType> root(std::string_view name) const;

  /// Reads a root as text without deciding what it is; empty if there is none.
  std::string root_text(std::string_view name) const;

  /// Runs `edits`, which may use any handles of this document, as one transaction, and then what
  /// transaction.hpp says. Returns what changed as an update (v1), with what observers changed;
  /// empty if nothing did. Nested calls join the outer transaction and return nothing (their
  /// origin does not count), nor do calls by observers: the transaction that they watch is told of
  /// to its end first.
  template <typename Edits>
  Bytes transact(Edits&& edits) {
    return transact(Any(), std::forward<Edits>(edits));
  }
  template <typename Edits>
  Bytes transact(Any origin, Edits&& edits) {
    TransactionScope scope(*this, std::move(origin));
    std::forward<Edits>(edits)();
    return scope.finish();
  }

  // --- Observing: when each is called, and what an observer may do, is said in transaction.hpp ---

  using TransactionObserver = std::function<void(const Transaction&)>;
  /// `update`: what the transaction changed, as Yjs's 'update' event carries it. Valid in the call.
  using UpdateObserver = std::function<void(ByteView update, const Transaction&)>;
  using AllTransactionsObserver = std::function<void(std::span<const Transaction>)>;

  /// After each transaction that changed something, local or applied.
  Subscription on_update(UpdateObserver observer);
  /// As on_update(), with an update v2. Called after those; both kinds may observe at once.
  Subscription on_update_v2(UpdateObserver observer);

  Subscription on_before_all_transactions(std::function<void()> observer);
  Subscription on_before_transaction(TransactionObserver observer);
  Subscription on_before_observer_calls(TransactionObserver observer);
  Subscription on_after_transaction(TransactionObserver observer);
  Subscription on_after_transaction_cleanup(TransactionObserver observer);
  Subscription on_after_all_transactions(AllTransactionsObserver observer);

  /// After a transaction that added, removed or loaded subdocuments.
  Subscription on_subdocs(std::function<void(const SubdocsEvent&, const Transaction&)> observer);

  /// Subdocuments that stand in this document now, in the order they were added. O(their number).
  std::vector<Subdoc> subdocs() const;
  std::vector<std::string> subdoc_guids() const;

  /// When destroy() is called or the document goes, once.
  Subscription on_destroy(std::function<void()> observer);

  /// Destroys the subdocuments (Subdoc::destroy), tells on_destroy() and ends all observations. The
  /// document itself remains usable.
  void destroy();
  bool destroyed() const;

 private:
  friend struct internal::Access;
  friend class SharedType;

  /// Ends the transaction on every way out of transact().
  class TransactionScope {
   public:
    TransactionScope(Doc& doc, Any origin);
    ~TransactionScope();
    TransactionScope(const TransactionScope&) = delete;
    TransactionScope& operator=(const TransactionScope&) = delete;
    Bytes finish();

   private:
    internal::Store& store_;  // The Doc itself may be moved meanwhile.
    bool finished_ = false;
  };

  std::unique_ptr<internal::Store> store_;
};

}  // namespace coterie::crdt
