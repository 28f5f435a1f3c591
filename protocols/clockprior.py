"""How long the search for another clock takes: arithmetic on the two bounds of a clock prior.

Knows no tags; the search itself is `protocols.bbm92.synchronise`.
"""

COARSE_SHIFT = 14
"""The coarse search fills bins of 2^14 ps,"""
COARSE_SLICE_PS = 40_000_000_000
"""from a slice of light of this length, which a wrong rate must not smear over more than a bin."""
LEAST_ROUND_PS = 250_000_000_000
"""So much light is kept for a search by the rounds that may be open at a time; shorter rounds would
be over, one after the other and each with its pads, before the clocks are found."""
MAX_SEARCH_BINS = 1e9
"""A search of more is refused before it begins. Each bin takes the pairs that fall into it: at 1e5
clicks a second of both ends so many take some half a minute an attempt, at 2e5 four times that."""


def search_bins(offset_bound_ps: float, rate_bound_ppm: float) -> float:
    """About as many bins as the coarse search fills, over all rates that it tries.

    Parameters
    ----------
    offset_bound_ps : float
        The clocks differ by up to plus or minus this, >= 0.
    rate_bound_ppm : float
        Their rates differ by up to plus or minus this, >= 0.
    """
    bin_ps = 1 << COARSE_SHIFT
    rates = 2 * rate_bound_ppm * 1e-6 * COARSE_SLICE_PS / bin_ps + 1
    return (2 * offset_bound_ps / bin_ps + 1) * rates
