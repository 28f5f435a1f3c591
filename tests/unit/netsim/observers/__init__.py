"""Unit tests of observers on fibres."""
