coterie_test(node.entry_test SOURCES node/entry_test.cpp DEPENDS coterie::node_log)
coterie_test(node.compression_test SOURCES node/compression_test.cpp
  DEPENDS coterie::node_core)
coterie_test(node.segments_test SOURCES node/segments_test.cpp
             DEPENDS coterie::node_log coterie::transport_core)
coterie_test(node.ledger_test SOURCES node/ledger_test.cpp DEPENDS coterie::node_core)
coterie_test(node.document_index_test SOURCES node/document_index_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.records_test SOURCES node/records_test.cpp DEPENDS coterie::node_log)
coterie_test(node.membership_test SOURCES node/membership_test.cpp DEPENDS coterie::node_log)
coterie_test(node.membership_fuzz_test SOURCES node/membership_fuzz_test.cpp
             DEPENDS coterie::node_log)
coterie_test(node.invite_test SOURCES node/invite_test.cpp DEPENDS coterie::node_log)
coterie_test(node.views_test SOURCES node/views_test.cpp DEPENDS coterie::node_core)
coterie_test(node.views_engine_test SOURCES node/views_engine_test.cpp DEPENDS coterie::node_core)
coterie_test(node.engine_test SOURCES node/engine_test.cpp DEPENDS coterie::node_core)
coterie_test(node.keeper_test SOURCES node/keeper_test.cpp DEPENDS coterie::node_core)
coterie_test(node.checkpoint_test SOURCES node/checkpoint_test.cpp DEPENDS coterie::node_core)
coterie_test(node.transfer_test SOURCES node/transfer_test.cpp DEPENDS coterie::node_core)
coterie_test(node.transfer_engine_test SOURCES node/transfer_engine_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.beacon_test SOURCES node/beacon_test.cpp
             DEPENDS coterie::node_core nlohmann_json::nlohmann_json)
coterie_test(node.cards_test SOURCES node/cards_test.cpp DEPENDS coterie::node_core)
coterie_test(node.revert_test SOURCES node/revert_test.cpp DEPENDS coterie::node_core)
coterie_test(node.history_test SOURCES node/history_test.cpp
             DEPENDS coterie::node_core nlohmann_json::nlohmann_json)
coterie_test(node.history_engine_test SOURCES node/history_engine_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.merge_text_test SOURCES node/merge_text_test.cpp DEPENDS coterie::node_core)
coterie_test(node.text_test SOURCES node/text_test.cpp DEPENDS coterie::node_core)
coterie_test(node.authors_test SOURCES node/authors_test.cpp DEPENDS coterie::node_core)
coterie_test(node.directory_test SOURCES node/directory_test.cpp DEPENDS coterie::node_core)
coterie_test(node.documents_test SOURCES node/documents_test.cpp DEPENDS coterie::node_core)
coterie_test(node.document_roles_test SOURCES node/document_roles_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.rooms_test SOURCES node/rooms_test.cpp DEPENDS coterie::node_core)
coterie_test(node.rooms_convergence_test SOURCES node/rooms_convergence_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.rooms_positions_test SOURCES node/rooms_positions_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.attendance_test SOURCES node/attendance_test.cpp DEPENDS coterie::node_core)
coterie_test(node.rooms_attack_test SOURCES node/rooms_attack_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.preview_test SOURCES node/preview_test.cpp DEPENDS coterie::node_core)
coterie_test(node.people_test SOURCES node/people_test.cpp DEPENDS coterie::node_core)
coterie_test(node.flood_test SOURCES node/flood_test.cpp DEPENDS coterie::node_core)
coterie_test(node.golden_test SOURCES node/golden_test.cpp
             DEPENDS coterie::node_log nlohmann_json::nlohmann_json)
coterie_test(node.mesh_picture_test SOURCES node/mesh_picture_test.cpp
             DEPENDS coterie::node_core)
coterie_test(node.sync_protocol_test SOURCES node/sync_protocol_test.cpp DEPENDS coterie::node_core)
coterie_test(node.presence_test SOURCES node/presence_test.cpp DEPENDS coterie::node_core)
coterie_test(node.key_ring_test SOURCES node/key_ring_test.cpp DEPENDS coterie::node_core)
coterie_test(node.quota_test SOURCES node/quota_test.cpp DEPENDS coterie::node_core)
coterie_test(node.relay_test SOURCES node/relay_test.cpp DEPENDS coterie::node_core)
coterie_test(node.removal_test SOURCES node/removal_test.cpp DEPENDS coterie::node_core)
coterie_test(node.steward_test SOURCES node/steward_test.cpp DEPENDS coterie::node_core)
coterie_test(node.client_limits_test SOURCES node/client_limits_test.cpp DEPENDS coterie::node_core)

add_executable(entry_golden golden/entries/generate.cpp)
target_include_directories(entry_golden PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(entry_golden PRIVATE coterie::node_log coterie_options)
coterie_test(node.doctor_test SOURCES node/doctor_test.cpp DEPENDS coterie::node_core)
