"""Pure functions on numbers and arrays; no SimPy, no state, no file."""
