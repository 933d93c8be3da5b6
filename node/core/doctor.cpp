#include "node/core/doctor.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "crdt/update.hpp"
#include "node/core/closed_store.hpp"
#include "node/core/codec.hpp"
#include "node/core/compression.hpp"
#include "node/core/document_index.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/entry.hpp"
#include "node/core/log/segments.hpp"
#include "node/core/records.hpp"
#include "node/core/schema.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr std::uint64_t kProgressStep = 1024;

Bytes copy(ByteView view) { return {view.begin(), view.end()}; }

class Examination {
 public:
  Examination(const WorkspaceId& workspace, const storage::Store& store,
              const crypto::SigningKey& identity, SecureRandom& random,
              const std::function<void(std::uint64_t)>& progress)
      : workspace_(workspace),
        store_(store),
        identity_(identity),
        sealer_(workspace, identity, random),
        progress_(progress) {}

  Result<Checkup> run() {
    COTERIE_CHECK(check_meta());
    COTERIE_CHECK(check_keys());
    COTERIE_CHECK(read_waiting());
    COTERIE_CHECK(read_segments());
    COTERIE_CHECK(check_entries());
    COTERIE_CHECK(check_index('h', anchors_));
    COTERIE_CHECK(check_index('m', operations_));
    COTERIE_CHECK(check_index('K', kept_));
    COTERIE_CHECK(check_waiting());
    COTERIE_CHECK(check_disputes());
    COTERIE_CHECK(check_documents());
    COTERIE_CHECK(check_index_of_documents());
    COTERIE_CHECK(check_owners());
    COTERIE_CHECK(check_authors());
    COTERIE_CHECK(check_endpoints());
    for (const auto& [what, count] : counts_) {
      if (count <= kFindingsMax) continue;
      out_.findings.push_back({what.second, what.first + ": " + std::to_string(count) + " in all"});
    }
    if (out_.logs_were_cut || judge_anew_) rebuild_all(store_, out_.repair);
    out_.operations = operations_.size();
    return std::move(out_);
  }

 private:
  using Rows = std::map<Bytes, Bytes>;

  void find(Finding::Kind kind, const std::string& what, const std::string& where = {}) {
    if (++counts_[{what, kind}] > kFindingsMax) return;
    out_.findings.push_back({kind, where.empty() ? what : where + ": " + what});
  }
  void repairable(const std::string& what, const std::string& where = {}) {
    find(Finding::Kind::kRepairable, what, where);
  }

  static std::string name_of(const LogId& log) {
    return "log " + log.device.short_hex() + "/" + to_hex(log_key(log)).substr(64, 8);
  }

  Status check_meta() {
    COTERIE_TRY(const auto id, store_.get(Table::kMeta, meta_key("workspace")));
    if (!id) {
      repairable("the row that names the workspace is missing");
      out_.repair.put(Table::kMeta, meta_key("workspace"), copy(workspace_.view()));
    } else if (!equal(*id, workspace_.view())) {
      find(Finding::Kind::kDamage, "the store belongs to another workspace");
    }
    COTERIE_TRY(const auto incarnation, store_.get(Table::kMeta, meta_key("incarnation")));
    if (incarnation && incarnation->size() != 8) {
      repairable("the row of the own log is damaged: the device begins a new one");
      Bytes some;
      append_u64(some, 1);
      out_.repair.put(Table::kMeta, meta_key("incarnation"), std::move(some));
      new_own_log();
    }
    return {};
  }

  /// The device must not go on with its log: others may hold what is not here. A ledger whose place
  /// is in doubt begins a new one.
  void new_own_log() { out_.repair.erase(Table::kMeta, meta_key("place")); }

