#include "node/core/workspace.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/invert.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {

using storage::Table;
using transport::RunVerdict;

namespace {

// Close codes: from 4400 to 4499 stock providers do not try again by themselves.
constexpr std::uint16_t kCloseMalformed = 4400;
constexpr std::uint16_t kCloseTooLarge = 4413;
constexpr std::uint16_t kCloseTryAgain = 1013;

constexpr Duration kSweep = std::chrono::seconds(10);
constexpr Duration kSweepMin = std::chrono::milliseconds(10);
/// Stock clients announce themselves at once; one that does not is greeted after this time.
constexpr Duration kGreetDelay = std::chrono::milliseconds(250);
/// Presence of all others in one message: fifty people whose cursors move cost thirty messages a
/// second each, not five hundred.
constexpr Duration kShowEvery = std::chrono::milliseconds(33);
constexpr Duration kSavedEvery = std::chrono::milliseconds(200);
/// Between the beginnings of two transactions, unless so many bytes wait.
constexpr Duration kBatchEvery = std::chrono::milliseconds(8);
constexpr std::size_t kBatchBytesMin = 256u << 10;
constexpr Duration kCommitRetry = std::chrono::seconds(2);
constexpr Duration kReachCheck = std::chrono::milliseconds(250);
/// Two heartbeats: a member that has not said by then that it holds an entry has no room for it, or
/// does not listen.
constexpr Duration kDeliveryPatience = std::chrono::seconds(3);

Bytes encode_contact(const InviteContact& contact) {
  Bytes out(contact.device.view().begin(), contact.device.view().end());
  append_varuint(out, contact.addresses.size());
  for (const std::string& address : contact.addresses) append_varstring(out, address);
  return out;
}

Result<InviteContact> decode_contact(ByteView bytes) {
  ByteReader in(bytes);
  InviteContact contact;
  COTERIE_TRY(contact.device, read_id<DeviceId>(in));
  COTERIE_TRY(const std::uint64_t count, in.read_varuint());
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(std::string address, read_text(in, kAddressBytesMax));
    contact.addresses.push_back(std::move(address));
  }
  return contact;
}

}  // namespace

Workspace::Workspace(Now now, Context& context, transport::Mesh& mesh, const WorkspaceId& id,
                     storage::Store& store)
    : context_(context),
      mesh_(mesh),
      ledger_(
          id, store, context.identity, context.random,
          [this] { return mesh_.in_step(ledger_.workspace()); },
          {context.options.place_found, context.options.place}, context.options.relay_quota_bytes),
      documents_(ledger_, context),
      judge_(ledger_),
      properties_(ledger_, judge_),
      authors_(ledger_, documents_, judge_, context),
      views_(ledger_, documents_, judge_, context, *this),
      presence_(now, ledger_, context),
      rooms_(ledger_, judge_),
      watchers_(context, presence_),
      steward_(ledger_, views_.admission(), context),
      keeper_(ledger_, documents_, views_, authors_, context, *this),
      transfer_(id, keeper_, keeper_),
      previews_given_(id, *this),
      cards_(id, context.identity, context.options.seed, *this),
      next_sweep_(now.steady + kSweep) {
  documents_.set_gate(&authors_);
  documents_.set_places(&properties_);
  links_.room = links_room(id);
  links_.topic = presence_.topic(links_.room, 0);
  for (std::size_t at = 0; at < 4; ++at) {
    links_.client = links_.client << 8 | context.identity.id().bytes[at];
  }
}

// Opening.

Status Workspace::load() {
  COTERIE_CHECK(ledger_.load());
  COTERIE_TRY(const auto id, ledger_.store().get(Table::kMeta, meta_key("workspace")));
  adopted_ = id.has_value();
  const Bytes key = meta_key("contact");
  COTERIE_TRY(const auto sealed, ledger_.store().get(Table::kMeta, key));
  if (sealed) {
    COTERIE_TRY(const Bytes row, ledger_.sealer().open(Table::kMeta, key, *sealed));
    auto contact = decode_contact(row);
    if (!contact) return Error{ErrorCode::kCorrupt, "the stored contact is damaged"};
    contact_ = std::move(*contact);
  }
  COTERIE_CHECK(properties_.load());
  if (!ledger_.settled()) {
    // The rows are being made anew.
    ledger_.when_last_lands([this](Now now) { reload_properties(now); });
  }
  COTERIE_CHECK(documents_.load_rows());
  COTERIE_CHECK(authors_.load());
  COTERIE_CHECK(views_.load());
  COTERIE_CHECK(keeper_.load());
  COTERIE_CHECK(load_cards());
  if (adopted_) tell_changes();
  return {};
}

void Workspace::opened(Now now) {
  ledger_.keys().absorb(membership());
  note_own_standing(now);
  note_departures(now);
  steward_.opened(now);
  announce_card(now);
}

void Workspace::found(Now now, const Ledger::Genesis& genesis) {
  adopted_ = true;
  ledger_.found(genesis);
  members_changed = true;
  opened(now);
}

void Workspace::adopt(Now now, const Welcome& welcome, const InviteContact& contact) {
  adopted_ = true;
  contact_ = contact;
  ledger_.adopt();
  take_welcome(now, welcome);
  const Bytes key = meta_key("contact");
  ledger_.staged().put(Table::kMeta, key,
                       ledger_.sealer().seal(Table::kMeta, key, encode_contact(contact)));
}

