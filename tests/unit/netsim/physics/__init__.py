"""Tests of netsim.physics."""
