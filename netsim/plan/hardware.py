"""What a plan is built with: the hardware of a template topology, for other users and other labels.

It knows templates and combs, not who gets which label. What belongs to the template's own labels
and links (factors of pair processes, faults, events, published figures) is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netsim.errors import ConfigError
from netsim.plan.comb import Comb
from netsim.topology.labels import channel_of
from netsim.topology.source import PumpSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec, FibreSpec, UserSpec


@dataclass(frozen=True, slots=True)
class Hardware:
    """Source, provider, receivers, fibres, classical channel and protocol of a plan.

    Attributes
    ----------
    template : TopologySpec
        Where all that comes from. User k of a plan gets what the template's user of the same name
        has, else its user k modulo their number.
    channel_losses_db : mapping of int to float
        Loss of the demultiplexer by label.
    other_loss_db : float or None
        Of the labels not in there; None: the mean of the template's channels.
    lengths_m : mapping of str to float
        Fibre lengths that differ from the template's, by user.
    """

    template: TopologySpec
    channel_losses_db: Mapping[int, float] = field(default_factory=dict)
    other_loss_db: float | None = None
    lengths_m: Mapping[str, float] = field(default_factory=dict)

    @property
    def ring(self) -> RingSourceSpec:
        """The template's source; ConfigError if it is no ring, or is pumped in pulses."""
        source = self.template.qnsp.source
        if not isinstance(source, RingSourceSpec):
            message = f"{self.template.name} has no ring: only rings and their pumps are planned"
            raise ConfigError.of("--topology", message)
        if source.pulses is not None:
            message = f"{self.template.name} is pumped in pulses: only continuous pumps are planned"
            raise ConfigError.of("--topology", message)
        return source

    def source(self, comb: Comb, power_mw: float) -> RingSourceSpec:
        """The template's ring with the pumps of a comb, each of ``power_mw`` in the fibre."""
        noise_hz = self.ring.pumps[0].frequency_noise_hz
        pumps = (
            PumpSpec(channel=channel_of(pump), power_mw=power_mw, frequency_noise_hz=noise_hz)
            for pump in comb.pumps
        )
        changes = {
            "pumps": tuple(pumps),
            "pairs": (),
            "comb_spacing_labels": comb.spacing_labels,
            "self_pairs": "deliver" if comb.has_self_pairs else "refuse",
        }
        return self.ring.model_copy(update=changes)

    def user(self, name: str, index: int) -> UserSpec:
        """Fibre, receiver and clock of a user of the plan."""
        users = {user.name: user for user in self.template.users}
        like = users.get(name, self.template.users[index % len(users)])
        changes = {"name": name, "fibre": self._fibre(name, like.fibre), "is_present": True}
        return like.model_copy(update=changes)

    def _fibre(self, name: str, fibre: FibreSpec) -> FibreSpec:
        length_m = self.lengths_m.get(name, fibre.length_m)
        return fibre.model_copy(update={"length_m": length_m, "is_cut": False})

    def channel(self, label: int, users: Sequence[str]) -> DeliveredChannelSpec:
        """A label delivered to one user, or split between several."""
        noises = [channel.noise_hz_per_mw for channel in self.template.qnsp.channels]
        return DeliveredChannelSpec(
            channel=channel_of(label),
            user=users[0] if len(users) == 1 else None,
            users=tuple(users) if len(users) > 1 else None,
            loss_db=self.loss_db(label),
            noise_hz_per_mw=sum(noises) / len(noises),
        )

    def loss_db(self, label: int) -> float:
        """Loss of the demultiplexer for a label."""
        other_db = self.mean_loss_db if self.other_loss_db is None else self.other_loss_db
        return self.channel_losses_db.get(label, other_db)

    @property
    def mean_loss_db(self) -> float:
        """Mean loss of the template's channels, to a thousandth."""
        own = [channel.loss_db for channel in self.template.qnsp.channels]
        return round(sum(own) / len(own), 3)


def bare_topology(
    hardware: Hardware,
    users: Sequence[str],
    source: RingSourceSpec,
    channels: Sequence[DeliveredChannelSpec],
    *,
    name: str,
    description: str = "",
) -> TopologySpec:
    """A topology of this hardware without patch fibres, faults, events and attackers."""
    template = hardware.template
    provider = {"source": source, "channels": tuple(channels)}
    return TopologySpec(
        name=name,
        description=description,
        frame_s=template.frame_s,
        qnsp=template.qnsp.model_copy(update=provider),
        receivers=template.receivers,
        users=tuple(hardware.user(user, k) for k, user in enumerate(users)),
        classical=template.classical.model_copy(update={"bandwidth_changes": (), "outages": ()}),
        protocol=template.protocol,
    )