// What people are shown.

std::string Workspace::display_name(const DeviceId& device) const {
  if (const Card* card = cards_.find(device)) return card->name;
  if (const auto found = former_names_.find(device); found != former_names_.end()) {
    return found->second;
  }
  const Member* member = membership().find(device);
  return member == nullptr ? std::string() : member->name;
}

WorkspaceInfo Workspace::info() const {
  WorkspaceInfo info;
  info.id = id();
  info.name = membership().name();
  info.role = ledger_.role().value_or(Role::kViewer);
  if (const Quota* quota = ledger_.quota()) {
    info.relay = RelayInfo{quota->limit(), quota->used(), ledger_.declined()};
  }
  info.members = membership().members().size();
  info.documents = documents_.names().size();
  info.entries = ledger_.entries();
  return info;
}

void Workspace::count(Counters& counters) const {
  for (const auto& [id, document] : documents_.all()) {
    counters.documents_open += document->doc != nullptr ? 1 : 0;
    counters.documents_active += document->clients.empty() ? 0 : 1;
    counters.clients += document->clients.size();
  }
}

std::optional<std::string> Workspace::path_of(const DocumentId& id) const {
  const Document* document = documents_.find(id);
  if (document == nullptr || !document->recorded) return std::nullopt;
  return documents_.name_of(*document);
}

std::vector<MemberInfo> Workspace::members() const {
  std::vector<MemberInfo> list;
  for (const auto& [device, member] : membership().members()) {
    MemberInfo info;
    info.device = device;
    info.name = display_name(device);
    info.role = member.role;
    info.self = device == context_.identity.id();
    info.person = member.person;
    if (const Card* card = cards_.find(device)) info.addresses = card->addresses;
    list.push_back(std::move(info));
  }
  return list;
}

std::vector<transport::MemberAddress> Workspace::mesh_members() const {
  std::vector<transport::MemberAddress> list;
  if (left_ && !rejoining_ && !leaving_) return list;
  for (const auto& [device, member] : membership().members()) {
    transport::MemberAddress one{device, {}};
    if (const Card* card = cards_.find(device)) one.addresses = card->addresses;
    const bool contact = contact_ && contact_->device == device;
    if (one.addresses.empty() && contact) one.addresses = contact_->addresses;
    list.push_back(std::move(one));
  }
  // Whom this device holds for removed may be those who stay, and nobody else tell it.
  if (searches()) {
    for (const auto& [device, name] : former_names_) {
      if (membership().find(device) == nullptr) list.push_back({device, {}});
    }
    return list;
  }
  if (!newcomer()) return list;
  // A newcomer knows whom it asked, and whom that one named, before it knows the members.
  for (const auto& [device, card] : cards_.all()) {
    if (device != contact_->device && asks(device)) list.push_back({device, card.addresses});
  }
  if (asks(contact_->device)) list.push_back({contact_->device, contact_->addresses});
  return list;
}

