"""`netsim serve` as its clients see it: one process, three users, certificates on both sides."""

import base64
import json
import random
import select
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from netsim.delivery.certificates import Authority, Purpose, client_context
from netsim.delivery.serve import ServeRequest
from netsim.delivery.serve import serve as serve_here
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from netsim.errors import OutputError
from netsim.pools.key import KeyBlock, Piece
from netsim.results.lock import locked
from netsim.topology.load import load_topology
from tests.support.pages import PAGES, shell_lines
from tests.support.serving import ROOT, Serving, ask, key_ids, serve

LINK = "alice-bob"
GUIDE = shell_lines(PAGES["docs/keys.md"])
BLOCK_BITS, BLOCKS = 8192, 40
REFUSED = (ssl.SSLError, ConnectionError, HTTPException)
"""What a client sees of a handshake that failed; with TLS 1.3 only as it reads."""


def key_of(number: int) -> bytes:
    """Of a made-up block."""
    return random.Random(1000 + number).randbytes(BLOCK_BITS // 8)


def fill_state(path: Path, blocks: int = BLOCKS) -> None:
    """Made-up key at both ends of the link."""
    state = State(path)
    for user in ("alice", "bob"):
        with ManagerStore(state.manager_path(user)) as store:
            for number in range(blocks):
                piece = Piece(number, 0, BLOCK_BITS)
                store.take_in(LINK, KeyBlock(number, key_of(number), BLOCK_BITS, (piece,)))


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A process that serves the two users of a shipped network, one of them with two SAEs."""
    state = tmp_path_factory.mktemp("serve") / "state"
    fill_state(state)
    found = serve("two_user", state, "--light", "0", "--sae", "tunnel/1=bob")
    yield found
    if found.process.poll() is None:
        found.kill()


def test_status(serving: Serving) -> None:
    """Eleven fields, with their types; ids may hold anything that a URL can carry."""
    code, found = serving.ask("alice", "alice", "/api/v1/keys/tunnel%2F1/status")
    assert code == 200
    assert {name: type(value) for name, value in found.items()} == {
        **dict.fromkeys(("source_KME_ID", "target_KME_ID", "master_SAE_ID", "slave_SAE_ID"), str),
        **dict.fromkeys(("key_size", "stored_key_count", "max_key_count"), int),
        **dict.fromkeys(("max_key_per_request", "max_key_size", "min_key_size"), int),
        "max_SAE_ID_count": int,
    }
    assert (found["master_SAE_ID"], found["slave_SAE_ID"]) == ("alice", "tunnel/1")
    assert 0 < found["stored_key_count"] <= found["max_key_count"]


def test_keys_by_get_and_post(serving: Serving) -> None:
    """Sizes, numbers and defaults; the slave gets the same by either method."""
    for path, body, number, size in (
        ("/api/v1/keys/bob/enc_keys", None, 1, 256),
        ("/api/v1/keys/bob/enc_keys?number=3&size=1024", None, 3, 1024),
        ("/api/v1/keys/bob/enc_keys", b'{"number": 2, "size": 64}', 2, 64),
    ):
        code, given = serving.ask("alice", "alice", path, body)
        assert code == 200
        assert [len(base64.b64decode(key["key"])) for key in given["keys"]] == number * [size // 8]
        if number == 1:
            key_id = given["keys"][0]["key_ID"]
            asked = serving.ask("bob", "bob", f"/api/v1/keys/alice/dec_keys?key_ID={key_id}")
        else:
            asked = serving.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", key_ids(given["keys"]))
        assert asked == (200, given)


def test_a_key_is_delivered_once(serving: Serving) -> None:
    """Of many who fetch one id at the same time one gets it; afterwards nobody does."""
    _, given = serving.ask("alice", "alice", "/api/v1/keys/bob/enc_keys")
    path = f"/api/v1/keys/alice/dec_keys?key_ID={given['keys'][0]['key_ID']}"
    with ThreadPoolExecutor(8) as pool:
        codes = [each[0] for each in pool.map(lambda _: serving.ask("bob", "bob", path), range(8))]
    assert sorted(codes) == [200] + 7 * [400]
    code, found = serving.ask("bob", "bob", path)
    assert (code, found["message"]) == (400, "one or more keys specified are not found on KME")


def test_who_asks_is_judged_first(serving: Serving) -> None:
    """Another SAE's key, the master's own, another user's manager: 401 whatever the request."""
    _, given = serving.ask("alice", "alice", "/api/v1/keys/bob/enc_keys")
    body = key_ids([*given["keys"], {"key_ID": "unknown"}])
    for sae, user, path, content in (
        ("tunnel/1", "bob", "/api/v1/keys/alice/dec_keys", body),
        ("alice", "alice", "/api/v1/keys/bob/dec_keys", body),
        ("alice", "bob", "/api/v1/keys/alice/dec_keys", b"garbage"),
        ("bob", "alice", "/nonsense", None),
    ):
        code, found = serving.ask(sae, user, path, content)
        assert (code, set(found)) == (401, {"message", "details"})
    asked = serving.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", key_ids(given["keys"]))
    assert asked == (200, given)


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/api/v1/keys/bob/enc_keys?size=257", None, "size shall be a multiple of 8"),
        ("/api/v1/keys/bob/enc_keys?number=0", None, "number shall be 1 to 128"),
        ("/api/v1/keys/bob/enc_keys?number=x", None, "number shall be an integer"),
        ("/api/v1/keys/bob/enc_keys", b"[" * 60_000, "the body is no JSON"),
        ("/api/v1/keys/bob/enc_keys", b'{"number": "1"}', "number: "),
        ("/api/v1/keys/bob/enc_keys", b" " * 70_000, ""),
        ("/api/v1/keys/bob/dec_keys", b'{"key_IDs": []}', "key_IDs: "),
        ("/api/v1/keys/bob/dec_keys?key_ID=%00", None, "not found on KME"),
        ("/api/v1/keys/bob/dec_keys", b'{"key_IDs": [{"key_ID": "\\ud800"}]}', "no JSON"),
        ("/api/v1/keys/bob/dec_keys?key_ID=%ED%A0%80", None, "not found on KME"),
        ("/api/v1/keys/nobody/status", None, "slave_SAE_ID is not known"),
        ("/api/v1/keys/bob/other", None, "Not Found"),
        (
            "/api/v1/keys/bob/enc_keys",
            b'{"extension_mandatory": [{"a": 1}]}',
            "not all extension_mandatory parameters are supported",
        ),
    ],
)
def test_bad_requests(serving: Serving, path: str, body: bytes | None, text: str) -> None:
    """400 with a message, and nothing is consumed."""
    before = serving.ask("alice", "alice", "/api/v1/keys/bob/status")
    code, found = serving.ask("alice", "alice", path, body)
    assert code == 400
    assert text in found["message"]
    assert serving.ask("alice", "alice", "/api/v1/keys/bob/status") == before


