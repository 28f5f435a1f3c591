"""Two processes that get the same key from their own key managers and open a channel with it."""
