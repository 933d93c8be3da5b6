#include "node/core/checkpoint/keeper.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

using storage::Table;

namespace {

/// Others may be about to say the same; and what they mean may be on its way.
constexpr Duration kAgreeDelay = std::chrono::seconds(2);
/// Between two, and for each entry since the base.
constexpr Duration kAgreePauseMin = std::chrono::seconds(30);
constexpr Duration kAgreePausePerEntry = std::chrono::microseconds(50);
constexpr Duration kTryAgain = std::chrono::seconds(10);
constexpr Duration kLook = std::chrono::minutes(10);
/// Whoever has not said that it holds a checkpoint after this time is away.
constexpr std::chrono::milliseconds kAwayAfter = std::chrono::hours(24 * 30);
constexpr std::chrono::milliseconds kCheckpointPauseMin = std::chrono::hours(24);
constexpr std::size_t kTailsPerStep = 64;
constexpr std::size_t kEntriesPerStep = 16'384;

Bytes retention_key() { return meta_key("retention"); }

bool in_order(const Ledger::KeptEntry& a, const Ledger::KeptEntry& b) {
  return std::tie(a.log, a.seq) < std::tie(b.log, b.seq);
}

/// By its class, the second byte of its stored form.
bool is_operation(const Ledger::KeptEntry& one) {
  return one.stored.size() > 1 && one.stored[1] != static_cast<std::uint8_t>(EntryClass::kContent);
}

Error unavailable(const char* what) { return {ErrorCode::kUnavailable, what}; }

}  // namespace

Keeper::Keeper(Ledger& ledger, DocumentStore& documents, Views& views, Authors& authors,
               Context& context, Host& host)
    : ledger_(ledger),
      documents_(documents),
      views_(views),
      authors_(authors),
      context_(context),
      host_(host),
      checkpoints_(ledger) {}

Status Keeper::load() {
  COTERIE_CHECK(checkpoints_.load());
  COTERIE_TRY(const auto row, ledger_.store().get(Table::kMeta, retention_key()));
  if (row) {
    ByteReader in(*row);
    COTERIE_TRY(const std::uint64_t hours, read_u64(in));
    retention_ = std::chrono::hours(hours);
  }
  agree_at_ = Instant{};
  if (!ledger_.floor().frontier.empty() && ledger_.prunes()) {
    begin_cutting();
    step_at_ = Instant{};
  }
  return {};
}

void Keeper::begin_cutting() {
  stage_ = Stage::kTails;
  uncut_.clear();
  for (const auto& [id, document] : documents_.all()) uncut_.push_back(id);
}

void Keeper::set_retention(Now now, std::optional<std::chrono::hours> retention) {
  retention_ = retention;
  if (retention) {
    Bytes row;
    append_u64(row, static_cast<std::uint64_t>(retention->count()));
    ledger_.staged().put(Table::kMeta, retention_key(), std::move(row));
  } else {
    ledger_.staged().batch.erase(Table::kMeta, retention_key());
  }
  next_look_ = now.steady;
}

// What is said.

void Keeper::spoken(Now now, const LedgerRecord& record, const Record& decoded) {
  checkpoints_.take(record, decoded);
  plan(now);
}

void Keeper::membership_moved(Now now) {
  if (!checkpoints_.all().empty()) plan(now);
}

Duration Keeper::pause() const {
  const std::uint64_t entries = ledger_.entries();
  return std::max<Duration>(kAgreePauseMin,
                            kAgreePausePerEntry * static_cast<std::int64_t>(entries));
}

void Keeper::plan(Now now) {
  if (agree_at_) return;
  const auto jitter = Duration(std::chrono::milliseconds(context_.random.next_u64() % 3000));
  agree_at_ = now.steady + kAgreeDelay + jitter;
}

void Keeper::write(Now now, const Record& record) {
  LedgerRecord written;
  ledger_.append_record(now, encode_record(record), &written);
  spoken(now, written, record);
}

// Making.

