# Entries, membership, invites: needs signatures and hashes only.
coterie_library(node_log
  SOURCES core/card_messages.cpp core/invite.cpp core/join.cpp core/json_check.cpp core/log/entry.cpp core/log/segments.cpp
          core/membership/check.cpp core/membership/membership.cpp
          core/membership/operations.cpp core/membership/resolver.cpp core/preview.cpp core/records.cpp
          core/rooms/guest_records.cpp core/rooms/property_records.cpp
          core/rooms/room_records.cpp core/transfer_messages.cpp
  DEPENDS coterie::base coterie::crypto)

pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
# Pure: what it cannot link it cannot call.
coterie_library(node_core
  SOURCES core/admission.cpp core/audit.cpp core/authors.cpp core/beacon.cpp
          core/checkpoint/bundle.cpp core/checkpoint/checkpoints.cpp core/checkpoint/keeper.cpp
          core/cards.cpp core/client.cpp
          core/closed_store.cpp core/compression.cpp core/dependencies.cpp core/doctor.cpp
          core/document_index.cpp core/document_store.cpp core/engine.cpp
          core/history/history.cpp core/history/merge_text.cpp core/history/provenance.cpp core/history/restore.cpp
          core/history/text_versions.cpp core/history/timeline.cpp
          core/invert.cpp core/key_ring.cpp core/ledger.cpp
          core/ledger_prune.cpp
          core/ledger_receive.cpp core/mesh_picture.cpp
          core/presence.cpp core/quota.cpp core/replay.cpp core/rooms/attendance.cpp
          core/rooms/directory.cpp core/rooms/guests.cpp core/rooms/properties.cpp core/rooms/room_index.cpp
          core/rooms/rooms.cpp core/rooms/template_texts.cpp core/rooms/templates.cpp
          core/rooms/text_search.cpp core/rooms/watchers.cpp core/schema.cpp core/steward.cpp
          core/sync_protocol.cpp core/transfer.cpp core/views.cpp core/workspace.cpp
          core/workspace_cards.cpp core/workspace_checkpoint.cpp
          core/workspace_documents.cpp core/workspace_history.cpp
          core/workspace_import.cpp
          core/workspace_members.cpp core/workspace_mesh.cpp
          core/workspace_people.cpp core/workspace_preview.cpp core/workspace_roles.cpp core/workspace_rooms.cpp
          core/workspace_text.cpp core/workspace_transfer.cpp
  DEPENDS coterie::base coterie::crdt coterie::node_log coterie::storage coterie::transport_core
  PRIVATE_DEPENDS PkgConfig::ZSTD nlohmann_json::nlohmann_json)
