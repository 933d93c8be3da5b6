#include "node/core/ledger.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {

using storage::Table;
using transport::EntryRun;
using transport::RunVerdict;

namespace {

/// Incarnations of one device. Its own rule stops earlier, so that an honest one never gets there.
constexpr std::size_t kLogsPerDeviceMax = 256;
constexpr std::size_t kOwnIncarnationsMax = 32;

Error corrupt(const char* what) { return {ErrorCode::kCorrupt, what}; }

OperationEntry operation_entry(const Entry& entry, const Hash& hash) {
  return {hash,
          entry.position.log,
          entry.position.seq,
          entry.time,
          entry.heads,
          entry.payload,
          entry.entry_class == EntryClass::kGenesis};
}

}  // namespace

void Ledger::Staged::put(Table table, Bytes key, Bytes value) {
  bytes += key.size() + value.size();
  batch.put(table, std::move(key), std::move(value));
}

Ledger::Genesis Ledger::make_genesis(Now now, const std::string& name,
                                     const crypto::SigningKey& identity, SecureRandom& random) {
  Genesis genesis;
  genesis.incarnation = random.next_u64();
  genesis.key = crypto::SecretKey::generate(random);
  const Bytes operation =
      encode_operation(CreateOperation{name, crypto::key_commitment(genesis.key)});
  HybridClock clock;
  const Entry entry =
      sign_entry({{}, {identity.id(), genesis.incarnation}, 1, {}}, EntryClass::kGenesis,
                 clock.next(now.wall), {}, identity, operation, genesis.hash);
  genesis.workspace.bytes = genesis.hash.bytes;
  genesis.stored = encode_stored(entry);
  return genesis;
}

Ledger::Ledger(const WorkspaceId& workspace, storage::Store& store,
               const crypto::SigningKey& identity, SecureRandom& random,
               std::function<bool()> in_step)
    : workspace_(workspace),
      store_(store),
      identity_(identity),
      random_(random),
      in_step_(std::move(in_step)),
      sealer_(workspace, identity, random),
      membership_(workspace),
      own_{identity.id(), 0},
      keys_(identity, random, sealer_, [this](Table table, Bytes key, Bytes value) {
        staged_.put(table, std::move(key), std::move(value));
      }) {}

// Opening.

Status Ledger::load() {
  COTERIE_CHECK(load_meta());
  COTERIE_CHECK(keys_.load(store_));
  COTERIE_CHECK(load_frontier());
  return load_membership();
}

Status Ledger::load_meta() {
  COTERIE_TRY(const auto id, store_.get(Table::kMeta, meta_key("workspace")));
  if (id && !equal(*id, workspace_.view())) return corrupt("store belongs to another workspace");
  COTERIE_TRY(const auto incarnation, store_.get(Table::kMeta, meta_key("incarnation")));
  if (incarnation) {
    ByteReader in(*incarnation);
    const auto number = read_u64(in);
    if (!number || !in.at_end()) return corrupt("incarnation of wrong length");
    own_.incarnation = *number;
  }
  const Bytes prefix = meta_key("w");
  const Bytes end = end_of_prefix(prefix);
  return store_.scan(Table::kMeta, prefix, end, [this](ByteView key, ByteView) {
    // "workspace" shares the letter; positions have a fixed length.
    if (key.size() == 1 + 48) waiting_.emplace(key.begin(), key.end());
    return true;
  });
}

Status Ledger::load_frontier() {
  std::vector<std::pair<LogId, StoredHead>> heads;
  Status status;
  COTERIE_CHECK(store_.scan(Table::kFrontier, {}, {}, [&](ByteView key, ByteView value) {
    ByteReader in(key);
    const auto device = read_id<DeviceId>(in);
    const auto incarnation = read_u64(in);
    const auto head = decode_head(value);
    if (!device || !incarnation || !in.at_end() || !head) {
      status = corrupt("damaged log head");
      return false;
    }
    heads.emplace_back(LogId{*device, *incarnation}, *head);
    return true;
  }));
  COTERIE_CHECK(status);
  for (const auto& [log, stored] : heads) {
    COTERIE_CHECK(check_head(log, stored));
    frontier_.emplace(log, stored.head);
  }
  return {};
}

