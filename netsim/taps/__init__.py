"""Attackers on the classical channel: they see datagrams, below retransmission, and hold no key.

A `netsim.taps.tap.Tap` decides what becomes of each datagram of one direction of a link; through
its `netsim.taps.tap.TapContext` it may also put datagrams of its own on any wire of the network.
The shipped ones are in `attacks`, `finals` and `kinds`; a topology or `netsim.simulate` plans them.
Nothing here can break a key: it can only deny service, and that is what the tests say.
"""