/// Our frontier on disk, as far as nothing in it is disputed or cannot be read. Errors: as make().
Result<Frontier> Keeper::agreeable_frontier() const {
  std::map<LogId, Seq> first_open;
  const auto open = [&](const LogId& log, Seq seq) {
    const auto [known, added] = first_open.emplace(log, seq);
    if (!added) known->second = std::min(known->second, seq);
  };
  for (const auto& [position, one] : views_.admission().all())
    open(position.first, position.second);
  for (const auto& [log, seq] : ledger_.waiting()) open(log, seq);
  Frontier frontier;
  for (const auto& [log, head] : ledger_.frontier()) {
    if (!ledger_.can_be_based(log)) continue;
    LogHead upto = head;
    if (const auto limit = first_open.find(log); limit != first_open.end()) {
      upto.seq = std::min(upto.seq, limit->second - 1);
    }
    const auto based = ledger_.base().frontier.find(log);
    if (based != ledger_.base().frontier.end()) upto.seq = std::max(upto.seq, based->second.seq);
    if (upto.seq == 0) continue;
    COTERIE_TRY(upto.hash, ledger_.hash_of(log, upto.seq));
    frontier.emplace(log, upto);
  }
  if (frontier.size() > kCheckpointLogsMax) {
    return Error{ErrorCode::kLimitExceeded, "too many logs for a checkpoint", frontier.size()};
  }
  return frontier;
}

bool Keeper::holds(const Frontier& frontier) const {
  return std::all_of(frontier.begin(), frontier.end(), [&](const auto& one) {
    const auto& [log, head] = one;
    const auto held = ledger_.frontier().find(log);
    if (held == ledger_.frontier().end() || held->second.seq < head.seq) return false;
    if (!ledger_.can_be_based(log)) return false;
    const auto hash = ledger_.hash_of(log, head.seq);
    return hash && *hash == head.hash;
  });
}

/// Neither from a clock far ahead nor of somebody who is no member any more.
bool Keeper::plausible(Now now, const Checkpoints::Checkpoint& one) const {
  return HybridClock::millis(one.time) <= now.wall + kClockSkewMsMax &&
         ledger_.membership().find(one.ref.log.device) != nullptr;
}

/// Whether all that the base covers is covered by `later`.
bool Keeper::goes_on(const Ledger::Base& base, const Frontier& later) {
  return std::all_of(base.frontier.begin(), base.frontier.end(), [&](const auto& one) {
    return Ledger::covers({{}, 0, later}, one.first, one.second.seq);
  });
}

Result<Hash> Keeper::root_at(Now now, const Frontier& frontier,
                             std::map<DocumentId, Bytes>& states) {
  COTERIE_TRY(states, views_.states_at(now, frontier, Views::From::kBase));
  COTERIE_TRY(const auto kept, ledger_.kept_below(frontier));
  return checkpoint_root(ledger_.workspace(), frontier, kept, states);
}

Result<Hash> Keeper::make(Now now) {
  COTERIE_TRY(Frontier frontier, agreeable_frontier());
  if (!goes_on(ledger_.base(), frontier)) {
    return Error{ErrorCode::kConflict, "a log that the newest checkpoint covers forked since"};
  }
  std::map<DocumentId, Bytes> states;
  COTERIE_TRY(const Hash root, root_at(now, frontier, states));
  for (const auto& [hash, checkpoint] : checkpoints_.all()) {
    if (checkpoint.record.frontier == frontier) {
      return Error{ErrorCode::kConflict, "there is a checkpoint of all that is held"};
    }
  }
  write(now, CheckpointRecord{root, std::move(frontier)});
  for (const auto& [hash, checkpoint] : checkpoints_.all()) {
    if (checkpoint.record.root != root) continue;
    made_ = {hash, std::move(states)};
    return hash;
  }
  return Error{ErrorCode::kCorrupt, "a checkpoint was not taken in"};
}

/// What came was considered: does it stand, and is it so here?
void Keeper::agree(Now now) {
  const auto* standing = checkpoints_.newest_standing();
  const bool made = standing != nullptr && made_ && made_->checkpoint == standing->hash;
  if (!made && now.steady < agree_not_before_) {
    agree_at_ = agree_not_before_;
    return;
  }
  adopt(now);
  if (ledger_.can_write()) follow_break(now);
  if (ledger_.may_write()) vouch(now);
}

