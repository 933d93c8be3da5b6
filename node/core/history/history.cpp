#include "node/core/history/history.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "crdt/base/utf16.hpp"
#include "node/core/history/timeline.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"
#include "node/core/replay.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {
namespace {

constexpr std::size_t kDigitsMin = 4;

bool is_hex(std::string_view text) {
  return text.size() >= kDigitsMin && text.size() <= 2 * Hash::kBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// How many elements a snapshot shows.
std::uint64_t elements_of(const crdt::Snapshot& snapshot) {
  std::uint64_t elements = 0;
  for (const auto& [client, clock] : snapshot.state.clocks()) elements += clock;
  for (const auto& [client, ranges] : snapshot.deletes.ranges()) {
    const crdt::Clock end = snapshot.state.clock_of(client);
    for (const crdt::IdSet::Range& range : ranges) {
      if (range.clock < end) elements -= std::min(range.end(), end) - range.clock;
    }
  }
  return elements;
}

/// As `name` is used there: what a root is, nothing says.
crdt::Any root_json(crdt::Doc& doc, const std::string& name) {
  auto root = doc.root(name);
  if (!root) return {};
  if (root->kind() != crdt::TypeKind::kUnknown) return root->to_json();
  std::string text = doc.root_text(name);
  if (!text.empty()) return crdt::Any(std::move(text));
  const crdt::Snapshot now = crdt::take_snapshot(doc);
  const auto values = crdt::values_at(*root, now);
  if (values.empty()) return doc.get(name, crdt::TypeKind::kMap).to_json();
  const auto* type = std::get_if<crdt::SharedType>(&values.front());
  const bool xml = type != nullptr && (type->kind() == crdt::TypeKind::kXmlElement ||
                                       type->kind() == crdt::TypeKind::kXmlText ||
                                       type->kind() == crdt::TypeKind::kXmlHook);
  return doc.get(name, xml ? crdt::TypeKind::kXmlFragment : crdt::TypeKind::kArray).to_json();
}

}  // namespace

// Loading.

std::span<const crdt::IdRange> History::structs(const Update& update) const {
  return std::span(ranges_).subspan(update.first, update.structs);
}
std::span<const crdt::IdRange> History::contents(const Update& update) const {
  return std::span(ranges_).subspan(update.first + update.structs, update.contents);
}
std::span<const crdt::IdRange> History::deletes(const Update& update) const {
  return std::span(ranges_).subspan(update.first + update.structs + update.contents,
                                    update.deletes);
}

Result<History> History::load(Now now, Views& views, const UpdateGate* gate,
                              const DocumentId& document) {
  return make(gate,
              [&](const Visit& visit) { return views.for_each_update(now, document, visit); });
}

Result<History> History::make(const UpdateGate* gate, const Source& source) {
  History history;
  Replay replay(gate);
  const auto visit = [&](const Views::CountedUpdate& one) -> Status {
    std::optional<ByteView> told = one.update;
    if (one.floor) {
      replay = Replay(gate, Bytes(one.update.begin(), one.update.end()));
      history.floor_time_ = HybridClock::millis(one.time);
    } else {
      told = replay.take(one.ref, one.update, one.carried, one.time);
    }
    if (!told) return {};
    COTERIE_TRY(const Bytes contents, crdt::without_collected(*told));
    COTERIE_TRY(const crdt::UpdateListing all, crdt::inspect_update(*told));
    COTERIE_TRY(const crdt::UpdateListing with_content, crdt::inspect_update(contents));
    Update update;
    update.time = one.time;
    update.device = one.ref.log.device;
    update.seq = one.ref.seq;
    update.hash = one.hash;
    update.carried = one.carried;
    update.bytes = static_cast<std::uint32_t>(one.update.size());
    update.first = history.ranges_.size();
    const auto add = [&](const std::vector<crdt::IdRange>& ranges) {
      history.ranges_.insert(history.ranges_.end(), ranges.begin(), ranges.end());
      return static_cast<std::uint32_t>(ranges.size());
    };
    update.structs = add(all.structs);
    update.contents = add(with_content.structs);
    update.deletes = add(all.deletes);
    history.updates_.push_back(update);
    return {};
  };
  COTERIE_TRY(auto notes, source(visit));
  history.doc_ = std::move(replay.uncollected());
  std::sort(history.updates_.begin(), history.updates_.end(), [](const Update& a, const Update& b) {
    return std::tie(a.time, a.device, a.seq, a.hash) < std::tie(b.time, b.device, b.seq, b.hash);
  });
  history.take_names(std::move(notes.named));
  history.limits_ = {notes.sealed, notes.sealed_until};
  return history;
}

/// Of each device the first records count; of those about one version, whoever made them, the last.
void History::take_names(std::vector<Views::NamedVersion> records) {
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
    return std::tie(a.time, a.ref.log.device, a.ref.seq, a.hash) <
           std::tie(b.time, b.ref.log.device, b.ref.seq, b.hash);
  });
  std::erase_if(records, [&](const Views::NamedVersion& one) {
    std::size_t& made = names_made_[one.ref.log.device];
    if (made == kNamedVersionsMax) return true;
    ++made;
    return false;
  });
  std::set<std::pair<WallMillis, Hash>> told;
  for (auto one = records.rbegin(); one != records.rend(); ++one) {
    if (!told.emplace(one->record.moment, crypto::hash(one->snapshot)).second) continue;
    if (!one->record.name.empty()) named_.push_back(std::move(*one));
  }
  std::reverse(named_.begin(), named_.end());
}

