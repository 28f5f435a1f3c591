"""What went one way in a round, hashed twice: for reports and for the transcript.

Reports compare SHA-256. It takes some four times as long as Poly1305, so that of a long message, as
announcements of clicks are, it gets the Poly1305 under a secret of both ends: one that was changed
has the same with the `probability of a forgery
<protocols.hashing.authentication.forgery_probability>`, for whoever does not know the secret.
"""

from hashlib import sha256

from protocols.errors import LocalProtocolError
from protocols.hashing.authentication import KEY_BYTES, Transcript, poly1305
from protocols.hashing.backlog import Backlog, framed, length_of

DIGEST_BYTES = 32
NO_KEY = bytes(KEY_BYTES)
"""Of a stream whose digest nobody asks for, as of a block in doubt."""
LONG_BYTES = 1 << 14
"""Of longer messages the reports' hash gets the Poly1305."""


class Stream(Backlog):
    """Count and digest of a stream of messages.

    Parameters
    ----------
    long_key : bytes
        32 bytes, the same at both ends and known to nobody else: of long messages.
    transcript : Transcript, optional
        Takes the same messages, until it is finished.
    """

    def __init__(self, long_key: bytes, transcript: Transcript | None = None) -> None:
        super().__init__()
        self._hasher = sha256()
        self._long_key = long_key
        self._transcript = transcript

    def _hash(self, messages: list[bytes]) -> None:
        joined = framed(messages)
        self._hasher.update(self._shortened(messages, joined))
        if self._transcript is not None:
            self._transcript.absorb(joined)

    def _shortened(self, messages: list[bytes], joined: bytes) -> bytes:
        """The same as ``joined``, with 16 bytes in the place of each long message.

        Each is still behind its length, which says what follows.
        """
        if len(joined) <= LONG_BYTES:
            return joined
        parts: list[bytes] = []
        for message in messages:
            is_long = len(message) > LONG_BYTES
            parts += (length_of(message), poly1305(self._long_key, message) if is_long else message)
        return b"".join(parts)

    def finish_transcript(self) -> bytes:
        """Digest of the transcript, which takes no later message."""
        self.catch_up()
        return self._take_transcript().finish()

    def _take_transcript(self) -> Transcript:
        transcript, self._transcript = self._transcript, None
        if transcript is None:
            raise LocalProtocolError("a transcript that is finished already, or was never kept")
        return transcript

    @property
    def digest(self) -> bytes:
        """Of all of them, 32 bytes."""
        self.catch_up()
        return self._hasher.digest()


class OwnStream(Stream):
    """The same with the digests of all beginnings: of what this end itself has sent.

    They are made when one of them is asked for, or when the messages cannot wait any longer. So
    what waits goes on waiting when transcript or digest of all are made.
    """

    def __init__(self, long_key: bytes, transcript: Transcript | None = None) -> None:
        super().__init__(long_key, transcript)
        self._digests = bytearray(self._hasher.digest())
        self._whole, self._whole_messages = self._hasher, 0
        """Hasher of so many messages, which may be ahead of what waits."""
        self._is_settled = False

    def _hash(self, messages: list[bytes]) -> None:
        if self._is_settled:
            super()._hash(messages)
            return
        for message in messages:
            super()._hash([message])
            self._digests += self._hasher.digest()

    def finish_transcript(self) -> bytes:
        """Digest of the transcript, which takes no later message."""
        transcript, joined = self._take_transcript(), framed(self._waiting)
        self._look_ahead(joined)
        transcript.absorb(joined)
        return transcript.finish()

    def _look_ahead(self, joined: bytes) -> None:
        """Hash what waits, which is ``joined``, and let it wait."""
        self._whole, self._whole_messages = self._hasher.copy(), self.messages
        self._whole.update(self._shortened(self._waiting, joined))

    @property
    def digest(self) -> bytes:
        """Of all of them, 32 bytes."""
        if self._whole_messages != self.messages:
            self._look_ahead(framed(self._waiting))
        return self._whole.digest()

    def settle(self) -> None:
        """Nobody will ask for a beginning any more that has no digest yet."""
        if self._whole_messages != self.messages:
            self._look_ahead(framed(self._waiting))
        self._hasher, self._is_settled = self._whole, True
        self._forget_waiting()
        self.close()

    def digest_of(self, messages: int) -> bytes:
        """Of the first so many messages, 32 bytes; b"" if there have not been that many.

        Once settled, of those alone that were asked for or could not wait; b"" of the others.
        """
        if not 0 <= messages <= self.messages:
            return b""
        self.catch_up()
        return bytes(self._digests[messages * DIGEST_BYTES : (messages + 1) * DIGEST_BYTES])
