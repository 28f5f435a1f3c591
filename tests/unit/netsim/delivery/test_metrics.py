"""What a serving process counts, as Prometheus reads it."""

from netsim.delivery.metrics import Metrics
from netsim.demand.terms import Thresholds


def test_levels_of_pools_stand_beside_what_is_free() -> None:
    """Of links that have any; a maximum where there is one."""
    free_bits = {("alice", "alice-bob"): 700, ("bob", "alice-bob"): 700}
    thresholds = {"alice-bob": Thresholds(256, 512, 4096), "bob-carol": Thresholds(64, 64)}
    lines = Metrics().text(free_bits, thresholds).splitlines()
    assert lines[-10:] == [
        'netsim_free_bits{user="alice",link="alice-bob"} 700',
        'netsim_free_bits{user="bob",link="alice-bob"} 700',
        "# TYPE netsim_minimum_bits gauge",
        'netsim_minimum_bits{link="alice-bob"} 256',
        'netsim_minimum_bits{link="bob-carol"} 64',
        "# TYPE netsim_threshold_bits gauge",
        'netsim_threshold_bits{link="alice-bob"} 512',
        'netsim_threshold_bits{link="bob-carol"} 64',
        "# TYPE netsim_maximum_bits gauge",
        'netsim_maximum_bits{link="alice-bob"} 4096',
    ]
    assert "minimum" not in Metrics().text(free_bits)
