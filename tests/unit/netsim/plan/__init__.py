"""Tests of netsim.plan."""
