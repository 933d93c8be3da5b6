// Who is in a workspace, with which role: a pure function of the membership operations held.
//
// Operations form a causal graph: each names the heads its author had seen. past(x) is all that is
// below x's heads. The result never depends on the order of arrival; docs/PROTOCOL.md "Membership"
// has the rules so that a second implementation can be written from them. In short:
//
// 1. An operation must be allowed in its own past, judged by these same rules on past(x). That
//    never changes. (Where it is not, it is "refused", for ever.)
// 2. Restrictions (remove, role, revoke) take from a device the right to what it did unseen: what
//    they had not seen of it, and what had not seen them. Among restrictions the more senior is
//    decided first and is not undone by a later one: of two hosts who remove each other, the more
//    senior stays. An operation that rests on one that does not count does not count.
// 3. If no host were left, the one who lost that role last keeps it.
// 4. A document_role says what a person (all its devices) may do at most in one document, or in
//    those of which nothing is said. It touches nothing but content about documents: operations
//    count or not as if there were none.
// 5. Hosts' settings (role, remove) win over admissions they had not seen, the weaker setting over
//    the stronger; the stronger of several admissions counts.
//
// Where this differs from a plainer rule, and why:
// - Authority is delegated: a host made by `role` is junior to who made it (Member::depth), or a
//   host that is being removed could promote somebody senior to undo it.
// - An invite dies with its author's right to make it: a removed host holds its secret.
// - A removed device returns only by an invite that had seen its removal: it may hold older ones.
// - A host may also remove a device that only asked to be let in: that is how it says no.
// - An admission never lowers a member: its holder consents to nothing, and whoever has a viewer's
//   invite could demote a host.
//
// What is taken in is bounded per device by its own past, so that one member's excess is the same
// on every replica and costs the others nothing: limits.hpp.
//
// Single-threaded owner. Cost: add() of an operation that saw all others O(operations / 64) words;
// of others also a look at what came after the newest operation that everybody had seen. 10,000
// operations of 200 members load in half a second (bench/node/membership_bench.cpp). now() is kept
// up to date, at() makes a roster, standing() does not. References and pointers that are given out
// stay valid until the next add().

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "node/core/membership/operations.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// An entry of class membership or genesis, verified, as the resolver needs it. Views are copied.
struct OperationEntry {
  Hash hash;
  LogId log;
  Seq seq = 0;
  std::uint64_t time = 0;  ///< Hybrid clock.
  std::span<const Hash> heads;
  ByteView payload;
  bool genesis = false;
};

struct Member {
  std::string name;  ///< As given when admitted.
  Role role = Role::kViewer;
  /// The device at the root of the own_device links; itself without.
  DeviceId person;
  Hash admission;  ///< The genesis for the founder.
  /// Steps of inviting and promoting from the founder, who has 0.
  std::uint32_t depth = 0;
  /// In documents of which nothing is said of this person: `role`, or less.
  Role elsewhere = Role::kViewer;
};

struct Invite {
  InviteOperation terms;
  DeviceId author;
  Hash operation;
  std::set<DeviceId> admitted;  ///< Devices that used a place, void admissions included.
  /// Revoked, or its author lost the right to make it.
  bool revoked = false;
};

struct JoinRequest {
  std::string name;
  DeviceId invite;
  crypto::Signature proof;
  DeviceId author;  ///< Who was asked.
  Hash operation;
  std::uint64_t time = 0;
};

struct Roster {
  std::map<DeviceId, Member> members;
  std::map<DeviceId, Invite> invites;        ///< By the invite's key.
  std::map<DeviceId, JoinRequest> requests;  ///< By device; those not answered.

  const Member* find(const DeviceId& device) const;
};

class Resolver;

enum class Right : std::uint8_t {
  kSpeak,  ///< Any content record: chat, comments, a vouch.
  kEdit,   ///< Records that change documents.
  kHost,   ///< Records that only a host writes.
};

