"""A made-up run to write, read and print: the figures are arbitrary, only their form matters."""

from netsim.pools.counts import LinkCounts
from netsim.pools.ledger import NO_BLOCK, Account, Ledger, Movement
from netsim.results.histograms import LaneHistogram
from netsim.results.parts import LaneResult, LinkResult, PaperFigures, TwinResult, UserResult
from netsim.results.provenance import Provenance
from netsim.results.run import Performance, Run
from netsim.units import PS_PER_S
from protocols.wire.counts import WireCounts

DURATION_PS = 60 * PS_PER_S
LINK = "Alice&Bob"
ENDS = ("Alice", "Bob")


def made_up_movements() -> tuple[Movement, ...]:
    """Two rounds of one link: the first deposits, the second fails."""
    movements: list[Movement] = []
    ledger = Ledger(movements)
    for end in ENDS:
        ledger.append(Movement(0, LINK, end, NO_BLOCK, Account.PRESHARED, Account.RESERVE, 16_512))
    for block, rows in enumerate((_good_round(), _failed_round())):
        for end in ENDS:
            for debit, credit, bits in rows:
                time_ps = 30 * (block + 1) * PS_PER_S
                ledger.append(Movement(time_ps, LINK, end, block, debit, credit, bits))
    return tuple(movements)


def _good_round() -> list[tuple[Account, Account, int]]:
    return [
        (Account.LIGHT, Account.OPEN, 48_000),
        (Account.PARITIES, Account.WIRE, 9_000),
        (Account.VERIFICATION, Account.WIRE, 64),
        (Account.OPEN, Account.AMPLIFIED, 20_000),
        (Account.OPEN, Account.DOUBT, 28_000),
        (Account.DOUBT, Account.RESERVE, 128),
        (Account.DOUBT, Account.POOL, 27_872),
        (Account.RESERVE, Account.SPENT, 128),
    ]


def _failed_round() -> list[tuple[Account, Account, int]]:
    return [(Account.LIGHT, Account.OPEN, 47_000), (Account.OPEN, Account.FAILED, 47_000)]


def made_up_run(*, partial: bool = False, name: str = "Bob") -> Run:
    """One link with two lanes: one with key and a published figure, one without a single bit."""
    users = ("Alice", name)
    paper = PaperFigures(858.0, 0.932, 0.034, 454.6, note="printed as 585.0")
    return Run(
        topology="made_up",
        seed=7,
        duration_ps=DURATION_PS,
        lanes=(
            LaneResult(
                users,
                ("C50", "C30"),
                DURATION_PS,
                coincidences=103_456,
                sifted_bits=51_600,
                errors=1_733,
                twin=TwinResult(858.0, 0.03393, 454.6),
                paper=paper,
            ),
            LaneResult(users, ("C54", "C26"), DURATION_PS, 0, 0, 0, TwinResult(1e-3, 0.4, 0.0)),
        ),
        links=(
            LinkResult(
                users,
                DURATION_PS,
                counts=LinkCounts(
                    blocks=2,
                    blocks_failed=1,
                    sifted_bits=51_600,
                    leaked_bits=18_000,
                    verified_leak_bits=9_000,
                    charged_bits=10_000,
                    shannon_bits=8_571.5,
                    verification_bits=64,
                    auth_spent_bits=128,
                    deposited_bits=28_000,
                    round_trips=19,
                ),
                wire=WireCounts(messages=41, bytes=1_234_567),
            ),
        ),
        users=(
            UserResult("Alice", DURATION_PS, (3_000_000, 3_000_001, 3_000_002, 3_345_676)),
            UserResult(name, DURATION_PS, (3, 0, 0, 0)),
        ),
        performance=Performance(wall_s=8.5, tags=12_345_682),
        provenance=Provenance("0" * 64, (("python", "3.11.0"), ("numpy", "2.0.0"))),
        partial=partial,
        histograms=(
            LaneHistogram(users, ("C50", "C30"), 4896, 2000, 2896, 500, (3, 0, 40, 55, 12, 0, 1)),
            LaneHistogram(users, ("C54", "C26"), -7, 1999, -1506, 500, (0, 0, 0, 1, 0, 0)),
        ),
        paper_source="A made-up paper (2025)",
        paper_total_skr_bps=1946.9,
    )
