"""Tests of netsim.pools."""
