# Tests of sim; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake.
include(sim/mesh.cmake)
include(sim/node.cmake)