Result<const crdt::Doc*> Workspace::replica(Now now, std::string_view path) {
  Document* document = documents_.find_path(path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  COTERIE_TRY(const crdt::Doc* doc, documents_.look_at(now, *document));
  return doc;
}

std::optional<Error> Workspace::disk_obstacle() const {
  // Also the reason of a WebSocket close: at most 123 bytes.
  if (stopped_) {
    return Error{ErrorCode::kIo,
                 "the node's disk failed: nothing saved was lost; check it, then restart the node"};
  }
  if (full_) {
    return Error{ErrorCode::kNoSpace,
                 "the node's disk is full: nothing saved was lost; it goes on when there is room"};
  }
  if (ledger_.pending_bytes() > kStagedBytesMax) {
    return Error{ErrorCode::kUnavailable, "the disk cannot keep up: try again"};
  }
  return std::nullopt;
}

std::optional<Error> Workspace::write_obstacle() const {
  if (const auto obstacle = disk_obstacle()) return obstacle;
  if (!removed_.empty()) {
    return Error{ErrorCode::kUnauthorized, "this device was removed from the workspace"};
  }
  if (newcomer() || has_previews()) {
    return Error{ErrorCode::kUnavailable,
                 "the workspace is being fetched and checked: reading is possible, writing soon"};
  }
  if (!ledger_.role()) return Error{ErrorCode::kUnauthorized, "this device is no member"};
  if (!ledger_.may_write()) {
    return Error{ErrorCode::kUnauthorized, "this device may only read in this workspace"};
  }
  if (!held_.empty()) {
    std::size_t waiting = 0;
    for (const DocumentId& one : held_) waiting += documents_.all().at(one)->queue_bytes;
    if (waiting > kStagedBytesMax) {
      return Error{ErrorCode::kUnavailable, "the key is being changed: try again"};
    }
  }
  return std::nullopt;
}

std::optional<Error> Workspace::record_obstacle() const {
  if (const auto obstacle = write_obstacle()) return obstacle;
  if (!ledger_.can_write()) {
    return Error{ErrorCode::kUnavailable, "the key is being changed: try again in a second"};
  }
  return std::nullopt;
}

// Commands.

Result<std::vector<RevertedDocument>> Workspace::revert(Now now, const std::set<DeviceId>& devices,
                                                        WallMillis since, bool preview) {
  if (const auto obstacle = edit_obstacle()) return *obstacle;
  for (const auto& [id, document] : documents_.all()) flush(now, *document);
  // A preview's edits are nobody's: they go nowhere.
  const crdt::ClientId client = preview ? kNativeClientsMin : authors_.native_client(now);
  std::vector<RevertedDocument> list;
  std::vector<Bytes> updates;
  std::vector<crdt::IdSet> put_back;
  std::size_t bytes = 0;
  COTERIE_CHECK(views_.for_each_deed(
      now, devices, since, [&](const Views::Deeds& deeds, crdt::Doc& doc) -> Status {
        const Document* document = documents_.find(deeds.document);
        if (document == nullptr || !document->recorded || edit_obstacle(document->id)) return {};
        Inverse inverse = invert(doc, deeds.inserted, deeds.deleted, client);
        if (inverse.update.empty()) return {};
        bytes += inverse.update.size();
        if (inverse.update.size() > kUpdateBytesMax || bytes > kRevertBytesMax) {
          return Error{ErrorCode::kLimitExceeded, "too much to revert at once: begin later", bytes};
        }
        list.push_back({document->id, documents_.name_of(*document), inverse.removed,
                        inverse.restored, std::move(inverse.before), std::move(inverse.after)});
        if (preview) return {};
        updates.push_back(std::move(inverse.update));
        put_back.push_back(deeds.deleted);
        return {};
      }));
  for (const RevertedDocument& one : list) {
    if (!preview) COTERIE_CHECK(documents_.load(now, *documents_.find(one.id)));
  }
  for (std::size_t i = 0; i < updates.size(); ++i) {
    Document& document = *documents_.find(list[i].id);
    COTERIE_CHECK(write_edit(now, document, updates[i], &put_back[i]));
  }
  return list;
}

/// Notes what was put back, in as many records as it takes; one also if that is nothing: the audit
/// tells by it what was done.
void Workspace::write_put_back(Now now, const DocumentId& document, const crdt::IdSet& ids) {
  constexpr std::size_t kRangesMax = 16'384;  // Of at most 24 bytes.
  std::vector<crdt::IdRange> ranges;
  const auto write = [&] {
    Bytes set;
    crdt::IdSet(ranges).encode_to(set);
    ledger_.append_record(now, encode_record(RevertedRecord{document, set}));
    ranges.clear();
  };
  for (const auto& [client, held] : ids.ranges()) {
    for (const crdt::IdSet::Range& range : held) {
      if (ranges.size() == kRangesMax) write();
      ranges.push_back({client, range.clock, range.length});
    }
  }
  write();
}

// Entries of others.

void Workspace::handle_run(Now now, const transport::Mesh::RunReceived& received) {
  if (stopped_ || full_ || ledger_.pending_bytes() > kStagedBytesMax) {
    mesh_.handle_run_verdict(now, received.run_id, RunVerdict::kDeferred);
    return;
  }
  const std::size_t operations = membership().operations();
  Ledger::Received result = ledger_.receive(now, received.run, received.link);
  // One that counts for nothing, too, is a past that others name.
  if (membership().operations() != operations) mesh_.reconsider(now, id());
  if (!result.warning.empty()) context_.warn(std::move(result.warning));
  if (result.over_quota && !std::exchange(told_full_, true)) {
    context_.warn("workspace " + id().short_hex() +
                  ": the relay's quota is used up, for all or for a device: it takes no more of "
                  "what they write (`coterie relay --quota`)");
  }
  if (result.verdict != RunVerdict::kStored && result.stored == 0) {
    mesh_.handle_run_verdict(now, received.run_id, result.verdict);
    return;
  }
  if (result.stored > 0) arrivals_[received.run.log.device] = now.steady;
  const std::uint64_t run_id = received.run_id;
  when_durable(now, [this, run_id, verdict = result.verdict](Now then) {
    mesh_.handle_run_verdict(then, run_id, verdict);
  });
  if (result.membership_changed) after_operations(now);
  views_.take(now, result.records);
  take_waiting(now);
}

/// The rest has its turn with the next timeout: there may be a million of them.
void Workspace::take_waiting(Now now) {
  if (may_take_waiting()) views_.take(now, ledger_.take_waiting(kWaitingStep));
}

bool Workspace::may_take_waiting() const {
  return !stopped_ && !full_ && ledger_.has_news_of_waiting() &&
         ledger_.pending_bytes() <= kStagedBytesMax;
}

// What becomes of records.

void Workspace::document_grew(Now now, Document& document, ByteView update) {
  broadcast(now, document, update, nullptr);
}

void Workspace::document_replaced(Now, Document& document) {
  for (const Client* client : document.clients) {
    closings_.emplace_back(
        client->handle,
        Closing{kCloseReplaced, "text of a removed member was taken out: reload the document"});
  }
}

void Workspace::membership_moved(Now now) {
  forget_departed_cards();
  place_all(now);
  keeper_.membership_moved(now);
  tell_whose_words_count();
}

void Workspace::flush_queue(Now now, Document& document) {
  if (!edit_obstacle(document.id)) flush(now, document);
}

void Workspace::handle_awareness(Now now, const transport::Mesh::AwarenessReceived& received) {
  const Member* origin = membership().find(received.origin);
  if (origin == nullptr || origin->role == Role::kRelay) {
    mesh_.handle_awareness_verdict(now, received.awareness_id,
                                   transport::AwarenessVerdict::kIgnored);
    return;
  }
  const auto verdict = presence_.receive(now, received.origin, received.topic, received.counter,
                                         received.message, received.age);
  if (received.topic == links_.topic) links_heard(now);
  if (verdict == transport::AwarenessVerdict::kGenuine) arrivals_[received.origin] = now.steady;
  mesh_.handle_awareness_verdict(now, received.awareness_id, verdict);
}

void Workspace::handle_linked(Now now, const DeviceId& device) {
  cards_.handle_linked(now, device);
  links_moved(now);
  if (newcomer() && contact_->device == device) ask_for_preview(now);
}

void Workspace::handle_unlinked(Now now, const DeviceId& device) {
  withdraw_lost(now);
  links_moved(now);
  cards_.handle_unlinked(device);
  card_links_.erase(device);
}

// Clients.

Client* Workspace::find_client(const DocumentId& document, ClientHandle handle) {
  Document* found = documents_.find(document);
  if (found == nullptr) return nullptr;
  for (Client* client : found->clients) {
    if (client->handle == handle) return client;
  }
  return nullptr;
}

Status Workspace::attach(Now now, Client& client, std::string_view path) {
  COTERIE_TRY(Document * document, documents_.open_path(path));
  if (forsaken_.count(document->id) > 0) {
    return Error{ErrorCode::kUnavailable, "the document is being read anew: try again"};
  }
  const auto role = role_of(document->id, client.visitor);
  const auto doc = documents_.look_at(now, *document);
  if (!role || !doc) {
    documents_.release(*document);
    if (!doc) return doc.error();
    return Error{ErrorCode::kUnauthorized, rooms_.guests().ended(document->id)
                                               ? "the session of this document has ended"
                                               : "this guest is out of this document"};
  }
  client.workspace = this;
  client.document = document;
  client.role = *role;
  client.awareness_tokens = kAwarenessBurst;
  client.awareness_refilled = now.steady;
  document->clients.push_back(&client);
  client.greet_due = now.steady + kGreetDelay;
  if (!client.asks_back) {
    ClientLink(context_, now, client).send(step1_message((*doc)->state_vector()));
  }
  return {};
}

void Workspace::detach(Now now, Client& client) {
  Document& document = *client.document;
  auto& clients = document.clients;
  clients.erase(std::remove(clients.begin(), clients.end(), &client), clients.end());
  document.senders.erase(client.handle);
  document.used = now.steady;
  presence_.leave(now, document.id, client.handle);
  pump(now);
  forget_forsaken();
  documents_.release(document);
}

std::optional<Workspace::Closing> Workspace::handle_message(Now now, Client& client,
                                                            ByteView message) {
  if (message.size() > kClientMessageBytesMax) {
    return Closing{kCloseTooLarge, "message above 64 MiB"};
  }
  ByteReader in(message);
  while (!in.at_end()) {
    const auto next = read_client_message(in);
    if (!next) {
      return Closing{kCloseMalformed, std::string("malformed message: ") + next.error().what};
    }
    if (std::holds_alternative<IgnoredMessage>(*next)) return std::nullopt;
    ClientLink link(context_, now, client);
    if (const auto* step1 = std::get_if<SyncStep1>(&*next)) {
      link.answer(step1->have, *client.document);
    } else if (const auto* update = std::get_if<SyncUpdate>(&*next)) {
      if (auto closing = handle_update(now, client, update->update)) return closing;
    } else if (const auto* awareness = std::get_if<AwarenessMessage>(&*next)) {
      if (auto closing = handle_presence(now, client, awareness->payload)) return closing;
    } else {
      show_all(now, client);
    }
  }
  return std::nullopt;
}

/// Whether `update` holds nothing that the document lacks. O(document): asked only where writing is
/// not possible, so that clients with nothing to write stay attached.
bool Workspace::adds_nothing(const Document& document, ByteView update) const {
  const auto listing = crdt::inspect_update(update);
  if (!listing) return false;
  const crdt::StateVector have = document.shown().state_vector();
  for (const crdt::IdRange& range : listing->structs) {
    if (range.clock + range.length > have.clock_of(range.client)) return false;
  }
  if (listing->deletes.empty()) return true;
  const auto held = crdt::inspect_update(document.shown().encode_state_as_update(have));
  if (!held) return false;
  return std::all_of(
      listing->deletes.begin(), listing->deletes.end(), [&](const crdt::IdRange& range) {
        // Deleted ranges of a document are maximal, so one of them must cover it.
        return std::any_of(held->deletes.begin(), held->deletes.end(), [&](const auto& have_range) {
          return have_range.client == range.client && have_range.clock <= range.clock &&
                 have_range.clock + have_range.length >= range.clock + range.length;
        });
      });
}

std::optional<Workspace::Closing> Workspace::handle_update(Now now, Client& client,
                                                           ByteView update) {
  ++context_.counters.updates_received;
  Document& document = *client.document;
  if (update.size() > kUpdateBytesMax) return Closing{kCloseTooLarge, "update above 64 MiB"};
  if (update.size() == 2 && update[0] == 0 && update[1] == 0) {  // "I have nothing that you lack."
    note_received(now, client);
    return std::nullopt;
  }
  if (const auto obstacle = edit_obstacle(document.id, client.visitor)) {
    if (const Status valid = crdt::validate_update(update); !valid) {
      return Closing{kCloseMalformed, std::string("malformed update: ") + valid.error().what};
    }
    if (adds_nothing(document, update)) {
      note_received(now, client);
      return std::nullopt;
    }
    const std::string why = removed_.empty() ? obstacle->what : removed_;
    if (obstacle->code != ErrorCode::kUnauthorized) return Closing{kCloseTryAgain, why};
    // It may go on reading, and be seen.
    ClientLink(context_, now, client).refuse(why);
    return std::nullopt;
  }
  const auto judged = authors_.judge_own(document.id, *document.doc, update);
  switch (judged.verdict) {
    case UpdateGate::Verdict::kApply:
      break;
    case UpdateGate::Verdict::kRefuse:
      // What is its own is not lost for what it holds of others.
      if (judged.rest) {
        if (auto closing = handle_update(now, client, *judged.rest)) return closing;
        flush(now, document);
      }
      return Closing{kCloseReplaced, "the document says otherwise what this client wrote: reload"};
    case UpdateGate::Verdict::kRebuild:
      // It stands, and somebody took its ids before it came. By itself: nothing is merged with it.
      flush(now, document);
      enqueue(now, client, Bytes(update.begin(), update.end()));
      flush(now, document);
      documents_.schedule_rebuild(document.id);
      return std::nullopt;
  }
  const bool had_pending = document.doc->has_pending();
  const crdt::StateVector before = had_pending ? document.doc->state_vector() : crdt::StateVector();
  const auto told = crdt::state_deletes(update);
  auto applied = told ? document.doc->apply_update(*told) : Result<crdt::ApplyResult>(told.error());
  if (!applied) {
    const bool large = applied.error().code == ErrorCode::kLimitExceeded;
    return Closing{large ? kCloseTooLarge : kCloseMalformed,
                   std::string("update refused: ") + applied.error().what};
  }
  // What waited for this update may be news to its sender too.
  if (applied->changed) broadcast(now, document, applied->update, had_pending ? nullptr : &client);
  if (applied->pending || applied->update.size() > kUpdateBytesMax) {
    // Part of it waits for structs that nobody sent yet. The raw update is logged, once, so that it
    // outlives this process. (It is also what remains when it completed so much that was waiting,
    // and is in the log, that the whole would not fit a record.)
    const Hash hash = crypto::hash(update);
    constexpr std::size_t kRememberedMax = 256;
    if (document.pending_logged.size() >= kRememberedMax) document.pending_logged.clear();
    if (applied->changed || document.pending_logged.insert(hash).second) {
      enqueue(now, client, Bytes(update.begin(), update.end()));
      return std::nullopt;
    }
  } else if (applied->changed) {
    // What waited for it is in somebody's log already, who may have forged it: not in ours.
    Result<Bytes> news =
        had_pending ? crdt::diff_update(*told, before) : std::move(applied->update);
    COTERIE_ASSERT(news.has_value());
    enqueue(now, client, *std::move(news));
    return std::nullopt;
  }
  note_received(now, client);
  return std::nullopt;
}

/// An update that brought nothing new is as durable as what the document holds.
void Workspace::note_received(Now now, Client& client) {
  Document& document = *client.document;
  ++client.received;
  if (!document.queue.empty()) {
    document.senders.insert(client.handle);
    return;
  }
  const std::uint64_t count = client.received;
  const ClientHandle handle = client.handle;
  const DocumentId id = document.id;
  const auto tell = [this, id, handle, count](Now then) {
    Client* found = find_client(id, handle);
    if (found == nullptr) return;
    found->saved = std::max(found->saved, count);
    ClientLink(context_, then, *found).tell_saved();
  };
  if (document.written_in <= ledger_.landed_number()) {
    tell(now);
  } else {
    when_durable(now, tell);
  }
}

void Workspace::enqueue(Now now, Client& client, Bytes update) {
  Document& document = *client.document;
  // A record group holds one update of any size a client may send; not two. What is flushed here
  // does not hold this message, so that it is not counted yet.
  if (document.queue_bytes + update.size() > kRecordPartBytes) flush(now, document);
  ++client.received;
  document.queue_bytes += update.size();
  document.queue.push_back(std::move(update));
  document.senders.insert(client.handle);
  document.used = now.steady;
  if (document.flush_at) return;
  const Instant due = std::max(now.steady, document.last_flush + context_.options.coalesce);
  if (due <= now.steady || document.queue_bytes > kRecordPartBytes) {
    flush(now, document);
    return;
  }
  document.flush_at = due;
  flush_due_.emplace(due, document.id);
}

void Workspace::flush(Now now, Document& document) {
  if (document.flush_at) flush_due_.erase({*document.flush_at, document.id});
  document.flush_at.reset();
  if (document.queue.empty()) return;
  const std::optional<Role> role = membership().role_in(context_.identity.id(), document.id);
  if (!role || !may_edit(*role)) return drop_unwritten(document);
  if (!ledger_.can_write()) {
    held_.insert(document.id);
    return;
  }
  held_.erase(document.id);
  document.last_flush = now.steady;
  document.queue_bytes = 0;
  std::vector<Bytes> updates = std::exchange(document.queue, {});
  if (updates.size() > 1) {
    // What cannot be merged (together it would pass a limit) is written one by one.
    auto merged = crdt::merge_updates(std::span<const Bytes>(updates));
    if (merged) {
      updates.clear();
      updates.push_back(*std::move(merged));
    }
  }
  for (const Bytes& update : updates) write_update(now, document, update);
  documents_.touch(document, now.wall);

  std::vector<std::pair<ClientHandle, std::uint64_t>> senders;
  for (const ClientHandle handle : std::exchange(document.senders, {})) {
    const Client* client = find_client(document.id, handle);
    if (client != nullptr) senders.emplace_back(handle, client->received);
  }
  ledger_.staged().after.push_back(
      [this, id = document.id, senders = std::move(senders),
       updates = std::move(updates)](Now then) { after_flush(then, id, updates, senders); });
  if (watchers_.watched(document.id)) {
    ledger_.staged().after.push_back([this, id = document.id, holds = document.doc->state_vector()](
                                         Now) { note_saved(id, holds); });
  }
  documents_.cut_if_long(document);
}

void Workspace::write_update(Now now, Document& document, ByteView update) {
  if (!document.recorded) {
    record_document(now, document);
  }
  ++context_.counters.updates_stored;
  views_.note_written(now, document.id, update);
  const Authors::Split split = authors_.split(update);
  const auto write = [&](ByteView part, bool carried) {
    if (part.empty()) return;
    for (const Bytes& record : encode_update(document.id, part, carried)) {
      documents_.extend_tail(document, ledger_.append_record(now, record));
    }
  };
  write(split.own, false);
  write(split.carried, true);
}

/// The update is durable: those who wrote it may say "saved".
void Workspace::after_flush(Now now, const DocumentId& id, const std::vector<Bytes>& updates,
                            const std::vector<std::pair<ClientHandle, std::uint64_t>>& senders) {
  Document* document = documents_.find(id);
  if (document == nullptr || document->doc == nullptr) return;
  std::vector<Message> echoes;
  for (const auto& [handle, count] : senders) {
    Client* client = find_client(id, handle);
    if (client == nullptr) continue;
    client->saved = std::max(client->saved, count);
    ClientLink link(context_, now, *client);
    for (std::size_t i = 0; i < updates.size(); ++i) {
      if (i == echoes.size()) echoes.push_back(update_message(updates[i]));
      link.send_echo(echoes[i], updates[i], *document->doc);
    }
    link.tell_saved();
  }
}

void Workspace::broadcast(Now now, Document& document, ByteView update, const Client* except) {
  if (document.preview) return;  // They are shown the whole when that ends.
  Message message;
  for (Client* client : document.clients) {
    if (client == except) continue;
    if (message == nullptr) message = update_message(update);
    ClientLink(context_, now, *client).send_update(message, *document.doc);
  }
}

void Workspace::handle_drained(Now now, Client& client) {
  ClientLink link(context_, now, client);
  if (link.catch_up(*client.document)) show_all(now, client);
}

// Presence.

std::optional<Workspace::Closing> Workspace::handle_presence(Now now, Client& client,
                                                             ByteView payload) {
  ++context_.counters.awareness_received;
  const auto states = decode_awareness(payload);
  if (!states) {
    const bool large = states.error().code == ErrorCode::kLimitExceeded;
    return Closing{large ? kCloseTooLarge : kCloseMalformed,
                   std::string("awareness refused: ") + states.error().what};
  }
  const Duration elapsed = now.steady - client.awareness_refilled;
  const auto refill =
      static_cast<std::size_t>(elapsed * kAwarenessPerSecond / Duration(std::chrono::seconds(1)));
  if (refill > 0) {
    client.awareness_tokens = std::min(client.awareness_tokens + refill, kAwarenessBurst);
    client.awareness_refilled = now.steady;
  }
  if (client.awareness_tokens == 0) {
    // The newest state is what counts; it waits for its turn.
    client.awareness_waiting = Bytes(payload.begin(), payload.end());
    return std::nullopt;
  }
  --client.awareness_tokens;
  client.awareness_waiting.reset();
  presence_.announce(now, client.document->id, client.handle, client.visitor.guest, client.greeted,
                     client.own_ids, *states);
  if (!client.greeted) {
    pump(now);  // Before the greeting, or it would come twice.
    show_all(now, client);
  }
  return std::nullopt;
}

bool Workspace::tend_presence(Now now, Client& client) {
  if (!client.greeted && client.greet_due <= now.steady) show_all(now, client);
  if (client.awareness_waiting) {
    const Bytes payload = *client.awareness_waiting;
    (void)handle_presence(now, client, payload);  // It was decoded once: it cannot fail.
  }
  return !client.greeted || client.awareness_waiting;
}

void Workspace::show_all(Now now, Client& client) {
  client.greeted = true;
  const auto states = presence_.states(now, client.document->id, client.own_ids);
  if (states.empty()) return;
  ClientLink(context_, now, client).send_presence(awareness_message(states));
}

void Workspace::show_changes(Now now, Document& document,
                             const std::vector<Presence::Change>& changes) {
  std::vector<AwarenessState> states;
  states.reserve(changes.size());
  for (const Presence::Change& change : changes) states.push_back(change.state);
  const Message message = awareness_message(states);
  for (Client* client : document.clients) {
    ClientLink link(context_, now, *client);
    const bool concerned = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
      return client->own_ids.count(change.state.client) > 0;
    });
    if (!concerned) {
      if (client->greeted) link.send_presence(message);
      continue;
    }
    std::vector<AwarenessState> seen;
    for (const Presence::Change& change : changes) {
      if (client->own_ids.count(change.state.client) == 0) {
        if (client->greeted) seen.push_back(change.state);
      } else if (change.owner == client->handle) {
        seen.push_back({change.state.client, change.own_clock, change.state.state});
      }
    }
    if (!seen.empty()) link.send_presence(awareness_message(seen));
  }
}

