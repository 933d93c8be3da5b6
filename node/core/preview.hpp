// Preview: documents as whoever let a newcomer in has them, shown before they are proven.
//
// A newcomer holds a document once it has fetched and checked the entries that it follows from, or
// a checkpoint: seconds, where the history is long. Until then it shows what its contact says that
// the documents are, the newest first. Nothing of that is stored, nothing is written on top of it,
// and it goes when the newcomer holds what the contact held: whoever looks at a document then gets
// the difference, or, where the contact said what is not so, is told to begin anew.
//
//     message := version:u8 kind:u8 workspace:32 body
//                version = 1; kinds 1 to 10 are those of joining, checkpoint transfer and cards
//     want    := 11
//     part    := 12 document:16 path:varstring left:varuint bytes (to the end)
//                of the state (a Yjs update, v1) of the document that has that path now; `left`
//                bytes of it follow in parts to come, which nothing else comes between. At most
//                kTransferPartBytes.
//
// Pure and single-threaded. Memory: of who gives, one state for each newcomer that is served; of
// who takes, kPreviewBytesMax.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "node/core/records.hpp"
#include "transport/core/mesh.hpp"

namespace coterie::node {

struct PreviewWant {
  WorkspaceId workspace;
};
struct PreviewPart {
  WorkspaceId workspace;
  DocumentId document;
  std::string path;
  std::uint64_t left = 0;
  Bytes bytes;
};
using PreviewMessage = std::variant<PreviewWant, PreviewPart>;

Bytes encode_preview_message(const PreviewMessage& message);
/// Whether the payload of an application frame is one of these.
bool is_preview_message(ByteView payload);
/// Errors: kMalformed, kLimitExceeded (a part above kTransferPartBytes, a state above
/// kPreviewBytesMax).
Result<PreviewMessage> decode_preview_message(ByteView payload);
const WorkspaceId& workspace_of(const PreviewMessage& message);

struct DocumentPreview {
  DocumentId document;
  std::string path;
  Bytes state;  ///< A Yjs update (v1), unchecked.
};

/// The member's side: each device is served once in kPreviewPause.
class PreviewGiver {
 public:
  class Source {
   public:
    virtual ~Source() = default;
    /// Those with a name, the last changed first.
    virtual std::vector<DocumentId> newest_documents(std::size_t most) const = 0;
    /// Nothing if it cannot be read. Cost: O(document).
    virtual std::optional<DocumentPreview> show(Now now, const DocumentId& document) = 0;
  };
  /// An application frame to be sent, as bulk.
  struct Output {
    transport::LinkId link;
    Bytes payload;
  };

  /// `source` must outlive it.
  PreviewGiver(const WorkspaceId& workspace, Source& source)
      : workspace_(workspace), source_(source) {}

  void handle_want(Now now, transport::LinkId link, const DeviceId& peer);
  void handle_link_down(transport::LinkId link) { serving_.erase(link); }
  /// `takes_bulk`: whether a link has room for a part now.
  std::optional<Output> poll_output(Now now,
                                    const std::function<bool(transport::LinkId)>& takes_bulk);

 private:
  struct Serving {
    std::deque<DocumentId> todo;
    std::uint64_t room = 0;  ///< Bytes of states that the newcomer takes yet.
    std::uint64_t made = 0;  ///< Bytes of states so far, given or too large.
    DocumentPreview current;
    std::size_t sent = 0;  ///< Of the current state.
  };

  bool next_document(Now now, Serving& serving);

  WorkspaceId workspace_;
  Source& source_;
  std::map<transport::LinkId, Serving> serving_;  ///< Also those that have all.
  std::map<DeviceId, Instant> served_;            ///< Since when, in the last kPreviewPause.
};

/// The newcomer's side.
class PreviewTaker {
 public:
  /// A document when it is whole. Errors: kMalformed (parts that do not fit together),
  /// kLimitExceeded (kPreviewBytesMax, kPreviewDocumentsMax).
  Result<std::optional<DocumentPreview>> take(PreviewPart part);

 private:
  DocumentPreview current_;
  std::uint64_t left_ = 0;
  std::uint64_t bytes_ = 0;  ///< All that came.
  std::size_t documents_ = 0;
};

}  // namespace coterie::node
