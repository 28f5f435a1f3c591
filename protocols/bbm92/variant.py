"""BBM92 as a protocol variant: which class plays which role."""

from typing import Any

from protocols.bbm92.announcer import AnnouncerSession
from protocols.bbm92.responder import ResponderSession
from protocols.bbm92.session import LinkSession
from protocols.interfaces import LinkProtocol
from protocols.messages import Role


class Bbm92(LinkProtocol):
    """Entangled pairs, two bases, tags to pool."""

    def session(self, role: Role) -> type[LinkSession[Any]]:
        """Announcer or responder."""
        return AnnouncerSession if role is Role.ANNOUNCER else ResponderSession