/// Whether the newest entry of `log` is the one its head names, and signed: with the chain, that
/// vouches for the log.
Status Ledger::check_head(const LogId& log, const StoredHead& stored) const {
  const Bytes prefix = log_key(log);
  const Bytes end = end_of_prefix(prefix);
  COTERIE_TRY(const auto last, store_.last(Table::kEntries, prefix, end));
  if (!last || last->first != position_key(log, stored.head.seq)) {
    return corrupt("a log does not end where its head says");
  }
  const auto entry =
      decode_stored({workspace_, log, stored.head.seq, stored.previous}, last->second);
  if (!entry || entry_hash(*entry) != stored.head.hash ||
      !crypto::verify(log.device, entry_digest(*entry).view(), entry->signature)) {
    return corrupt("the newest entry of a log does not verify");
  }
  return {};
}

Status Ledger::load_membership() {
  struct Row {
    EntryRef ref;
    Hash hash;
  };
  std::vector<Row> rows;
  Status status;
  const Bytes prefix = meta_key("m");
  const Bytes end = end_of_prefix(prefix);
  COTERIE_CHECK(store_.scan(Table::kMeta, prefix, end, [&](ByteView key, ByteView value) {
    auto ref = read_position(key.subspan(1));
    if (!ref || value.size() != 2 * Hash::kBytes) {
      status = corrupt("damaged index of membership");
      return false;
    }
    Row row{*ref, *Hash::from(value.first(Hash::kBytes))};
    row.ref.previous = *Hash::from(value.last(Hash::kBytes));
    rows.push_back(row);
    return true;
  }));
  COTERIE_CHECK(status);
  for (const Row& row : rows) {
    COTERIE_TRY(const auto stored,
                store_.get(Table::kEntries, position_key(row.ref.log, row.ref.seq)));
    if (!stored) return corrupt("a membership operation is missing");
    const auto entry =
        decode_stored({workspace_, row.ref.log, row.ref.seq, row.ref.previous}, *stored);
    if (!entry || entry_hash(*entry) != row.hash) {
      return corrupt("a membership operation is damaged");
    }
    COTERIE_TRY(const bool changed, membership_.add(operation_entry(*entry, row.hash)));
    (void)changed;  // Whoever opens the ledger reads the whole membership anyway.
  }
  return {};
}

void Ledger::adopt() {
  own_.incarnation = random_.next_u64();
  own_safe_ = true;
  staged_.put(Table::kMeta, meta_key("workspace"),
              Bytes(workspace_.view().begin(), workspace_.view().end()));
  Bytes incarnation;
  append_u64(incarnation, own_.incarnation);
  staged_.put(Table::kMeta, meta_key("incarnation"), std::move(incarnation));
}

void Ledger::found(const Genesis& genesis) {
  adopt();
  own_.incarnation = genesis.incarnation;
  Bytes incarnation;
  append_u64(incarnation, own_.incarnation);
  staged_.put(Table::kMeta, meta_key("incarnation"), std::move(incarnation));
  keys_.add(genesis.key.clone());
  const auto run = verify_run(workspace_, own_, {}, std::span(&genesis.stored, 1));
  COTERIE_ASSERT(run.has_value());
  stage_entry(run->front().entry.position, genesis.hash, genesis.stored);
  accept_operation(run->front());
}

// Reading.

transport::EntryRun Ledger::read(const LogId& log, Seq first, std::size_t bytes_max) const {
  EntryRun run{log, first, {}};
  const auto head = frontier_.find(log);
  if (head == frontier_.end() || first == 0 || first > head->second.seq) return run;
  std::size_t bytes = 0;
  Seq expected = first;
  const Status status =
      store_.scan(Table::kEntries, position_key(log, first),
                  position_key(log, head->second.seq + 1), [&](ByteView key, ByteView value) {
                    const auto at = read_position(key);
                    if (!at || at->seq != expected) return false;
                    if (!run.entries.empty() && bytes + value.size() > bytes_max) return false;
                    run.entries.emplace_back(value.begin(), value.end());
                    bytes += value.size();
                    ++expected;
                    return bytes < bytes_max;
                  });
  if (!status) run.entries.clear();  // A disk that cannot be read has nothing to give.
  return run;
}

std::uint64_t Ledger::entries() const {
  std::uint64_t total = 0;
  for (const auto& [log, head] : frontier_) total += head.seq;
  return total;
}

Result<Bytes> Ledger::read_record(const EntryRef& ref) const {
  COTERIE_TRY(const auto stored, store_.get(Table::kEntries, position_key(ref.log, ref.seq)));
  if (!stored) return corrupt("an entry is missing");
  const auto entry = decode_stored({workspace_, ref.log, ref.seq, ref.previous}, *stored);
  if (!entry) return corrupt("an entry is damaged");
  return open_record(*entry);
}

