"""What the parties of a quantum key distribution link do: bytes in, bytes out, time as an argument."""
