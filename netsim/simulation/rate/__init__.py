"""The rate level: the same topologies, books and results, drawn a round at a time."""
