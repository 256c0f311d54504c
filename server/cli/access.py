"""What must be so before a server listens: strangers are kept out, and the certificate can be read."""

from __future__ import annotations

import ssl

from server.auth.gate import anonymous_role, is_loopback, own_secret, tokens_of
from server.auth.tokens import Role
from server.cli.failure import Failure
from server.settings import Settings
from storage.errors import StorageError


def require_access(settings: Settings) -> None:
    """Raise Failure for a server that strangers can reach and nothing keeps out; `insecure` says that it may be."""
    if settings.insecure or is_loopback(settings.host):
        return
    if not own_secret(settings) and not _has_tokens(settings):
        raise Failure(
            f"{settings.host} can be reached from other machines, and there is no token",
            hint="make one with `twinhouse token create NAME --role admin` or set TWINHOUSE_TOKEN to a secret;"
            " or let everyone do everything with --insecure",
        )
    if anonymous_role(settings) > Role.READ:
        raise Failure(
            f"--anonymous {settings.anonymous} lets other machines write, which can reach {settings.host}",
            hint="--anonymous read, or none; or --insecure as well",
        )


def _has_tokens(settings: Settings) -> bool:
    try:
        return bool(tokens_of(settings).all())
    except StorageError as error:
        raise Failure(str(error)) from None


def require_certificate(settings: Settings) -> None:
    """Raise Failure where there should be a certificate with its key, and is none."""
    if not settings.tls_cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # which ssl.SSLError is
        reason = error.strerror or str(error)
        files = f"{settings.tls_cert} and {settings.tls_key}"
        raise Failure(f"{files}: no certificate with its key: {reason}") from None
