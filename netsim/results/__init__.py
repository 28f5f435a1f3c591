"""Typed results, and what of them lies on disk."""
