"""How a receiver reads qubits out of photons: one file an encoding, one entry in `registry`.

What the receiver, the analytic twin, the planner and the checks of a topology know of paths, peaks,
fringes and detectors, they ask an `interface.Encoding`. Nothing here knows topologies.
"""
