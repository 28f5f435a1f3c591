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

SIZE, RADIUS, NAME_RADIUS, NEAR_RADIUS = 760.0, 235.0, 268.0, 17.0
"""Pixels: of the picture, of the circle of users, of their names, and of the provider's."""
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
    middle = SIZE / 2
    yield f'<circle class="node" cx="{middle:g}" cy="{middle:g}" r="9"/>'
    x, y = _at(math.pi / len(places) - math.pi / 2, NEAR_RADIUS)  # between two fibres
    yield f'<text x="{x:.1f}" y="{y + 4:.1f}">provider</text>'
    most = max(rates_bps.values(), default=0.0)
    yield (
        f'<text class="faint" x="8" y="{SIZE - 10:g}">arcs: {escape(rate_name)}, up to '
        f"{most:.4g} bit/s; broken: none</text>"
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
    for k, channel in enumerate(topology.channels_of(user)):
        radius = 62.0 + 27.0 * k if is_named else 40.0 + 8.0 * (k % 20)
        yield from _channel(
            channel.channel, _at(angle, min(radius, RADIUS - 20)), is_named=is_named
        )
    yield f'<circle class="node" cx="{u:.1f}" cy="{v:.1f}" r="{6 if is_named else 3}"/>'
    yield from _name(user.name, told if is_named else "", angle)


def _channel(name: str, place: Place, *, is_named: bool) -> Iterator[str]:
    colour = COLOURS[int(name[1:]) // 2 % (len(COLOURS) - 2)]
    x, y = place
    yield (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{6 if is_named else 3}" fill="{colour}">'
        f"<title>{escape(name)}</title></circle>"
    )
    if is_named:
        yield f'<text class="faint" x="{x + 9:.1f}" y="{y - 6:.1f}">{escape(name)}</text>'


def _name(name: str, told: str, angle: float) -> Iterator[str]:
    x, y = _at(angle, NAME_RADIUS)
    side = math.cos(angle)
    anchor = "middle" if abs(side) < 0.3 else "start" if side > 0 else "end"
    yield f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
    if told:
        yield (
            f'<text class="faint" x="{x:.1f}" y="{y + 15:.1f}" text-anchor="{anchor}">{told}</text>'
        )
