"""States of the network in order of time."""

from netsim.devices.history import NetworkHistory
from netsim.topology.network import Network, build_network
from tests.support.topologies import two_user_topology


def networks() -> tuple[Network, Network, Network]:
    """Three states."""
    one, two, three = (build_network(two_user_topology(rate_hz=rate)) for rate in (1e5, 2e5, 3e5))
    return one, two, three


def test_between_gives_what_is_in_force() -> None:
    """Half-open bounds, cut to those asked for; before the first change the first state."""
    one, two, three = networks()
    history = NetworkHistory(one)
    history.append(100, two)
    history.append(200, three)
    assert history.latest is three
    assert history.between(0, 100) == [(0, one)]
    assert history.between(50, 101) == [(50, one), (100, two)]
    assert history.between(100, 200) == [(100, two)]
    assert history.between(0, 1000) == [(0, one), (100, two), (200, three)]
    assert history.between(-5, 1) == [(-5, one)]
    assert history.between(500, 501) == [(500, three)]


def test_two_changes_at_once_are_one() -> None:
    """The latter holds; no change is no new epoch."""
    one, two, three = networks()
    history = NetworkHistory(one)
    history.append(0, two)
    history.append(100, one)
    history.append(100, three)
    history.append(200, three)
    epochs = history.epochs(150)
    assert [(e.start_ps, e.stop_ps, e.network) for e in epochs] == [
        (0, 100, two),
        (100, 150, three),
    ]
    assert history.epochs(50)[-1].stop_ps == 100
