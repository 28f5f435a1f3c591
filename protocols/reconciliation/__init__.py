"""Error correction: both ends get the announcer's bits, and every parity is counted."""
