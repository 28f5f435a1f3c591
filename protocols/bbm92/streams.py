"""What one end has sent in a round, hashed twice: for its reports and for its transcript."""

from hashlib import sha256

from protocols.errors import LocalProtocolError
from protocols.hashing.authentication import Transcript
from protocols.hashing.backlog import Backlog, framed

DIGEST_BYTES = 32


class Stream(Backlog):
    """Count and digest of a stream of messages.

    Parameters
    ----------
    transcript : Transcript, optional
        Takes the same messages, until it is finished.
    """

    def __init__(self, transcript: Transcript | None = None) -> None:
        super().__init__()
        self._hasher = sha256()
        self._transcript = transcript

    def _hash(self, messages: list[bytes]) -> None:
        self._hasher.update(framed(messages))
        if self._transcript is not None:
            self._transcript.absorb(messages)

    def finish_transcript(self) -> bytes:
        """Digest of the transcript, which takes no later message; what waits goes on waiting."""
        transcript, self._transcript = self._transcript, None
        if transcript is None:
            raise LocalProtocolError("a transcript that is finished already, or was never kept")
        transcript.absorb(self._waiting)
        return transcript.finish()

    @property
    def digest(self) -> bytes:
        """Of all of them, 32 bytes; what waits goes on waiting."""
        hasher = self._hasher.copy()
        hasher.update(framed(self._waiting))
        return hasher.digest()


class OwnStream(Stream):
    """The same with the digests of all beginnings: of what this end itself has sent.

    They are made when one of them is asked for, or when the messages cannot wait any longer.
    """

    def __init__(self, transcript: Transcript | None = None) -> None:
        super().__init__(transcript)
        self._digests = bytearray(self.digest)
        self._is_settled = False

    def _hash(self, messages: list[bytes]) -> None:
        if self._is_settled:
            super()._hash(messages)
            return
        for message in messages:
            super()._hash([message])
            self._digests += self._hasher.digest()

    def settle(self) -> None:
        """Nobody will ask for a beginning any more that has no digest yet."""
        self._is_settled = True
        self.close()

    def digest_of(self, messages: int) -> bytes:
        """Of the first so many messages, 32 bytes; b"" if there have not been that many.

        Once settled, of those alone that were asked for or could not wait; b"" of the others.
        """
        if not 0 <= messages <= self.messages:
            return b""
        self.catch_up()
        return bytes(self._digests[messages * DIGEST_BYTES : (messages + 1) * DIGEST_BYTES])
