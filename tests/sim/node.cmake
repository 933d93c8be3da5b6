# Simulations of whole nodes.
coterie_test(sim.node_sim SOURCES sim/node_sim.cpp DEPENDS coterie::node_core LABELS sim TIMEOUT 600)
coterie_test(sim.team_sim SOURCES sim/team_sim.cpp DEPENDS coterie::node_core LABELS sim TIMEOUT 600)
