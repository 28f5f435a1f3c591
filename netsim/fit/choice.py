"""Which of the measured figures a fit meets: from rows of tables to data.

Of the figures of a lane that say the same (error rate, visibility, key rate) one is used:

1. the one with a standard deviation, the error rate before the visibility;
2. else the error rate that follows from the key rate N [1 - 2.2 h(Q)] [1]_, if it rounds to the
   printed one: publications print Q with two digits, and the key rate holds two more;
3. else the error rate as printed, or that of the visibility, (1 - V) / 2.

Figures of a row that contradict each other are told, not mended.

References
----------
.. [1] Y.-R. Fan et al., Light Sci. Appl. 14 (2025), doi 10.1038/s41377-025-01805-1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from netsim.errors import ConfigError, Fault
from netsim.fit.data import Data, Datum
from netsim.fit.measured import (
    N_SIFT,
    QBER,
    RELATIVE_SINGLES,
    SIGMAS,
    SINGLES,
    SKR,
    VISIBILITY,
    Figure,
    Row,
)
from netsim.fit.subjects import Subject, find_subject
from netsim.topology.network import Network
from protocols.keylength.keyrate import qber_limit, skr_asymptotic_bps

ROUNDING_MARGIN = 1.2
"""A figure may have been rounded twice on its way into a table."""


def data_of(rows: Sequence[Row], network: Network, *, relative_error: float) -> Data:
    """Choose the data among measured figures.

    Parameters
    ----------
    rows : sequence of Row
        As `netsim.fit.measured` reads them.
    network : Network
        What was measured.
    relative_error : float
        Of every figure without a standard deviation, > 0.

    Raises
    ------
    ConfigError
        Lanes, users or channels that the network has not, zeros without a standard deviation.
    """
    if not 0.0 < relative_error < 1.0:
        reason = f"{relative_error:g} is not between 0 and 1"
        raise ConfigError.of("--relative-error", reason)
    faults: list[Fault] = []
    subjects = [find_subject(row, network, faults) for row in rows]
    faults += _repeated(rows, subjects)
    faults += [fault for row in rows for fault in _zeros(row)]
    if faults:
        raise ConfigError(tuple(faults))
    data = [
        datum
        for row, subject in zip(rows, subjects, strict=True)
        if subject is not None
        for datum in _chosen(row, subject, relative_error)
    ]
    remarks = [f"{row.where}: {text}" for row in rows for text in _contradictions(row)]
    return Data(tuple(data), tuple(remarks))


def qber_from_key_rate(sifted_hz: float, skr_bps: float) -> float | None:
    """Error rate Q of N [1 - 2.2 h(Q)]; None if there is no such Q or the key rate is zero."""
    if not 0.0 < skr_bps <= sifted_hz:
        return None
    low, high = 0.0, qber_limit()
    while (middle := (low + high) / 2.0) not in {low, high}:
        if skr_asymptotic_bps(sifted_hz, middle) > skr_bps:
            low = middle
        else:
            high = middle
    return low


def _chosen(row: Row, subject: Subject, relative_error: float) -> Iterator[Datum]:
    """Rates, then error rate or visibility, then what is only compared."""
    for quantity in (SINGLES, RELATIVE_SINGLES, N_SIFT):
        if quantity in row.figures:
            yield _datum(row, subject, quantity, row.figures[quantity], relative_error)
    error = _error_figure(row.figures)
    if error is not None:
        quantity, figure, note = error
        yield replace(_datum(row, subject, quantity, figure, relative_error), note=note)
    if SKR in row.figures and row.figures[SKR].value > 0.0:
        compared = _datum(row, subject, SKR, row.figures[SKR], relative_error)
        yield replace(compared, is_used=False)


def _datum(
    row: Row, subject: Subject, quantity: str, figure: Figure, relative_error: float
) -> Datum:
    is_relative = quantity == RELATIVE_SINGLES
    sigma = figure.sigma
    if sigma is not None and is_relative:
        sigma /= figure.value
    return Datum(
        kind=row.kind,
        names=subject.names,
        users=subject.users,
        item=subject.item,
        quantity=quantity,
        value=figure.value,
        sigma=relative_error if sigma is None else sigma,
        is_ratio=is_relative or sigma is None,
        is_assumed=sigma is None,
        group=row.where.rpartition(":")[0] if is_relative else "",
    )


def _error_figure(figures: Mapping[str, Figure]) -> tuple[str, Figure, str] | None:
    """Quantity, figure and note of what is used of error rate, visibility and key rate."""
    for quantity in (QBER, VISIBILITY):
        if quantity in figures and figures[quantity].sigma is not None:
            return quantity, figures[quantity], ""
    if QBER in figures:
        refined = _refined_qber(figures)
        if refined is None:
            return QBER, figures[QBER], ""
        return QBER, Figure(refined, None, 0.0), f"{figures[QBER].value:g}, by the key rate"
    if VISIBILITY in figures:
        error = (1.0 - figures[VISIBILITY].value) / 2.0
        return QBER, Figure(error, None, 0.0), f"visibility {figures[VISIBILITY].value:g}"
    return None


def _refined_qber(figures: Mapping[str, Figure]) -> float | None:
    """Error rate by the key rate, if it rounds to the one that is given."""
    if not {N_SIFT, QBER, SKR} <= figures.keys():
        return None
    refined = qber_from_key_rate(figures[N_SIFT].value, figures[SKR].value)
    if refined is None or abs(refined - figures[QBER].value) > _leeway(figures[QBER]):
        return None
    return refined


def _contradictions(row: Row) -> Iterator[str]:
    qber, visibility = row.figures.get(QBER), row.figures.get(VISIBILITY)
    if qber is not None and visibility is not None:
        expected = 1.0 - 2.0 * qber.value
        if abs(visibility.value - expected) > _leeway(visibility) + 2.0 * _leeway(qber):
            yield f"visibility {visibility.value:g} is not 1 - 2 qber = {expected:g}"
    if {N_SIFT, QBER, SKR} <= row.figures.keys() and _refined_qber(row.figures) is None:
        yield from _key_rate_contradiction(row.figures)


def _key_rate_contradiction(figures: Mapping[str, Figure]) -> Iterator[str]:
    """Key rate that neither follows from the other two nor is zero where it may be."""
    sifted_hz, qber, skr_bps = (figures[name].value for name in (N_SIFT, QBER, SKR))
    if skr_bps == 0.0 and qber + _leeway(figures[QBER]) >= qber_limit():
        return
    expected_bps, per_bit = skr_asymptotic_bps(sifted_hz, qber), skr_asymptotic_bps(1.0, qber)
    other = qber_from_key_rate(sifted_hz, skr_bps)
    meant = [f"n_sift_hz {skr_bps / per_bit:.1f}"] if per_bit > 0.0 and skr_bps > 0.0 else []
    meant += [f"qber {other:.4f}"] if other is not None else []
    hint = f"; that would take {' or '.join(meant)}" if meant else ""
    yield (
        f"n_sift_hz {sifted_hz:g} and qber {qber:g} give {expected_bps:.1f} bit/s, "
        f"skr_bps says {skr_bps:g}{hint}"
    )


def _leeway(figure: Figure) -> float:
    """How far a figure may be from what it stands for: its rounding, or three sigma."""
    return max(ROUNDING_MARGIN * figure.rounding, 3.0 * (figure.sigma or 0.0))


def _zeros(row: Row) -> Iterator[Fault]:
    for name, sigma in SIGMAS.items():
        figure = row.figures.get(name)
        if figure is None:
            continue
        if name == RELATIVE_SINGLES and figure.value == 0.0:
            yield Fault(row.where, f"{name}: 0 has no ratio to others; leave the cell blank")
        elif figure.sigma is None and figure.value == (1.0 if name == VISIBILITY else 0.0):
            reason = f"{figure.value:g} has no relative error: give {sigma}"
            yield Fault(row.where, f"{name}: {reason}")


def _repeated(rows: Sequence[Row], subjects: Sequence[Subject | None]) -> Iterator[Fault]:
    first: dict[tuple[str, Subject], str] = {}
    for row, subject in zip(rows, subjects, strict=True):
        if subject is None:
            continue
        if (row.kind, subject) in first:
            reason = f"{subject.item} was already given in {first[row.kind, subject]}"
            yield Fault(row.where, reason)
        first.setdefault((row.kind, subject), row.where)
