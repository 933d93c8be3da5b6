#include "node/core/authors.hpp"

#include <algorithm>

#include "crdt/comparison.hpp"
#include "crdt/update.hpp"
#include "node/core/codec.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr char kOwners = 'N';
constexpr char kUndeclared = 'U';
constexpr char kOffenders = 'O';
constexpr char kWriters = 'C';
constexpr char kRivals = 'X';
/// Stands for the log that this device writes: what waits to be written is in none yet.
constexpr std::uint64_t kUnwritten = 0;

Bytes prefixed(char prefix, ByteView rest) {
  Bytes key{static_cast<std::uint8_t>(prefix)};
  append(key, rest);
  return key;
}

Bytes owner_key(crdt::ClientId client) {
  Bytes key{static_cast<std::uint8_t>(kOwners)};
  append_u64(key, client);
  return key;
}

Bytes undeclared_key(const DeviceId& device, const DocumentId& document) {
  Bytes key = prefixed(kUndeclared, device.view());
  append(key, document.view());
  return key;
}

Bytes writers_key(const DocumentId& document) { return prefixed(kWriters, document.view()); }

Bytes rivals_key(const DocumentId& document) { return prefixed(kRivals, document.view()); }

Bytes writer_key(const DocumentId& document, crdt::ClientId client, const LogId& log) {
  Bytes key = writers_key(document);
  append_u64(key, client);
  append(key, log_key(log));
  return key;
}

bool is_native(crdt::ClientId client) { return client >= kNativeClientsMin; }

/// Whose structs an update carries, ascending.
std::vector<crdt::ClientId> clients_of(const crdt::UpdateListing& listing) {
  std::vector<crdt::ClientId> clients;
  for (const crdt::IdRange& range : listing.structs) {
    if (clients.empty() || clients.back() != range.client) clients.push_back(range.client);
  }
  std::sort(clients.begin(), clients.end());
  clients.erase(std::unique(clients.begin(), clients.end()), clients.end());
  return clients;
}

/// What of `update` is not about those clients; nothing if that says nothing, or too many of them
/// are to be left out.
std::optional<Bytes> without_clients(ByteView update, const std::set<crdt::ClientId>& clients) {
  if (clients.size() > kRefusedClientsMax) return std::nullopt;
  auto rest = crdt::select_clients(
      update, [&](crdt::ClientId client) { return !clients.contains(client); });
  if (!rest) return std::nullopt;
  const auto listing = crdt::inspect_update(*rest);
  if (!listing || listing->empty()) return std::nullopt;
  return *std::move(rest);
}

}  // namespace

Status Authors::load() {
  const auto scan = [&](char prefix, auto each) -> Status {
    Status status;
    const Bytes from{static_cast<std::uint8_t>(prefix)};
    COTERIE_CHECK(ledger_.store().scan(Table::kMeta, from, end_of_prefix(from),
                                       [&](ByteView key, ByteView value) {
                                         status = each(key.subspan(1), value);
                                         return status.has_value();
                                       }));
    return status;
  };
  const Error damaged{ErrorCode::kCorrupt, "a row about client ids is damaged"};
  COTERIE_CHECK(scan(kOwners, [&](ByteView key, ByteView value) -> Status {
    ByteReader in(key);
    const auto client = read_u64(in);
    const auto device = DeviceId::from(value);
    if (!client || !device) return damaged;
    owners_.emplace(*client, *device);
    return {};
  }));
  COTERIE_CHECK(scan(kUndeclared, [&](ByteView key, ByteView) -> Status {
    ByteReader in(key);
    const auto device = read_id<DeviceId>(in);
    const auto document = read_id<DocumentId>(in);
    if (!device || !document) return damaged;
    undeclared_[*device].insert(*document);
    return {};
  }));
  COTERIE_CHECK(scan(kWriters, [&](ByteView key, ByteView) -> Status {
    ByteReader in(key);
    const auto document = read_id<DocumentId>(in);
    const auto client = read_u64(in);
    const auto device = read_id<DeviceId>(in);
    const auto incarnation = read_u64(in);
    if (!document || !client || !device || !incarnation) return damaged;
    if (writers_count_ == kClientWritersMax) return {};
    writers_[{*document, *client}].insert({*device, *incarnation});
    ++writers_count_;
    return {};
  }));
  COTERIE_CHECK(scan(kRivals, [&](ByteView key, ByteView) -> Status {
    ByteReader in(key);
    const auto document = read_id<DocumentId>(in);
    const auto device = read_id<DeviceId>(in);
    if (!document || !device) return damaged;
    rivals_[*document].push_back(*device);
    return {};
  }));
  // Whatever moved membership marked what it moved in the same batch.
  for (auto& [document, devices] : rivals_) {
    std::sort(devices.begin(), devices.end(), [this](const DeviceId& a, const DeviceId& b) {
      return before({a, 0}, {b, 0});
    });
  }
  return scan(kOffenders, [&](ByteView key, ByteView) -> Status {
    const auto device = DeviceId::from(key);
    if (!device) return damaged;
    offenders_.insert(*device);
    return {};
  });
}