  Status check_keys() {
    return store_.scan(Table::kKeys, {}, {}, [this](ByteView key, ByteView value) {
      const auto opened = sealer_.open(Table::kKeys, key, value);
      auto secret =
          opened ? crypto::SecretKey::from(*opened) : Result<crypto::SecretKey>(opened.error());
      if (!secret || !equal(crypto::key_commitment(*secret).view(), key)) {
        find(Finding::Kind::kDamage, "a content key is damaged: what is under it cannot be read");
        return true;
      }
      ++out_.keys;
      keys_.emplace(*Hash::from(key), *std::move(secret));
      return true;
    });
  }

  Status read_segments() {
    COTERIE_CHECK(store_.scan(Table::kFrontier, {}, {}, [this](ByteView key, ByteView value) {
      ByteReader in(key);
      const auto device = read_id<DeviceId>(in);
      const auto incarnation = read_u64(in);
      if (!device || !incarnation || !in.at_end()) {
        repairable("a log's row has no name");
        out_.repair.erase(Table::kFrontier, copy(key));
        return true;
      }
      const LogId name{*device, *incarnation};
      auto segment = decode_segment(name, value);
      const bool root_is_whole =
          is_branch(name) || (segment && segment->first == 1 && segment->chain == name &&
                              segment->strand == name && segment->before.is_zero());
      if (segment && root_is_whole) {
        segments_.put(name, *segment);
      } else {
        lost_.insert(name);
      }
      return true;
    }));
    if (!segments_.link()) {
      find(Finding::Kind::kDamage, "the branches of a forked log do not fit together");
    }
    return {};
  }

  /// Where the rows of a strand belong.
  struct Piece {
    LogId name;
    Segment segment;
  };

  Status check_entries() {
    std::map<LogId, std::vector<Piece>> strands;
    for (const auto& [name, segment] : segments_.all()) {
      if (!segment.empty()) strands[segment.strand].push_back({name, segment});
    }
    for (auto& [strand, pieces] : strands) {
      std::sort(pieces.begin(), pieces.end(),
                [](const Piece& a, const Piece& b) { return a.segment.first < b.segment.first; });
    }
    out_.logs = segments_.all().size();
    // Strands in the order of their rows; those without a row in kFrontier too.
    std::set<LogId> seen;
    Bytes from;
    for (;;) {
      std::optional<LogId> next;
      COTERIE_CHECK(store_.scan(Table::kEntries, from, {}, [&](ByteView key, ByteView) {
        const auto position = read_position(key);
        if (position) {
          next = position->log;
        } else {
          repairable("a row of the log has no place");
          out_.repair.erase(Table::kEntries, copy(key));
          from = copy(key);
          from.push_back(0);
          next = LogId{};
        }
        return false;
      }));
      if (!next) break;
      if (*next == LogId{}) continue;
      from = end_of_prefix(log_key(*next));
      const auto pieces = strands.find(*next);
      if (pieces != strands.end()) {
        COTERIE_CHECK(check_strand(*next, pieces->second));
        seen.insert(*next);
      } else {
        COTERIE_CHECK(adopt_strand(*next));
      }
      if (from.empty()) break;
    }
    for (const auto& [strand, pieces] : strands) {
      if (seen.count(strand) > 0) continue;
      for (const Piece& piece : pieces) {
        cut(piece, beginning_of(piece.segment), "its entries are missing");
      }
    }
    for (const LogId& name : lost_) {
      if (adopted_.count(name) > 0) continue;
      find(Finding::Kind::kDamage, "the row of a branch is damaged", name_of(name));
    }
    return {};
  }

  struct Walk {
    LogHead at;
    Hash previous;  ///< What the entry at `at` chains to.
    // As of the newest entry that is signed rightly: it vouches for all before it.
    LogHead sound;
    Hash sound_previous;
  };
  static Walk beginning_of(const Segment& segment) {
    const LogHead head =
        segment.pruned.seq > 0 ? segment.pruned : LogHead{segment.first - 1, segment.before};
    // Told again by the entry there, which is kept.
    const Hash previous = head.seq == segment.last ? segment.head_previous : Hash{};
    return {head, previous, head, previous};
  }