@pytest.mark.parametrize("path", ["/api/v1/keys/bob/enc_keys", "/nowhere", "/key?size=x"])
@pytest.mark.parametrize(
    "headers", [{"Expect": "a miracle"}, {"Expect": "100-continue"}, {"Content-Encoding": "gzip"}]
)
def test_headers_get_no_other_answers(serving: Serving, headers: dict[str, str], path: str) -> None:
    """Who asks is judged first, nothing is consumed by a damaged body, nothing is printed."""
    before = serving.ask("alice", "alice", "/api/v1/keys/bob/status")
    assert serving.ask("bob", "alice", path, b"{", headers=headers)[0] == 401
    answer = serving.ask("alice", "alice", path, b"{", headers=headers)
    assert answer[0] == (405 if path.startswith("/key") else 400)
    assert serving.ask("alice", "alice", "/api/v1/keys/bob/status") == before
    printed = serving.process.stdout
    assert printed is not None
    assert select.select([printed], [], [], 0.1)[0] == []


def test_methods_and_an_empty_pool(serving: Serving) -> None:
    """DELETE is 400; more than there is 503, and what is there stays there."""
    code, _ = serving.ask("alice", "alice", "/api/v1/keys/bob/enc_keys", None, "DELETE")
    assert code == 400
    before = serving.ask("alice", "alice", "/api/v1/keys/bob/status")
    code, found = serving.ask("alice", "alice", "/api/v1/keys/bob/enc_keys?number=128&size=8192")
    assert (code, "not enough key" in found["message"]) == (503, True)
    assert serving.ask("alice", "alice", "/api/v1/keys/bob/status") == before


