"""Simulated time, named random streams, trace."""
