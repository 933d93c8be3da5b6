#include "node/daemon/room_calls.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "crdt/base/utf16.hpp"
#include "node/core/limits.hpp"
#include "node/core/rooms/templates.hpp"
#include "node/daemon/call_json.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr std::size_t kPrefixDigitsMin = 4;
/// Pages looked at for one that is filtered, or for the beginning of an id.
constexpr int kPagesMax = 20;

bool has(const Call& call, const char* name) { return call.arguments.count(name) > 0; }

/// What a call works with.
struct Question {
  Engine& engine;
  Now now;
  const Call& call;
  WorkspaceId workspace;

  std::string path() const { return text_of(call, "path"); }
  AuthorNames names() const { return author_names(engine, workspace); }
};

/// Each message of a lane, the newest first, until `each` returns false or kPagesMax were read.
Status for_each_message(const Question& question, RoomQuery query,
                        const std::function<bool(const RoomItem&)>& each) {
  query.limit = kRoomPageMax;
  for (int page = 0; page < kPagesMax; ++page) {
    COTERIE_TRY(const RoomView view, question.engine.room(question.now, query));
    for (const RoomItem& item : view.items) {
      if (!each(item)) return {};
    }
    if (!view.older) return {};
    query.before = view.older;
  }
  return {};
}

/// The message that an argument names.
Result<Hash> message_of(const Question& question, const char* argument) {
  const std::string id = text_of(question.call, argument);
  if (id.size() == 2 * Hash::kBytes) return parse_hex_id<Hash>(id);
  if (id.size() < kPrefixDigitsMin || !has(question.call, "path")) {
    return Error{ErrorCode::kMalformed, "a message is named by its id, or 4 digits of it or more"};
  }
  std::set<Hash> found;
  std::vector<Hash> comments;
  const auto look = [&](const RoomItem& item) {
    const Hash& hash = item.message.moment.hash;
    if (hash.hex().starts_with(id)) found.insert(hash);
    if (item.message.anchor) comments.push_back(hash);
    return true;
  };
  RoomQuery query{question.workspace, question.path(), RoomLane::Kind::kChat, {}, {}, {}, 0};
  COTERIE_CHECK(for_each_message(question, query, look));
  query.kind = RoomLane::Kind::kComments;
  COTERIE_CHECK(for_each_message(question, query, look));
  query.kind = RoomLane::Kind::kThread;
  for (const Hash& comment : comments) {
    query.thread = comment;
    COTERIE_CHECK(for_each_message(question, query, look));
  }
  if (found.size() > 1) {
    return Error{ErrorCode::kConflict, "several messages have ids that begin so: give more of it"};
  }
  if (found.empty()) return Error{ErrorCode::kNotFound, "no message here has an id like that"};
  return *found.begin();
}

/// Where `quote` is, the one time that it occurs.
Result<TextRange> range_of_quote(const Question& question, const std::string& root,
                                 const std::string& quote) {
  COTERIE_TRY(const std::string text,
              question.engine.document_text(question.workspace, question.path(), root));
  const std::size_t at = text.find(quote);
  if (at == std::string::npos) {
    return Error{ErrorCode::kNotFound, "the text to comment on is not in the document"};
  }
  if (text.find(quote, at + 1) != std::string::npos) {
    return Error{ErrorCode::kConflict,
                 "the text to comment on is there more than once: quote more"};
  }
  const std::uint64_t from = utf16_length(as_bytes(text).first(at));
  return TextRange{root, from, from + utf16_length(as_bytes(quote))};
}

