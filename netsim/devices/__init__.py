"""SimPy processes: short loops that move frames; what light does is in `netsim.physics`."""