  Status check_strand(const LogId& strand, const std::vector<Piece>& pieces) {
    std::size_t index = 0;
    Walk walk = beginning_of(pieces[0].segment);
    bool broken = false;  // The rest of the current piece is cut.
    std::uint64_t stray = 0;
    const auto finish = [&](const Piece& piece) {
      if (broken) return;
      if (walk.at.seq < piece.segment.last) {
        cut(piece, walk, "entries are missing at its end");
      } else if (walk.sound.seq < walk.at.seq) {
        cut(piece, walk, "an entry is damaged");
      } else if (walk.at.hash != piece.segment.head ||
                 walk.previous != piece.segment.head_previous) {
        repairable("its row names another newest entry than there is", name_of(piece.name));
        put_row(piece, walk);
      }
    };
    COTERIE_CHECK(store_.scan(Table::kEntries, log_key(strand), end_of_prefix(log_key(strand)),
                              [&](ByteView key, ByteView value) {
                                const auto position = read_position(key);
                                if (!position) return true;  // Met before.
                                const Seq seq = position->seq;
                                while (index < pieces.size() && seq > pieces[index].segment.last) {
                                  finish(pieces[index]);
                                  if (++index == pieces.size()) break;
                                  walk = beginning_of(pieces[index].segment);
                                  broken = false;
                                }
                                if (index == pieces.size() || seq < pieces[index].segment.first) {
                                  ++stray;
                                  out_.repair.erase(Table::kEntries, copy(key));
                                  return true;
                                }
                                if (broken) return true;
                                const Piece& piece = pieces[index];
                                if (seq <= piece.segment.pruned.seq) {
                                  check_kept(piece.segment, strand, seq, key, value, walk);
                                  return true;
                                }
                                if (!step(piece.segment, strand, seq, key, value, walk)) {
                                  broken = true;
                                  cut(piece, walk, "an entry is damaged or missing");
                                }
                                return true;
                              }));
    for (; index < pieces.size(); ++index) {
      finish(pieces[index]);
      if (index + 1 == pieces.size()) break;
      walk = beginning_of(pieces[index + 1].segment);
      broken = false;
    }
    if (stray > 0) {
      repairable(std::to_string(stray) + " entries beyond the end of their log", name_of(strand));
    }
    return {};
  }

  /// Takes in the entry `seq` of a log; false if it does not follow.
  bool step(const Segment& segment, const LogId& strand, Seq seq, ByteView key, ByteView value,
            Walk& walk) {
    if (seq != walk.at.seq + 1) return false;
    const auto stored = ClosedStore::open_entry(sealer_, key, value);
    if (!stored) return false;
    auto entry = decode_stored({workspace_, segment.chain, seq, walk.at.hash}, *stored);
    if (!entry) return false;
    const HashedEntry one{*std::move(entry), {}};
    const Hash hash = entry_hash(one.entry);
    const bool sound =
        crypto::verify(segment.chain.device, entry_digest(one.entry).view(), one.entry.signature);
    // An entry does not say what it chains to: after one that is damaged none is signed rightly.
    // After one that its author signed wrongly they are.
    walk.previous = walk.at.hash;
    walk.at = {seq, hash};
    if (sound) {
      walk.sound = walk.at;
      walk.sound_previous = walk.previous;
    }
    if (++out_.entries % kProgressStep == 0 && progress_) progress_(out_.entries);
    strands_.emplace(strand, seq);
    if (seq % kAnchorDistance == 0)
      anchors_[prefixed_position('h', strand, seq)] = copy(hash.view());
    if (one.entry.entry_class == EntryClass::kContent) {
      note_content(one.entry, strand);
    } else {
      Bytes row = copy(hash.view());
      append(row, walk.previous.view());
      operations_[prefixed_position('m', strand, seq)] = std::move(row);
    }
    return true;
  }

