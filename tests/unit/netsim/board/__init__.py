"""Unit tests of the board."""
