"""Whom connections to vendors trust, and who they say that this service is: certificates out of files."""

import contextlib
import functools
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_KEPT = 256
"""How many files' contents are kept, old ones for as long as there are not so many newer."""

_Stamp = tuple[tuple[str, int, int, int, int], ...]
"""What changes with a file: name, inode, size, and when it and its entry were written."""


class TlsError(ValueError):
    """Certificates cannot be used. The text names the file and says what is wrong, without what is in it."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one vendor or deployment."""

    ca: Path | None = None
    """The authorities to trust in place of the system's."""
    cert: Path | None = None
    """The certificate that this service shows, with those that lead to its authority."""
    key: Path | None = None
    """The certificate's key. Default: it is in the same file."""

    def named(self) -> Iterator[Path]:
        """Those that there are."""
        yield from (file for file in (self.ca, self.cert, self.key) if file is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Tls:
    """What was in the files at one time; the same object for as long as they have not changed."""

    files: TlsFiles
    context: ssl.SSLContext
    """For HTTP/1.1."""
    roots: bytes | None
    """The authorities as PEM; None: the system names no file of them."""
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)


def named_by_environment() -> Iterator[Path]:
    """The files of authorities that SSL_CERT_FILE and SSL_CERT_DIR name."""
    if named := os.environ.get("SSL_CERT_FILE"):
        yield Path(named)
    for folder in filter(None, os.environ.get("SSL_CERT_DIR", "").split(os.pathsep)):
        with contextlib.suppress(OSError):
            yield from sorted(file for file in Path(folder).iterdir() if file.is_file())


def system_files() -> tuple[Path, ...]:
    """The files of the authorities trusted by default: those of SSL_CERT_FILE and SSL_CERT_DIR, or a bundle."""
    default = None if os.environ.get("SSL_CERT_FILE") else ssl.get_default_verify_paths().cafile
    return (*([Path(default)] if default else []), *named_by_environment())


def load(files: TlsFiles | None = None) -> Tls:
    """What is in the files now. TlsError where it cannot be used.

    :param files: those that go before the system's authorities.
    """
    files = files or TlsFiles()
    used = (*files.named(), *(() if files.ca else system_files()))
    return _load(files, tuple(_stamp(file) for file in used), used)


@functools.lru_cache(maxsize=_KEPT)
def _load(files: TlsFiles, _stamps: _Stamp, used: tuple[Path, ...]) -> Tls:
    if files.ca is None:
        trusted = [file for file in used if file not in set(files.named())]
        context = ssl.create_default_context()
        # The default is forgiving: without its file nothing would be trusted, and nobody told why.
        roots = b"\n".join(map(_read, trusted)) or None
    else:
        roots = _read(files.ca)
        context = _trusting(files.ca, roots)
    context.set_alpn_protocols(["http/1.1"])
    if files.cert is None:
        return Tls(files, context, roots)
    key = files.key or files.cert
    certificate, secret = _read(files.cert), _read(key)
    if b"-----BEGIN CERTIFICATE-----" not in certificate:
        raise TlsError(f"cert: the file {files.cert} holds no certificate; expected PEM: -----BEGIN CERTIFICATE-----")
    if b"PRIVATE KEY-----" not in secret:
        raise TlsError(f"key: the file {key} holds no key; expected PEM: -----BEGIN PRIVATE KEY-----")
    if b"ENCRYPTED" in secret:
        raise TlsError(f"key: the file {key} is locked by a passphrase, which nobody can be asked for")
    try:
        context.load_cert_chain(files.cert, key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"key: the key in {key} is not that of the certificate in {files.cert}") from None
        raise TlsError(f"cert: the certificate in {files.cert} or the key in {key} cannot be read as PEM") from None
    return Tls(files, context, roots, certificate, secret)


def _trusting(file: Path, roots: bytes) -> ssl.SSLContext:
    # Of nothing at all it would make the system's authorities.
    with contextlib.suppress(ssl.SSLError, ValueError):
        context = ssl.create_default_context(cadata=roots.decode("ascii", "replace") or " ")
        if context.cert_store_stats()["x509"]:
            return context
    raise TlsError(f"ca: the file {file} holds no certificate; expected PEM: -----BEGIN CERTIFICATE-----")


def _stamp(file: Path) -> tuple[str, int, int, int, int]:
    try:
        found = file.stat()
    except OSError as error:
        raise TlsError(f"the file {file} cannot be read: {os.strerror(error.errno or 0)}") from None
    return (str(file), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise TlsError(f"the file {file} cannot be read: {os.strerror(error.errno or 0)}") from None
