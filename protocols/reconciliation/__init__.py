"""Error correction: both ends of a block end with the announcer's bits, and every parity is counted."""