void Workspace::note_saved(const DocumentId& document, crdt::StateVector holds) {
  const auto head = ledger_.frontier().find(ledger_.own_log());
  if (head == ledger_.frontier().end()) return;
  Saving& saving = saving_[document];
  saving.holds = std::move(holds);
  saving.seq = head->second.seq;
  saving.devices = 1;
  saving.news = true;
}

void Workspace::tend_saved(Now now) {
  for (auto it = saving_.begin(); it != saving_.end();) {
    auto& [document, saving] = *it;
    if (!watchers_.watched(document)) {
      it = saving_.erase(it);
      continue;
    }
    ++it;
    const std::size_t members = std::max<std::size_t>(membership().members().size(), 1);
    if (saving.due > now.steady || (!saving.news && saving.devices >= members)) continue;
    const std::size_t holding = 1 + mesh_.holding(id(), ledger_.own_log(), saving.seq);
    if (!saving.news && holding <= saving.devices) continue;
    saving.devices = std::max(saving.devices, holding);
    saving.news = false;
    saving.due = now.steady + kSavedEvery;
    watchers_.tell(document, DocumentSaved{saving.holds, saving.devices, members});
  }
}

void Workspace::collect_changes(Now now) {
  for (Presence::Change& change : presence_.take_changes()) {
    attendance_.shown(now, change.document, change.state, change.holder);
    const Document* document = documents_.find(change.document);
    if (document == nullptr || document->clients.empty()) continue;
    Showing& showing = showing_[change.document];
    // Other nodes have waited for a moment already.
    const bool at_once = change.state.state.empty() || change.holder != context_.identity.id();
    if (at_once) showing.due = now.steady;
    showing.changes.insert_or_assign(change.state.client, std::move(change));
  }
}

