"""A client of ETSI GS QKD 014 in a few lines: the standard library is enough."""

import base64
import json
import ssl
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

KEY_BITS = 256
TIMEOUT_S = 30.0


class NoKeyError(Exception):
    """The key manager gives none, and says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and the id by which the other side gets the same."""

    id: str
    bits: bytes = field(repr=False)


class KeyManagerClient:
    """What an application may ask of its key manager.

    Parameters
    ----------
    url : str
        Such as ``https://127.0.0.1:8443``.
    certificates : Path
        Folder with ``ca.crt``, ``SAE.crt`` and ``SAE.key``.
    sae : str
        Who asks.
    """

    def __init__(self, url: str, certificates: Path, sae: str) -> None:
        self._place = urlsplit(url)
        self._context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        stem = certificates / quote(sae, safe="")
        self._context.load_cert_chain(f"{stem}.crt", f"{stem}.key")

    def new_key(self, slave: str) -> Key:
        """A fresh key to share with ``slave``; `NoKeyError` if there is none now."""
        return self._ask(f"/api/v1/keys/{quote(slave, safe='')}/enc_keys?size={KEY_BITS}")

    def key(self, master: str, key_id: str) -> Key:
        """The key that ``master`` has got under ``key_id``; once."""
        path = f"/api/v1/keys/{quote(master, safe='')}/dec_keys"
        return self._ask(f"{path}?key_ID={quote(key_id, safe='')}")

    def _ask(self, path: str) -> Key:
        connection = HTTPSConnection(
            str(self._place.hostname), self._place.port, context=self._context, timeout=TIMEOUT_S
        )
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            found = json.loads(answer.read())
        except (OSError, HTTPException, ValueError) as error:
            raise NoKeyError(f"{self._place.netloc}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise NoKeyError(f"{answer.status}: {found['message']}")
        (entry,) = found["keys"]
        return Key(entry["key_ID"], base64.b64decode(entry["key"]))