// Versions.

std::vector<Stretch> History::stretches(WallMillis now) const {
  std::vector<WallMillis> times;
  times.reserve(updates_.size());
  for (const Update& update : updates_) times.push_back(HybridClock::millis(update.time));
  return thin_out(cut_at_pauses(times), times, now);
}

std::vector<VersionInfo> History::automatic(WallMillis now) const {
  std::vector<VersionInfo> list;
  Claims inserted;
  Claims deleted;
  std::uint64_t elements = 0;
  for (const Stretch& stretch : stretches(now)) {
    VersionInfo version;
    std::map<DeviceId, VersionAuthor> authors;
    for (std::size_t i = stretch.first; i < stretch.end; ++i) {
      const Update& update = updates_[i];
      VersionAuthor& author = authors[update.device];
      author.device = update.device;
      const auto number = static_cast<std::uint32_t>(i);
      for (const auto& ids : structs(update)) author.inserted += inserted.claim(ids, number);
      for (const auto& ids : deletes(update)) author.deleted += deleted.claim(ids, number);
      version.bytes += update.bytes;
    }
    for (const auto& [device, author] : authors) {
      version.inserted += author.inserted;
      version.deleted += author.deleted;
      version.authors.push_back(author);
    }
    std::stable_sort(version.authors.begin(), version.authors.end(),
                     [](const VersionAuthor& a, const VersionAuthor& b) {
                       return a.inserted + a.deleted > b.inserted + b.deleted;
                     });
    // What is deleted may come later, by clocks that lie.
    elements += version.inserted;
    elements -= std::min(elements, version.deleted);
    version.elements = elements;
    version.updates = stretch.end - stretch.first;
    version.first = HybridClock::millis(updates_[stretch.first].time);
    version.time = HybridClock::millis(updates_[stretch.end - 1].time);
    version.id = updates_[stretch.end - 1].hash;
    list.push_back(std::move(version));
  }
  if (!list.empty()) {
    list.back().current = true;
    list.back().elements = elements_of(crdt::take_snapshot(doc_));
  }
  return list;
}

VersionList History::versions(WallMillis now, std::size_t limit) const {
  VersionList out;
  out.limits = limits_;
  out.versions = automatic(now);
  for (const Views::NamedVersion& one : named_) {
    VersionInfo version;
    version.kind = VersionInfo::Kind::kNamed;
    version.id = one.hash;
    version.first = version.time = one.record.moment;
    version.name = one.record.name;
    version.author = one.ref.log.device;
    version.named = HybridClock::millis(one.time);
    if (const auto found = named(one)) version.elements = elements_of(found->snapshot);
    out.versions.push_back(std::move(version));
  }
  std::stable_sort(out.versions.begin(), out.versions.end(),
                   [](const VersionInfo& a, const VersionInfo& b) { return a.time < b.time; });
  std::reverse(out.versions.begin(), out.versions.end());
  limit = std::min(limit, kVersionsListedMax);
  if (out.versions.size() > limit) {
    out.more = out.versions.size() - limit;
    out.versions.resize(limit);
  }
  return out;
}

std::size_t History::names_of(const DeviceId& device) const {
  const auto found = names_made_.find(device);
  return found == names_made_.end() ? 0 : found->second;
}

bool History::has_name(const std::string& name) const {
  return std::any_of(named_.begin(), named_.end(),
                     [&](const Views::NamedVersion& one) { return one.record.name == name; });
}

