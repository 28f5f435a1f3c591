"""The world around the parties: source, fibres, receivers, classical channels, key pools."""
