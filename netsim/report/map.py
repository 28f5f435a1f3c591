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

RADIUS, NAME_RADIUS = 235.0, 268.0
"""Pixels: of the circle of users about the provider, and of their names."""
LETTER, ABOVE, BELOW, MARGIN = 7.5, 14.0, 24.0, 10.0
"""Pixels: of a letter of a name, above and below its line, and around everything."""
LEAST_HALF_WIDTH = 290.0
"""Room for the line below everything."""
BOW = 0.32
"""How far an arc leaves the straight way, in lengths of it."""
MOST_WIDTH, LEAST_WIDTH = 11.0, 0.8
MANY_LINKS = 60
"""More arcs than these are fainter, and thinner so that all cover as much."""
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
.net .many { stroke-opacity: .2; }
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
    left, top, width, height = _frame(topology)
    body = "\n".join(_body(topology, rates_bps, rate_name, at=(left + 8, top + height - MARGIN)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net" '
        f'viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
        f'role="img" aria-label="{escape(f"map of {topology.name}")}">\n<style>{STYLE}</style>\n'
        f'<rect class="paper" x="{left:.0f}" y="{top:.0f}" width="100%" height="100%"/>\n'
        f"{body}\n</svg>\n"
    )


def _frame(topology: TopologySpec) -> tuple[float, float, float, float]:
    """Left, top, width and height of what holds all names; the provider is in the middle."""
    half_width, places = LEAST_HALF_WIDTH, _places(topology)
    for user in topology.users:
        angle = places[user.name]
        x, _ = _at(angle, NAME_RADIUS)
        letters = max(len(user.name), len(_length_text(user)))
        beyond = LETTER * letters * (0.5 if _is_middle(angle) else 1.0)
        half_width = max(half_width, abs(x) + beyond + MARGIN)
    heights = [_at(angle, NAME_RADIUS)[1] for angle in places.values()]
    top = min(heights) - ABOVE - MARGIN
    return -half_width, top, 2 * half_width, max(heights) + 2 * BELOW + MARGIN - top


def _body(
    topology: TopologySpec, rates_bps: Mapping[Users, float], rate_name: str, *, at: Place
) -> Iterator[str]:
    places = _places(topology)
    is_named = len(places) <= MOST_NAMED
    yield from _arcs(places, rates_bps)
    for user in topology.users:
        yield from _fibre(topology, user, places[user.name], is_named=is_named)
    for user in topology.users:
        yield from _names(topology, user, places[user.name], is_named=is_named)
    yield '<circle class="node" cx="0" cy="0" r="9"/>'
    most = max(rates_bps.values(), default=0.0)
    yield (
        f'<text class="faint" x="{at[0]:.1f}" y="{at[1]:.1f}">provider in the middle; arcs: '
        f"{escape(rate_name)}, up to {most:.4g} bit/s; broken: none</text>"
    )


def _places(topology: TopologySpec) -> dict[str, float]:
    """Angle of each user, the first one on top, clockwise."""
    count = len(topology.users)
    return {
        user.name: 2 * math.pi * k / count - math.pi / 2 for k, user in enumerate(topology.users)
    }


def _at(angle: float, radius: float) -> Place:
    return radius * math.cos(angle), radius * math.sin(angle)


def _arcs(places: Mapping[str, float], rates_bps: Mapping[Users, float]) -> Iterator[str]:
    most = max(rates_bps.values(), default=0.0)
    crowd = len(rates_bps) / MANY_LINKS
    thickest, faintness = (MOST_WIDTH / crowd, " many") if crowd > 1.0 else (MOST_WIDTH, "")
    for (one, other), rate_bps in rates_bps.items():
        (x, y), (u, v) = _at(places[one], RADIUS), _at(places[other], RADIUS)
        bend_x, bend_y = min(_bends((x, y), (u, v)), key=_off_centre)
        share = math.sqrt(rate_bps / most) if most > 0.0 and rate_bps > 0.0 else 0.0
        kind = f"link{faintness}" if share else "link dark"
        yield (
            f'<path class="{kind}" stroke-width="{max(LEAST_WIDTH, thickest * share):.2f}" '
            f'd="M{x:.1f} {y:.1f}Q{bend_x:.1f} {bend_y:.1f} {u:.1f} {v:.1f}">'
            f"<title>{escape(one)} &amp; {escape(other)}: {rate_bps:.4g} bit/s</title></path>"
        )


def _bends(one: Place, other: Place) -> Iterator[Place]:
    """Where an arc between two places may be drawn to, on either side of the straight way."""
    (x, y), (u, v) = one, other
    for side in (-BOW, BOW):
        yield (x + u) / 2 + side * (v - y), (y + v) / 2 - side * (u - x)


def _off_centre(place: Place) -> float:
    return math.hypot(*place)


def _fibre(
    topology: TopologySpec, user: UserSpec, angle: float, *, is_named: bool
) -> Iterator[str]:
    (x, y), (u, v) = _at(angle, 12.0), _at(angle, RADIUS)
    fibre = user.fibre
    told = _length_text(user)
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


def _length_text(user: UserSpec) -> str:
    return f"{user.fibre.length_m / 1000:g} km"


def _is_middle(angle: float) -> bool:
    """Whether a name is above or below its user."""
    return abs(math.cos(angle)) < 0.3


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
    told = _length_text(user) if is_named else ""
    yield from _name(user.name, told, angle)


def _name(name: str, told: str, angle: float) -> Iterator[str]:
    x, y = _at(angle, NAME_RADIUS)
    anchor = "middle" if _is_middle(angle) else "start" if x > 0 else "end"
    yield f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
    if told:
        yield (
            f'<text class="faint" x="{x:.1f}" y="{y + 15:.1f}" text-anchor="{anchor}">{told}</text>'
        )