// Native ids.

std::optional<DeviceId> Authors::owner(crdt::ClientId client) const {
  const auto found = owners_.find(client);
  return found == owners_.end() ? std::nullopt : std::optional(found->second);
}

bool Authors::owns(const DeviceId& device, crdt::ClientId client) const {
  return owner(client) == device;
}

void Authors::declared(const DeviceId& device, const ClientsRecord& record) {
  const crdt::ClientId client = native_client_id(ledger_.workspace(), device, record);
  // Two devices with one id: nobody can make that happen; the same one everywhere if they do.
  const auto [known, added] = owners_.emplace(client, device);
  if (!added && !(device < known->second)) return;
  known->second = device;
  ledger_.staged().put(Table::kMeta, owner_key(client),
                       Bytes(device.view().begin(), device.view().end()));
  const auto waiting = undeclared_.find(device);
  if (waiting == undeclared_.end()) return;
  for (const DocumentId& document : waiting->second) {
    documents_.schedule_rebuild(document);
    ledger_.staged().batch.erase(Table::kMeta, undeclared_key(device, document));
  }
  undeclared_.erase(waiting);
}

void Authors::wait_for_declaration(const DeviceId& device, const DocumentId& document) {
  if (!undeclared_[device].insert(document).second) return;
  ledger_.staged().put(Table::kMeta, undeclared_key(device, document), {});
}

crdt::ClientId Authors::native_client(Now now) {
  if (own_) return *own_;
  ClientsRecord record;
  for (std::size_t i = 0; i < record.salt.size(); i += 8) {
    const std::uint64_t bits = context_.random.next_u64();
    for (std::size_t k = 0; k < 8; ++k) {
      record.salt[i + k] = static_cast<std::uint8_t>(bits >> (8 * k));
    }
  }
  ledger_.append_record(now, encode_record(record));
  declared(context_.identity.id(), record);
  own_ = native_client_id(ledger_.workspace(), context_.identity.id(), record);
  return *own_;
}

/// By the kind of its record. Depends on nothing but the author's own logs.
bool Authors::may_carry(const DeviceId& device, const std::vector<crdt::ClientId>& clients,
                        bool carried) const {
  return std::all_of(clients.begin(), clients.end(), [&](crdt::ClientId client) {
    return carried ? is_native(client) : !is_native(client) || owns(device, client);
  });
}

Authors::Split Authors::split(ByteView update) const {
  const auto listing = crdt::inspect_update(update);
  COTERIE_ASSERT(listing.has_value());
  const auto is_foreign = [&](crdt::ClientId client) {
    return is_native(client) && !owns(context_.identity.id(), client);
  };
  const auto clients = clients_of(*listing);
  Split out;
  if (std::none_of(clients.begin(), clients.end(), is_foreign)) {
    out.own.assign(update.begin(), update.end());
    return out;
  }
  auto carried = crdt::select_clients(update, is_foreign);
  COTERIE_ASSERT(carried.has_value());
  out.carried = *std::move(carried);
  const bool rest = !std::all_of(clients.begin(), clients.end(), is_foreign);
  if (!rest && listing->deletes.empty()) return out;
  auto own = crdt::select_clients(update, [&](crdt::ClientId id) { return !is_foreign(id); });
  COTERIE_ASSERT(own.has_value());
  out.own = *std::move(own);
  return out;
}

// Contradictions.

bool Authors::before(const LogId& a, const LogId& b) const {
  if (judge_.precedes(a.device, b.device)) return true;
  if (judge_.precedes(b.device, a.device)) return false;
  return a < b;
}

const std::set<LogId>& Authors::writers(const DocumentId& document, crdt::ClientId client) const {
  static const std::set<LogId> kNobody;
  const auto found = writers_.find({document, client});
  return found == writers_.end() ? kNobody : found->second;
}

