"""E91 as a protocol variant: which class plays which role."""

from typing import ClassVar

from protocols.e91.announcer import E91AnnouncerSession
from protocols.e91.responder import E91ResponderSession
from protocols.interfaces import LinkProtocol, Session, SessionStart
from protocols.messages import Role


class E91(LinkProtocol):
    """BBM92 whose parties test Bell's inequality beside their key [1]_.

    A user turns its analysers by pi/4 in frames that it draws. Matches of equal bases that neither
    has turned for make key, those that one of the two has turned for make S, the others nothing.

    References
    ----------
    .. [1] A. K. Ekert, Phys. Rev. Lett. 67, 661 (1991).
    """

    tests_bell: ClassVar[bool] = True

    def session(self, role: Role, start: SessionStart) -> Session:
        """Announcer or responder."""
        session = E91AnnouncerSession if role is Role.ANNOUNCER else E91ResponderSession
        return session(start)