  /// An entry below what is pruned of its log: it follows what its row says, and is none of those
  /// that members send again.
  void check_kept(const Segment& segment, const LogId& strand, Seq seq, ByteView key,
                  ByteView value, Walk& walk) {
    ++out_.entries;
    strands_.emplace(strand, seq);
    const auto check = [&]() -> bool {
      const auto stored = ClosedStore::open_entry(sealer_, key, value);
      for (const char prefix : {'m', 'K'}) {
        Bytes row_key = prefixed_position(prefix, strand, seq);
        const auto row = store_.get(Table::kMeta, row_key);
        if (!stored || !row || !*row || (*row)->size() != 2 * Hash::kBytes) continue;
        const Hash previous = *Hash::from(ByteView(**row).last(Hash::kBytes));
        const auto entry = decode_stored({workspace_, segment.chain, seq, previous}, *stored);
        if (!entry || !equal(entry_hash(*entry).view(), ByteView(**row).first(Hash::kBytes))) {
          return false;
        }
        if (seq == segment.pruned.seq) walk.previous = walk.sound_previous = previous;
        const bool content = entry->entry_class == EntryClass::kContent;
        (content ? kept_ : operations_)[std::move(row_key)] = **row;
        if (content) note_content(*entry, strand);
        return content == (prefix == 'K');
      }
      return false;
    };
    if (check()) return;
    find(Finding::Kind::kDamage, "an entry that is kept below what is pruned is damaged",
         name_of(strand) + ", entry " + std::to_string(seq));
  }

  void note_content(const Entry& entry, const LogId& strand) {
    const Seq seq = entry.position.seq;
    const auto key = keys_.find(entry.key);
    if (key == keys_.end()) {
      Bytes row = copy(entry.position.previous.view());
      append_u64(row, entry.time);
      waiting_[prefixed_position('w', strand, seq)] = std::move(row);
      return;
    }
    const auto bytes = open_entry(entry, key->second);
    if (!bytes) {
      find(Finding::Kind::kNote, "an entry does not decrypt: its author made it so");
      return;
    }
    // What has a row yet is put when the ledger meets it.
    const bool waits =
        !stored_waiting_.empty() && stored_waiting_.count(prefixed_position('w', strand, seq)) > 0;
    if (const auto document = indexed_document(*bytes); document && !waits) {
      auto& ranges = index_[*document][strand];
      if (!ranges.empty() && ranges.back().last + 1 == seq) {
        ranges.back().last = seq;
      } else {
        ranges.push_back({seq, seq});
      }
    }
    const auto record = decode_record(workspace_, *bytes);
    if (!record) return;
    if (const auto* named = std::get_if<DocumentRecord>(&*record)) named_.insert(named->document);
    if (const auto* clients = std::get_if<ClientsRecord>(&*record); clients != nullptr && !waits) {
      const DeviceId& device = entry.position.log.device;
      declared_.push_back({{strand, seq, {}}, native_client_id(workspace_, device, *clients)});
    }
  }

  /// Everything of `piece` after the last entry that is vouched for goes; peers send it again.
  void cut(const Piece& piece, const Walk& walk, const char* why) {
    const Segment& segment = piece.segment;
    const Seq from = walk.sound.seq + 1;
    if (adopted_.count(piece.name) > 0) return;
    const std::string where = name_of(piece.name) + ", entry " + std::to_string(from);
    if (segment.closed() || (is_branch(piece.name) && from == segment.first)) {
      find(Finding::Kind::kDamage, std::string(why) + ", before a fork", where);
      return;
    }
    repairable(std::string(why) + ": the log is cut there, and members send the rest again", where);
    out_.logs_were_cut = true;
    cuts_.emplace(segment.strand, from);
    const Bytes begin = position_key(segment.strand, from);
    const Bytes end = position_key(segment.strand, segment.last + 1);
    out_.repair.erase_range(Table::kEntries, begin, end);
    for (const char prefix : {'h', 'm', 'w', 's'}) {
      const Bytes first = prefixed_position(prefix, segment.strand, from);
      const Bytes after = prefixed_position(prefix, segment.strand, segment.last + 1);
      out_.repair.erase_range(Table::kMeta, first, after);
      for (Rows* rows : {&anchors_, &operations_, &waiting_}) {
        rows->erase(rows->lower_bound(first), rows->lower_bound(after));
      }
    }
    if (from == segment.first) {
      out_.repair.erase(Table::kFrontier, log_key(piece.name));
    } else {
      put_row(piece, walk);
    }
    if (segment.chain.device == identity_.id()) new_own_log();
    // What was judged, and may now be judged otherwise.
    out_.repair.erase_range(Table::kMeta, meta_key("j"), end_of_prefix(meta_key("j")));
  }