Result<Bytes> Ledger::open_record(const Entry& entry) const {
  const crypto::SecretKey* key = keys_.find(entry.key);
  if (key == nullptr) return Error{ErrorCode::kNotFound, "the key of an entry is not here"};
  auto record = open_entry(entry, *key);
  if (!record) return corrupt("an entry does not decrypt");
  return record;
}

Frontier Ledger::held() const {
  Frontier all = frontier_;
  for (const auto& [log, head] : ahead_) all[log] = head;
  return all;
}

Status Ledger::visit(const LogId& log, const LogHead& after,
                     const std::function<bool(const HashedEntry&)>& visit) const {
  LogHead at = after;
  bool more = true;
  Status status;
  const auto take = [&](ByteView stored) {
    auto entry = decode_stored({workspace_, log, at.seq + 1, at.hash}, stored);
    if (!entry) {
      status = corrupt("an entry is damaged");
      return false;
    }
    HashedEntry one{std::move(*entry), {}};
    one.hash = entry_hash(one.entry);
    at = {at.seq + 1, one.hash};
    more = visit(one);
    return more;
  };
  if (const auto head = frontier_.find(log); head != frontier_.end()) {
    COTERIE_CHECK(store_.scan(Table::kEntries, position_key(log, after.seq + 1),
                              position_key(log, head->second.seq + 1),
                              [&](ByteView, ByteView stored) { return take(stored); }));
    COTERIE_CHECK(status);
    if (more && at.seq < head->second.seq) return corrupt("entries of a log are missing");
  }
  for (const Staged* batch : {in_flight_ ? &*in_flight_ : nullptr, &staged_}) {
    if (batch == nullptr) continue;
    for (const auto& one : batch->runs) {
      if (one.run.log != log) continue;
      for (std::size_t i = 0; more && status && i < one.run.entries.size(); ++i) {
        if (one.run.first + i == at.seq + 1) take(one.run.entries[i]);
      }
    }
  }
  return status;
}

std::optional<Role> Ledger::role() const {
  const Member* self = membership_.find(identity_.id());
  if (self == nullptr) return std::nullopt;
  return self->role;
}

bool Ledger::can_write() const {
  const std::optional<Role> own = role();
  Hash commitment;
  return own && may_write(*own) && keys_.write_key(membership_, commitment) != nullptr;
}

// Writing.

LogHead Ledger::head_of(const LogId& log) const {
  if (const auto found = ahead_.find(log); found != ahead_.end()) return found->second;
  if (const auto found = frontier_.find(log); found != frontier_.end()) return found->second;
  return {};
}

void Ledger::new_incarnation() {
  own_.incarnation = random_.next_u64();
  own_safe_ = true;
  Bytes value;
  append_u64(value, own_.incarnation);
  staged_.put(Table::kMeta, meta_key("incarnation"), std::move(value));
}

/// Before the first entry since this process began: is our log the one that others know?
void Ledger::choose_incarnation() {
  if (own_safe_) return;
  const bool alone = membership_.members().size() <= 1;
  std::size_t incarnations = 0;
  for (auto it = frontier_.lower_bound({identity_.id(), 0});
       it != frontier_.end() && it->first.device == identity_.id(); ++it) {
    ++incarnations;
  }
  const bool untouched = head_of(own_).seq == 0 && own_.incarnation != 0;
  if (alone || untouched || in_step_() || incarnations >= kOwnIncarnationsMax) {
    own_safe_ = true;
    return;
  }
  new_incarnation();
}

EntryPosition Ledger::next_position() {
  choose_incarnation();
  const LogHead head = head_of(own_);
  return {workspace_, own_, head.seq + 1, head.hash};
}

void Ledger::stage_entry(const EntryPosition& position, const Hash& hash, Bytes stored) {
  const LogHead head{position.seq, hash};
  ahead_[position.log] = head;
  staged_.heads[position.log] = head;
  auto& runs = staged_.runs;
  const bool continues = !runs.empty() && !runs.back().from && runs.back().run.log == position.log;
  if (!continues) runs.push_back({{position.log, position.seq, {}}, std::nullopt});
  runs.back().run.entries.push_back(stored);
  staged_.put(Table::kEntries, position_key(position.log, position.seq), std::move(stored));
  staged_.put(Table::kFrontier, log_key(position.log), encode_head({head, position.previous}));
}