void Workspace::show_due(Now now) {
  for (auto it = showing_.begin(); it != showing_.end();) {
    auto& [id, showing] = *it;
    if (showing.due > now.steady) {
      ++it;
      continue;
    }
    Document* document = documents_.find(id);
    if (showing.changes.empty() || document == nullptr) {
      it = showing_.erase(it);
      continue;
    }
    std::vector<Presence::Change> changes;
    changes.reserve(showing.changes.size());
    for (auto& [client, change] : showing.changes) changes.push_back(std::move(change));
    showing.changes.clear();
    showing.due = now.steady + kShowEvery;
    show_changes(now, *document, changes);
    ++it;
  }
}

void Workspace::pump(Now now) {
  if (!stopped_ && !full_) views_.pump(now);
  collect_changes(now);
  tell_attendance(now);
  show_due(now);
  tend_saved(now);
  tend_links(now);
  for (auto& publication : presence_.take_publications(now)) {
    mesh_.publish_awareness(now, id(), publication.topic, publication.counter,
                            std::move(publication.message));
  }
  send_transfers(now);
  send_previews(now);
  send_cards(now);
}

/// Whoever was linked, here or to a neighbour, and is so no more has gone without a word: what it
/// showed goes, too. Where not everybody is linked to everybody that says nothing: there it
/// expires.
void Workspace::withdraw_lost(Now now) {
  next_reach_check_ = now.steady + kReachCheck;
  std::set<DeviceId> reached;
  if (membership().members().size() <= transport::kFullMeshMembersMax) {
    for (const DeviceId& device : presence_.origins()) {
      if (mesh_.reaches(id(), device)) {
        reached.insert(device);
      } else if (reached_.contains(device)) {
        presence_.forget(now, device);
      }
    }
  }
  reached_ = std::move(reached);
}

