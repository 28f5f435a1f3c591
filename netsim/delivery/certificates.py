"""Certificates of managers and applications, signed by an authority of the network's own.

EC P-256; leaves name the key that signed them (Python 3.13 refuses others) and say whether they are
for servers or for clients. Keys are readable by their owner only. What is there is kept.
"""

import datetime as dt
import ipaddress
import os
import ssl
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netsim.delivery.directory import CA_NAME, Directory, file_stem, kme_id
from netsim.errors import writing
from netsim.results.directory import make_private

LOOPBACK = "127.0.0.1"
CA_DAYS, LEAF_DAYS = 3650, 825
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_Key = ec.EllipticCurvePrivateKey


class Purpose(Enum):
    """What a leaf is for."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class Authority:
    """The network's own certificate authority: ``ca.crt`` and ``ca.key``, made if absent.

    Parameters
    ----------
    folder : Path
        Made if absent, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = make_private(folder)
        if not self.path.exists():
            self._make()
        self._certificate = x509.load_pem_x509_certificate(self.path.read_bytes())
        key = serialization.load_pem_private_key(
            (folder / f"{CA_NAME}.key").read_bytes(), password=None
        )
        if not isinstance(key, _Key):
            raise TypeError(f"{folder / CA_NAME}.key is no key of an elliptic curve")
        self._key = key

    @property
    def path(self) -> Path:
        """Of the certificate that everybody checks others by."""
        return self._folder / f"{CA_NAME}.crt"

    def issue(self, stem: str, name: str, purpose: Purpose, *, days: float = LEAF_DAYS) -> None:
        """Make ``STEM.crt`` and ``STEM.key`` unless they are there.

        Parameters
        ----------
        stem : str
            Of the files.
        name : str
            Common name: what a client is known by.
        days : float
            From now on; below zero it has expired.
        """
        if (self._folder / f"{stem}.crt").exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _unsigned(name, self._certificate.subject, key, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose.value]), critical=False)
            .add_extension(issuer, critical=False)
        )
        if purpose is Purpose.SERVER:
            builder = builder.add_extension(_on_loopback(), critical=False)
        self._keep(stem, key, builder.sign(self._key, hashes.SHA256()))

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = "netsim key managers"
        builder = (
            _unsigned(name, _subject(name), key, CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        )
        self._keep(CA_NAME, key, builder.sign(key, hashes.SHA256()))

    def _keep(self, stem: str, key: _Key, certificate: x509.Certificate) -> None:
        """The key first: where the certificate is, both are."""
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(self._folder / f"{stem}.key", secret, 0o600)
        _write(self._folder / f"{stem}.crt", certificate.public_bytes(pem), 0o644)


def make_certificates(folder: Path, directory: Directory) -> None:
    """All certificates of a network that are not there yet."""
    authority = Authority(folder)
    for user in directory.users:
        authority.issue(kme_id(user), kme_id(user), Purpose.SERVER)
    for sae in directory.saes:
        authority.issue(file_stem(sae), sae, Purpose.CLIENT)


def server_context(folder: Path, user: str) -> ssl.SSLContext:
    """TLS of a user's manager: 1.2 or later, and only with a certificate of the authority's."""
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=str(folder / f"{CA_NAME}.crt")
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    stem = folder / kme_id(user)
    context.load_cert_chain(f"{stem}.crt", f"{stem}.key")
    return context


def client_context(folder: Path, sae: str) -> ssl.SSLContext:
    """TLS of an application."""
    context = ssl.create_default_context(cafile=str(folder / f"{CA_NAME}.crt"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    stem = folder / file_stem(sae)
    context.load_cert_chain(f"{stem}.crt", f"{stem}.key")
    return context


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _unsigned(name: str, issuer: x509.Name, key: _Key, days: float) -> x509.CertificateBuilder:
    """What all certificates have, from yesterday on: clocks differ."""
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + days * day)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in allowed for name in _USAGES})


def _on_loopback() -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, with its mode from the first byte on."""
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        partial.replace(path)
