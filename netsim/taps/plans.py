"""Who sits where on the wires, and when, by the taps of a topology."""

from collections.abc import Sequence

from netsim.taps.tap import TapPlan
from netsim.topology.wire import TapSpec
from netsim.units import ps_from_s


def plans_of(specs: Sequence[TapSpec], links: Sequence[tuple[str, str]]) -> tuple[TapPlan, ...]:
    """Plans of the taps of a topology that sit on any of its links; the others have no effect."""
    return tuple(plan_of(spec) for spec in specs if any(spec.sits_on(link) for link in links))


def plan_of(spec: TapSpec) -> TapPlan:
    """The plan that a topology's entry describes."""
    from netsim.taps.kinds import tap_maker  # noqa: PLC0415  # where there are any

    names = ["probability", "delay_ps"]
    names += [] if spec.datagram is None else ["datagram", "byte", "bit"]
    values = {name: getattr(spec, name) for name in names}
    return TapPlan(
        make=tap_maker(spec.kind, **{k: v for k, v in values.items() if v is not None}),
        link=spec.link,
        sender=spec.sender,
        start_ps=ps_from_s(spec.start_s),
        stop_ps=None if spec.stop_s is None else ps_from_s(spec.stop_s),
    )