/// The lines as they are now, at most kQuoteBytesMax of them.
Result<Anchor> anchor_of_lines(const Question& question, const std::string& root,
                               std::uint64_t first, std::uint64_t last) {
  if (first == 0 || last < first) return Error{ErrorCode::kMalformed, "lines count from 1"};
  COTERIE_TRY(const std::string text,
              question.engine.document_text(question.workspace, question.path(), root));
  std::size_t begin = 0;
  std::uint64_t line = 1;
  for (; line < first; ++line) {
    begin = text.find('\n', begin);
    if (begin == std::string::npos) return Error{ErrorCode::kNotFound, "no such line"};
    ++begin;
  }
  std::size_t end = begin;
  for (;; ++line, ++end) {
    end = std::min(text.find('\n', end), text.size());
    if (line == last) break;
    if (end == text.size()) return Error{ErrorCode::kNotFound, "no such line"};
  }
  std::string quote = text.substr(begin, std::min(end - begin, kQuoteBytesMax));
  while (begin + quote.size() < text.size() && !quote.empty() &&
         (static_cast<std::uint8_t>(text[begin + quote.size()]) & 0xc0) == 0x80) {
    quote.pop_back();
  }
  return Anchor{std::move(quote), LineAnchor{first, last}};
}

Result<Command> post(const Question& question) {
  const Call& call = question.call;
  PostMessage command{question.workspace, question.path(), {}, {}};
  command.message.guest = text_of(question.call, "visitor");
  MessageRecord& message = command.message;
  message.text = text_of(call, "text");
  COTERIE_TRY(const auto members, question.engine.members(question.workspace));
  message.mentions = mentioned(message.text, members);
  if (has(call, "reply")) {
    COTERIE_TRY(message.reply, message_of(question, "reply"));
  }
  if (has(call, "thread")) {
    COTERIE_TRY(message.thread, message_of(question, "thread"));
  }
  if (has(call, "suggestion")) message.suggestion = text_of(call, "suggestion");
  const std::string root = text_of(call, "root", kTextRoot);
  if (has(call, "start") || has(call, "end")) {
    PositionRange range{root, {}, {}};
    COTERIE_TRY(range.start, crypto::from_base64url(text_of(call, "start")));
    COTERIE_TRY(range.end, crypto::from_base64url(text_of(call, "end")));
    if (has(call, "quote")) range.quote = text_of(call, "quote");
    command.positions = std::move(range);
  } else if (has(call, "quote")) {
    COTERIE_TRY(command.range, range_of_quote(question, root, text_of(call, "quote")));
  } else if (has(call, "from") || has(call, "to")) {
    COTERIE_TRY(const std::uint64_t from, number_of(call, "from", 0));
    COTERIE_TRY(const std::uint64_t to, number_of(call, "to", 0));
    command.range = TextRange{root, from, to};
  } else if (has(call, "first")) {
    COTERIE_TRY(const std::uint64_t first, number_of(call, "first", 0));
    COTERIE_TRY(const std::uint64_t last, number_of(call, "last", first));
    COTERIE_TRY(message.anchor, anchor_of_lines(question, root, first, last));
  } else if (text_of(call, "lane") == "comments") {
    return Error{ErrorCode::kMalformed, "say what the comment is about: a quote, range or lines"};
  }
  return Command{std::move(command)};
}

Result<Command> amend(const Question& question) {
  AmendMessage command{question.workspace, {}};
  command.change.guest = text_of(question.call, "visitor");
  command.most = role_named(text_of(question.call, "visitor_role")).value_or(Role::kHost);
  COTERIE_TRY(command.change.target, message_of(question, "id"));
  if (has(question.call, "path")) {
    COTERIE_TRY(const DocumentInfo document,
                question.engine.document(question.workspace, question.path()));
    command.change.document = document.id;
  }
  COTERIE_TRY(command.change.what, amendment_of(text_of(question.call, "change")));
  command.change.text = text_of(question.call, "text");
  return Command{std::move(command)};
}

Result<RoomQuery> query_of(const Question& question) {
  const Call& call = question.call;
  RoomQuery query;
  query.workspace = question.workspace;
  query.path = question.path();
  query.guest = text_of(call, "visitor");
  COTERIE_TRY(query.kind, lane_of(text_of(call, "lane", "chat")));
  if (query.kind == RoomLane::Kind::kThread) {
    COTERIE_TRY(query.thread, message_of(question, "thread"));
  }
  if (has(call, "before")) {
    COTERIE_TRY(query.before, parse_moment(text_of(call, "before")));
  }
  COTERIE_TRY(const std::uint64_t limit, number_of(call, "limit", query.limit));
  query.limit = static_cast<std::size_t>(std::min<std::uint64_t>(limit, kRoomPageMax + 1));
  return query;
}

