"""Paths, scales, bounds, ties and priors of free numbers."""

import math

import pytest

from netsim.errors import ConfigError
from netsim.fit.free_numbers import Number, Scale, free_numbers
from netsim.fit.places import PathError, Tables, find_places, set_value, tables_of, value_at
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from tests.unit.netsim.fit import fan2025


@pytest.fixture
def tables() -> Tables:
    """Of the structured network, which has no entry for any process."""
    return tables_of(load_topology("fan2025_structured"))


def only(tables: Tables, path: str, **options: list[str]) -> Number:
    """The one number that a path means."""
    (number,) = free_numbers(tables, free=[path], **options)
    return number


def fault(tables: Tables, free: list[str], **options: list[str]) -> str:
    """The one fault of paths that must be refused."""
    with pytest.raises(ConfigError) as error:
        free_numbers(tables, free=free, **options)
    (found,) = error.value.faults
    return str(found)


def test_every_pair_process_has_an_entry(tables: Tables) -> None:
    """All eleven, with the factor 1 and the contrast of the source; the network is the same."""
    places = find_places(tables, fan2025.FACTORS)
    assert {place.path.split(".")[3] for place in places} == {
        *fan2025.LANES,
        *fan2025.SINGLES_ONLY,
    }
    assert {value_at(tables, place.keys) for place in places} == {1.0}
    plain = build_network(load_topology("fan2025_structured"))
    contrast = find_places(tables, "qnsp.source.pairs.C42&C26.contrast")
    assert [value_at(tables, place.keys) for place in contrast] == [
        plain.topology.qnsp.source.contrast
    ]
    assert build_network(TopologySpec.model_validate(tables)).processes == plain.processes


def test_paths_are_told_by_names(tables: Tables) -> None:
    """Of users, channels and pairs, in any order; nameless entries by their index."""
    for pattern, paths in {
        "qnsp.channels.C3?.loss_db": ["qnsp.channels.C38.loss_db", "qnsp.channels.C30.loss_db"],
        "qnsp.channels.0.loss_db": ["qnsp.channels.C38.loss_db"],
        "qnsp.source.pairs.C54&C38.factor": ["qnsp.source.pairs.C38&C54.factor"],
        "users.*ce.fibre.length_m": ["users.alice.fibre.length_m"],
        "receivers.bench.detectors.0.*_hz": ["receivers.bench.detectors.0.dark_rate_hz"],
        "qnsp.source.contrast": ["qnsp.source.contrast"],
    }.items():
        assert [place.path for place in find_places(tables, pattern)] == paths


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("qnsp.chanels.*.loss_db", "unknown key 'chanels', did you mean channels?"),
        ("qnsp.channels.x.loss_db", "unknown key 'x'; known: C38, C42, C54, C50, C30, C26"),
        ("qnsp.channels.C38", "leads to no number that varies smoothly"),
        ("qnsp.channels.C38.user", "leads to no number that varies smoothly"),
        ("qnsp.channels.C38.patch_delay_ps", "leads to no number that varies smoothly"),
        ("qnsp.source.contrast.value", "unknown key 'value'"),
        ("receivers.bench.detectors.1.efficiency", "unknown key '1'; known: 0"),
    ],
)
def test_paths_that_lead_nowhere_say_where(tables: Tables, path: str, reason: str) -> None:
    """The first step that is not there, and what is."""
    with pytest.raises(PathError) as error:
        find_places(tables, path)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("path", "scale", "bounds"),
    [
        (fan2025.BRIGHTNESS, Scale.LOGARITHM, (-math.inf, math.log(1e15))),
        ("qnsp.source.pairs.C38&C42.factor", Scale.LOGARITHM, (-math.inf, math.log(1e6))),
        ("qnsp.source.pumps.C34.power_mw", Scale.LOGARITHM, (-math.inf, math.log(1e6))),
        ("qnsp.source.linewidth_hz", Scale.LOGARITHM, (0.0, math.log(1e12))),
        (fan2025.CONTRAST, Scale.PLAIN, (0.0, 1.0)),
        ("qnsp.source.pairs.C38&C42.contrast", Scale.PLAIN, (0.0, 1.0)),
        ("qnsp.source.pairs.C38&C42.phase_rad", Scale.PLAIN, (-1e6, 1e6)),
        ("receivers.bench.detectors.0.efficiency", Scale.PLAIN, (0.0, 1.0)),
        ("qnsp.channels.C38.loss_db", Scale.DECIBEL, (0.0, 300.0)),
    ],
)
def test_scale_and_bounds_follow_from_the_spec(
    tables: Tables, path: str, scale: Scale, bounds: tuple[float, float]
) -> None:
    """Logarithms of rates, decibels of losses, plain shares and phases."""
    number = only(tables, path)
    assert number.scale is scale
    assert number.bounds == pytest.approx(bounds)
    assert scale.to_value(number.origin) == pytest.approx(number.start)
    assert number.bound_at(number.origin) is None
    assert number.bound_at(bounds[1]) == "upper"


