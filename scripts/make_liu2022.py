"""Writes ``topologies/liu2022.toml``: 40 users and 780 links are too many to type.

Run it as ``python scripts/make_liu2022.py > topologies/liu2022.toml``.
"""

import sys
from collections.abc import Iterator
from itertools import combinations

SUBNETS = "abcde"
USERS_PER_SUBNET = 8
CENTRE = 34
"""Label at half the frequency of the pump."""

HEAD = """\
# 40 users, 780 links: the network of Liu et al. 2022, five subnets of eight users. One pair of
# channels serves each subnet, and one pair each two of them; a passive splitter hands what arrives
# at a subnet to its eight users. So thirty channels do where one pump without splitters takes 1560.
#
# Written by scripts/make_liu2022.py: change that, not this.
#
# Marks:  [paper] Liu et al., PhotoniX 3, 2 (2022), doi 10.1186/s43074-022-00048-2, abstract
#         [review] reported of it in "Eight users on one chip", MheniMerz.github.io (2026)
#         [calc] follows by calculation   [fit] see there   [assumed] chosen
#
# [review] has five interconnected subnets of eight users behind a passive array of gratings, with
# 51 bit/s within a subnet and 22 bit/s between two. The plainest allocation that does it [calc]:
# one pair of channels a subnet, both of them split to all its users, and one pair each two subnets.
# A link within a subnet then gets twice the pairs of one between two, for either channel may go to
# either user. The paper's own table of channels was not at hand, nor how it makes key of its
# energy-time entanglement; here time-bin receivers do. So the brightness is fitted to the 22 bit/s,
# and only the ratio of the two rates is compared.

name = "liu2022"
description = "40 users, 30 channels, 780 links: five subnets of eight users behind splitters"

[qnsp]
pump_rejection_loss_db = 0.5            # [assumed]

[qnsp.source]
kind = "spdc"                           # [assumed] broadband energy-time entangled pairs [paper]
brightness_hz_per_mw = 1.15e5           # [fit] 22 bit/s between two subnets
pump_power_mw = 1.0                     # [assumed] goes with the brightness
sum_labels = 68                         # [assumed] pairs lie about C34
linewidth_hz = 100e9                    # [assumed] channels of 100 GHz
coupling_loss_db = 1.0                  # [assumed]
contrast = 0.98                         # [assumed] interference contrast V0

# What the way of a channel loses, in dB: crystal 1.0, pump rejection 0.5, grating 1.5, splitter
# 9.03 and 0.5, receiver excess 1.5, detector 0.969, fibre 0.002.

"""

TAIL = """\
[receivers.bench]
z_probability = 0.5                     # [assumed]
excess_loss_db = 1.5                    # [assumed] beam splitter and interferometer
tick_ps = 10                            # [assumed] time-to-digital converter

[receivers.bench.z]
delay_ps = 10_000                       # [assumed] << pump coherence time
phase_rad = 0.0                         # [assumed]

[receivers.bench.x]
delay_ps = 10_000                       # [assumed] as above
phase_rad = 1.5707963267948966          # [assumed] pi / 2

[[receivers.bench.detectors]]           # one entry for all four superconducting nanowire detectors
efficiency = 0.8                        # [assumed]
dark_rate_hz = 100.0                    # [assumed]
jitter_fwhm_ps = 70.0                   # [assumed]
dead_time_ps = 25_000                   # [assumed]

[receivers.bench.clock]
offset_bound_ps = 100_000_000           # [assumed] 0.1 ms: network time nearby
rate_bound_ppm = 0.4                    # [assumed] oven-controlled crystal
allan_deviation_1s = 5e-11              # [assumed]

"""

FOOT = """\
[classical]
bandwidth_bps = 1e9                     # [assumed] gigabit Ethernet, one for each link
group_index = 1.468                     # [assumed] a fibre like the quantum one
jitter_ps = 1_000_000                   # [assumed] 1 us
extra_length_m = 0.0                    # [assumed]
max_datagram_bytes = 9000               # [assumed] jumbo frames

[protocol]
window_ps = 1000                        # [assumed] full width
round_s = 60.0                          # [assumed] long enough for the weakest link to pay its tags
reconciliation = "cascade-yanetal"      # Martinez-Mateo et al., arXiv:1407.3257
initial_qber = 0.05                     # [assumed] first guess only
error_correction_charge = "paper"       # f = 1.2, as in Fan et al. 2025
verification_bits = 64                  # [assumed] failure 2^-64
"""


def users_of(subnet: str) -> list[str]:
    """Names of the users of one subnet."""
    return [f"{subnet}{number}" for number in range(1, USERS_PER_SUBNET + 1)]


def channel(label: int, subnet: str) -> str:
    """One channel, split to all users of a subnet."""
    names = ", ".join(f'"{user}"' for user in users_of(subnet))
    return (
        "[[qnsp.channels]]\n"
        f'channel = "C{label}"\n'
        f"users = [{names}]\n"
        "loss_db = 1.5                           # [assumed] array of gratings, in and out\n"
        "splitter_loss_db = 0.5                  # [assumed] beyond the division by eight\n"
        "\n"
    )


def channels() -> Iterator[str]:
    """All thirty: pairs about the centre, the subnets' own first."""
    ends = [(subnet, subnet) for subnet in SUBNETS] + list(combinations(SUBNETS, 2))
    for distance, (one, other) in enumerate(ends, start=1):
        yield channel(CENTRE - distance, one)
        yield channel(CENTRE + distance, other)


def user(name: str) -> str:
    """One user."""
    return (
        "[[users]]\n"
        f'name = "{name}"\n'
        'receiver = "bench"                      # [assumed] all users alike\n'
        "\n"
        "[users.fibre]\n"
        "length_m = 10.0                         # [assumed] on the bench\n"
        "attenuation_db_per_km = 0.2             # [assumed] single-mode fibre (ITU-T G.652)\n"
        "group_index = 1.468                     # [assumed] the same\n"
        "dispersion_ps_per_nm_km = 17.0          # [assumed] the same\n"
        "\n"
    )


def topology() -> str:
    """The whole file."""
    users = "".join(user(name) for subnet in SUBNETS for name in users_of(subnet))
    return HEAD + "".join(channels()) + TAIL + users + FOOT


if __name__ == "__main__":
    sys.stdout.write(topology())
