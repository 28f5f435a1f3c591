"""Variants of one kind by name: built in, registered by a program, or installed by a third party.

A third party's distribution declares an entry point in the group ``qnsp_netsim.KIND``::

    [project.entry-points."qnsp_netsim.security"]
    cautious = "my_package:Cautious"

Nothing is imported before a variant is asked for by its name. What a name stands for is a class (or
any callable without arguments) that makes an instance of the kind's interface.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import TracebackType
from typing import Generic, TypeVar

from protocols.errors import LocalProtocolError, ProtocolError

GROUP_PREFIX = "qnsp_netsim."
MAX_NAME_CHARACTERS = 64

T = TypeVar("T")


class VariantError(LocalProtocolError):
    """No such variant, or one that cannot be used; all arguments are positional, so it pickles.

    Parameters
    ----------
    kind, name : str
        As in the topology.
    reason : str
        One line.
    """

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(kind, name, reason)
        self.kind, self.name, self.reason = kind, name, reason

    def __str__(self) -> str:
        return f"{self.kind} {self.name!a}: {self.reason}"


class Registry(Generic[T]):
    """All variants of one kind.

    Parameters
    ----------
    kind : str
        Key of the topology that names them.
    interface : type
        What they are instances of.
    builtin : mapping
        Name to ``module:attribute``.
    """

    def __init__(self, kind: str, interface: type[T], builtin: Mapping[str, str]) -> None:
        self.kind = kind
        self._interface = interface
        self._builtin = dict(builtin)
        self._registered: dict[str, Callable[[], object]] = {}
        self._made: dict[str, T] = {}

    @property
    def group(self) -> str:
        """Group of the entry points of this kind."""
        return GROUP_PREFIX + self.kind

    @property
    def builtin(self) -> tuple[str, ...]:
        """Names of the variants that come with this distribution, the default first."""
        return tuple(self._builtin)

    def names(self) -> tuple[str, ...]:
        """All names: built in, registered, installed; nothing is imported for it."""
        return tuple(dict.fromkeys((*self._builtin, *self._registered, *_installed(self.group))))

    def origin(self, name: str) -> str:
        """Where a variant comes from: ``built in``, ``this program``, or a distribution.

        Raises
        ------
        VariantError
            If there is none.
        """
        if name in self._builtin:
            return "built in"
        if name in self._registered:
            return "this program"
        if (entry := _installed(self.group).get(name)) is not None:
            return entry.dist.name if entry.dist is not None else "installed"
        raise VariantError(self.kind, name, f"is not one of {', '.join(self.names())}")

    def register(self, name: str, make: Callable[[], T]) -> None:
        """Add a variant for this process.

        Parameters
        ----------
        name : str
            Letters, digits, ``_`` and ``-``; not one that is built in. A second registration
            under a name replaces the first.
        make : callable
            A class, or a function without arguments.

        Raises
        ------
        VariantError
            If the name is none, or is built in.
        """
        if not _is_name(name):
            raise VariantError(self.kind, name, "is no name: letters, digits, '_' and '-'")
        if name in self._builtin:
            raise VariantError(self.kind, name, "is built in")
        self._registered[name] = make
        self._made.pop(name, None)

    def get(self, name: str) -> T:
        """The variant called ``name``, made once.

        Raises
        ------
        VariantError
            If there is none, or it cannot be loaded, made or used as one.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def using(self, name: str) -> AbstractContextManager[T]:
        """The variant called ``name``, to ask something of it.

        Raises
        ------
        VariantError
            See `get`; and where the variant itself fails in a way that no protocol error tells.
        """
        return _Using(self.kind, name, self.get(name))

    def _make(self, name: str) -> T:
        try:
            variant = self._maker(name)()
        except VariantError:
            raise
        except Exception as error:  # a third party's code may fail in any way
            reason = f"cannot be loaded: {type(error).__name__}: {error}"
            raise VariantError(self.kind, name, reason) from error
        if not isinstance(variant, self._interface):
            raise VariantError(self.kind, name, f"is no {self._interface.__name__}")
        return variant

    def _maker(self, name: str) -> Callable[[], object]:
        if name in self._builtin:
            module, _, attribute = self._builtin[name].partition(":")
            made: Callable[[], object] = getattr(import_module(module), attribute)
            return made
        if name in self._registered:
            return self._registered[name]
        if name in (installed := _installed(self.group)):
            loaded: Callable[[], object] = installed[name].load()
            return loaded
        raise VariantError(self.kind, name, f"is not one of {', '.join(self.names())}")


class _Using(AbstractContextManager[T]):
    """A variant while it is asked; a generator would take three times as long, at every message."""

    __slots__ = ("_kind", "_name", "_variant")

    def __init__(self, kind: str, name: str, variant: T) -> None:
        self._kind, self._name, self._variant = kind, name, variant

    def __enter__(self) -> T:
        return self._variant

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        # A third party's code may fail in any way.
        if isinstance(error, Exception) and not isinstance(error, ProtocolError):
            reason = f"has failed: {type(error).__name__}: {error}"
            raise VariantError(self._kind, self._name, reason) from error


@cache
def _installed(group: str) -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group) if _is_name(entry.name)}


def _is_name(name: str) -> bool:
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return plain and len(name) <= MAX_NAME_CHARACTERS