def test_an_exclusive_bound_is_kept(tables: Tables) -> None:
    """A first guess of zero or of one half is not allowed, so the fit never tries it."""
    number = only(tables, "protocol.initial_qber")
    assert 0.0 < number.low < 1e-300
    assert 0.5 - 1e-15 < number.high < 0.5


def test_ties_make_one_number_of_many(tables: Tables) -> None:
    """At the mean of their coordinates; what is tied is not free on its own."""
    numbers = free_numbers(
        tables,
        free=["qnsp.channels.*.loss_db"],
        common=["qnsp.channels.C50.loss_db, qnsp.channels.C54.loss_db"],
    )
    assert [len(number.places) for number in numbers] == [2, 1, 1, 1, 1]
    assert numbers[0].start == pytest.approx((4.580365 + 5.619312) / 2)
    assert numbers[0].path == "qnsp.channels.C50.loss_db (and 1 more)"


def test_the_last_prior_counts(tables: Tables) -> None:
    """A width for all, then another one for one."""
    numbers = free_numbers(
        tables,
        free=["qnsp.channels.*.loss_db"],
        priors=["qnsp.channels.*.loss_db=0.5", "qnsp.channels.C38.loss_db=0.1"],
    )
    assert [number.prior for number in numbers] == [0.1, 0.5, 0.5, 0.5, 0.5, 0.5]


def test_refusals(tables: Tables) -> None:
    """Paths without a number, nothing free, double ties, widths that are none, a start at zero."""
    contrast, loss = fan2025.CONTRAST, "qnsp.channels.C38.loss_db"
    assert fault(tables, ["qnsp.sauce.contrast"]).startswith("--free qnsp.sauce.contrast: unknown")
    assert fault(tables, []) == "--free: no number is free"
    assert fault(tables, [], common=[loss, loss]) == f"--common: {loss} is tied twice"
    assert fault(tables, [], common=[f"{contrast},{loss}"]).endswith("number of another kind")
    for text in (f"{loss}=0", f"{loss}=wide", loss, f"{loss}=nan", f"{loss}=inf"):
        assert "is not PATH=WIDTH, WIDTH above 0" in fault(tables, [loss], priors=[text])
    assert fault(tables, [loss], priors=[f"{contrast}=0.1"]) == (
        f"--prior {contrast}: means no free number"
    )
    noise = "qnsp.channels.C38.noise_hz_per_mw"
    assert fault(tables, [noise]) == f"{noise}: is 0: give the file a value above 0 to start from"


def test_values_are_written_where_they_were_read(tables: Tables) -> None:
    """What `set_value` writes, `value_at` reads, and the network sees."""
    (place,) = find_places(tables, "qnsp.source.pairs.C38&C42.factor")
    set_value(tables, place.keys, 2.5)
    assert value_at(tables, place.keys) == 2.5
    network = build_network(TopologySpec.model_validate(tables))
    plain = build_network(load_topology("fan2025_structured"))
    ratio = fan2025.rates_hz(network)["C38&C42"] / fan2025.rates_hz(plain)["C38&C42"]
    assert ratio == pytest.approx(2.5)