void Keeper::adopt(Now now) {
  const auto* standing = checkpoints_.newest_standing();
  if (standing == nullptr || standing->time <= ledger_.base().time || pruning()) return;
  if (!goes_on(ledger_.base(), standing->record.frontier)) return;
  if (!holds(standing->record.frontier)) {
    agree_at_ = now.steady + kTryAgain;
    return;
  }
  if (made_ && made_->checkpoint == standing->hash) return take_over(*standing, made_->states);
  agree_not_before_ = now.steady + pause();
  std::map<DocumentId, Bytes> states;
  const auto root = root_at(now, standing->record.frontier, states);
  if (!root) {
    // Keys of what was written before this device came, say: it goes on from its own entries.
    if (root.error().code != ErrorCode::kUnavailable) {
      context_.report("a checkpoint cannot be compared: " + to_string(root.error()));
    }
    return;
  }
  if (*root != standing->record.root) {
    context_.warn("the team agreed on a checkpoint that says otherwise than what is here");
    return;
  }
  take_over(*standing, states);
}

void Keeper::take_over(const Checkpoints::Checkpoint& standing,
                       const std::map<DocumentId, Bytes>& states) {
  documents_.set_states(Table::kBases, states);
  ledger_.set_base({standing.hash, standing.time, standing.record.frontier});
  authors_.order_settled();
  made_.reset();
  drop_bundle();
}

void Keeper::vouch(Now now) {
  const Checkpoints::Checkpoint* newest = nullptr;
  for (const auto& [hash, one] : checkpoints_.all()) {
    if (!plausible(now, one)) continue;
    if (newest == nullptr || std::tie(newest->time, newest->hash) < std::tie(one.time, one.hash)) {
      newest = &one;
    }
  }
  const DeviceId& self = context_.identity.id();
  if (newest == nullptr || newest->ref.log.device == self) return;
  if (!goes_on(ledger_.base(), newest->record.frontier)) return;
  if (checkpoints_.vouch_of(self, newest->hash) != nullptr) return;
  if (newest->time <= ledger_.base().time) return;
  if (!ledger_.can_write() || !holds(newest->record.frontier)) {
    agree_at_ = now.steady + kTryAgain;
    return;
  }
  agree_not_before_ = now.steady + pause();
  std::map<DocumentId, Bytes> states;
  const auto root = root_at(now, newest->record.frontier, states);
  if (!root && root.error().code != ErrorCode::kUnavailable) {
    context_.report("a checkpoint cannot be compared: " + to_string(root.error()));
    return;
  }
  const bool same = root && *root == newest->record.root;
  if (root && !same) {
    context_.warn("a checkpoint of device " + newest->ref.log.device.short_hex() +
                  " says that documents are otherwise than they are here: it is not vouched for");
    return;
  }
  if (same) made_ = {newest->hash, std::move(states)};
  write(now, VouchRecord{newest->hash, same, {}});
}

/// Hosts: whoever did not answer for long need not be waited for.
void Keeper::waive(Now now) {
  if (ledger_.role() != Role::kHost) return;
  for (const auto& [hash, checkpoint] : checkpoints_.all()) {
    const auto age = std::chrono::milliseconds(now.wall) -
                     std::chrono::milliseconds(HybridClock::millis(checkpoint.time));
    if (age < kAwayAfter) continue;
    const auto support = checkpoints_.support(checkpoint);
    if (support.missing.empty() || support.same.size() < support.same_needed) continue;
    std::vector<DeviceId> away(support.missing.begin(), support.missing.end());
    const DeviceId& self = context_.identity.id();
    const bool same = support.same.contains(self);
    std::erase(away, self);
    if (away.empty() || away.size() > kWaivedMax) continue;
    write(now, VouchRecord{hash, same, std::move(away)});
    return;  // One at a time: the set is another one now.
  }
}

/// A key of which newcomers get no older one hides the checkpoint from them: there has to be one
/// under it.
void Keeper::follow_break(Now now) {
  if (ledger_.role() != Role::kHost || ledger_.base().frontier.empty()) return;
  std::uint64_t broken = 0;
  for (const Epoch& epoch : ledger_.membership().epochs()) {
    if (epoch.breaks()) broken = std::max(broken, epoch.time);
  }
  if (broken <= ledger_.base().time) return;
  const auto newer = [&](const auto& one) {
    return plausible(now, one.second) && one.second.time > broken;
  };
  const auto& all = checkpoints_.all();
  if (std::none_of(all.begin(), all.end(), newer)) (void)make(now);
}

