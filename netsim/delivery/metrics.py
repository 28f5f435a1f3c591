"""What a serving process counts, in the text format of Prometheus; no key, no id."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType

from netsim.demand.terms import Thresholds


class Metrics:
    """Requests by user, operation and code; keys handed out by user and side."""

    def __init__(self) -> None:
        self._requests = Counter[tuple[str, str, int]]()
        self._keys = Counter[tuple[str, str]]()

    def count(self, user: str, operation: str, code: int, keys: int) -> None:
        """One request that has been answered."""
        self._requests[user, operation, code] += 1
        self._keys[user, operation] += keys

    def text(
        self,
        free_bits: Mapping[tuple[str, str], int],
        thresholds: Mapping[str, Thresholds] = MappingProxyType({}),
    ) -> str:
        """All of it.

        Parameters
        ----------
        free_bits : mapping
            (user, link) to bits that are in no key.
        thresholds : mapping
            Link to its levels, so that whoever looks on can tell a pool that is low.
        """
        lines = ["# TYPE netsim_requests_total counter"]
        lines += [
            f'netsim_requests_total{{user="{user}",operation="{operation}",code="{code}"}} {count}'
            for (user, operation, code), count in sorted(self._requests.items())
        ]
        lines.append("# TYPE netsim_keys_total counter")
        lines += [
            f'netsim_keys_total{{user="{user}",operation="{operation}"}} {count}'
            for (user, operation), count in sorted(self._keys.items())
        ]
        lines.append("# TYPE netsim_free_bits gauge")
        lines += [
            f'netsim_free_bits{{user="{user}",link="{link}"}} {bits}'
            for (user, link), bits in sorted(free_bits.items())
        ]
        lines += _levels(thresholds)
        return "\n".join(lines) + "\n"


def _levels(thresholds: Mapping[str, Thresholds]) -> Iterator[str]:
    """``netsim_minimum_bits`` and so on, of links that have them."""
    known = {link: asdict(levels) for link, levels in sorted(thresholds.items())}
    for name in dict.fromkeys(name for levels in known.values() for name in levels):
        yield f"# TYPE netsim_{name} gauge"
        for link, levels in known.items():
            if levels[name] is not None:
                yield f'netsim_{name}{{link="{link}"}} {levels[name]}'
