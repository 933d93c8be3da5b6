// A join under way: which member is being asked, and what was heard.
//
// Each contact of the invite is tried in turn, over a guest link made with the invite's key (or
// over the link there already is, if that device shares another workspace with us). Once let in,
// the newcomer opens its store and syncs like any member; the join is done when all that the member
// held at the time of its answer is here.
//
// Where a host has to approve, the invite is kept in the workspace's store (kMeta "joining"), and
// the node asks again now and then, also after a restart, until it is let in or refused.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/core/engine.hpp"
#include "node/core/invite.hpp"
#include "node/core/join.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

struct Joining {
  enum class Stage : std::uint8_t {
    kIdle,     ///< Between two attempts.
    kDialing,  ///< A guest link is being made.
    kAsked,    ///< Redeem is sent on `link`.
    kStoring,  ///< Let in; the store's first batch is on its way to the disk.
    kSyncing,  ///< A member; fetching what there is.
  };

  /// Who is told the end; nobody when it goes on from before a restart.
  std::optional<RequestId> request;
  std::string invite;  ///< The string.
  WorkspaceTag tag;
  WorkspaceId workspace;  ///< Zero until a member tells it.
  std::shared_ptr<const crypto::SigningKey> key;
  std::vector<InviteContact> contacts;
  std::vector<std::pair<std::size_t, std::string>> targets;  ///< Contact and address.
  std::size_t next_target = 0;
  std::size_t target = 0;  ///< The one being tried.

  Stage stage = Stage::kIdle;
  Instant step_due;  ///< When the present attempt has failed, or the next one begins.
  Instant give_up;   ///< When the join has.
  std::optional<LinkId> link;
  bool link_is_guest = false;
  /// Why the last member that answered would not. Told when nobody else helps.
  std::optional<Error> refusal;
  std::size_t refusals = 0;

  bool waiting = false;                ///< A host has to approve; the invite is stored.
  Duration retry = kJoinWaitingRetry;  ///< Until it is asked again.

  std::uint64_t progress = 0;  ///< Of the workspace, as last looked at.

  const InviteContact& contact() const { return contacts[targets[target].first]; }
  const std::string& address() const { return targets[target].second; }
};

}  // namespace coterie::node