void Keeper::keep_to_retention(Now now) {
  if (!retention_) return;
  (void)prune(now, *retention_);  // There may be nothing to do.
  if (ledger_.role() != Role::kHost) return;
  const auto every = std::max<std::chrono::milliseconds>(kCheckpointPauseMin, *retention_ / 4);
  WallMillis newest = 0;
  for (const auto& [hash, one] : checkpoints_.all()) {
    if (plausible(now, one)) newest = std::max(newest, HybridClock::millis(one.time));
  }
  if (newest + static_cast<WallMillis>(every.count()) > now.wall) return;
  if (const auto made = make(now); !made && made.error().code == ErrorCode::kLimitExceeded) {
    context_.warn(std::string("no checkpoint can be made: ") + made.error().what);
  }
}

// Pruning.

Result<Hash> Keeper::prune(Now now, std::chrono::milliseconds age) {
  if (pruning()) return unavailable("it is being pruned");
  const Checkpoints::Checkpoint* best = nullptr;
  for (const auto& [hash, one] : checkpoints_.all()) {
    const auto old = std::chrono::milliseconds(now.wall) -
                     std::chrono::milliseconds(HybridClock::millis(one.time));
    if (old < age || one.time <= ledger_.floor().time) continue;
    if (best != nullptr && std::tie(one.time, one.hash) < std::tie(best->time, best->hash)) {
      continue;
    }
    if (checkpoints_.support(one).stands()) best = &one;
  }
  if (best == nullptr) {
    return Error{ErrorCode::kNotFound, "no checkpoint stands that is newer than what is pruned"};
  }
  const Frontier& frontier = best->record.frontier;
  const bool based = std::all_of(frontier.begin(), frontier.end(), [&](const auto& one) {
    return Ledger::covers(ledger_.base(), one.first, one.second.seq);
  });
  if (!based || !holds(frontier)) return unavailable("the checkpoint is not taken over here yet");
  std::map<DocumentId, Bytes> states;
  if (best->hash == ledger_.base().checkpoint) {
    COTERIE_TRY(states, documents_.states_in(Table::kBases));
  } else {
    COTERIE_TRY(states, views_.states_at(now, frontier, Views::From::kFloor));
  }
  documents_.set_states(Table::kFloors, states);
  ledger_.set_floor({best->hash, best->time, frontier});
  begin_cutting();
  step_at_.reset();  // When this has landed.
  return best->hash;
}

void Keeper::landed(Now now) {
  if (stage_ != Stage::kNone) step_at_ = now.steady;
}

/// Whether any is left.
bool Keeper::cut_some_tails(Now now) {
  for (const DocumentId& id : std::exchange(cut_, {})) {
    Document* document = documents_.find(id);
    const bool unused = document != nullptr && document->doc != nullptr &&
                        document->clients.empty() && document->queue.empty();
    if (unused) documents_.forget_replica(*document);
  }
  std::vector<DocumentId> later;
  for (std::size_t i = 0; i < kTailsPerStep && !uncut_.empty(); ++i) {
    const DocumentId id = uncut_.back();
    uncut_.pop_back();
    Document* document = documents_.find(id);
    if (document == nullptr || !documents_.has_tail(*document)) continue;
    const bool loaded = document->doc != nullptr;
    if (const Status read = documents_.load(now, *document); !read) {
      context_.report("a document cannot be read: " + to_string(read.error()));
      stage_ = Stage::kNone;  // Its entries may be what it can be mended from.
      return false;
    }
    documents_.cut(*document);
    // What waits for a key is in no entry, and not to be in the snapshot.
    if (!document->queue.empty()) later.push_back(id);
    if (!loaded) cut_.push_back(id);
  }
  uncut_.insert(uncut_.begin(), later.begin(), later.end());
  return !uncut_.empty() || !cut_.empty();
}

void Keeper::step(Now now) {
  step_at_.reset();
  if (stage_ == Stage::kTails) {
    host_.flush_all(now);
    if (cut_some_tails(now)) {
      step_at_ = now.steady + (ledger_.staged().empty() ? kTryAgain / 10 : Duration{});
      return;
    }
    if (stage_ == Stage::kTails) stage_ = Stage::kLogs;
  }
  if (stage_ != Stage::kLogs) return;
  const bool prunes = ledger_.prunes();
  const Status done = prunes ? ledger_.prune_step(kEntriesPerStep) : ledger_.reindex();
  if (!done) context_.report("a log cannot be pruned: " + to_string(done.error()));
  if (!done || !prunes) stage_ = Stage::kNone;  // Else landed() goes on.
}

