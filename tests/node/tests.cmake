# Tests of node; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake. One file a part.
foreach(part core daemon bridge)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/node/${part}.cmake)
    include(node/${part}.cmake)
  endif()
endforeach()
