"""Tests of netsim.reproduce."""
