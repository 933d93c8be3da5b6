# Real processes on loopback: `coterie` as built here, stock Yjs clients, Chromium. About two minutes
# in total. A test that cannot run here (no Chromium, no right to make network namespaces) exits with
# 77 and shows as skipped; each takes --seed and prints the command that runs it again.

# coterie_e2e(<name> TIMEOUT <s> [ARGUMENTS <argument>...]): tests/e2e/<name>.mjs as e2e.<name>.
function(coterie_e2e name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "ARGUMENTS")
  # Node is looked up when the test runs: ./dev puts the right one first on PATH.
  add_test(NAME e2e.${name}
    COMMAND ${CMAKE_COMMAND} -E env COTERIE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/coterie
      node ${CMAKE_CURRENT_SOURCE_DIR}/e2e/${name}.mjs ${arg_ARGUMENTS})
  set_tests_properties(e2e.${name} PROPERTIES
    LABELS e2e TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ON SKIP_RETURN_CODE 77)
endfunction()

coterie_e2e(trace TIMEOUT 300)
coterie_e2e(faults TIMEOUT 300 ARGUMENTS --seconds 30 --kill-red 2)
coterie_e2e(crowd TIMEOUT 180)
# What people do on the page, on code and on rich text.
coterie_e2e(page TIMEOUT 420 ARGUMENTS --asleep 5)
# And around the texts.
coterie_e2e(page_home TIMEOUT 420)
# In one of the three looks; npm run screens takes all.
coterie_e2e(screens TIMEOUT 300 ARGUMENTS --look light)
coterie_e2e(rest TIMEOUT 120)
coterie_e2e(operations TIMEOUT 60)
coterie_e2e(nginx TIMEOUT 60)
coterie_e2e(restore TIMEOUT 300)
coterie_e2e(backup TIMEOUT 300)
coterie_e2e(capture TIMEOUT 90)
coterie_e2e(relay TIMEOUT 240)
coterie_e2e(leaving TIMEOUT 240)
coterie_e2e(bad_input TIMEOUT 180)
coterie_e2e(stock_clients TIMEOUT 240 ARGUMENTS --seconds 8 --rounds 3)
coterie_e2e(editors TIMEOUT 240)
coterie_e2e(permissions TIMEOUT 180)
coterie_e2e(hostile_clients TIMEOUT 300 ARGUMENTS --seconds 1 --attempts 4000)
# Five simulated hours; npm run churn is a day with its nights.
coterie_e2e(churn TIMEOUT 300)
coterie_e2e(gateway TIMEOUT 240)
coterie_e2e(vpn TIMEOUT 120)
coterie_e2e(lan TIMEOUT 180 ARGUMENTS --rounds 3)
coterie_e2e(strangers TIMEOUT 240 ARGUMENTS --seconds 2)

# kill -9, full disks and failing ones. ./dev crash runs thousands of rounds.
coterie_e2e(crash TIMEOUT 300 ARGUMENTS --rounds 40)
coterie_e2e(full_disk TIMEOUT 300)
coterie_e2e(failing_disk TIMEOUT 300)
set_property(TEST e2e.crash e2e.failing_disk APPEND PROPERTY
  ENVIRONMENT COTERIE_DISK_FAULTS_LIBRARY=$<TARGET_FILE:disk_faults>)

# The web client's types and its tests of what needs no browser.
add_test(NAME web.check COMMAND npm run --silent check
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/node/web)
set_tests_properties(web.check PROPERTIES LABELS unit TIMEOUT 300)

# Twenty nodes on a bad network; ./dev lab 200 runs more.
add_executable(lab_network e2e/lab_network.cpp)
target_link_libraries(lab_network PRIVATE coterie_options)
coterie_e2e(mesh_lab TIMEOUT 240 ARGUMENTS --nodes 20)
set_property(TEST e2e.mesh_lab APPEND PROPERTY
  ENVIRONMENT COTERIE_LAB_NETWORK=$<TARGET_FILE:lab_network>)

# A node that runs modified code: see tests/e2e/modified_node.cpp.
if(TARGET coterie::identity AND TARGET coterie::transport_zmq AND TARGET coterie::node_core)
  add_executable(modified_node e2e/modified_node.cpp)
  target_include_directories(modified_node PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(modified_node PRIVATE coterie::identity coterie::transport_zmq
                                              coterie::node_core coterie_options)
  coterie_e2e(modified_node TIMEOUT 180)
  set_property(TEST e2e.modified_node APPEND PROPERTY
    ENVIRONMENT COTERIE_MODIFIED_NODE=$<TARGET_FILE:modified_node>)
endif()
