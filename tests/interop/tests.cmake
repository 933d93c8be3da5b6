# Our engine beside stock Yjs in Node. The npm packages come with `./dev test`.
add_executable(crdt_tool interop/crdt_tool.cpp interop/history_commands.cpp)
target_include_directories(crdt_tool PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(crdt_tool PRIVATE coterie::crdt coterie_options)

add_test(NAME interop.crdt_fuzz
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/interop/run.sh crdt_fuzz.mjs
          --tool $<TARGET_FILE:crdt_tool> --sessions 80)
set_tests_properties(interop.crdt_fuzz PROPERTIES LABELS interop TIMEOUT 300)

add_test(NAME interop.v2_fuzz
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/interop/run.sh v2_fuzz.mjs
          --tool $<TARGET_FILE:crdt_tool> --sessions 60)
set_tests_properties(interop.v2_fuzz PROPERTIES LABELS interop TIMEOUT 300)

add_test(NAME interop.undo_fuzz
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/interop/run.sh undo_fuzz.mjs
          --tool $<TARGET_FILE:crdt_tool> --sessions 80)
set_tests_properties(interop.undo_fuzz PROPERTIES LABELS interop TIMEOUT 300)

# `coterie update`, the command itself.
add_test(NAME interop.update_cli
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/interop/run.sh update_cli.mjs
          --coterie $<TARGET_FILE:coterie> --sessions 25)
set_tests_properties(interop.update_cli PROPERTIES LABELS interop TIMEOUT 300)

add_executable(events_tool interop/events_tool.cpp)
target_include_directories(events_tool PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(events_tool PRIVATE coterie::crdt coterie_options)
add_dependencies(crdt_tool events_tool)

add_test(NAME interop.events_fuzz
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/interop/run.sh events_fuzz.mjs
          --tool $<TARGET_FILE:events_tool> --sessions 60)
set_tests_properties(interop.events_fuzz PROPERTIES LABELS interop TIMEOUT 300)

# Every public name of Yjs has a counterpart, and docs/API/crdt.md says which.
add_test(NAME interop.api_table
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/interop/run.sh api_table.mjs)
set_tests_properties(interop.api_table PROPERTIES LABELS interop TIMEOUT 60)