def test_certificates_are_needed(serving: Serving, tmp_path: Path) -> None:
    """None, one of another authority, one that has expired, a manager's: no answer at all."""
    own = serving.certificates
    Authority(own).issue("late", "alice", Purpose.CLIENT, days=-0.5)
    Authority(tmp_path).issue("alice", "alice", Purpose.CLIENT)
    bare = ssl.create_default_context(cafile=str(own / "ca.crt"))
    foreign = ssl.create_default_context(cafile=str(own / "ca.crt"))
    foreign.load_cert_chain(tmp_path / "alice.crt", tmp_path / "alice.key")
    contexts = [bare, foreign, client_context(own, "late"), client_context(own, "kme-bob")]
    path = "/api/v1/keys/bob/status"
    for context in contexts:
        with pytest.raises(REFUSED):
            ask(serving.urls["alice"], context, path)
    assert ask(serving.urls["alice"], client_context(own, "alice"), path)[0] == 200


def test_a_name_that_nobody_has(serving: Serving) -> None:
    """A certificate of the authority for no SAE of this network: 401, not a failed handshake."""
    Authority(serving.certificates).issue("eve", "eve", Purpose.CLIENT)
    assert serving.ask("eve", "alice", "/api/v1/keys/bob/status")[0] == 401


def test_old_tls_is_refused(serving: Serving) -> None:
    """Nothing below 1.2."""
    context = client_context(serving.certificates, "alice")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(REFUSED):
        ask(serving.urls["alice"], context, "/api/v1/keys/bob/status")


def test_etsi_qkd_014_client(serving: Serving) -> None:
    """A client of the registry gets status, keys by GET and POST, and the same at the other end."""
    module = pytest.importorskip("etsi_qkd_014_client", reason="etsi-qkd-014-client is absent")
    folder = serving.certificates
    alice, bob = (
        module.QKD014Client(
            serving.urls[name].removeprefix("https://"),
            str(folder / f"{name}.crt"),
            str(folder / f"{name}.key"),
            str(folder / "ca.crt"),
        )
        for name in ("alice", "bob")
    )
    code, status = alice.get_status("bob")
    assert (code, status.key_size, status.target_kme_id) == (200, 256, "kme-bob")
    code, one = alice.get_key("bob")
    assert code == 200
    code, more = alice.get_key("bob", number=2, size=128)
    assert [len(base64.b64decode(key.key)) for key in more.keys] == [16, 16]
    ids = [key.key_id for key in (*one.keys, *more.keys)]
    code, fetched = bob.get_key_with_key_IDs("alice", ids)
    assert code == 200
    assert [key.key for key in fetched.keys] == [key.key for key in (*one.keys, *more.keys)]
    code, error = bob.get_key_with_key_IDs("alice", ids[:1])
    assert (code, error.message) == (400, "one or more keys specified are not found on KME")
    code, error = alice.get_key_with_key_IDs("bob", ids[:1])
    assert (code, bool(error.message)) == (401, True)


def test_qkdsec(serving: Serving) -> None:
    """Another client; of its conformance probes only the two that contradict the standard fail."""
    client = pytest.importorskip("qkdsec.client.etsi014", reason="qkdsec is absent")
    probes = pytest.importorskip("qkdsec.doctor.probes", reason="qkdsec is absent")
    folder = serving.certificates
    alice, bob = (
        client.ETSI014Client(
            serving.urls[name],
            client_cert=(str(folder / f"{name}.crt"), str(folder / f"{name}.key")),
            verify=str(folder / "ca.crt"),
        )
        for name in ("alice", "bob")
    )
    given = alice.get_enc_keys("bob", number=2, size=512, method="POST")
    fetched = bob.get_dec_keys("alice", key_ids=[key.key_id for key in given])
    assert [key.key for key in fetched] == [key.key for key in given]
    report = probes.run_all(alice, "bob")
    unlike = {each.name for each in report.results if each.status is not probes.ProbeStatus.PASS}
    # It fetches by id as the master, and wants 404 for an unknown id, which the standard lacks.
    assert unlike == {"dec_keys_roundtrip", "error_contract_404"}
    for each in (alice, bob):
        each._session.close()


