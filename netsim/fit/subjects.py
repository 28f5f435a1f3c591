"""Who and what a measured row is of: names as written, looked up in the network.

Users may be given by what only one of their names begins with (``A`` of alice); channels in any
order, those of lanes whose peaks coincide joined by ``+``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from netsim.errors import Fault, suggestion
from netsim.fit.measured import Row
from netsim.topology.network import Network

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a row is of, as the network has it.

    Attributes
    ----------
    names : tuple of str
        The two channels of a lane, or the one channel or user.
    users : tuple of str
        Their users.
    item : str
        What it is called; with its users where split channels make that necessary.
    """

    names: Names
    users: Names
    item: str


def find_subject(row: Row, network: Network, faults: list[Fault]) -> Subject | None:
    """Find what ``row`` is of; None, and a fault more, if there is no such thing."""
    finder = _Finder(row, network)
    found = finder.find()
    faults += [Fault(row.where, reason) for reason in finder.reasons]
    return None if finder.reasons else found


class _Finder:
    """Looks for the subject of one row."""

    def __init__(self, row: Row, network: Network) -> None:
        self._row, self._network = row, network
        self.reasons: list[str] = []

    def find(self) -> Subject | None:
        """Find it, or say why not in `reasons`."""
        match self._row.kind:
            case "user":
                name = self._user("user", self._row.names[0])
                return Subject((name,), (name,), name)
            case "channel":
                ways = [((way.channel,), (way.user,)) for way in self._network.channels]
                return self._choose("user", "not delivered; delivered are", ways)
            case _:
                lanes = [(lane.channels, lane.users) for lane in self._network.lanes]
                return self._choose("users", "no lane; lanes are", lanes)

    def _choose(
        self, column: str, none: str, candidates: Iterable[tuple[Names, Names]]
    ) -> Subject | None:
        """The one candidate with the names and, if they are given, the users of the row."""
        known = list(candidates)
        shown = _shown("&".join(self._row.names))
        alike = [(names, users) for names, users in known if _key(names) == _key(self._row.names)]
        if not alike:
            others = ", ".join(dict.fromkeys("&".join(names) for names, _ in known))
            self.reasons.append(f"{self._row.kind}: {shown} is {none} {others}")
        wanted = {self._user(column, user) for user in self._row.users}
        if self.reasons:
            return None
        chosen = [(names, users) for names, users in alike if wanted in (set(), set(users))]
        if len(chosen) == 1:
            names, users = chosen[0]
            item = "&".join(names)
            whose = f" ({' & '.join(users)})" if len(alike) > 1 else ""
            return Subject(names, users, item + whose)
        whose = ", ".join(" & ".join(users) for _, users in alike)
        given = _shown(" & ".join(self._row.users))
        rest = f", not of {given}" if wanted else f": the column {column} must say which"
        self.reasons.append(f"{column}: {shown} is that of {whose}{rest}")
        return None

    def _user(self, column: str, text: str) -> str:
        """Full name of a user; empty, and a reason more, if there is none."""
        names = [user.name for user in self._network.topology.users]
        begun = [name for name in names if name.lower().startswith(text.lower())]
        if text in names or len(begun) == 1:
            return text if text in names else begun[0]
        meant = suggestion(text, names)
        hint = f"did you mean {meant}?" if meant else f"users are {', '.join(names)}"
        self.reasons.append(f"{column}: unknown user {_shown(text)}; {hint}")
        return ""


def _key(names: Names) -> frozenset[frozenset[str]]:
    """The same for the same channels in any order."""
    return frozenset(frozenset(name.split("+")) for name in names)


def _shown(text: str) -> str:
    return ascii(text[:40])[1:-1]
