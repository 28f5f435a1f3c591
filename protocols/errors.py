"""Errors that say whose fault it is.

::

    ProtocolError
    |-- UncompiledError             this process is told to interpret its kernels
    |-- LocalProtocolError          our caller broke the rules of an endpoint
    `-- RemoteProtocolError         the peer (or the wire) did; never more than a lost round
        `-- MalformedMessageError   bytes that are no message

A QBER that is too high is not an error but the event `RoundAborted`.
"""


class ProtocolError(Exception):
    """Base of all errors of this package."""


class UncompiledError(ProtocolError):
    """Numba has been told not to compile, and kernels are not made to be interpreted."""


class LocalProtocolError(ProtocolError):
    """The caller of an endpoint broke its contract."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol does not allow here."""


class MalformedMessageError(RemoteProtocolError):
    """Bytes that do not decode; all constructor arguments are positional, so that it pickles.

    Parameters
    ----------
    what : str
        What was being decoded.
    size_bytes : int
        Size of the offending payload.
    """

    def __init__(self, what: str, size_bytes: int) -> None:
        super().__init__(what, size_bytes)
        self.what, self.size_bytes = what, size_bytes

    def __str__(self) -> str:
        return f"malformed {self.what} of {self.size_bytes} bytes"