std::string History::name_of(WallMillis moment, ByteView snapshot) const {
  const auto found = std::find_if(named_.begin(), named_.end(), [&](const auto& one) {
    return one.record.moment == moment && equal(one.snapshot, snapshot);
  });
  return found == named_.end() ? "" : found->record.name;
}

// Finding one.

/// What of `raw` is here, with what follows from it: what crossed, and deletes what it meets.
Result<crdt::Snapshot> History::settled(crdt::Snapshot raw) const {
  crdt::Snapshot held{std::move(raw.deletes), {}};
  for (const auto& [client, clock] : raw.state.clocks()) {
    held.state.advance(client, std::min(clock, doc_.clock_of(client)));
  }
  COTERIE_TRY(const crdt::Doc doc,
              crdt::create_doc_from_snapshot(doc_, held, {.client_id = 0, .gc = false}));
  return crdt::take_snapshot(doc);
}

/// What the first `count` updates make.
Result<History::Found> History::after(std::size_t count) const {
  Found found;
  if (count == 0) return found;
  const Update& last = updates_[count - 1];
  found.version = {last.hash, {}, HybridClock::millis(last.time)};
  if (count == updates_.size()) {
    found.snapshot = crdt::take_snapshot(doc_);
    return found;
  }
  std::vector<crdt::IdRange> inserted;
  std::vector<crdt::IdRange> deleted;
  for (std::size_t i = 0; i < count; ++i) {
    const auto brought = structs(updates_[i]);
    const auto gone = deletes(updates_[i]);
    inserted.insert(inserted.end(), brought.begin(), brought.end());
    deleted.insert(deleted.end(), gone.begin(), gone.end());
  }
  crdt::Snapshot raw{crdt::IdSet(deleted), {}};
  const crdt::IdSet brought(inserted);
  for (const auto& [client, ranges] : brought.ranges()) {
    if (ranges.front().clock == 0) raw.state.advance(client, ranges.front().length);
  }
  COTERIE_TRY(found.snapshot, settled(std::move(raw)));
  return found;
}

Result<History::Found> History::named(const Views::NamedVersion& version) const {
  if (version.record.moment < floor_time_) {
    return Error{ErrorCode::kNotFound, "the version is older than what is kept here: it is pruned"};
  }
  Found found;
  found.version = {version.hash, version.record.name, version.record.moment};
  found.written = version.snapshot;
  COTERIE_TRY(crdt::Snapshot raw, crdt::Snapshot::decode(version.snapshot));
  COTERIE_TRY(found.snapshot, settled(std::move(raw)));
  return found;
}

Result<History::Found> History::by_id(const std::string& digits) const {
  const auto begins = [&](const Hash& hash) { return hash.hex().rfind(digits, 0) == 0; };
  std::optional<std::size_t> count;
  const Views::NamedVersion* name = nullptr;
  std::size_t fitting = 0;
  for (std::size_t i = 0; i < updates_.size(); ++i) {
    if (!begins(updates_[i].hash)) continue;
    count = i + 1;
    ++fitting;
  }
  for (const Views::NamedVersion& one : named_) {
    if (!begins(one.hash)) continue;
    name = &one;
    ++fitting;
  }
  if (fitting == 0) return Error{ErrorCode::kNotFound, "no version of that id"};
  if (fitting > 1) return Error{ErrorCode::kConflict, "several ids begin so: give more digits"};
  return name != nullptr ? named(*name) : after(*count);
}

Result<History::Found> History::find(const VersionChoice& choice) const {
  if (choice.text == "now" || (choice.text.empty() && !choice.time)) {
    return after(updates_.size());
  }
  const Views::NamedVersion* name = nullptr;
  for (const Views::NamedVersion& one : named_) {
    if (choice.text.empty() || one.record.name != choice.text) continue;
    if (name != nullptr) {
      return Error{ErrorCode::kConflict, "several versions have that name: give the id of one"};
    }
    name = &one;
  }
  if (name != nullptr) return named(*name);
  if (is_hex(choice.text)) {
    auto found = by_id(lower(choice.text));
    if (found || found.error().code != ErrorCode::kNotFound || !choice.time) return found;
  }
  if (!choice.time) return Error{ErrorCode::kNotFound, "no version of that name, id or time"};
  return after(updates_until(*choice.time));
}