/// In which documents somebody may edit.
struct DocumentScope {
  bool others = false;        ///< In all that are not in `some`, or
  std::set<DocumentId> some;  ///< in these, unless `others`.

  bool contains(const DocumentId& document) const { return (some.count(document) > 0) != others; }
  auto operator<=>(const DocumentScope&) const = default;
};

/// What takes rights from a device: a counting remove, role or document_role, or an admission (or
/// role that raised it) that does not count.
struct Restriction {
  Hash operation;
  /// A remove or role that counts takes the right; a grant that does not count gives none.
  bool counts = false;
  /// Of the operation itself and of all counting acknowledgements, the highest per log and branch.
  std::vector<LogMark> acknowledged;
  /// The same of those who may not edit every document: about entries of those where they may.
  std::vector<std::pair<DocumentScope, LogMark>> acknowledged_in;
  /// Whether it takes a right from anybody: not what limits_of() lists only because it may yet.
  bool takes = true;

  /// Whether `test` is true of a mark that speaks of entries about `document`; of any, without.
  template <typename Test>
  bool any_mark(const std::optional<DocumentId>& about, const Test& test) const {
    if (std::any_of(acknowledged.begin(), acknowledged.end(), test)) return true;
    return std::any_of(acknowledged_in.begin(), acknowledged_in.end(), [&](const auto& one) {
      return (!about || one.first.contains(*about)) && test(one.second);
    });
  }
};

struct Standing {
  enum class Kind : std::uint8_t { kUnknownPast, kRefused, kAdmitted, kDisputed };
  Kind kind = Kind::kUnknownPast;
  /// When disputed: the entry counts only if a mark of every one of these reaches it (or an
  /// accepted edit stands on it). Valid until the next add().
  std::vector<const Restriction*> by;
};

/// A content key's beginning: the genesis, or a rekey that was allowed in its own past.
struct Epoch {
  Hash commitment;
  Hash operation;
  DeviceId author;
  LogId log;
  Seq seq = 0;
  std::uint64_t time = 0;  ///< Hybrid clock of its author.
  /// Whom its boxes are for, ascending: the members of its own past but relays. The founder for the
  /// genesis.
  std::vector<DeviceId> recipients;
  const RekeyOperation* rekey = nullptr;  ///< Null for the genesis.
  bool counts = true;                     ///< False when its author had lost the right.
  bool by_host = false;                   ///< Its author was one in its own past.

  /// Newcomers after it are to read nothing older. Hosts alone can: else an editor could take from
  /// members to come, and from those who come meanwhile, what others wrote.
  bool breaks() const { return counts && by_host && rekey != nullptr && rekey->previous.empty(); }
};

/// An admission that was allowed in its own past, whether it counts or not: who was given keys.
struct Handover {
  Hash operation;
  const AdmitOperation* admit = nullptr;
};

/// One operation, for the audit.
struct OperationView {
  Hash hash;
  LogId log;
  Seq seq = 0;
  std::uint64_t time = 0;
  const Operation* operation = nullptr;
  bool counts = false;
  const char* reason = nullptr;  ///< Why it does not count; a literal.
};

class Membership {
 public:
  explicit Membership(const WorkspaceId& workspace);
  ~Membership();
  Membership(Membership&&) noexcept;
  Membership& operator=(Membership&&) noexcept;

  /// Takes in an operation whose entry is verified, in any order. Adding one twice is harmless.
  /// Returns whether anything can have changed. Errors: kLimitExceeded (kMembershipOperationsMax,
  /// kOperationsHeldPerDeviceMax). A payload that does not decode is kept as an operation without
  /// effect, as one of an unknown kind is.
  Result<bool> add(const OperationEntry& entry);

  /// All that is here with its whole past.
  const Roster& now() const;
  const Member* find(const DeviceId& device) const { return now().find(device); }
  const std::map<DeviceId, Member>& members() const { return now().members; }
  const std::map<DeviceId, Invite>& invites() const { return now().invites; }

