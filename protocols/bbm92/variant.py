"""BBM92 as a protocol variant: which class plays which role."""

from protocols.bbm92.announcer import AnnouncerSession
from protocols.bbm92.responder import ResponderSession
from protocols.interfaces import LinkProtocol, Session, SessionStart
from protocols.messages import Role


class Bbm92(LinkProtocol):
    """Entangled pairs, two bases, tags to pool."""

    def session(self, role: Role, start: SessionStart) -> Session:
        """Announcer or responder."""
        session = AnnouncerSession if role is Role.ANNOUNCER else ResponderSession
        return session(start)
