"""What crosses the wire of a link, counted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WireCounts:
    """What has been sent; of two ends, or of two lives of one, the counts add up."""

    messages: int = 0
    """Protocol messages."""
    bytes: int = 0
    """Transport included."""
    retransmissions: int = 0
    """Datagrams sent again."""

    def __add__(self, other: "WireCounts") -> "WireCounts":
        return WireCounts(
            self.messages + other.messages,
            self.bytes + other.bytes,
            self.retransmissions + other.retransmissions,
        )


@dataclass(slots=True)
class TransportCounts:
    """What went over the wire from this end."""

    datagrams_sent: int = 0
    bytes_sent: int = 0
    retransmissions: int = 0
    datagrams_refused: int = 0
