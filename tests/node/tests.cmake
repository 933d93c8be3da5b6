# Tests of node; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake.