EntryRef Ledger::append_record(Now now, ByteView record) {
  COTERIE_ASSERT(can_write());
  Hash commitment;
  const crypto::SecretKey* key = keys_.write_key(membership_, commitment);
  const EntryPosition position = next_position();
  Hash hash;
  const Entry entry = seal_entry(position, clock_.next(now.wall), membership_.heads(), *key,
                                 commitment, random_, identity_, record, hash);
  stage_entry(position, hash, encode_stored(entry));
  return {position.log, position.seq, position.previous};
}

void Ledger::append_operation(Now now, const Operation& operation) {
  COTERIE_ASSERT(role().has_value());
  const EntryPosition position = next_position();
  HashedEntry made;
  made.entry = sign_entry(position, EntryClass::kMembership, clock_.next(now.wall),
                          membership_.heads(), identity_, encode_operation(operation), made.hash);
  stage_entry(position, made.hash, encode_stored(made.entry));
  accept_operation(made);
}

// Receiving.

/// Whether entries of this author can be judged here yet; nothing when they can.
std::optional<RunVerdict> Ledger::judge_author(const EntryRun& run) const {
  if (membership_.founded()) {
    if (membership_.find(run.log.device) == nullptr) return RunVerdict::kDeferred;
    return std::nullopt;
  }
  // Before the genesis is here, only a log that begins with it can be checked.
  if (run.first != 1 || run.entries.empty()) return RunVerdict::kDeferred;
  const auto first = decode_stored({workspace_, run.log, 1, {}}, run.entries.front());
  if (!first) return RunVerdict::kRefused;
  if (first->entry_class != EntryClass::kGenesis) return RunVerdict::kDeferred;
  return std::nullopt;
}

bool Ledger::acceptable(const std::vector<HashedEntry>& run) const {
  for (const auto& [entry, hash] : run) {
    const bool is_genesis = equal(hash.view(), workspace_.view());
    if ((entry.entry_class == EntryClass::kGenesis) != is_genesis) return false;
    if (entry.entry_class != EntryClass::kContent) continue;
    const Member* author = membership_.find(entry.position.log.device);
    // The founder of a genesis in this very run is not a member here yet, and may write.
    if (author != nullptr && !may_write(author->role)) return false;
  }
  return true;
}

bool Ledger::has_room_for(const LogId& log) const {
  if (head_of(log).seq > 0) return true;
  std::set<LogId> logs;
  for (auto it = frontier_.lower_bound({log.device, 0});
       it != frontier_.end() && it->first.device == log.device; ++it) {
    logs.insert(it->first);
  }
  for (auto it = ahead_.lower_bound({log.device, 0});
       it != ahead_.end() && it->first.device == log.device; ++it) {
    logs.insert(it->first);
  }
  return logs.size() < kLogsPerDeviceMax &&
         frontier_.size() + ahead_.size() < transport::kLogsPerWorkspaceMax;
}

Ledger::Received Ledger::receive(Now now, const EntryRun& run, transport::LinkId from) {
  Received out;
  const LogHead held = head_of(run.log);
  if (run.first == 0 || run.first > held.seq + 1) {
    out.verdict = RunVerdict::kDeferred;
    return out;
  }
  const std::size_t known =
      static_cast<std::size_t>(std::min<Seq>(held.seq + 1 - run.first, run.entries.size()));
  const auto fresh = std::span(run.entries).subspan(known);
  if (fresh.empty()) {
    out.verdict = RunVerdict::kStored;
    return out;
  }
  if (const auto verdict = judge_author(run)) {
    out.verdict = *verdict;
    return out;
  }
  if (!has_room_for(run.log)) {
    out.verdict = RunVerdict::kRefused;
    out.warning = "a member has too many logs; further ones are not stored";
    return out;
  }
  auto verified = verify_run(workspace_, run.log, held, fresh);
  if (!verified || !acceptable(*verified)) {
    // A branch of our own log that we do not have is no fault of the peer.
    out.verdict = run.log.device == identity_.id() ? RunVerdict::kDeferred : RunVerdict::kRefused;
    return out;
  }
  if (run.log == own_) {
    // Signed by us and not here: this store was restored or copied.
    new_incarnation();
    out.warning = "this device's log is ahead elsewhere (restored or copied?): a new log begins";
  }
  staged_.runs.push_back({{run.log, held.seq + 1, {}}, from});
  for (std::size_t i = 0; i < verified->size(); ++i) {
    accept(now, (*verified)[i], fresh[i], out);
  }
  out.verdict = RunVerdict::kStored;
  return out;
}