  void put_row(const Piece& piece, const Walk& walk) {
    Segment shorter = piece.segment;
    shorter.last = walk.sound.seq;
    shorter.head = walk.sound.hash;
    shorter.head_previous = walk.sound_previous;
    out_.repair.put(Table::kFrontier, log_key(piece.name), encode_segment(shorter));
  }

  /// A strand that no row of kFrontier knows: a log whose row was lost.
  Status adopt_strand(const LogId& strand) {
    if (is_branch(strand)) {
      find(Finding::Kind::kDamage, "entries of a branch that is not known", name_of(strand));
      return {};
    }
    Segment segment;
    segment.chain = segment.strand = strand;
    Walk walk = beginning_of(segment);
    bool broken = false;
    COTERIE_CHECK(store_.scan(Table::kEntries, log_key(strand), end_of_prefix(log_key(strand)),
                              [&](ByteView key, ByteView value) {
                                const auto position = read_position(key);
                                if (!position) return true;
                                if (!broken &&
                                    step(segment, strand, position->seq, key, value, walk)) {
                                  return true;
                                }
                                broken = true;
                                return true;
                              }));
    adopted_.insert(strand);
    ++out_.logs;
    repairable("its row is lost: made anew of its entries", name_of(strand));
    if (broken || walk.sound.seq < walk.at.seq) {
      out_.logs_were_cut = true;
      cuts_.emplace(strand, walk.sound.seq + 1);
      out_.repair.erase_range(Table::kEntries, position_key(strand, walk.sound.seq + 1),
                              end_of_prefix(log_key(strand)));
      for (Rows* rows : {&anchors_, &operations_, &waiting_}) {
        for (auto it = rows->begin(); it != rows->end();) {
          const auto at = read_position(ByteView(it->first).subspan(1));
          it =
              at && at->log == strand && at->seq > walk.sound.seq ? rows->erase(it) : std::next(it);
        }
      }
      if (strand.device == identity_.id()) new_own_log();
    }
    if (walk.sound.seq > 0) put_row({strand, segment}, walk);
    return {};
  }

  /// Rows of kMeta that follow from the entries.
  Status check_index(char prefix, const Rows& expected) {
    const char* what = prefix == 'h' ? "the hash of an entry is wrong, missing or too many"
                                     : "the index of membership is wrong";
    const Bytes begin{static_cast<std::uint8_t>(prefix)};
    std::set<Bytes> met;
    COTERIE_CHECK(
        store_.scan(Table::kMeta, begin, end_of_prefix(begin), [&](ByteView key, ByteView value) {
          if (key.size() != 1 + 48) return true;  // Another sort of row.
          Bytes name = copy(key);
          const auto row = expected.find(name);
          if (row == expected.end()) {
            // Where a log is cut that was said.
            if (!out_.logs_were_cut) repairable(what);
            out_.repair.erase(Table::kMeta, std::move(name));
          } else if (equal(row->second, value)) {
            met.insert(std::move(name));
          }
          return true;
        }));
    for (const auto& [name, value] : expected) {
      if (met.count(name) > 0) continue;
      repairable(what);
      out_.repair.put(Table::kMeta, name, value);
    }
    return {};
  }

