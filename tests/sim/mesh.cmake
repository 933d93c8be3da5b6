# Simulations of the mesh alone.
coterie_test(sim.mesh_sim SOURCES sim/mesh_sim.cpp
  DEPENDS coterie::transport_core coterie::crypto LABELS sim TIMEOUT 300)