std::size_t History::updates_until(WallMillis time) const {
  const auto end = std::partition_point(
      updates_.begin(), updates_.end(),
      [&](const Update& update) { return HybridClock::millis(update.time) <= time; });
  return static_cast<std::size_t>(end - updates_.begin());
}

std::optional<crdt::Snapshot> History::find_around(
    WallMillis time, std::size_t most,
    const std::function<bool(const crdt::Snapshot&)>& fits) const {
  const std::size_t middle = updates_until(time);
  const auto look = [&](std::size_t updates) -> std::optional<crdt::Snapshot> {
    auto found = after(updates);
    if (!found || !fits(found->snapshot)) return std::nullopt;
    return std::move(found->snapshot);
  };
  if (auto found = look(middle)) return found;
  for (std::size_t step = 1; step <= most; ++step) {
    if (step <= middle) {
      if (auto found = look(middle - step)) return found;
    }
    if (middle + step <= updates_.size()) {
      if (auto found = look(middle + step)) return found;
    }
  }
  return std::nullopt;
}

// Reading one.

Result<VersionContent> History::read(const Found& found) const {
  VersionContent content;
  content.version = found.version;
  content.limits = limits_;
  COTERIE_TRY(crdt::Doc doc,
              crdt::create_doc_from_snapshot(doc_, found.snapshot, {.client_id = 0}));
  content.update = doc.encode_state_as_update();
  crdt::Any::Object roots;
  for (const std::string& name : doc.root_names()) {
    content.text += doc.root_text(name);
    roots.emplace_back(name, root_json(doc, name));
  }
  content.json = crdt::Any(std::move(roots)).to_json();
  // Written out, a text is somewhat larger.
  const std::size_t bytes = std::max(content.text.size(), content.json.size() / 2);
  if (bytes > kHistoryAnswerBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the document is too large to be shown", bytes};
  }
  return content;
}

// Comparing two, and asking who wrote what.

/// Who brought an element's content by a record of its own goes before who carried it, and both
/// before who named it without content.
const History::Origins& History::origins() const {
  if (origins_) return *origins_;
  Origins made;
  const auto number = [this](const Update& update) {
    return static_cast<std::uint32_t>(&update - updates_.data());
  };
  for (const bool carried : {false, true}) {
    for (const Update& update : updates_) {
      if (update.carried != carried) continue;
      for (const auto& ids : contents(update)) made.inserted.claim(ids, number(update));
    }
  }
  for (const Update& update : updates_) {
    for (const auto& ids : structs(update)) made.inserted.claim(ids, number(update));
    for (const auto& ids : deletes(update)) made.deleted.claim(ids, number(update));
  }
  return origins_.emplace(std::move(made));
}

/// Over all types of the document, as they were at one of two versions.
class History::Walk {
 public:
  Walk(const History& history, const crdt::Snapshot& before, const crdt::Snapshot& after)
      : history_(history), origins_(history.origins()), before_(before), after_(after) {}

  Result<std::vector<Change>> changes() {
    COTERIE_CHECK(roots());
    return std::move(changes_);
  }

  /// Precondition: both versions are the same.
  Result<std::vector<BlameRange>> ranges() {
    blames_ = true;
    COTERIE_CHECK(roots());
    return std::move(ranges_);
  }

 private:
  struct Place {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::uint64_t line = 1;
  };