  Status read_waiting() {
    const Bytes begin{'w'};
    return store_.scan(Table::kMeta, begin, end_of_prefix(begin),
                       [&](ByteView key, ByteView value) {
                         if (key.size() != 1 + 48) return true;
                         if (value.size() == Hash::kBytes + 8) {
                           stored_waiting_.insert(copy(key));
                         } else {
                           repairable("the row of an entry that waits for its key is damaged");
                           out_.repair.erase(Table::kMeta, copy(key));
                         }
                         return true;
                       });
  }

  /// Entries whose key is not here have a row, or nobody would read them when it comes. Rows too
  /// many are harmless.
  Status check_waiting() {
    for (const auto& [name, value] : waiting_) {
      COTERIE_TRY(const auto row, store_.get(Table::kMeta, name));
      if (row && *row == value) continue;
      repairable("an entry that waits for its key is not known to wait");
      out_.repair.put(Table::kMeta, name, value);
    }
    return {};
  }

  /// Sealed rows of what is disputed: judged again where one is damaged.
  Status check_disputes() {
    const Bytes begin{'s'};
    return store_.scan(
        Table::kMeta, begin, end_of_prefix(begin), [&](ByteView key, ByteView value) {
          if (key.size() != 1 + 48 || sealer_.open(Table::kMeta, key, value)) return true;
          repairable("a row of what is disputed is damaged: judged again");
          out_.repair.erase(Table::kMeta, copy(key));
          out_.repair.erase_range(Table::kMeta, meta_key("j"), end_of_prefix(meta_key("j")));
          return true;
        });
  }

  Status check_documents() {
    std::set<DocumentId> rows;
    COTERIE_CHECK(store_.scan(Table::kDocuments, {}, {}, [&](ByteView key, ByteView value) {
      const auto id = DocumentId::from(key);
      const auto row = sealer_.open(Table::kDocuments, key, value);
      if (!id || !row || row->empty()) {
        repairable("a document's row is damaged: made anew");
        out_.repair.erase(Table::kDocuments, copy(key));
        if (id) lost_document(*id);
        return true;
      }
      rows.insert(*id);
      return true;
    }));
    out_.documents = rows.size();
    for (const DocumentId& id : named_) {
      if (rows.count(id) > 0) continue;
      Bytes mark = meta_key("r");
      append(mark, id.view());
      COTERIE_TRY(const auto marked, store_.get(Table::kMeta, mark));
      if (marked) continue;  // It is made anew at the next opening.
      repairable("a document of the log has no row: made anew");
      lost_document(id);
    }
    COTERIE_CHECK(store_.scan(Table::kSnapshots, {}, {}, [&](ByteView key, ByteView value) {
      const auto id = DocumentId::from(key);
      const auto update = sealer_.open(Table::kSnapshots, key, value);
      if (id && update && readable(*update)) return true;
      repairable("a document's snapshot is damaged: made anew");
      out_.repair.erase(Table::kSnapshots, copy(key));
      if (id) lost_document(*id);
      return true;
    }));
    return check_tails();
  }

  static bool readable(ByteView snapshot) {
    const auto update = decompress(snapshot, kSnapshotBytesMax);
    return update && crdt::validate_update(*update).has_value();
  }

  Status check_tails() {
    std::vector<std::pair<Bytes, DocumentId>> bad;
    Status failed;
    COTERIE_CHECK(store_.scan(Table::kTails, {}, {}, [&](ByteView key, ByteView value) {
      const auto run = decode_tail_row(value);
      const auto id = DocumentId::from(key.first(std::min(key.size(), DocumentId::kBytes)));
      bool there = false;
      if (run && tail_counter(key)) {
        // A strand has no holes: those that had were cut.
        const Seq last = run->first.seq + run->count - 1;
        const auto entry = store_.get(Table::kEntries, position_key(run->first.log, last));
        if (!entry) failed = entry.error();
        there = entry && entry->has_value() && last >= run->first.seq && run->first.seq > 0 &&
                !is_cut(run->first.log, last);
      }
      if (!there && id) bad.emplace_back(copy(key), *id);
      return static_cast<bool>(failed);
    }));
    COTERIE_CHECK(failed);
    for (auto& [key, id] : bad) {
      repairable("a document refers to an entry that is not there: made anew");
      out_.repair.erase(Table::kTails, std::move(key));
      lost_document(id);
    }
    return {};
  }

