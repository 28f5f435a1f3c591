"""E91: the rounds of BBM92, with the outcomes of Bell tests published and judged."""