  Status roots() {
    std::vector<std::string> names = history_.doc_.root_names();
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      path_ = {name};
      if (const auto root = history_.doc_.root(name)) COTERIE_CHECK(walk(*root));
    }
    return {};
  }

  Status walk(const crdt::SharedType& type) {
    if (path_.size() > crdt::kAnyDepthMax) return {};
    Place place;
    const auto cut = [this](const crdt::IdRange& ids, std::vector<crdt::Clock>& cuts) {
      origins_.inserted.cut(ids, cuts);
      origins_.deleted.cut(ids, cuts);
    };
    for (const crdt::ListPiece& piece : crdt::pieces_at(type, before_, after_, cut)) {
      COTERIE_CHECK(see(piece, place));
    }
    return walk_keys(type);
  }

  Status see(const crdt::ListPiece& piece, Place& place) {
    const crdt::Id id{piece.ids.client, piece.ids.clock};
    if (const auto* text = std::get_if<std::string>(&piece.content)) {
      COTERIE_CHECK(note(Change::What::kText, id, piece.ids.length, *text, place));
      if (after_.shows(id)) {
        place.line += static_cast<std::uint64_t>(std::count(text->begin(), text->end(), '\n'));
      }
      advance(id, piece.ids.length, place);
      return {};
    }
    if (const auto* mark = std::get_if<crdt::TextMark>(&piece.content)) {
      if (!differs(id)) return {};
      crdt::Any::Object what;
      what.emplace_back(mark->name, mark->value);
      return note(Change::What::kFormat, id, 0, crdt::Any(std::move(what)).to_json(), place);
    }
    crdt::Id each = id;
    for (const crdt::Value& value : std::get<std::vector<crdt::Value>>(piece.content)) {
      if (differs(each)) {
        COTERIE_CHECK(note(Change::What::kValue, each, 1, show(value), place));
      }
      if (const auto* type = std::get_if<crdt::SharedType>(&value)) {
        path_.emplace_back(after_.shows(each) ? place.to : place.from);
        COTERIE_CHECK(walk(*type));
        path_.pop_back();
      }
      advance(each, 1, place);
      ++each.clock;
    }
    return {};
  }

  Status walk_keys(const crdt::SharedType& type) {
    std::map<std::string, std::pair<const crdt::KeyedValue*, const crdt::KeyedValue*>> keys;
    const auto before = crdt::keyed_values_at(type, before_);
    const auto after = crdt::keyed_values_at(type, after_);
    for (const auto& one : before) keys[one.key].first = &one;
    for (const auto& one : after) keys[one.key].second = &one;
    for (const auto& [key, both] : keys) {
      const auto& [old, young] = both;
      path_.emplace_back(key);
      const bool same = old != nullptr && young != nullptr && old->id == young->id;
      for (const auto* one : {old, same ? nullptr : young}) {
        if (one == nullptr) continue;
        if (!same) COTERIE_CHECK(note(Change::What::kEntry, one->id, 1, show(one->value), {}));
        const auto* inner = std::get_if<crdt::SharedType>(&one->value);
        if (inner != nullptr) COTERIE_CHECK(walk(*inner));
      }
      path_.pop_back();
    }
    return {};
  }

  bool differs(const crdt::Id& id) const { return before_.shows(id) != after_.shows(id); }

  void advance(const crdt::Id& id, std::uint64_t length, Place& place) const {
    if (before_.shows(id)) place.from += length;
    if (after_.shows(id)) place.to += length;
  }

  static std::string show(const crdt::Value& value) {
    const auto* type = std::get_if<crdt::SharedType>(&value);
    if (type == nullptr) return crdt::to_json(value).to_json();
    switch (type->kind()) {
      case crdt::TypeKind::kXmlElement:
      case crdt::TypeKind::kXmlHook:
        return "<" + type->node_name() + ">";
      case crdt::TypeKind::kMap:
        return "{}";
      case crdt::TypeKind::kArray:
        return "[]";
      default:
        return "\"\"";
    }
  }

  std::optional<Deed> deed(const Claims& claims, const crdt::Id& id) const {
    const auto number = claims.find(id);
    if (!number) return std::nullopt;
    const Update& update = history_.updates_[*number];
    const WallMillis time = HybridClock::millis(update.time);
    return Deed{update.device, time, time, update.carried && &claims == &origins_.inserted};
  }

  Status note(Change::What what, const crdt::Id& id, std::uint64_t length,
              const std::string& content, const Place& place) {
    const bool was = before_.shows(id);
    const bool is = after_.shows(id);
    if (was == is && !blames_) return {};
    if (was == is) {
      if (what != Change::What::kText) return {};
      return add(BlameRange{path_, place.to, length, content, deed(origins_.inserted, id)});
    }
    // The older one may be the second.
    const crdt::Snapshot& without = is ? before_ : after_;
    const bool deleted = id.clock < without.state.clock_of(id.client);
    return add(Change{is ? Change::Kind::kInserted : Change::Kind::kDeleted, what, path_,
                      place.from, place.to, length, content, place.line,
                      deed(deleted ? origins_.deleted : origins_.inserted, id)});
  }

  /// Whether `more` is by whom `known` is, about then; notes when.
  static bool join(std::optional<Deed>& known, const std::optional<Deed>& more) {
    if (!known || !more) return !known && !more;
    if (known->device != more->device || known->carried != more->carried) return false;
    const auto pause = static_cast<WallMillis>(kVersionPause.count());
    const bool later = more->first > known->last && more->first - known->last > pause;
    const bool earlier = known->first > more->last && known->first - more->last > pause;
    if (later || earlier) return false;
    known->first = std::min(known->first, more->first);
    known->last = std::max(known->last, more->last);
    return true;
  }

  Status add(BlameRange range) {
    COTERIE_CHECK(take_room(range.text.size(), ranges_.size()));
    if (!ranges_.empty()) {
      BlameRange& last = ranges_.back();
      if (last.path == range.path && last.index + last.length == range.index &&
          join(last.by, range.by)) {
        last.length += range.length;
        last.text += range.text;
        return {};
      }
    }
    ranges_.push_back(std::move(range));
    return {};
  }

  Status add(Change change) {
    COTERIE_CHECK(take_room(change.content.size(), changes_.size()));
    if (!changes_.empty() && change.what == Change::What::kText) {
      Change& last = changes_.back();
      const bool inserted = change.kind == Change::Kind::kInserted;
      const bool adjacent = last.kind == change.kind && last.what == change.what &&
                            last.path == change.path &&
                            last.from + (inserted ? 0 : last.length) == change.from &&
                            last.to + (inserted ? last.length : 0) == change.to;
      if (adjacent && join(last.by, change.by)) {
        last.length += change.length;
        last.content += change.content;
        return {};
      }
    }
    changes_.push_back(std::move(change));
    return {};
  }

  Status take_room(std::size_t bytes, std::size_t ranges) {
    bytes_ += bytes;
    if (bytes_ > kHistoryAnswerBytesMax || ranges >= kHistoryRangesMax) {
      return Error{ErrorCode::kLimitExceeded,
                   "too much to be shown at once: compare versions that are closer", ranges};
    }
    return {};
  }

  const History& history_;
  const Origins& origins_;
  const crdt::Snapshot& before_;
  const crdt::Snapshot& after_;
  bool blames_ = false;
  TypePath path_;
  std::size_t bytes_ = 0;
  std::vector<Change> changes_;
  std::vector<BlameRange> ranges_;
};

