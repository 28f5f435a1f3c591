"""Tests of netsim.topology."""