/// Whether all that was written of `client` stands before the candidate in the canonical order. It
/// is newer than what its own log said.
bool Authors::comes_last(const DocumentId& document, crdt::ClientId client,
                         const Candidate& candidate) const {
  const auto& logs = writers(document, client);
  return all_known() && !logs.empty() &&
         std::all_of(logs.begin(), logs.end(), [&](const LogId& log) {
           if (log == candidate.ref.log) return true;
           // Of native ids all but their owner's are carried.
           const bool other_carried = is_native(client) && !owns(log.device, client);
           if (other_carried != candidate.carried) return candidate.carried;
           return before(log, candidate.ref.log);
         });
}

bool Authors::wrote_others(const DocumentId& document, crdt::ClientId client,
                           const LogId& log) const {
  if (!all_known()) return true;
  const auto& logs = writers(document, client);
  const DeviceId& self = context_.identity.id();
  return std::any_of(logs.begin(), logs.end(), [&](const LogId& other) {
    return other != log && !(other.device == self && log.device == self);
  });
}

void Authors::note(const DocumentId& document, const LogId& log, crdt::ClientId client) {
  if (!all_known() || !writers_[{document, client}].insert(log).second) return;
  ++writers_count_;
  ledger_.staged().put(Table::kMeta, writer_key(document, client, log), {});
}

bool Authors::contested(const DocumentId& document, const LogId& log, ByteView update) {
  const auto listing = crdt::inspect_update(update);
  if (!listing) return false;
  const auto clients = clients_of(*listing);
  const bool found = std::any_of(clients.begin(), clients.end(), [&](crdt::ClientId client) {
    return wrote_others(document, client, log);
  });
  for (const crdt::ClientId client : clients) note(document, log, client);
  return found;
}

void Authors::restart(const DocumentId& document, bool based) {
  // What is missing here cannot be told from what was forgotten; who wrote what is in a base, not
  // from what follows.
  if (!all_known() || based) return;
  const auto first = writers_.lower_bound({document, 0});
  auto last = first;
  for (; last != writers_.end() && last->first.first == document; ++last) {
    writers_count_ -= last->second.size();
  }
  writers_.erase(first, last);
  const Bytes key = writers_key(document);
  ledger_.staged().batch.erase_range(Table::kMeta, key, end_of_prefix(key));
}

/// `author` contradicts what was written of `client`, or will be contradicted by it.
void Authors::contest(const DocumentId& document, crdt::ClientId client, const DeviceId& author) {
  add_rival(document, author);
  for (const LogId& log : writers(document, client)) add_rival(document, log.device);
}

void Authors::add_rival(const DocumentId& document, const DeviceId& device) {
  auto& rivals = rivals_[document];
  if (std::find(rivals.begin(), rivals.end(), device) != rivals.end()) return;
  const auto place = std::find_if(rivals.begin(), rivals.end(), [&](const DeviceId& other) {
    return before({device, 0}, {other, 0});
  });
  rivals.insert(place, device);
  Bytes key = rivals_key(document);
  append(key, device.view());
  ledger_.staged().put(Table::kMeta, std::move(key), {});
}

void Authors::order_moved() {
  const auto in_order = [this](const DeviceId& a, const DeviceId& b) {
    return before({a, 0}, {b, 0});
  };
  for (auto& [document, rivals] : rivals_) {
    // Those who wrote may not all be known.
    const bool same = all_known() && std::is_sorted(rivals.begin(), rivals.end(), in_order);
    if (same) continue;
    std::sort(rivals.begin(), rivals.end(), in_order);
    documents_.schedule_rebuild(document);
  }
}

void Authors::order_settled() {
  for (const auto& [document, rivals] : rivals_) documents_.schedule_rebuild(document);
}

Authors::Writers Authors::writers_of(const DocumentId& document) const {
  Writers all;
  for (auto it = writers_.lower_bound({document, 0});
       it != writers_.end() && it->first.first == document; ++it) {
    for (const LogId& log : it->second) {
      if (log.incarnation != kUnwritten) all.emplace(it->first.second, log);
    }
  }
  return all;
}

void Authors::note_writers(const DocumentId& document, const Writers& writers) {
  for (const auto& [client, log] : writers) note(document, log, client);
}

