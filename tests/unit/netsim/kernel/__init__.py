"""Tests of netsim.kernel."""