  bool is_cut(const LogId& strand, Seq seq) const {
    const auto from = cuts_.find(strand);
    return from != cuts_.end() && seq >= from->second;
  }

  void lost_document(const DocumentId& id) {
    Bytes key = meta_key("r");
    append(key, id.view());
    out_.repair.put(Table::kMeta, std::move(key), {});
  }

  Status check_index_of_documents() {
    DocumentIndex index(store_);
    COTERIE_CHECK(index.load());
    if (!index.ready()) {
      // After a crash in the middle of nothing, and after damage: made anew when it is opened.
      find(Finding::Kind::kNote, "there is no index of documents: made anew");
      return {};
    }
    std::map<DocumentId, std::map<LogId, std::vector<SeqRange>>> found;
    Status status =
        index.for_all([&](const DocumentId& document, const LogId& strand, const SeqRange& range) {
          auto& ranges = found[document][strand];
          ranges.push_back(range);
        });
    if (!status && status.error().code != ErrorCode::kCorrupt) return status;
    for (auto& [document, strands] : found) {
      for (auto& [strand, ranges] : strands) join_ranges(ranges);
    }
    if (status && !out_.logs_were_cut && found == index_) return {};
    if (!out_.logs_were_cut) {
      repairable("the index of documents is not what the logs say: made anew");
    }
    DocumentIndex::forget(out_.repair);
    return {};
  }

  /// Whether anything is left of a strand.
  bool is_held(const LogId& strand) const {
    const auto first = strands_.find(strand);
    return first != strands_.end() && !is_cut(strand, first->second);
  }
  bool is_held(const DeviceId& device) const {
    const auto first = strands_.lower_bound({device, 0});
    return std::any_of(first, strands_.end(), [&](const auto& strand) {
      return strand.first.device == device && is_held(strand.first);
    });
  }

  Status check_owners() {
    Rows expected;
    for (const auto& [ref, client] : declared_) {
      if (is_cut(ref.log, ref.seq)) continue;
      Bytes key = meta_key("N");
      append_u64(key, client);
      Bytes& device = expected[std::move(key)];
      // As Authors::declared() decides.
      const ByteView other = ref.log.device.view();
      if (device.empty() || *DeviceId::from(other) < *DeviceId::from(device)) device = copy(other);
    }
    const char* what = "who declared a client id is wrong, missing or too much";
    const Bytes begin{'N'};
    COTERIE_CHECK(
        store_.scan(Table::kMeta, begin, end_of_prefix(begin), [&](ByteView key, ByteView value) {
          const auto row = expected.find(copy(key));
          if (row == expected.end()) {
            if (!out_.logs_were_cut) repairable(what);
            out_.repair.erase(Table::kMeta, copy(key));
          } else if (equal(row->second, value)) {
            expected.erase(row);
          }
          return true;
        }));
    for (auto& [key, device] : expected) {
      repairable(what);
      out_.repair.put(Table::kMeta, key, std::move(device));
      judge_anew_ = true;
    }
    return {};
  }