def test_skip(serving: Serving) -> None:
    """Keys and ids in hexadecimal, once a side; what the other protocol gave can be had as well."""
    code, found = serving.ask("alice", "alice", "/capabilities")
    assert (code, found) == (
        200,
        {"entropy": True, "key": True, "algorithm": "QKD", "localSystemID": "alice"}
        | {"remoteSystemID": ["bob", "tunnel/1"]},
    )
    code, given = serving.ask("alice", "alice", "/key?remoteSystemID=bob")
    assert (code, given.keys()) == (200, {"keyId", "key"})
    assert (len(bytes.fromhex(given["keyId"])), len(bytes.fromhex(given["key"]))) == (16, 32)
    path = f"/key/{given['keyId'].upper()}?remoteSystemID=alice"
    assert serving.ask("tunnel/1", "bob", path)[0] == 401
    assert serving.ask("bob", "bob", path) == (200, given)
    assert serving.ask("bob", "bob", path)[0] == 400
    code, given = serving.ask("alice", "alice", "/key?remoteSystemID=tunnel%2F1&size=128")
    code, found = serving.ask(
        "tunnel/1", "bob", f"/api/v1/keys/alice/dec_keys?key_ID={UUID(given['keyId'])}"
    )
    assert base64.b64decode(found["keys"][0]["key"]).hex() == given["key"]
    code, found = serving.ask("alice", "alice", "/entropy?minentropy=100")
    assert (code, len(found["randomStr"]), found["minentropy"]) == (200, 26, 100)
    again = serving.ask("alice", "alice", "/entropy?minentropy=100")[1]
    assert again["randomStr"] != found["randomStr"]


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/key", 400, "remoteSystemID is missing"),
        ("/key?remoteSystemID=nobody", 400, "slave_SAE_ID is not known"),
        ("/key?remoteSystemID=alice", 400, "has no link"),
        ("/key?remoteSystemID=bob&size=7", 400, "multiple of 8"),
        ("/key?remoteSystemID=bob&size=x", 400, "size shall be an integer"),
        ("/key?remoteSystemID=bob&remoteSystemID=bob", 400, "given twice"),
        ("/key/12?remoteSystemID=bob", 400, "32 hexadecimal digits"),
        (f"/key/{32 * 'f'}?remoteSystemID=bob", 400, "not found"),
        ("/entropy?minentropy=0", 400, "1 to 65536"),
        ("/capabilities?x=1", 400, "known parameters are none"),
    ],
)
def test_what_skip_refuses(serving: Serving, path: str, code: int, text: str) -> None:
    """With a message, and without a key; other methods than GET with 405."""
    found = serving.ask("alice", "alice", path)
    assert found[0] == code
    assert text in found[1]["message"]
    assert serving.ask("alice", "alice", path, b"{}")[0] == 405


def test_skip_qkd(serving: Serving) -> None:
    """A client of the registry, by certificates."""
    module = pytest.importorskip("skip_qkd", reason="skip-qkd is absent")

    def client(user: str) -> Any:
        folder = serving.certificates
        names = (folder / "ca.crt", folder / f"{user}.crt", folder / f"{user}.key")
        place = serving.urls[user].removeprefix("https://")
        return module.SkipQKDClient(place, user, module.MTLSConfig(*map(str, names)))

    assert client("bob").capabilities()["remoteSystemID"] == ["alice"]
    given = client("alice").request_key("bob", size=512)
    assert len(given["key"]) == 128
    assert client("bob").fetch_key_by_id(given["keyId"], "alice") == given
    with pytest.raises(RuntimeError, match="400"):
        client("bob").fetch_key_by_id(given["keyId"], "alice")
    assert len(client("alice").entropy(128)["randomStr"]) == 32


def test_metrics_and_log_hold_no_key(serving: Serving) -> None:
    """What has been delivered is in no file of the state folder, whole or in part."""
    _, given = serving.ask("alice", "alice", "/api/v1/keys/bob/enc_keys?number=4")
    asked = serving.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", key_ids(given["keys"]))
    assert asked == (200, given)
    kept = {found.name: found.read_bytes() for found in serving.state.rglob("*") if found.is_file()}
    for entry in given["keys"]:
        key = base64.b64decode(entry["key"])
        for secret in (key[:8], key[8:16], key.hex().encode(), entry["key"].encode()):
            assert not [name for name, content in kept.items() if secret in content]
    assert key_of(BLOCKS - 1)[-64:] in kept["alice.sqlite"]
    lines = [json.loads(line) for line in kept["serve.jsonl"].splitlines()]
    assert lines[-1].items() >= {"user": "bob", "operation": "dec_keys", "keys": 4}.items()