std::uint64_t Keeper::pruned_entries() const {
  std::uint64_t entries = 0;
  for (const auto& [log, segment] : ledger_.segments().all()) entries += segment.pruned.seq;
  return entries;
}

std::vector<CheckpointInfo> Keeper::list() const {
  std::vector<CheckpointInfo> list;
  for (const auto& [hash, one] : checkpoints_.all()) {
    const auto support = checkpoints_.support(one);
    CheckpointInfo info;
    info.id = hash;
    info.author = one.ref.log.device;
    info.time = HybridClock::millis(one.time);
    for (const auto& [log, head] : one.record.frontier) info.entries += head.seq;
    info.same.assign(support.same.begin(), support.same.end());
    info.hold.assign(support.hold.begin(), support.hold.end());
    info.missing.assign(support.missing.begin(), support.missing.end());
    info.same_needed = support.same_needed;
    info.stands = support.stands();
    info.base = hash == ledger_.base().checkpoint;
    info.floor = hash == ledger_.floor().checkpoint;
    list.push_back(std::move(info));
  }
  std::sort(list.begin(), list.end(), [](const CheckpointInfo& a, const CheckpointInfo& b) {
    return std::tie(b.time, b.id) < std::tie(a.time, a.id);
  });
  return list;
}

// Time.

void Keeper::handle_timeout(Now now, bool able) {
  if (!able) return;
  if (step_at_ && *step_at_ <= now.steady && !ledger_.in_flight()) step(now);
  if (agree_at_ && *agree_at_ <= now.steady) {
    agree_at_.reset();
    agree(now);
  }
  if (next_look_ <= now.steady) {
    next_look_ = now.steady + kLook;
    made_.reset();  // Not for long.
    if (ledger_.can_write()) {
      follow_break(now);
      waive(now);
      keep_to_retention(now);
    }
  }
}

std::optional<Instant> Keeper::next_deadline() const {
  Instant due = next_look_;
  if (agree_at_) due = std::min(due, *agree_at_);
  if (step_at_ && !ledger_.in_flight()) due = std::min(due, *step_at_);
  return due;
}

// Bundles.

Result<Bundle> Keeper::make_bundle() const {
  const auto* checkpoint = checkpoints_.find(ledger_.base().checkpoint);
  if (checkpoint == nullptr) return Error{ErrorCode::kNotFound, "no checkpoint to give"};
  Bundle bundle;
  COTERIE_TRY(bundle.checkpoint, ledger_.placed(checkpoint->ref));
  for (const Checkpoints::Vouch* vouch : checkpoints_.vouches(checkpoint->hash)) {
    COTERIE_TRY(auto one, ledger_.placed(vouch->ref));
    bundle.vouches.push_back(std::move(one));
  }
  std::sort(bundle.vouches.begin(), bundle.vouches.end(), in_order);
  // All of them: what the heads of these name.
  COTERIE_TRY(bundle.operations, ledger_.operations());
  std::sort(bundle.operations.begin(), bundle.operations.end(), in_order);
  COTERIE_TRY(auto kept, ledger_.kept_below(ledger_.base().frontier));
  for (auto& one : kept) {
    if (!is_operation(one)) bundle.kept.push_back(std::move(one));
  }
  COTERIE_TRY(bundle.states, documents_.states_in(Table::kBases));
  std::size_t writers = 0;
  for (const auto& [id, state] : bundle.states) {
    auto known = authors_.writers_of(id);
    writers += known.size();
    if (writers > kBundleWritersMax) break;
    bundle.writers[id] = std::move(known);
  }
  return bundle;
}

std::optional<CheckpointOffer> Keeper::offer() const {
  if (ledger_.base().frontier.empty()) return std::nullopt;
  if (bundle_ != nullptr) return bundle_->offer;
  if (too_large_ == ledger_.base().checkpoint) return std::nullopt;
  Hash commitment;
  const crypto::SecretKey* key = ledger_.keys().write_key(ledger_.membership(), commitment);
  if (key == nullptr) return std::nullopt;
  const auto bundle = make_bundle();
  if (!bundle) {
    context_.report("a checkpoint cannot be given: " + to_string(bundle.error()));
    return std::nullopt;
  }
  auto served = std::make_unique<Served>();
  served->bytes = encode_bundle(ledger_.workspace(), *bundle, *key, commitment, context_.random);
  if (served->bytes.size() > kCheckpointBytesMax) {
    if (std::exchange(too_large_, ledger_.base().checkpoint) != ledger_.base().checkpoint) {
      context_.warn("what is kept here is too much to be given to newcomers: over 256 MiB");
    }
    return std::nullopt;
  }
  served->offer = {ledger_.workspace(), ledger_.base().checkpoint, served->bytes.size(),
                   crypto::hash(served->bytes)};
  bundle_ = std::move(served);
  return bundle_->offer;
}

