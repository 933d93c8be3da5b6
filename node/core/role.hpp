// What a device may do in a workspace. Enforced by every replica (node/core/membership).

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace coterie::node {

/// Persistent format: never renumber.
enum class Role : std::uint8_t { kHost = 1, kEditor = 2, kCommenter = 3, kViewer = 4, kRelay = 5 };

/// "host", "editor", ...
const char* role_name(Role role);
/// A role that a person may have: not a relay.
std::optional<Role> role_named(std::string_view name);

/// Whether content entries of this role are accepted at all.
constexpr bool may_write(Role role) {
  return role == Role::kHost || role == Role::kEditor || role == Role::kCommenter;
}
/// Whether its updates to documents are.
constexpr bool may_edit(Role role) { return role == Role::kHost || role == Role::kEditor; }
/// Whether it can be the most that somebody may do in one document.
constexpr bool is_document_role(Role role) {
  return role == Role::kEditor || role == Role::kCommenter || role == Role::kViewer;
}
/// Whether it may let in the holder of an invite.
constexpr bool may_admit(Role role) { return may_write(role); }

}  // namespace coterie::node