Result<VersionDiff> History::diff(const Found& from, const Found& to) const {
  VersionDiff out{from.version, to.version, {}, limits_};
  COTERIE_TRY(out.changes, Walk(*this, from.snapshot, to.snapshot).changes());
  return out;
}

Result<Blame> History::blame(const Found& at) const {
  Blame out{at.version, {}, limits_};
  COTERIE_TRY(out.ranges, Walk(*this, at.snapshot, at.snapshot).ranges());
  return out;
}

// Rendering.

namespace {

void render(const crdt::SharedType& type, const crdt::Snapshot& snapshot, std::size_t depth,
            std::string& out) {
  if (depth > crdt::kAnyDepthMax) return;
  out += std::to_string(static_cast<int>(type.kind())) + type.node_name() + "(";
  const auto value = [&](const crdt::Value& one) {
    const auto* inner = std::get_if<crdt::SharedType>(&one);
    if (inner != nullptr) return render(*inner, snapshot, depth + 1, out);
    out += crdt::to_json(one).to_json();
  };
  std::string text;
  const auto end_text = [&] {
    if (!text.empty()) out += crdt::Any(std::exchange(text, {})).to_json();
  };
  for (const crdt::ListPiece& piece : crdt::pieces_at(type, snapshot, snapshot)) {
    if (const auto* words = std::get_if<std::string>(&piece.content)) {
      text += *words;
      continue;
    }
    end_text();
    if (const auto* mark = std::get_if<crdt::TextMark>(&piece.content)) {
      out += "*" + crdt::Any(mark->name).to_json() + mark->value.to_json();
      continue;
    }
    for (const auto& one : std::get<std::vector<crdt::Value>>(piece.content)) {
      out += ',';
      value(one);
    }
  }
  end_text();
  std::map<std::string, crdt::Value> keys;
  for (auto& [key, one] : crdt::entries_at(type, snapshot)) keys.emplace(key, std::move(one));
  for (const auto& [key, one] : keys) {
    out += ";" + crdt::Any(key).to_json() + ":";
    value(one);
  }
  out += ')';
}

}  // namespace

std::string rendering(const crdt::Doc& doc, const crdt::Snapshot& snapshot) {
  std::vector<std::string> names = doc.root_names();
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names) {
    const auto root = doc.root(name);
    if (!root) continue;
    std::string shown;
    render(*root, snapshot, 0, shown);
    // Nothing tells one that was never used from one that is empty.
    if (shown != std::to_string(static_cast<int>(root->kind())) + root->node_name() + "()") {
      out += crdt::Any(name).to_json() + "=" + shown;
    }
  }
  return out;
}

}  // namespace coterie::node
