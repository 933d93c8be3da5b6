# The parts of a node that touch the machine: identity on disk, the bridge, the daemon, the CLI.
find_package(Boost 1.74 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)

add_library(coterie_asio INTERFACE)
target_link_libraries(coterie_asio INTERFACE Boost::headers)
if(COTERIE_SANITIZE MATCHES thread)
  # ThreadSanitizer knows no fences, and g++ says so with an error; Asio's queues have locks besides.
  target_compile_definitions(coterie_asio INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

coterie_library(identity
  SOURCES identity/data_dir.cpp identity/device_key_file.cpp
  DEPENDS coterie::base coterie::crypto coterie::files
  PRIVATE_DEPENDS nlohmann_json::nlohmann_json)

# The web client and the API description travel in the binary. Built without them where
# node/web/dist does not exist; when it appears or changes, the next build picks it up.
file(GLOB_RECURSE web_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/web/dist/*)
list(FILTER web_files EXCLUDE REGEX "/\\.[^/]*$")
set(asset_lines "/v1/openapi.json|${PROJECT_SOURCE_DIR}/docs/API/openapi.json")
foreach(file IN LISTS web_files)
  file(RELATIVE_PATH path ${CMAKE_CURRENT_SOURCE_DIR}/web/dist ${file})
  list(APPEND asset_lines "/${path}|${file}")
endforeach()
list(SORT asset_lines)
list(JOIN asset_lines "\n" asset_lines)
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/web_assets.txt CONTENT "${asset_lines}\n" @ONLY)
add_custom_command(
  OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/web_assets.cpp
  COMMAND ${CMAKE_COMMAND} -DLIST=${CMAKE_CURRENT_BINARY_DIR}/web_assets.txt
          -DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/web_assets.cpp
          -P ${PROJECT_SOURCE_DIR}/cmake/embed_assets.cmake
  DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/web_assets.txt ${web_files}
          ${PROJECT_SOURCE_DIR}/docs/API/openapi.json
          ${PROJECT_SOURCE_DIR}/cmake/embed_assets.cmake
  COMMENT "Embedding the web client"
  VERBATIM)
coterie_library(web_assets
  SOURCES ${CMAKE_CURRENT_BINARY_DIR}/web_assets.cpp
  DEPENDS coterie::base)

coterie_library(bridge
  SOURCES bridge/addresses.cpp bridge/allowed_names.cpp bridge/call.cpp
          bridge/client_connection.cpp bridge/connection.cpp bridge/http_connection.cpp
          bridge/io_thread.cpp bridge/listener.cpp bridge/poller.cpp bridge/request_target.cpp
          bridge/route_table.cpp bridge/routes.cpp bridge/server.cpp bridge/server_state.cpp
          bridge/stream_connection.cpp bridge/tls.cpp bridge/web_asset.cpp
          bridge/websocket_codec.cpp bridge/websocket_deflate.cpp bridge/wire.cpp
  DEPENDS coterie::base
  PRIVATE_DEPENDS coterie_asio nlohmann_json::nlohmann_json OpenSSL::SSL Threads::Threads
                  ZLIB::ZLIB)

coterie_library(control
  SOURCES daemon/advertise.cpp daemon/control_client.cpp daemon/control_server.cpp
          daemon/settings.cpp
  DEPENDS coterie::bridge coterie::identity
  PRIVATE_DEPENDS coterie_asio nlohmann_json::nlohmann_json)

if(TARGET coterie::node_core AND TARGET coterie::transport_zmq)
  find_package(spdlog REQUIRED)
  find_package(CLI11 2.1 REQUIRED)
  pkg_check_modules(qrencode REQUIRED IMPORTED_TARGET libqrencode)
  pkg_check_modules(miniupnpc REQUIRED IMPORTED_TARGET miniupnpc)
  find_library(NATPMP_LIBRARY natpmp REQUIRED)
  coterie_library(daemon
    SOURCES daemon/access.cpp daemon/backup.cpp daemon/call_target.cpp daemon/clients.cpp
            daemon/doctor.cpp daemon/engine_thread.cpp daemon/heap.cpp daemon/hocuspocus.cpp
            daemon/hocuspocus_protocol.cpp
            daemon/document_calls.cpp daemon/engine_thread_network.cpp daemon/event_json.cpp
            daemon/event_sessions.cpp daemon/gateway.cpp daemon/history_calls.cpp
            daemon/local_network.cpp daemon/log.cpp daemon/metrics.cpp daemon/node.cpp daemon/peer_calls.cpp
            daemon/people_calls.cpp daemon/port_mapping.cpp daemon/room_calls.cpp
            daemon/room_json.cpp daemon/service.cpp daemon/text_calls.cpp daemon/token.cpp
    DEPENDS coterie::control coterie::node_core coterie::storage_queue coterie::transport_zmq
    PRIVATE_DEPENDS coterie::storage_lmdb coterie::web_assets coterie_asio
                    nlohmann_json::nlohmann_json spdlog::spdlog Threads::Threads
                    PkgConfig::miniupnpc ${NATPMP_LIBRARY})
  target_compile_definitions(coterie_daemon PRIVATE COTERIE_VERSION="${PROJECT_VERSION}")

  coterie_library(cli
    SOURCES cli/app.cpp cli/audit.cpp cli/backup.cpp cli/doc.cpp cli/doctor.cpp cli/export.cpp
            cli/doc_roles.cpp cli/history.cpp cli/identity.cpp cli/init.cpp cli/invite.cpp
            cli/join.cpp cli/passphrase.cpp cli/participants.cpp cli/peers.cpp cli/people.cpp cli/progress.cpp cli/qr.cpp cli/relay.cpp cli/render.cpp cli/retention.cpp cli/revert.cpp cli/rooms.cpp cli/run.cpp cli/session.cpp
            cli/status.cpp cli/times.cpp cli/token.cpp cli/update.cpp cli/workspace.cpp
    DEPENDS coterie::daemon nlohmann_json::nlohmann_json
    PRIVATE_DEPENDS CLI11::CLI11 PkgConfig::qrencode)
  target_compile_definitions(coterie_cli PRIVATE COTERIE_VERSION="${PROJECT_VERSION}")

  add_executable(coterie cli/main.cpp)
  target_link_libraries(coterie PRIVATE coterie::cli coterie::crypto coterie_options)
endif()
