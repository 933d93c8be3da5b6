# Tests of e2e; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake.
