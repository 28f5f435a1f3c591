"""A network as a picture: the provider, users around it, fibres, channels, and links as arcs.

One SVG, drawn without any library; a click on nothing, a tooltip on everything.
"""

import math
from collections.abc import Iterator, Mapping
from html import escape

from netsim.report.figure import COLOURS
from netsim.topology.specs import TopologySpec
from netsim.topology.state import UserSpec

Users = tuple[str, str]
Place = tuple[float, float]

SIZE, RADIUS, NAME_RADIUS = 760.0, 235.0, 268.0
"""Pixels: of the picture, of the circle of users, and of their names."""
BOW = 0.32
"""How far an arc leaves the straight way, in lengths of it."""
MOST_WIDTH, LEAST_WIDTH = 11.0, 0.8
MOST_NAMED = 24
"""Users of a picture whose fibres bear their length and channels their labels."""

STYLE = """
.net { font: 13px system-ui, "Liberation Sans", Arial, sans-serif; color: #1b1f24; }
.net text { fill: currentColor; paint-order: stroke; stroke: #fff; stroke-width: 4px;
  stroke-linejoin: round; }
.net .faint { fill: #5c6670; font-size: 11.5px; }
.net .paper { fill: #fff; }
.net .fibre { stroke: #9aa4ae; stroke-width: 2; }
.net .node { fill: #1b1f24; }
.net .link { fill: none; stroke: #0a58a8; stroke-opacity: .45; stroke-linecap: round; }
.net .dark { stroke: #b3261e; stroke-dasharray: 3 4; }
@media (prefers-color-scheme: dark) {
  .net { color: #e6e9ec; } .net .paper { fill: #14181c; } .net text { stroke: #14181c; }
  .net .faint { fill: #a7b0b9; } .net .node { fill: #e6e9ec; }
  .net .link { stroke: #7db7f2; } .net .dark { stroke: #ff8a80; }
}
"""


def svg_map(topology: TopologySpec, rates_bps: Mapping[Users, float], rate_name: str) -> str:
    """A whole SVG file.

    Parameters
    ----------
    topology : TopologySpec
        Drawn as it stands at first.
    rates_bps : mapping
        Pair of users to a key rate in bit/s; as wide as its root are the arcs.
    rate_name : str
        What kind of rate that is.
    """
    body = "\n".join(_body(topology, rates_bps, rate_name))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net" viewBox="0 0 {SIZE:g} {SIZE:g}" '
        f'role="img" aria-label="{escape(f"map of {topology.name}")}">\n'
        f'<style>{STYLE}</style>\n<rect class="paper" width="100%" height="100%"/>\n'
        f"{body}\n</svg>\n"
    )


def _body(
    topology: TopologySpec, rates_bps: Mapping[Users, float], rate_name: str
) -> Iterator[str]:
    places = _places(topology)
    is_named = len(places) <= MOST_NAMED
    yield from _arcs(places, rates_bps)
    for user in topology.users:
        yield from _fibre(topology, user, places[user.name], is_named=is_named)
    for user in topology.users:
        yield from _names(topology, user, places[user.name], is_named=is_named)
    middle = SIZE / 2
    yield f'<circle class="node" cx="{middle:g}" cy="{middle:g}" r="9"/>'
    most = max(rates_bps.values(), default=0.0)
    yield (
        f'<text class="faint" x="8" y="{SIZE - 10:g}">provider in the middle; arcs: '
        f"{escape(rate_name)}, up to {most:.4g} bit/s; broken: none</text>"
    )


def _places(topology: TopologySpec) -> dict[str, float]:
    """Angle of each user, the first one on top, clockwise."""
    count = len(topology.users)
    return {
        user.name: 2 * math.pi * k / count - math.pi / 2 for k, user in enumerate(topology.users)
    }


def _at(angle: float, radius: float) -> Place:
    return SIZE / 2 + radius * math.cos(angle), SIZE / 2 + radius * math.sin(angle)