Result<Bytes> Keeper::read(const Hash& hash, std::uint64_t offset, std::size_t bytes_max) const {
  if (bundle_ == nullptr || bundle_->offer.hash != hash || offset >= bundle_->bytes.size()) {
    return Error{ErrorCode::kNotFound, "no such bundle"};
  }
  const auto rest = ByteView(bundle_->bytes).subspan(offset);
  const auto part = rest.first(std::min(bytes_max, rest.size()));
  return Bytes(part.begin(), part.end());
}

bool Keeper::wants(const CheckpointOffer& offer) const {
  if (offer.checkpoint == ledger_.base().checkpoint || pruning()) return false;
  const auto* known = checkpoints_.find(offer.checkpoint);
  if (known == nullptr) return true;
  return known->time > ledger_.base().time && !holds(known->record.frontier);
}

/// Believes nothing of a bundle but what its entries, signed by members, say of it.
Result<Keeper::Checked> Keeper::check(ByteView bytes, const CheckpointOffer& offer) {
  const WorkspaceId& workspace = ledger_.workspace();
  const auto malformed = [](const char* what) { return Error{ErrorCode::kMalformed, what}; };
  const auto read = [&](const Ledger::KeptEntry& one) -> Result<HashedEntry> {
    COTERIE_TRY(Entry entry,
                decode_stored({workspace, one.log, one.seq, one.previous}, one.stored));
    const Hash hash = entry_hash(entry);
    return HashedEntry{std::move(entry), hash};
  };
  // Who was a member when, by operations that their authors signed; and from them, the key.
  COTERIE_TRY(BundleHead head, decode_bundle(bytes));
  Membership membership(workspace);
  for (const Ledger::KeptEntry& one : head.operations) {
    COTERIE_TRY(const HashedEntry entry, read(one));
    const bool genesis = entry.entry.entry_class == EntryClass::kGenesis;
    if (entry.entry.entry_class == EntryClass::kContent ||
        genesis != equal(entry.hash.view(), workspace.view()) || !verify_signature(entry)) {
      return malformed("an operation in a bundle is not its author's");
    }
    COTERIE_CHECK(membership.add(Ledger::operation_entry(entry)));
  }
  if (!membership.founded()) return malformed("a bundle without the workspace's first entry");
  const Member* self = membership.find(context_.identity.id());
  if (self != nullptr && self->role == Role::kRelay) {
    return malformed("relays hold no keys to read it with");
  }
  ledger_.keys().absorb(membership);
  const crypto::SecretKey* key = ledger_.keys().find(head.commitment);
  if (key == nullptr) return unavailable("the bundle's key is not here");
  Checked out;
  COTERIE_TRY(out.bundle, open_bundle(workspace, std::move(head), *key));
  // What is said of the checkpoint, by whom.
  const auto roster_of = [&](const HashedEntry& entry) { return membership.at(entry.entry.heads); };
  const auto said = [&](const Ledger::KeptEntry& one, HashedEntry& entry) -> Result<Bytes> {
    COTERIE_TRY(entry, read(one));
    const auto roster = roster_of(entry);
    const Member* author = roster == nullptr ? nullptr : roster->find(one.log.device);
    if (author == nullptr || !may_edit(author->elsewhere) || !verify_signature(entry)) {
      return malformed("an entry in a bundle is nobody's who may edit");
    }
    return ledger_.open_record(entry.entry);
  };
  HashedEntry entry;
  const auto words_or = said(out.bundle.checkpoint, entry);
  if (!words_or && words_or.error().code == ErrorCode::kNotFound) {
    return unavailable("the key of the checkpoint is not here");
  }
  COTERIE_TRY(const Bytes words, words_or);
  COTERIE_TRY(auto record, decode_record(workspace, words));
  auto* checkpoint = std::get_if<CheckpointRecord>(&record);
  if (checkpoint == nullptr || entry.hash != offer.checkpoint) {
    return malformed("a bundle of another checkpoint");
  }
  std::set<DeviceId> same{entry.entry.position.log.device};
  for (const Ledger::KeptEntry& one : out.bundle.vouches) {
    HashedEntry vouch;
    const auto told = said(one, vouch);
    const auto decoded = told ? decode_record(workspace, *told) : Result<Record>(told.error());
    const auto* held = decoded ? std::get_if<VouchRecord>(&*decoded) : nullptr;
    if (held != nullptr && held->same && held->checkpoint == entry.hash) {
      same.insert(one.log.device);
    }
  }
  if (same.size() < Checkpoints::same_needed(*roster_of(entry))) {
    return malformed("a checkpoint that no second device vouches for");
  }
  // And that this is it.
  out.base = {entry.hash, entry.entry.time, checkpoint->frontier};
  for (const Ledger::KeptEntry& one : out.bundle.operations) {
    if (Ledger::covers(out.base, one.log, one.seq)) out.kept.push_back(one);
  }
  out.kept.insert(out.kept.end(), out.bundle.kept.begin(), out.bundle.kept.end());
  std::sort(out.kept.begin(), out.kept.end(), in_order);
  if (checkpoint_root(workspace, out.base.frontier, out.kept, out.bundle.states) !=
      checkpoint->root) {
    return malformed("a bundle is not what its checkpoint says");
  }
  for (const auto& one : out.kept) {
    if (!Ledger::covers(out.base, one.log, one.seq)) {
      return malformed("a bundle of more than its checkpoint");
    }
    const LogHead& end = out.base.frontier.at(one.log);
    COTERIE_TRY(const HashedEntry kept, read(one));
    if (one.seq == end.seq && kept.hash != end.hash) {
      return malformed("a log does not end as its checkpoint says");
    }
  }
  for (const auto& [id, state] : out.bundle.states) {
    if (!crdt::validate_update(state)) return malformed("a document in a bundle does not parse");
  }
  return out;
}