  /// The roster in the past that ends with `heads`; null if that is not complete here. Memoised.
  std::shared_ptr<const Roster> at(std::span<const Hash> heads) const;
  /// Whether `device` was a member in the past that ends with `heads`; nothing if that is not
  /// complete here. Makes no roster.
  std::optional<bool> was_member(const DeviceId& device, std::span<const Hash> heads) const;
  /// Whether `operation` is one of `heads` or in their past.
  bool in_past(const Hash& operation, std::span<const Hash> heads) const;

  /// May an entry of `device` that names `heads` count? kRefused: no such right in its own past.
  /// kDisputed: a restriction that its author had not seen takes it away. About a document: what
  /// its person may do there is asked, too (zero: in those of which nothing is said). Memoised
  /// until the next add().
  Standing standing(const DeviceId& device, std::span<const Hash> heads, Right right,
                    const std::optional<DocumentId>& document = {}) const;
  /// What `device` may do in a document now: the lower of its role and what is said of its person
  /// there. Nothing if it is no member.
  std::optional<Role> role_in(const DeviceId& device, const DocumentId& document) const;
  /// Whether standing() ever depends on the document for `device`.
  bool is_limited(const DeviceId& device) const;

  /// Strict order of devices for what has to be the same for ever, whoever is removed or lowered:
  /// by depth, then hash, of the first admission of each that was allowed in its own past, "first"
  /// by generation, then hash. Whoever was never admitted comes last, by id. Only an admission that
  /// arrives late can change it.
  bool precedes(const DeviceId& a, const DeviceId& b) const;

  /// Whether an admission of `device` was ever allowed: its logs may be stored.
  bool was_ever_admitted(const DeviceId& device) const;
  /// All such devices, ascending.
  std::vector<DeviceId> ever_admitted() const;

  /// What takes rights from `device` now, or from what it wrote before it was admitted again.
  std::vector<Restriction> restrictions_of(const DeviceId& device) const;
  /// What can take rights in documents from the persons that `device` is or was: all that is said
  /// of them, whether it counts or not, and admissions of the person that do not count.
  std::vector<Restriction> limits_of(const DeviceId& device) const;

  /// Whether `device` was let in only after `operation`, a remove or role: then it took in nothing
  /// of what that cut off, and does not acknowledge it. False for other operations.
  bool came_after(const DeviceId& device, const Hash& operation) const;

  /// In canonical order: generation in the graph, then hash.
  const std::vector<Epoch>& epochs() const;

  /// Every one. Valid until the next add().
  std::vector<Handover> handovers() const;

  /// The newest operations known with all their past: what a new entry of `self` names, at most
  /// kEntryHeadsMax, ascending. Where there are more, because somebody writes side by side, what
  /// matters comes first: the author's own admission and operations, then the newest of each
  /// member, hosts first, whether others have seen it or not. Else a member could crowd out what
  /// others' entries count by. Memoised while there are more.
  std::vector<Hash> heads(const DeviceId& self = {}) const;

  /// Whether the genesis is here: before, nobody is a member.
  bool founded() const;
  /// Name given by the founder; empty before.
  const std::string& name() const;
  /// Commitment of the first epoch key; zero before.
  const Hash& first_key() const;

  std::size_t operations() const;

  /// Whether `device` has used three quarters of the operations, or of their bytes, that it may
  /// have. What others can make it write stops there, so that its person can go on: a host without
  /// operations could remove nobody. O(its operations).
  bool nearly_spent(const DeviceId& device) const;

  /// One that has its past here. Valid until the next add().
  std::optional<OperationView> operation(const Hash& hash) const;
  /// Everything that has its past here, in canonical order.
  std::vector<OperationView> history() const;

 private:
  struct Memo;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<Memo> memo_;  ///< Answers given; see membership.cpp.
};

}  // namespace coterie::node
