"""How long an answer takes: the retransmission timer of RFC 6298, and the patience of RFC 8985."""

MIN_TIMEOUT_PS = 5_000_000_000
MAX_TIMEOUT_PS = 2_000_000_000_000


class RoundTrip:
    """Smoothed round trip and its mean deviation.

    Parameters
    ----------
    initial_timeout_ps : int
        Before anything was measured.

    Attributes
    ----------
    timeout_ps : int
        Silence for this long means loss.
    """

    def __init__(self, initial_timeout_ps: int) -> None:
        self.timeout_ps = initial_timeout_ps
        self._smoothed_ps: float | None = None
        self._variation_ps = 0.0

    @property
    def patience_ps(self) -> float:
        """Few answers are later than the round trip by twice its mean deviation."""
        return (self._smoothed_ps or self.timeout_ps) + 2 * self._variation_ps

    def measure(self, round_trip_ps: int) -> None:
        """An answer took so long."""
        smoothed_ps, variation_ps = self._smoothed_ps, self._variation_ps
        if smoothed_ps is None:
            smoothed_ps, variation_ps = float(round_trip_ps), round_trip_ps / 2
        else:
            variation_ps += (abs(smoothed_ps - round_trip_ps) - variation_ps) / 4
            smoothed_ps += (round_trip_ps - smoothed_ps) / 8
        self._smoothed_ps, self._variation_ps = smoothed_ps, variation_ps
        wanted_ps = int(smoothed_ps + 4 * variation_ps)
        if wanted_ps < MIN_TIMEOUT_PS:
            wanted_ps = MIN_TIMEOUT_PS
        elif wanted_ps > MAX_TIMEOUT_PS:
            wanted_ps = MAX_TIMEOUT_PS
        self.timeout_ps = wanted_ps

    def back_off(self) -> None:
        """The timer has run out: wait twice as long."""
        self.timeout_ps = min(2 * self.timeout_ps, MAX_TIMEOUT_PS)