bool Workspace::delivered(Now now) const {
  if (now.steady >= written_at_ + kDeliveryPatience) return true;
  const auto head = ledger_.frontier().find(ledger_.own_log());
  return head == ledger_.frontier().end() ||
         mesh_.lacking(id(), head->first, head->second.seq) == 0;
}

// Batches.

void Workspace::when_durable(Now now, Ledger::Action action) {
  if (ledger_.settled()) {
    action(now);
    return;
  }
  ledger_.when_last_lands(std::move(action));
}

std::optional<storage::WriteBatch> Workspace::next_batch(Now now) {
  if (std::exchange(retry_, false)) return ledger_.relaunch();
  if (stopped_ || ledger_.in_flight() || ledger_.staged().empty()) return std::nullopt;
  if (now.steady < launch_due()) return std::nullopt;
  launched_ = now.steady;
  storage::WriteBatch batch = ledger_.launch();
  if (!batch.empty()) return batch;
  handle_committed(now);  // Nothing to write, only something to do.
  return std::nullopt;
}

/// One by one, a thousand edits a second would be as many transactions, each with its sync: what
/// comes within a moment shares one. The first after a pause goes at once, and much does not wait.
Instant Workspace::launch_due() const {
  const bool much = ledger_.pending_bytes() > kBatchBytesMin;
  return hurry_ || much ? Instant::min() : launched_ + kBatchEvery;
}

