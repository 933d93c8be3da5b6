# Tests of fuzz; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake.
coterie_fuzz(wire_frame_fuzz DEPENDS coterie::wire)
coterie_fuzz(mesh_fuzz DEPENDS coterie::transport_core)
coterie_fuzz(crdt_update_fuzz DEPENDS coterie::crdt)
coterie_fuzz(crdt_update_v2_fuzz DEPENDS coterie::crdt)
coterie_fuzz(crdt_order_fuzz DEPENDS coterie::crdt)
coterie_fuzz(crdt_values_fuzz DEPENDS coterie::crdt)
coterie_fuzz(entry_fuzz DEPENDS coterie::node_log)
coterie_fuzz(bridge_client_fuzz DEPENDS coterie::node_core)