CheckpointTransfer::Verdict Keeper::take(Now now, const CheckpointOffer& offer, Bytes& bytes) {
  using Verdict = CheckpointTransfer::Verdict;
  if (!ledger_.settled() || pruning()) return Verdict::kNotNow;
  auto checked = check(bytes, offer);
  if (!checked) {
    if (checked.error().code == ErrorCode::kUnavailable) return Verdict::kNotNow;
    context_.warn("a checkpoint that a peer gave is not taken: " + to_string(checked.error()));
    return Verdict::kRefused;
  }
  auto& [bundle, kept, base] = *checked;
  if (base.time <= ledger_.base().time || !goes_on(ledger_.base(), base.frontier)) {
    context_.warn("a checkpoint that a peer gave is older than what is here: it is not taken");
    return Verdict::kRefused;
  }
  // From here on no document needs an entry that goes.
  for (const auto& [id, document] : documents_.all()) {
    if (!documents_.has_tail(*document)) continue;
    // What waits for a key is in no entry, and not to be in a snapshot.
    if (!documents_.load(now, *document) || !document->queue.empty()) return Verdict::kNotNow;
    documents_.cut(*document);
  }
  auto received = ledger_.install_base(now, base, kept);
  if (!received) {
    context_.warn("a checkpoint does not fit what is held here: " + to_string(received.error()));
    return Verdict::kRefused;
  }
  drop_bundle();
  views_.settle(base);
  documents_.set_states(Table::kBases, bundle.states);
  documents_.set_states(Table::kFloors, bundle.states);
  for (const auto& [id, state] : bundle.states) {
    if (documents_.find(id) == nullptr && documents_.all().size() >= kDocumentsMax) continue;
    documents_.make(id);
    documents_.schedule_rebuild(id);
  }
  for (const auto& [id, writers] : bundle.writers) authors_.note_writers(id, writers);
  context_.inform("began from a checkpoint of device " + bundle.checkpoint.log.device.short_hex() +
                  ": " + std::to_string(bundle.states.size()) + " documents");
  ledger_.staged().after.push_back(
      [this, received = *std::move(received)](Now then) { host_.base_installed(then, received); });
  return Verdict::kTaken;
}

}  // namespace coterie::node
