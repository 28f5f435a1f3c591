"""One run: build the network, let it go on, collect what it found."""
