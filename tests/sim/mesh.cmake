# Simulations of the mesh alone.
coterie_test(sim.mesh_sim SOURCES sim/mesh_sim.cpp
  DEPENDS coterie::transport_core coterie::crypto LABELS sim TIMEOUT 300)
# Many meshes: what tests and bench/mesh share.
add_library(mesh_fleet STATIC support/mesh_scenarios.cpp support/mesh_fleet.cpp
                              support/heap_ledger.cpp)
target_link_libraries(mesh_fleet PUBLIC coterie::transport_core coterie::crypto
                                 PRIVATE coterie_options)
coterie_test(sim.scale_sim SOURCES sim/scale_sim.cpp DEPENDS mesh_fleet LABELS scale TIMEOUT 300)
coterie_test(sim.scale_attacks SOURCES sim/scale_attacks.cpp DEPENDS mesh_fleet LABELS scale
  TIMEOUT 300)
