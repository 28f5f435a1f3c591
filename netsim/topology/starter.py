"""The text of a topology to begin with: every number that decides the physics, with what it is.

Numbers are typical of such devices and marked `[assumed]`: whoever has measured better ones writes
them in their place. Defaults of the specs are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from netsim.arguments import explained
from netsim.printable import count_text
from netsim.topology.load import parse_topology
from netsim.topology.specs import TopologySpec

STAR, RING_OF_USERS, LAB = "star", "ring", "lab"
SHAPES = (STAR, RING_OF_USERS, LAB)
SPDC, MICRORING = "spdc", "ring"
SCHEMA_FILE = "topology.schema.json"
"""As users are told to call it."""
GROUPED_FROM = 10_000
"""Whole numbers from here on have underscores between thousands."""
CENTRE = 34
"""Label about which pairs lie: 193.4 THz, 1550.12 nm."""
NANOWIRE_EFFICIENCY = 0.5
"""No free-running avalanche diode reaches it at 1550 nm."""
USUAL_EFFICIENCY = {SPDC: 0.2, MICRORING: 0.8}
MOST_LINKS = {SPDC: CENTRE - 1, MICRORING: CENTRE // 2 - 1}
"""Pairs of channels between C1 and C67, on every label or on every second one."""

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(km|m)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Starter:
    """What a starter file is to hold.

    Attributes
    ----------
    shape : str
        One of `SHAPES`; a lab has two users, whatever ``users`` says.
    users : int
        At least 2.
    length_m : float
        Of each fibre.
    source : str
        ``spdc`` or ``ring``.
    efficiency : float, optional
        Of the detectors, 0 to 1; without it 0.2 behind a crystal and 0.8 behind a microring, whose
        long photons take wide windows. From `NANOWIRE_EFFICIENCY` on they are nanowires.

    Raises
    ------
    ValueError
        There is no such shape or source, or there are more links than channels for them.
    """

    shape: str
    users: int = 3
    length_m: float = 10_000.0
    source: str = SPDC
    efficiency: float | None = None

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"{self.shape!a} is none of {', '.join(SHAPES)}")
        if self.source not in MOST_LINKS:
            raise ValueError(f"--source {self.source!a} is none of {', '.join(MOST_LINKS)}")
        if len(self.links) > MOST_LINKS[self.source]:
            most = MOST_LINKS[self.source]
            raise ValueError(
                f"{len(self.links)} links, and channels for {most}: netsim plan shares channels"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the users."""
        known = ("alice", "bob", "charlie", "dave")
        count = 2 if self.shape == LAB else self.users
        return tuple(known[k] if k < len(known) else f"user{k + 1}" for k in range(count))

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Who shares pairs with whom."""
        names = self.names
        if self.shape != RING_OF_USERS:
            return tuple(combinations(names, 2))
        around = tuple(pairwise(names))
        return around if len(names) == 2 else (*around, (names[0], names[-1]))

    @property
    def detector_efficiency(self) -> float:
        """As given, or usual behind this source."""
        return USUAL_EFFICIENCY[self.source] if self.efficiency is None else self.efficiency

    @property
    def fibre_m(self) -> float:
        """Length of each fibre; on the bench a patch cord."""
        return 10.0 if self.shape == LAB else self.length_m


def parse_length_m(text: str) -> float:
    """``25km``, ``500m``, in metres.

    Raises
    ------
    ValueError
        It is no length, or has no unit (but 0).
    """
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!a} is no length such as 25km or 500m")
    length = float(match[1])
    if length and match[2] is None:
        raise ValueError(f"{text!a} is no length without a unit: {match[1]}km or {match[1]}m")
    return length * (1000.0 if match[2] == "km" else 1.0)


@explained
def new(
    shape: str,
    *,
    users: int = 3,
    distance: str | float = "10km",
    source: str = SPDC,
    efficiency: float | None = None,
) -> TopologySpec:
    """A network to begin with, as `netsim new` writes it into a file.

    Parameters
    ----------
    shape : str
        ``star``: every two users share a pair of channels; ``ring``: each user with its two
        neighbours; ``lab``: two users on the bench.
    users : int
        2 to 40; more links than there are channels for are refused.
    distance : str or float
        Of each user's fibre: ``"25km"``, ``"500m"``, or metres.
    source : str
        ``spdc``: a crystal; ``ring``: a microring with two pumps.
    efficiency : float, optional
        Of the detectors, 0 to 1; from 0.5 on they are nanowires. 0.2 without it, behind a ring 0.8.

    Raises
    ------
    ValueError
        There is no such shape or source, or there are more links than channels.
    """
    length_m = parse_length_m(distance) if isinstance(distance, str) else float(distance)
    starter = Starter(shape, users, length_m, source, efficiency)
    return parse_topology(starter_text(starter), source=shape)


def starter_text(starter: Starter) -> str:
    """TOML with comments; `netsim.load_topology` takes it as it is."""
    return "\n".join(_lines(starter)).replace("\n\n\n", "\n\n") + "\n"


def _lines(starter: Starter) -> Iterator[str]:
    yield from _head(starter)
    yield from _spdc() if starter.source == SPDC else _microring()
    step = 1 if starter.source == SPDC else 2
    for number, link in enumerate(starter.links, start=1):
        yield f"\n# {' and '.join(link)} share pairs of these two channels."
        earlier, later = (CENTRE + sign * step * number for sign in (-1, 1))
        yield from _channel(link[0], earlier)
        yield ""
        yield from _channel(link[1], later)
    yield from _receiver(starter)
    for name in starter.names:
        yield from _user(name, starter.fibre_m)
    yield from _protocol(1000 if starter.source == SPDC else 2000)


def _head(starter: Starter) -> Iterator[str]:
    yield f"#:schema {SCHEMA_FILE}"
    yield f"# An editor completes and checks this file by that one: netsim schema > {SCHEMA_FILE}"
    yield "#"
    yield "# What `netsim twin FILE` says of this network takes milliseconds; `netsim run FILE`"
    yield "# simulates it photon by photon, and `netsim schema` has every key with unit and range."
    yield "#"
    yield "# Marks:  [assumed] typical of such a device: write what you have measured in its place"
    yield f'\nname = "{starter.shape}"'
    users, links = count_text(len(starter.names), "user"), count_text(len(starter.links), "link")
    yield f'description = "{users}, {links}"'
    yield "\n[qnsp]                                  # the provider: source, filters, multiplexer"
    yield _value("pump_rejection_loss_db = 0.5", "filters that remove the pump")


def _value(text: str, comment: str) -> str:
    return f"{text:<40}# [assumed] {comment}"


def _spdc() -> Iterator[str]:
    yield "\n[qnsp.source]"
    yield 'kind = "spdc"                           # a crystal, pumped by one laser'
    yield _value("brightness_hz_per_mw = 1e6", "pairs/s and mW in one pair of channels")
    yield _value("pump_power_mw = 1.0", "more pairs, and more accidentals")
    yield f"sum_labels = {2 * CENTRE:<27}# C33 pairs with C35, C32 with C36, ..."
    yield _value("linewidth_hz = 100e9", "full width of the channels' filters")
    yield _value("coupling_loss_db = 3.0", "from the crystal into the fibre")
    yield _value("contrast = 0.96", "of interference: 2 % of errors")


def _microring() -> Iterator[str]:
    yield "\n[qnsp.source]"
    yield 'kind = "ring"                           # a microring, by four-wave mixing'
    yield _value("brightness_hz_per_mw2 = 20e6", "pairs/s and mW^2 of one pump in the chip")
    yield _value("linewidth_hz = 200e6", "of the resonances")
    yield _value("comb_spacing_labels = 2", "free spectral range of 200 GHz")
    yield _value("facet_loss_db = 1.6", "into the chip, and out of it")
    yield _value("escape_loss_db = 2.0", "from the ring into the bus")
    yield _value("contrast = 0.98", "of interference: 1 % of errors")
    yield "\n[[qnsp.source.pumps]]"
    yield f'channel = "C{CENTRE}"'
    yield _value("power_mw = 0.2", "in the fibre")


def _channel(user: str, label: int) -> Iterator[str]:
    yield "[[qnsp.channels]]"
    yield f'channel = "C{label}"'
    yield f'user = "{user}"'
    yield _value("loss_db = 2.5", "demultiplexer, multiplexer, connectors")


def _receiver(starter: Starter) -> Iterator[str]:
    kind = "polarisation" if starter.source == SPDC else "franson"
    delay = [] if starter.source == SPDC else [_value("delay_ps = 10_000.0", "of the long path")]
    yield "\n[receivers.bench]"
    yield f'kind = "{kind}"'
    yield _value("z_probability = 0.5", "beam splitter that chooses the basis")
    yield _value("excess_loss_db = 2.0", "analysers and coupling")
    yield _value("tick_ps = 1", "time tagger")
    for basis, phase, comment in (("z", "0.0", ""), ("x", "1.5707963267948966", "pi / 2")):
        yield f"\n[receivers.bench.{basis}]"
        yield from delay
        yield f"phase_rad = {phase:<28}# {comment}".rstrip(" #")
    yield from _detectors(starter.detector_efficiency)


def _detectors(efficiency: float) -> Iterator[str]:
    if efficiency >= NANOWIRE_EFFICIENCY:
        kind, dark, jitter, dead = "superconducting nanowire", "100.0", "50.0", "25_000"
    else:
        kind, dark, jitter, dead = "InGaAs avalanche diode", "1000.0", "200.0", "10_000_000"
    yield f"\n[[receivers.bench.detectors]]           # one entry for all four: {kind}"
    yield _value(f"efficiency = {efficiency:g}", "coupling included")
    yield _value(f"dark_rate_hz = {dark}", "clicks without light")
    yield _value(f"jitter_fwhm_ps = {jitter}", "full width at half maximum")
    yield _value(f"dead_time_ps = {dead}", "blind for so long after a click")


def _user(name: str, length_m: float) -> Iterator[str]:
    yield f'\n[[users]]\nname = "{name}"\nreceiver = "bench"'
    yield "\n[users.fibre]"
    yield _value(f"length_m = {_length(length_m)}", "from the provider")
    yield _value("attenuation_db_per_km = 0.2", "single-mode fibre at 1550 nm")
    yield _value("dispersion_ps_per_nm_km = 17.0", "the same")


def _length(length_m: float) -> str:
    """Whole metres in groups of three digits, as others write them."""
    whole_m = int(length_m)
    return f"{whole_m:_}" if whole_m == length_m >= GROUPED_FROM else f"{length_m:.12g}"


def _protocol(window_ps: int) -> Iterator[str]:
    yield "\n[protocol]"
    yield _value(f"window_ps = {window_ps}", "coincidence window, full width")
    yield _value("round_s = 60.0", "light per round; validate says what is enough")
    yield 'reconciliation = "cascade-yanetal"      # error correction; ldpc takes fewer messages'
    yield 'error_correction_charge = "measured"    # what was disclosed is taken off the key'
    yield 'security = "asymptotic"                 # finite: with an epsilon, and a sample:'
    yield '# estimation = "sample"'
