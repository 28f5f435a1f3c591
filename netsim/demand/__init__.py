"""Applications that draw key from the pools of a simulated network: when they ask, what they get.

It knows pools and times, and neither topology nor photons.
"""
