"""The environment variables with which a program reaches the hub and a package index from this machine."""

from __future__ import annotations

import os

VARIABLES = (
    *("HF_ENDPOINT", "PIP_INDEX_URL", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)


def environment() -> dict[str, str]:
    """Those that are set. Their values may hold passwords: never log them."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}
