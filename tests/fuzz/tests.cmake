# Tests of fuzz; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake.
coterie_fuzz(wire_frame_fuzz DEPENDS coterie::wire)
coterie_fuzz(mesh_fuzz DEPENDS coterie::transport_core)
coterie_fuzz(crdt_update_fuzz DEPENDS coterie::crdt)