void Authors::report(const DeviceId& device) {
  if (!offenders_.insert(device).second) return;
  const Member* member = ledger_.membership().find(device);
  context_.warn("updates by " + (member == nullptr ? "" : member->name + ", ") + "device " +
                device.short_hex() +
                ", are refused: they claim ids of what others wrote, or say it otherwise");
  ledger_.staged().put(Table::kMeta, prefixed(kOffenders, device.view()), {});
}

UpdateGate::Judgement Authors::judge(const DocumentId& document, const crdt::Doc& doc,
                                     const Candidate& candidate) {
  const auto listing = crdt::inspect_update(candidate.update);
  if (!listing) return {};  // Whoever applies it finds out.
  const std::vector<crdt::ClientId> clients = clients_of(*listing);
  const DeviceId& author = candidate.ref.log.device;
  if (!may_carry(author, clients, candidate.carried)) {
    if (!candidate.carried) wait_for_declaration(author, document);
    report(author);
    return {Verdict::kRefuse, {}};
  }
  Judgement judgement;
  std::set<crdt::ClientId> refused;
  auto compared = crdt::compare_update(doc, candidate.update);
  while (compared && compared->contradiction) {
    const crdt::ClientId client = compared->contradiction->client;
    contest(document, client, author);
    if (!candidate.in_order && !comes_last(document, client, candidate)) {
      return {Verdict::kRebuild, {}};
    }
    if (!candidate.carried) report(author);  // What one carries, another wrote.
    refused.insert(client);
    judgement.rest = without_clients(candidate.update, refused);
    if (!judgement.rest) return {Verdict::kRefuse, {}};
    compared = crdt::compare_update(doc, *judgement.rest);
  }
  if (!compared) return judgement;
  if (!candidate.in_order) {
    const auto in_doubt = [&](const std::optional<crdt::Id>& id) {
      return id && wrote_others(document, id->client, candidate.ref.log);
    };
    if (in_doubt(compared->hidden) || in_doubt(compared->forgotten)) {
      documents_.schedule_rebuild(document);
    }
  }
  for (const crdt::ClientId client : clients) {
    if (!refused.contains(client)) note(document, candidate.ref.log, client);
  }
  return judgement;
}

UpdateGate::Judgement Authors::look(const crdt::Doc& doc, const Candidate& candidate) const {
  const auto listing = crdt::inspect_update(candidate.update);
  if (!listing) return {};
  if (!may_carry(candidate.ref.log.device, clients_of(*listing), candidate.carried)) {
    return {Verdict::kRefuse, {}};
  }
  Judgement judgement;
  std::set<crdt::ClientId> refused;
  auto compared = crdt::compare_update(doc, candidate.update);
  while (compared && compared->contradiction) {
    refused.insert(compared->contradiction->client);
    judgement.rest = without_clients(candidate.update, refused);
    if (!judgement.rest) return {Verdict::kRefuse, {}};
    compared = crdt::compare_update(doc, *judgement.rest);
  }
  return judgement;
}

/// Whether what our log says of `client` would stand against what others' say.
bool Authors::would_stand(const DocumentId& document, crdt::ClientId client) const {
  // Where others wrote of that client, it is one of them who said it first, and it gives way.
  const DeviceId& self = context_.identity.id();
  const auto& logs = writers(document, client);
  const auto others =
      std::count_if(logs.begin(), logs.end(), [&](const LogId& log) { return log.device != self; });
  return !is_native(client) && all_known() && others > 0 &&
         std::all_of(logs.begin(), logs.end(), [&](const LogId& log) {
           return log.device == self || judge_.precedes(self, log.device);
         });
}

UpdateGate::Judgement Authors::judge_own(const DocumentId& document, const crdt::Doc& doc,
                                         ByteView update) {
  const auto listing = crdt::inspect_update(update);
  if (!listing) return {};
  std::set<crdt::ClientId> refused;
  std::set<crdt::ClientId> contradicted;
  auto compared = crdt::compare_update(doc, update);
  while (compared && compared->contradiction) {
    const crdt::ClientId client = compared->contradiction->client;
    contradicted.insert(client);
    if (!would_stand(document, client)) refused.insert(client);
    const auto rest = without_clients(update, contradicted);
    if (!rest) break;
    compared = crdt::compare_update(doc, *rest);
  }
  if (!refused.empty()) return {Verdict::kRefuse, without_clients(update, refused)};
  if (!contradicted.empty()) return {Verdict::kRebuild, {}};
  const LogId own{context_.identity.id(), kUnwritten};
  for (const crdt::ClientId client : clients_of(*listing)) note(document, own, client);
  return {};
}

}  // namespace coterie::node