def _arcs(places: Mapping[str, float], rates_bps: Mapping[Users, float]) -> Iterator[str]:
    most = max(rates_bps.values(), default=0.0)
    for (one, other), rate_bps in rates_bps.items():
        (x, y), (u, v) = _at(places[one], RADIUS), _at(places[other], RADIUS)
        bend_x, bend_y = min(_bends((x, y), (u, v)), key=_off_centre)
        share = math.sqrt(rate_bps / most) if most > 0.0 and rate_bps > 0.0 else 0.0
        kind = "link" if share else "link dark"
        yield (
            f'<path class="{kind}" stroke-width="{max(LEAST_WIDTH, MOST_WIDTH * share):.2f}" '
            f'd="M{x:.1f} {y:.1f}Q{bend_x:.1f} {bend_y:.1f} {u:.1f} {v:.1f}">'
            f"<title>{escape(one)} &amp; {escape(other)}: {rate_bps:.4g} bit/s</title></path>"
        )


def _bends(one: Place, other: Place) -> Iterator[Place]:
    """Where an arc between two places may be drawn to, on either side of the straight way."""
    (x, y), (u, v) = one, other
    for side in (-BOW, BOW):
        yield (x + u) / 2 + side * (v - y), (y + v) / 2 - side * (u - x)


def _off_centre(place: Place) -> float:
    return math.dist(place, (SIZE / 2, SIZE / 2))


def _fibre(
    topology: TopologySpec, user: UserSpec, angle: float, *, is_named: bool
) -> Iterator[str]:
    (x, y), (u, v) = _at(angle, 12.0), _at(angle, RADIUS)
    fibre = user.fibre
    told = f"{fibre.length_m / 1000:g} km"
    loss_db = fibre.length_m / 1000 * fibre.attenuation_db_per_km + fibre.extra_loss_db
    yield (
        f'<line class="fibre" x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}">'
        f"<title>{escape(user.name)}: {told}, {loss_db:.3g} dB</title></line>"
    )
    for channel, (a, b) in _channels(topology, user, angle, is_named=is_named):
        colour = COLOURS[int(channel[1:]) // 2 % (len(COLOURS) - 2)]
        yield (
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{6 if is_named else 3}" fill="{colour}">'
            f"<title>{escape(channel)}</title></circle>"
        )
    yield f'<circle class="node" cx="{u:.1f}" cy="{v:.1f}" r="{6 if is_named else 3}"/>'


def _channels(
    topology: TopologySpec, user: UserSpec, angle: float, *, is_named: bool
) -> Iterator[tuple[str, Place]]:
    """Channels of a user and where they lie on the fibre, from the provider on."""
    channels = topology.channels_of(user)
    first, step = (62.0, 32.0) if is_named else (40.0, 8.0)
    step = min(step, (RADIUS - 20.0 - first) / max(1, len(channels) - 1))
    for k, channel in enumerate(channels):
        yield channel.channel, _at(angle, first + step * k)


def _names(
    topology: TopologySpec, user: UserSpec, angle: float, *, is_named: bool
) -> Iterator[str]:
    """Of the channels beside the fibre, and of the user behind it."""
    side, up = math.sin(angle), -math.cos(angle)  # across the fibre
    if up > 0.0 or (up == 0.0 and side < 0.0):
        side, up = -side, -up
    for channel, (x, y) in _channels(topology, user, angle, is_named=is_named):
        if is_named:
            away = 14.0 + 8.0 * abs(side)  # names are wider than high
            yield (
                f'<text class="faint" x="{x + away * side:.1f}" y="{y + away * up + 4.0:.1f}" '
                f'text-anchor="middle">{escape(channel)}</text>'
            )
    told = f"{user.fibre.length_m / 1000:g} km" if is_named else ""
    yield from _name(user.name, told, angle)


def _name(name: str, told: str, angle: float) -> Iterator[str]:
    x, y = _at(angle, NAME_RADIUS)
    side = math.cos(angle)
    anchor = "middle" if abs(side) < 0.3 else "start" if side > 0 else "end"
    yield f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
    if told:
        yield (
            f'<text class="faint" x="{x:.1f}" y="{y + 15:.1f}" text-anchor="{anchor}">{told}</text>'
        )
