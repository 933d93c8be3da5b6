// Bundles of checkpoints, given to members and fetched from them.

#include <utility>

#include "node/core/workspace.hpp"

namespace coterie::node {

void Workspace::handle_pull_below_base(transport::LinkId link, const DeviceId& peer) {
  if (membership().find(peer) != nullptr) transfer_.handle_pull_below_base(link);
}

Status Workspace::handle_transfer(Now now, transport::LinkId link, const DeviceId& peer,
                                  TransferMessage message) {
  // A newcomer takes offers of whoever let it in before it knows the members.
  const bool asked = std::holds_alternative<CheckpointFetch>(message);
  if (asked ? membership().find(peer) == nullptr : !hears(peer)) {
    return Error{ErrorCode::kUnauthorized, "checkpoints are for members"};
  }
  if (ledger_.role() == Role::kRelay && std::holds_alternative<CheckpointOffer>(message)) {
    // It is sealed under a key that a relay has not.
    if (!std::exchange(told_pruned_, true)) {
      context_.warn("workspace " + id().short_hex() +
                    ": members dropped history that this relay never had, and it cannot have what "
                    "comes after it in those logs: set it up anew from a member that keeps all");
    }
    return {};
  }
  return transfer_.handle_message(now, link, peer, std::move(message));
}

void Workspace::send_transfers(Now now) {
  const auto takes_bulk = [this](transport::LinkId link) { return mesh_.takes_bulk(link); };
  while (auto output = transfer_.poll_output(takes_bulk)) {
    // What a link does not take is lost: whoever waits for it gives up that link in time.
    (void)mesh_.send_application(now, output->link, output->payload, output->traffic_class);
  }
}

}  // namespace coterie::node
