# Simulations of whole nodes.
coterie_test(sim.node_sim SOURCES sim/node_sim.cpp DEPENDS coterie::node_core LABELS sim TIMEOUT 600)
