"""What a network should measure, and what its links fix from that beforehand."""