def as_shown(line: str, serving: Serving) -> str:
    """A line of the guide, for managers at free ports and certificates that lie elsewhere."""
    for user, port in (("alice", 8443), ("bob", 8444)):
        line = line.replace(f"https://127.0.0.1:{port}", serving.urls[user])
    return line.replace("keys/certificates", str(serving.certificates))


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_lines_of_the_guide_fetch_a_key(serving: Serving) -> None:
    """As shown, by curl: the slave gets what the master got."""
    where, *asking = [line for line in GUIDE if line.startswith(("C=", "curl "))]
    status: dict[str, Any] = {}
    given: dict[str, Any] = {}
    fetched: dict[str, Any] = {}
    for place, line in zip((status, given, fetched), asking, strict=True):
        key_id = given["keys"][0]["key_ID"] if given else ""
        script = as_shown(f"{where}\n{line.replace('key_ID=ID', f'key_ID={key_id}')}", serving)
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, text=True)
        place.update(json.loads(done.stdout))
    assert status["slave_SAE_ID"] == "bob"
    assert fetched == given


def test_two_processes_open_a_channel(serving: Serving) -> None:
    """The guide's example: a text goes under a key that each side has from its own manager."""
    listening, sending = (
        [sys.executable, *shlex.split(as_shown(line.removesuffix(" &"), serving))[1:]]
        for line in GUIDE
        if "examples.encrypted_channel" in line
    )
    listening[listening.index("--port") + 1] = "0"
    listener = subprocess.Popen(
        listening,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listener.stdout is not None
    port = listener.stdout.readline().removeprefix("listening at ").strip()
    sending[sending.index("--port") + 1] = port
    before = serving.ask("alice", "alice", "/api/v1/keys/bob/status")[1]["stored_key_count"]
    sent = subprocess.run(
        sending,
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert sent.stdout == "received: a text\n"
    assert listener.communicate(timeout=30)[0] == "a text\n"
    assert listener.returncode == 0
    after = serving.ask("alice", "alice", "/api/v1/keys/bob/status")[1]["stored_key_count"]
    assert after == before - 1


def test_one_process_at_a_time(serving: Serving) -> None:
    """A second one on the same state is refused."""
    request = ServeRequest(
        topology=load_topology("two_user"),
        finished=None,
        light_ps=0,
        pace=None,
        state=serving.state,
        port=0,
        saes={},
    )
    with pytest.raises(OutputError, match="another process serves from it"):
        serve_here(request, lambda _urls: None)


@pytest.mark.slow
def test_a_filling_process_of_an_earlier_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be in the midst of a block; one that does not end is named."""
    monkeypatch.setattr("netsim.delivery.serve.PATIENCE_S", 0.0)
    state = State(tmp_path / "state")
    request = ServeRequest(
        topology=load_topology("two_user"),
        finished=None,
        light_ps=0,
        pace=None,
        state=state.path,
        port=0,
        saes={},
    )
    with locked(state.fills), pytest.raises(OutputError, match="still fills it"):
        serve_here(request, lambda _urls: None)


@pytest.mark.slow
def test_it_stops_when_told(tmp_path: Path) -> None:
    """By SIGTERM, with exit code 0; what it has delivered is known to the next one."""
    state = tmp_path / "state"
    fill_state(state, 1)
    first = serve("two_user", state, "--light", "0")
    _, given = first.ask("alice", "alice", "/api/v1/keys/bob/enc_keys?number=2")
    body = key_ids(given["keys"][:1])
    assert first.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", body)[0] == 200
    assert first.stop() == 0
    second = serve("two_user", state, "--light", "0")
    assert second.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", body)[0] == 400
    asked = second.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", key_ids(given["keys"][1:]))
    assert asked == (200, {"keys": given["keys"][1:]})
    second.kill()


@pytest.mark.slow
def test_who_is_slow_is_not_waited_for(tmp_path: Path) -> None:
    """Neither for a body nor for a head; meanwhile others are answered."""
    fill_state(tmp_path / "state")
    found = serve("two_user", tmp_path / "state", "--light", "0")
    context, place = client_context(found.certificates, "alice"), urlsplit(found.urls["alice"])

    def connect() -> ssl.SSLSocket:
        plain = socket.create_connection((str(place.hostname), place.port), timeout=300)
        return context.wrap_socket(plain, server_hostname=str(place.hostname))

    head = b"POST /api/v1/keys/bob/enc_keys HTTP/1.1\r\nHost: x\r\n"
    with connect() as without_body, connect() as without_head:
        without_body.sendall(head + b"Content-Length: 100\r\nConnection: close\r\n\r\n{")
        without_head.sendall(head + b"X-Slow: ")
        code, _ = found.ask("alice", "alice", "/api/v1/keys/bob/status")
        assert code == 200
        assert without_body.recv(1000).startswith(b"HTTP/1.1 400")
        assert without_head.recv(1000) == b""
    assert found.stop() == 0
