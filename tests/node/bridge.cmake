# Tests of the parts of a node that touch the machine.
coterie_test(node.identity
  SOURCES node/identity/data_dir_test.cpp node/identity/device_key_file_test.cpp
  DEPENDS coterie::identity)
coterie_test(node.control
  SOURCES node/daemon/advertise_test.cpp node/daemon/control_test.cpp
          node/daemon/settings_test.cpp
  DEPENDS coterie::control)
find_package(OpenSSL 3.0 REQUIRED)
coterie_test(node.bridge
  SOURCES node/bridge/codec_test.cpp node/bridge/http_test.cpp node/bridge/limits_test.cpp
          node/bridge/names_test.cpp node/bridge/openapi_test.cpp node/bridge/request_test.cpp
          node/bridge/tls_test.cpp node/bridge/websocket_test.cpp
  DEPENDS coterie::bridge coterie::web_assets nlohmann_json::nlohmann_json OpenSSL::SSL)

if(TARGET coterie)
  coterie_test(node.daemon
    SOURCES node/daemon/access_test.cpp node/daemon/event_json_test.cpp
            node/daemon/hocuspocus_test.cpp node/daemon/events_test.cpp
            node/daemon/gateway_test.cpp node/daemon/mesh_test.cpp node/daemon/node_test.cpp
    DEPENDS coterie::daemon nlohmann_json::nlohmann_json)
  coterie_test(node.render SOURCES node/cli/render_test.cpp DEPENDS coterie::cli)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME node.cli COMMAND ${Python3_EXECUTABLE}
    ${CMAKE_CURRENT_SOURCE_DIR}/node/cli/cli_test.py $<TARGET_FILE:coterie>)
  set_tests_properties(node.cli PROPERTIES LABELS e2e TIMEOUT 300)
  foreach(part backup doctor documents export golden_data retention rooms)
    add_test(NAME node.cli_${part} COMMAND ${Python3_EXECUTABLE}
      ${CMAKE_CURRENT_SOURCE_DIR}/node/cli/${part}_test.py $<TARGET_FILE:coterie>)
    set_tests_properties(node.cli_${part} PROPERTIES LABELS e2e TIMEOUT 300)
  endforeach()
endif()
