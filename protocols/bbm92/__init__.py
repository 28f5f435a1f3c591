"""BBM92: from two users' time tags to the same secret bits at both ends."""