void Ledger::accept(Now now, const HashedEntry& entry, Bytes stored, Received& out) {
  const EntryPosition& position = entry.entry.position;
  clock_.witness(now.wall, entry.entry.time);
  const LogHead head{position.seq, entry.hash};
  ahead_[position.log] = head;
  staged_.heads[position.log] = head;
  staged_.runs.back().run.entries.push_back(stored);
  staged_.put(Table::kEntries, position_key(position.log, position.seq), std::move(stored));
  staged_.put(Table::kFrontier, log_key(position.log), encode_head({head, position.previous}));
  if (entry.entry.entry_class == EntryClass::kContent) {
    accept_content(entry, out);
  } else if (accept_operation(entry)) {
    out.membership_changed = true;
  }
}

bool Ledger::accept_operation(const HashedEntry& entry) {
  const EntryPosition& position = entry.entry.position;
  Bytes row(entry.hash.view().begin(), entry.hash.view().end());
  append(row, position.previous.view());
  staged_.put(Table::kMeta, prefixed_position('m', position.log, position.seq), std::move(row));
  const auto changed = membership_.add(operation_entry(entry.entry, entry.hash));
  // Past the limit of operations the entry is kept without effect, on every replica's own count.
  if (!changed || !*changed) return false;
  const auto operation = decode_operation(entry.entry.payload);
  if (operation) {
    const auto* admit = std::get_if<AdmitOperation>(&*operation);
    if (admit != nullptr && admit->device == identity_.id()) keys_.take(admit->keys);
  }
  return true;
}

void Ledger::accept_content(const HashedEntry& entry, Received& out) {
  const EntryPosition& position = entry.entry.position;
  const EntryRef ref{position.log, position.seq, position.previous};
  const crypto::SecretKey* key = keys_.find(entry.entry.key);
  if (key == nullptr) {
    Bytes name = prefixed_position('w', position.log, position.seq);
    staged_.put(Table::kMeta, name,
                Bytes(position.previous.view().begin(), position.previous.view().end()));
    waiting_.insert(std::move(name));
    return;
  }
  auto record = open_entry(entry.entry, *key);
  // Sealed under the right key's name with another: its author is broken. Kept, not applied.
  if (!record) {
    out.warning = "an entry of a member does not decrypt; it is kept and not applied";
    return;
  }
  out.records.push_back({ref, entry.hash, entry.entry.time, entry.entry.heads, std::move(*record)});
}

std::vector<LedgerRecord> Ledger::take_waiting() {
  std::vector<LedgerRecord> records;
  if (!keys_.take_news() && !retry_waiting_) return records;
  retry_waiting_ = false;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto ref = read_position(ByteView(*it).subspan(1));
    const auto previous = store_.get(Table::kMeta, *it);
    if (!ref || !previous || !*previous) {
      retry_waiting_ = true;  // Staged and not readable yet: met again after its commit.
      ++it;
      continue;
    }
    EntryRef whole = *ref;
    if (const auto hash = Hash::from(**previous)) whole.previous = *hash;
    const auto stored = store_.get(Table::kEntries, position_key(whole.log, whole.seq));
    const auto record = read_record(whole);
    if (!record && record.error().code == ErrorCode::kNotFound) {
      ++it;
      continue;
    }
    if (record && stored && *stored) {
      const auto entry =
          decode_stored({workspace_, whole.log, whole.seq, whole.previous}, **stored);
      if (entry) {
        records.push_back({whole, entry_hash(*entry), entry->time, entry->heads, *record});
      }
    }
    staged_.batch.erase(Table::kMeta, *it);
    it = waiting_.erase(it);
  }
  return records;
}

// Batches.

void Ledger::when_last_lands(Action action) {
  auto& batch = staged_.empty() ? *in_flight_ : staged_;
  batch.after.push_back(std::move(action));
}

storage::WriteBatch Ledger::launch() {
  COTERIE_ASSERT(!in_flight_);
  in_flight_ = std::exchange(staged_, Staged{});
  ++staging_number_;
  return in_flight_->batch;
}

Ledger::Staged Ledger::landed() {
  COTERIE_ASSERT(in_flight_);
  Staged done = std::move(*in_flight_);
  in_flight_.reset();
  ++landed_number_;
  for (const auto& [log, head] : done.heads) {
    frontier_[log] = head;
    const auto ahead = ahead_.find(log);
    if (ahead != ahead_.end() && ahead->second == head) ahead_.erase(ahead);
  }
  return done;
}

}  // namespace coterie::node