void Workspace::handle_committed(Now now) {
  if (std::exchange(full_, false)) context_.inform("there is room on the disk again: writing");
  const Ledger::Staged done = ledger_.landed();
  for (const auto& stored : done.runs) {
    if (!stored.from) written_at_ = now.steady;
    mesh_.entries_stored(now, id(), stored.run, stored.from);
  }
  for (const Ledger::Action& action : done.after) action(now);
  forget_forsaken();
  take_waiting(now);
  keeper_.landed(now);
}

void Workspace::handle_commit_failed(Now now, const Error& error) {
  if (error.code == ErrorCode::kNoSpace) {
    if (!std::exchange(full_, true)) {
      context_.warn("the disk is full: workspace " + id().short_hex() +
                    " is read-only until there is room");
    }
    retry_at_ = now.steady + kCommitRetry;
    return;
  }
  stopped_ = true;
  context_.report("writing to the disk failed (" + to_string(error) + "): workspace " +
                  id().short_hex() + " is read-only until the node is restarted");
}

// Time.

void Workspace::handle_timeout(Now now) {
  while (!flush_due_.empty() && flush_due_.begin()->first <= now.steady) {
    flush(now, *documents_.find(flush_due_.begin()->second));
  }
  if (retry_at_ && *retry_at_ <= now.steady) {
    retry_at_.reset();
    retry_ = true;
  }
  // A replica made anew would lack what waits for a key.
  if (!stopped_ && !full_ && held_.empty() && !ledger_.installing() && views_.handle_timeout(now)) {
    steward_.views_changed(now);
  }
  steward_.handle_timeout(now, !stopped_ && !full_);
  // What is made anew would lack what waits for a key.
  keeper_.handle_timeout(now, !stopped_ && !full_ && held_.empty() && !ledger_.installing());
  release_held(now);
  if (next_sweep_ <= now.steady) {
    next_sweep_ = now.steady + std::clamp(context_.options.unload_after, kSweepMin, kSweep);
    if (!stopped_ && !full_) documents_.sweep(now);
    if (leaving_ && leave_stored_) finish_leaving();
  }
  if (next_reach_check_ <= now.steady) withdraw_lost(now);
  presence_.handle_timeout(now);
  watchers_.handle_timeout(now);
  attendance_.handle_timeout(now);
  tend_attendance(now);
  transfer_.handle_timeout(now);
  cards_.handle_timeout(now);
  take_waiting(now);
}

