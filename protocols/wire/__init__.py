"""From messages to datagrams and back, over a wire that loses and reorders."""