  /// Rows that say who wrote what, where that cannot be told from the logs alone.
  Status check_authors() {
    const auto check = [&](char prefix, auto is_sound) -> Status {
      const Bytes begin{static_cast<std::uint8_t>(prefix)};
      return store_.scan(Table::kMeta, begin, end_of_prefix(begin), [&](ByteView key, ByteView) {
        if (is_sound(key.subspan(1))) return true;
        if (!out_.logs_were_cut) {
          repairable("a row about client ids is damaged: documents are made anew");
          judge_anew_ = true;
        }
        out_.repair.erase(Table::kMeta, copy(key));
        return true;
      });
    };
    const auto is_device = [&](ByteView bytes) {
      const auto device = DeviceId::from(bytes);
      return device && (*device == identity_.id() || is_held(*device));
    };
    constexpr std::size_t kDocument = DocumentId::kBytes;
    constexpr std::size_t kDevice = DeviceId::kBytes;
    COTERIE_CHECK(check('U', [&](ByteView row) {
      return row.size() == kDevice + kDocument && is_device(row.first(kDevice));
    }));
    COTERIE_CHECK(check('X', [&](ByteView row) {
      return row.size() == kDocument + kDevice && is_device(row.subspan(kDocument));
    }));
    COTERIE_CHECK(check('O', [&](ByteView row) { return is_device(row); }));
    return check('C', [&](ByteView row) {
      if (row.size() != kDocument + 8 + kDevice + 8) return false;
      ByteReader in(row.subspan(kDocument + 8));
      const LogId log{*read_id<DeviceId>(in), *read_u64(in)};
      // Of this device: what waits to be written is in no log yet.
      return is_held(log) || (log.device == identity_.id() && log.incarnation == 0);
    });
  }

  Status check_endpoints() {
    return store_.scan(Table::kPeers, {}, {}, [&](ByteView key, ByteView value) {
      if (sealer_.open(Table::kPeers, key, value)) return true;
      repairable("where a device is reached is damaged: forgotten, until it says so again");
      out_.repair.erase(Table::kPeers, copy(key));
      return true;
    });
  }

  const WorkspaceId workspace_;
  const storage::Store& store_;
  const crypto::SigningKey& identity_;
  RowSealer sealer_;
  const std::function<void(std::uint64_t)>& progress_;

  Checkup out_;
  std::map<std::pair<std::string, Finding::Kind>, std::size_t> counts_;
  std::map<Hash, crypto::SecretKey> keys_;
  Segments segments_;
  std::set<LogId> lost_;       ///< Names whose row does not decode.
  std::set<LogId> adopted_;    ///< Strands without a row.
  std::map<LogId, Seq> cuts_;  ///< From where on strands are cut.
  Rows anchors_;
  Rows operations_;
  Rows kept_;                ///< Of content entries below what is pruned.
  bool judge_anew_ = false;  ///< What documents were made of was judged by what was wrong.
  Rows waiting_;
  std::set<Bytes> stored_waiting_;  ///< Keys of the rows that there are.
  std::map<LogId, Seq> strands_;    ///< First entry of each.
  std::set<DocumentId> named_;
  std::map<DocumentId, std::map<LogId, std::vector<SeqRange>>> index_;
  std::vector<std::pair<EntryRef, std::uint64_t>> declared_;  ///< Native client ids.
};

}  // namespace

bool Checkup::healthy() const {
  return std::all_of(findings.begin(), findings.end(),
                     [](const Finding& one) { return one.kind == Finding::Kind::kNote; });
}

bool Checkup::repairable() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& one) { return one.kind == Finding::Kind::kDamage; });
}

Result<Checkup> check_up(const WorkspaceId& workspace, const storage::Store& store,
                         const crypto::SigningKey& identity, SecureRandom& random,
                         const std::function<void(std::uint64_t)>& progress) {
  return Examination(workspace, store, identity, random, progress).run();
}

void rebuild_all(const storage::Store& store, storage::WriteBatch& batch) {
  (void)store.scan(Table::kDocuments, {}, {}, [&](ByteView id, ByteView) {
    Bytes key = meta_key("r");
    append(key, id);
    batch.put(Table::kMeta, std::move(key), {});
    return true;
  });
}

}  // namespace coterie::node