void Workspace::shut_down(Now now) {
  hurry_ = true;
  if (!stopped_ && !full_ && !ledger_.can_write()) {
    steward_.rotate_if_unfit(now);  // Nobody may be there later for what waits.
    release_held(now);
  }
  while (!flush_due_.empty()) flush(now, *documents_.find(flush_due_.begin()->second));
  end_attendance(now);
  if (!stopped_ && !full_) documents_.cut_all();
  presence_.withdraw_all(now);
  pump(now);
}

std::optional<Instant> Workspace::next_deadline() const {
  Instant due = next_sweep_;
  if (!flush_due_.empty()) due = std::min(due, flush_due_.begin()->first);
  if (retry_at_) due = std::min(due, *retry_at_);
  if (!stopped_ && !ledger_.in_flight() && !ledger_.staged().empty()) {
    due = std::min(due, launch_due());
  }
  const bool makes = !stopped_ && !full_ && held_.empty() && !ledger_.installing();
  if (const auto views = views_.next_deadline(); views && makes) {
    due = std::min(due, *views);
  }
  if (const auto presence = presence_.next_deadline()) due = std::min(due, *presence);
  for (const auto& [id, showing] : showing_) due = std::min(due, showing.due);
  for (const auto& [id, saving] : saving_) {
    if (saving.news) due = std::min(due, saving.due);
  }
  if (const auto watchers = watchers_.next_deadline()) due = std::min(due, *watchers);
  if (const auto attendance = attendance_.next_deadline()) due = std::min(due, *attendance);
  if (leaves_due_) due = std::min(due, *leaves_due_);
  if (links_.due) due = std::min(due, *links_.due);
  if (!reached_.empty()) due = std::min(due, next_reach_check_);
  if (const auto steward = steward_.next_deadline()) due = std::min(due, *steward);
  if (const auto keeper = keeper_.next_deadline(); keeper && makes) {
    due = std::min(due, *keeper);
  }
  if (const auto transfer = transfer_.next_deadline()) due = std::min(due, *transfer);
  if (const auto cards = cards_.next_deadline()) due = std::min(due, *cards);
  if (may_take_waiting()) due = Instant::min();
  return due;
}

}  // namespace coterie::node
