find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME tidy.layers
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tidy/layers.py)
set_tests_properties(tidy.layers PROPERTIES LABELS unit)
