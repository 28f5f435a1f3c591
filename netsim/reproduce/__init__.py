"""Figures and tables of a publication out of the simulator, each beside the twin and the print.

An *item* is one figure or table. It says which *shots* it needs (a topology and how much light) and
makes of what they measured a table, a figure and a list of compared quantities. A new one is a
module with two functions and a line in the list of its paper (see `netsim.reproduce.item`).

A paper's module knows topologies and printed numbers; the rest of this package knows no paper, and
what it shares with other studies is in `netsim.studies` and `netsim.report`.
"""