Result<Command> read(const Question& question) {
  MarkRead command{question.workspace,
                   question.path(),
                   RoomLane::Kind::kChat,
                   text_of(question.call, "visitor"),
                   {}};
  COTERIE_TRY(command.kind, lane_of(text_of(question.call, "lane", "chat")));
  COTERIE_TRY(command.seen, parse_moment(text_of(question.call, "moment")));
  return Command{std::move(command)};
}

/// As Engine::room(), of comments that are resolved, or are not.
Result<RoomView> filtered_page(const Question& question, RoomQuery query, bool resolved) {
  const std::size_t limit = query.limit;
  RoomView out;
  for (int page = 0; page < kPagesMax && out.items.size() < limit; ++page) {
    // What is still wanted: so that the page ends where the next begins.
    query.limit = limit - out.items.size();
    COTERIE_TRY(RoomView view, question.engine.room(question.now, query));
    for (RoomItem& item : view.items) {
      if (item.message.resolved == resolved) out.items.push_back(std::move(item));
    }
    out.unread = view.unread;
    out.older = view.older;
    if (!view.older) break;
    query.before = view.older;
  }
  return out;
}

Result<std::string> page(const Question& question) {
  COTERIE_TRY(const RoomQuery query, query_of(question));
  const std::string filter = text_of(question.call, "filter");
  if (filter.empty()) {
    COTERIE_TRY(const RoomView view, question.engine.room(question.now, query));
    return dump_json(page_json(view, question.names()));
  }
  if (filter != "open" && filter != "resolved") {
    return Error{ErrorCode::kMalformed, "the filter is open or resolved"};
  }
  COTERIE_TRY(const RoomView view, filtered_page(question, query, filter == "resolved"));
  return dump_json(page_json(view, question.names()));
}

Result<std::string> mentions(const Question& question) {
  COTERIE_TRY(const RoomQuery query, query_of(question));
  COTERIE_TRY(const RoomView view, question.engine.mentions(question.now, query));
  json out = page_json(view, question.names());
  if (const auto documents = question.engine.documents(question.workspace)) {
    std::map<std::string, std::string> paths;
    for (const DocumentInfo& one : *documents) paths[one.id.hex()] = one.path;
    for (json& message : out["messages"]) {
      message["path"] = paths[message["document"].get<std::string>()];
    }
  }
  return dump_json(out);
}

Result<std::string> participants(const Question& question) {
  COTERIE_TRY(const auto present,
              question.engine.participants(question.workspace, question.path()));
  const AuthorNames names = question.names();
  json list = json::array();
  for (const Participant& one : present) list.push_back(participant_json(one, names));
  return dump_json({{"participants", std::move(list)}});
}

Result<std::string> state_list(const Question& question) {
  COTERIE_TRY(const auto state, question.engine.session_state(question.workspace, question.path()));
  const AuthorNames names = question.names();
  json list = json::array();
  for (const StateItem& one : state) list.push_back(state_json(one, names));
  return dump_json({{"state", std::move(list)}});
}

Result<Command> state_set(const Question& question) {
  const Call& call = question.call;
  SetState command{question.workspace, question.path(), {}};
  command.word.key = text_of(call, "key");
  command.word.guest = text_of(call, "visitor");
  if (has(call, "count")) {
    command.word.what = StateWord::What::kCount;
    command.word.value = text_of(call, "count");
  } else if (has(call, "value")) {
    command.word.value = text_of(call, "value");
  } else {
    command.word.what = StateWord::What::kRemove;
  }
  return Command{std::move(command)};
}

