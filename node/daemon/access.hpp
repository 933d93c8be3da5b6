// Who may do what through the bridge: tokens become principals, and calls are checked against them.
//
// Three things limit what somebody may do, and the least of them counts: what this device may
// (every replica enforces that), what hosts say of guests (this bridge enforces it, and replicas
// what they can), and the token (this bridge alone). Without a token one is the device's owner,
// unless the bridge asks for tokens.
//
// Single-threaded: all calls from the thread that owns the engine.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/token_bucket.hpp"
#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/token.hpp"

namespace coterie::node {

/// Who a token says somebody is.
struct Principal {
  Visitor visitor;
  std::string name;                      ///< Empty: it does not say.
  std::optional<WorkspaceId> workspace;  ///< None: all.
  std::vector<std::string> documents;    ///< As TokenClaims; empty: all.
  WallMillis expires = 0;                ///< 0: never.

  /// Whether the token is good for that document, under this path.
  bool opens(const WorkspaceId& workspace, const DocumentId& document, std::string_view path) const;
  /// Whether it says nothing that limits the owner.
  bool is_owner() const;
};

class Access {
 public:
  struct Options {
    bool token_needed = false;
  };

  /// `engine` must outlive it.
  Access(const Engine& engine, TokenKeys keys, Options options)
      : engine_(engine), keys_(std::move(keys)), options_(options) {}

  /// Errors: kUnauthenticated (no token where one is needed, or one that is not accepted),
  /// kMalformed.
  Result<Principal> identify(Now now, const std::string& token) const;

  /// A document, found for somebody whose token is good for it.
  struct Place {
    WorkspaceId workspace;
    std::string path;
  };
  /// `workspace` is an id or name, `document` a path or id. Errors: kUnauthorized, kNotFound,
  /// kConflict, kMalformed (the path).
  Result<Place> open(const Principal& who, std::string_view workspace,
                     std::string_view document) const;

  /// Checks a call of the bridge, and says in its arguments "visitor" and "visitor_role" whose it
  /// is. Errors: as identify(); kUnauthorized; kNotFound (a workspace or message that is not
  /// there).
  Status admit(Now now, Call& call) const;

  /// Makes a token. Errors: kMalformed (arguments), kUnauthorized (more than whoever asks may).
  ///     token.create  role, guest?: an id, name?, workspace?, documents?: a JSON list,
  ///                   seconds?: 86400                   {"token","expires"}
  Result<std::string> create_token(Now now, const Call& call) const;

  /// Whether one may say one more thing in rooms: kPostsPerMinute for everybody, over all doors.
  bool may_post(Now now, const WorkspaceId& workspace, const std::string& guest);
  /// The same for an admitted room.post; the owner's own calls are not counted.
  bool may_post(Now now, const Call& call);

 private:
  Status admit_to_workspace(const Principal& who, Role needed, const WorkspaceId& workspace) const;
  Status admit_to_document(const Principal& who, Role needed, const WorkspaceId& workspace,
                           const std::string& name) const;

  const Engine& engine_;
  TokenKeys keys_;
  Options options_;
  std::map<std::pair<WorkspaceId, std::string>, TokenBucket> posts_;
};

}  // namespace coterie::node
