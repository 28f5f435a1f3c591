"""Universal hashing: amplification, verification, authentication."""
