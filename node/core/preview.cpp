#include "node/core/preview.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::node {
namespace {

constexpr std::uint8_t kVersion = 1;
enum class Kind : std::uint8_t { kWant = 11, kPart = 12 };

static_assert(kTransferPartBytes + 64 + kPathBytesMax <= transport::kApplicationBytesMax);

Bytes start(Kind kind, const WorkspaceId& workspace) {
  Bytes out{kVersion, static_cast<std::uint8_t>(kind)};
  append(out, workspace.view());
  return out;
}

struct Encoder {
  Bytes operator()(const PreviewWant& want) const { return start(Kind::kWant, want.workspace); }
  Bytes operator()(const PreviewPart& part) const {
    Bytes out = start(Kind::kPart, part.workspace);
    append(out, part.document.view());
    append_varstring(out, part.path);
    append_varuint(out, part.left);
    append(out, part.bytes);
    return out;
  }
};

}  // namespace

Bytes encode_preview_message(const PreviewMessage& message) {
  return std::visit(Encoder{}, message);
}

bool is_preview_message(ByteView payload) {
  return payload.size() >= 2 && payload[1] >= static_cast<std::uint8_t>(Kind::kWant) &&
         payload[1] <= static_cast<std::uint8_t>(Kind::kPart);
}

Result<PreviewMessage> decode_preview_message(ByteView payload) {
  ByteReader in(payload);
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kVersion) return malformed("unknown version of previews", 0);
  COTERIE_TRY(const std::uint8_t kind, in.read_u8());
  COTERIE_TRY(const WorkspaceId workspace, read_id<WorkspaceId>(in));
  if (kind == static_cast<std::uint8_t>(Kind::kWant)) {
    COTERIE_CHECK(expect_end(in));
    return PreviewMessage(PreviewWant{workspace});
  }
  if (kind != static_cast<std::uint8_t>(Kind::kPart)) {
    return malformed("unknown message of previews", 1);
  }
  PreviewPart part;
  part.workspace = workspace;
  COTERIE_TRY(part.document, read_id<DocumentId>(in));
  COTERIE_TRY(part.path, read_text(in, kPathBytesMax));
  COTERIE_CHECK(check_document_path(part.path));
  COTERIE_TRY(part.left, read_number(in));
  if (part.left > kPreviewBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "document too large for a preview", part.left};
  }
  if (in.remaining() > kTransferPartBytes) {
    return Error{ErrorCode::kLimitExceeded, "part too large", in.remaining()};
  }
  if (in.remaining() == 0) return malformed("empty part", in.offset());
  COTERIE_TRY(const ByteView bytes, in.read_bytes(in.remaining()));
  part.bytes.assign(bytes.begin(), bytes.end());
  return PreviewMessage(std::move(part));
}

const WorkspaceId& workspace_of(const PreviewMessage& message) {
  return std::visit([](const auto& known) -> const WorkspaceId& { return known.workspace; },
                    message);
}

// Giving.

void PreviewGiver::handle_want(Now now, transport::LinkId link, const DeviceId& peer) {
  std::erase_if(served_,
                [&](const auto& item) { return now.steady - item.second >= kPreviewPause; });
  // Over a new link it is the same device.
  if (!served_.emplace(peer, now.steady).second) return;
  Serving serving;
  const auto newest = source_.newest_documents(kPreviewDocumentsMax);
  serving.todo.assign(newest.begin(), newest.end());
  serving.room = kPreviewBytesMax;
  serving_.insert_or_assign(link, std::move(serving));
}

/// Whether there is one. What is too large for the rest is left out, for what is smaller: but how
/// large it is shows when it is made.
bool PreviewGiver::next_document(Now now, Serving& serving) {
  while (serving.sent == serving.current.state.size()) {
    serving.current = {};
    serving.sent = 0;
    if (serving.made >= kPreviewMadeBytesMax) serving.todo.clear();
    if (serving.todo.empty()) return false;
    auto shown = source_.show(now, serving.todo.front());
    serving.todo.pop_front();
    if (!shown) continue;
    serving.made += shown->state.size();
    if (shown->state.size() > serving.room) continue;
    serving.room -= shown->state.size();
    serving.current = std::move(*shown);
  }
  return true;
}

std::optional<PreviewGiver::Output> PreviewGiver::poll_output(
    Now now, const std::function<bool(transport::LinkId)>& takes_bulk) {
  for (auto& [link, serving] : serving_) {
    const bool done = serving.todo.empty() && serving.current.state.empty();
    if (done || !takes_bulk(link) || !next_document(now, serving)) continue;
    const Bytes& state = serving.current.state;
    const auto begin = state.begin() + static_cast<std::ptrdiff_t>(serving.sent);
    const std::size_t count = std::min(state.size() - serving.sent, kTransferPartBytes);
    serving.sent += count;
    const PreviewPart part{workspace_, serving.current.document, serving.current.path,
                           state.size() - serving.sent,
                           Bytes(begin, begin + static_cast<std::ptrdiff_t>(count))};
    return Output{link, encode_preview_message(part)};
  }
  return std::nullopt;
}

// Taking.

Result<std::optional<DocumentPreview>> PreviewTaker::take(PreviewPart part) {
  bytes_ += part.bytes.size();
  if (bytes_ + part.left > kPreviewBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "previews too large", bytes_};
  }
  if (left_ == 0) {
    if (documents_ == kPreviewDocumentsMax) {
      return Error{ErrorCode::kLimitExceeded, "too many previews", documents_};
    }
    ++documents_;
    current_ = {part.document, std::move(part.path), std::move(part.bytes)};
  } else {
    if (part.document != current_.document || part.path != current_.path ||
        part.bytes.size() + part.left != left_) {
      return Error{ErrorCode::kMalformed, "part of another preview", part.left};
    }
    append(current_.state, part.bytes);
  }
  left_ = part.left;
  if (left_ > 0) return std::optional<DocumentPreview>();
  return std::optional(std::exchange(current_, {}));
}

}  // namespace coterie::node
