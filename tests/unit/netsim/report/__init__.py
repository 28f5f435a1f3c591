"""Tests of netsim.report."""
