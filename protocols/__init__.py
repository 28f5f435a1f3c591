"""What the parties of a QKD link do: bytes in, bytes out, time as an argument."""
