"""Key pools and their books."""
