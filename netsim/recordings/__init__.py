"""Tags that somebody else took: formats, clocks, key."""
