# Simulations of the mesh alone.
