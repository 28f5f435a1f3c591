"""How many secret bits are left: one formula or theorem a module."""
