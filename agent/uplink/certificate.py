"""Until when the client certificate holds: the platform warns before it ends."""

from pathlib import Path

from cryptography import x509


def dates(state: Path) -> dict[str, int] | None:
    """`not_before_ms` and `not_after_ms` of the certificate; None when it cannot be read."""
    try:
        found = x509.load_pem_x509_certificate((state / "tls.crt").read_bytes())
    except (OSError, ValueError):
        return None
    return {
        "not_before_ms": int(found.not_valid_before_utc.timestamp() * 1000),
        "not_after_ms": int(found.not_valid_after_utc.timestamp() * 1000),
    }
