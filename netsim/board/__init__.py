"""Published experiments beside what the simulator predicts of them, misses included.

An experiment is a module of `netsim.board.experiments`: a topology, its inputs with their sources,
and rows. What was fitted is counted and never called agreement.
"""
