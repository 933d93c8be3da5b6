# Wire and mesh. Golden vectors: bin/wire_golden > tests/golden/wire/frames_v1.json
find_package(nlohmann_json REQUIRED)
coterie_test(transport.wire_test SOURCES transport/wire_test.cpp
  DEPENDS coterie::wire nlohmann_json::nlohmann_json)

add_executable(wire_golden golden/wire/generate.cpp)
target_include_directories(wire_golden PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(wire_golden PRIVATE coterie::wire coterie_options)

coterie_test(transport.mesh_links_test SOURCES transport/mesh_links_test.cpp
  DEPENDS coterie::transport_core)
coterie_test(transport.mesh_entries_test SOURCES transport/mesh_entries_test.cpp
  DEPENDS coterie::transport_core)
coterie_test(transport.mesh_awareness_test SOURCES transport/mesh_awareness_test.cpp
  DEPENDS coterie::transport_core)
coterie_test(transport.mesh_overlay_test SOURCES transport/mesh_overlay_test.cpp
  DEPENDS coterie::transport_core)
coterie_test(transport.mesh_exchange_test SOURCES transport/mesh_exchange_test.cpp
  DEPENDS coterie::transport_core)
coterie_test(transport.mesh_budget_test SOURCES transport/mesh_budget_test.cpp
  DEPENDS coterie::transport_core)