Result<std::string> activity(const Question& question) {
  const Call& call = question.call;
  ActivityQuery query;
  query.workspace = question.workspace;
  query.path = question.path();
  if (has(call, "before")) {
    COTERIE_TRY(query.before, parse_moment(text_of(call, "before")));
  }
  COTERIE_TRY(const std::uint64_t limit, number_of(call, "limit", query.limit));
  query.limit = static_cast<std::size_t>(std::min<std::uint64_t>(limit, kActivityPageMax + 1));
  COTERIE_TRY(const ActivityPage page, question.engine.activity(query));
  const AuthorNames names = question.names();
  json items = json::array();
  for (const ActivityItem& item : page.items) items.push_back(activity_json(item, names));
  json out = {{"items", std::move(items)}};
  if (page.older) out["older"] = moment_text(*page.older);
  return dump_json(out);
}

template <typename T>
using Table = std::map<std::string, Result<T> (*)(const Question&)>;

const Table<Command>& commands() {
  static const Table<Command> all{
      {"room.post", post}, {"room.amend", amend}, {"room.read", read}, {"state.set", state_set}};
  return all;
}

const Table<std::string>& questions() {
  static const Table<std::string> all{{"room.page", page},
                                      {"room.mentions", mentions},
                                      {"participants", participants},
                                      {"state.list", state_list},
                                      {"activity", activity}};
  return all;
}

template <typename T>
std::variant<T, CallError> carry_out(const Table<T>& table, Engine& engine, Now now,
                                     const Call& call) {
  const auto explain = [](const Error& error) { return CallError{error.code, error.what}; };
  const auto workspace = engine.find_workspace(text_of(call, "workspace"));
  if (!workspace) return explain(workspace.error());
  auto made = table.at(call.operation)({engine, now, call, *workspace});
  if (!made) return explain(made.error());
  return *std::move(made);
}

bool is_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte == '_';
}

}  // namespace

bool is_room_command(const std::string& operation) { return commands().count(operation) > 0; }
bool is_room_question(const std::string& operation) { return questions().count(operation) > 0; }

std::variant<Command, CallError> room_command(Engine& engine, Now now, const Call& call) {
  return carry_out(commands(), engine, now, call);
}

std::variant<std::string, CallError> room_answer(Engine& engine, Now now, const Call& call) {
  return carry_out(questions(), engine, now, call);
}

std::optional<std::string> room_result(const CommandResult& result) {
  const auto* posted = std::get_if<MessagePosted>(&result);
  if (posted == nullptr) return std::nullopt;
  return dump_json({{"id", posted->moment.hash.hex()},
                    {"moment", moment_text(posted->moment)},
                    {"time", room_millis(posted->moment.time)}});
}

AuthorNames author_names(const Engine& engine, const WorkspaceId& workspace) {
  std::map<DeviceId, std::string> names;
  if (const auto known = engine.known_devices(workspace)) {
    for (const KnownDevice& one : *known) names.emplace(one.device, one.name);
  }
  std::map<Author, std::string> guests;
  return [&engine, workspace, names = std::move(names),
          guests = std::move(guests)](const Author& author) mutable {
    if (author.guest.empty()) {
      const auto found = names.find(author.device);
      return found == names.end() ? std::string() : found->second;
    }
    const auto [known, fresh] = guests.try_emplace(author);
    if (fresh) known->second = engine.guest_name(workspace, author);
    return known->second;
  };
}

std::vector<DeviceId> mentioned(const std::string& text, const std::vector<MemberInfo>& members) {
  std::vector<DeviceId> out;
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
    if (at > 0 && is_letter(text[at - 1])) continue;  // An address.
    const MemberInfo* best = nullptr;
    for (const MemberInfo& one : members) {
      const std::size_t end = at + 1 + one.name.size();
      if (one.name.empty() || text.compare(at + 1, one.name.size(), one.name) != 0) continue;
      if (end < text.size() && is_letter(text[end])) continue;
      if (best == nullptr || one.name.size() > best->name.size()) best = &one;
    }
    if (best == nullptr || std::count(out.begin(), out.end(), best->device) > 0) continue;
    if (out.size() < kMentionsMax) out.push_back(best->device);
  }
  return out;
}

}  // namespace coterie::node
