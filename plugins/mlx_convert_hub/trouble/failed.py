"""What fails on either side, or on the way: the Hub itself, the network, this machine's disk."""

from __future__ import annotations

import errno

from mlx_convert_core.plugin import InsufficientDisk, OpenPage, SourceError, SourceUnreachable
from mlx_convert_hub.trouble.row import PAGE, SIGN_IN, Row

ANSWERS: tuple[Row, ...] = (
    # What the Hub answers when it can't
    Row(
        lambda f: f.status == 429,
        SourceUnreachable,
        "rate_limit",
        "{host} asks to slow down{wait}.",
        "Wait that long and run it again. Signing in raises the limits.",
        SIGN_IN,
    ),
    Row(
        lambda f: f.status in (408, 504),
        SourceUnreachable,
        "timeout",
        "{host} took too long to answer (status {status}).",
        "The Hub is slow at the moment. {again}",
    ),
    Row(
        lambda f: f.status >= 500,
        SourceUnreachable,
        "hub_down",
        "{host} has trouble of its own (status {status}).",
        "It is not you. Try again later.",
        (OpenPage("https://status.huggingface.co"),),
    ),
    Row(
        lambda f: f.status == 401,
        SourceError,
        "login_needed",
        "{host} wants you to sign in for this.",
        "Sign in and try again.",
        SIGN_IN,
    ),
    Row(
        lambda f: f.status == 403,
        SourceError,
        "forbidden",
        "{host} refuses access to {repo}.",
        "Look at its page with the account that you use.",
        PAGE,
    ),
    Row(
        lambda f: f.has("JSONDecodeError", "FileMetadataError", "PortalPage"),
        SourceUnreachable,
        "portal",
        "a web page came instead of an answer from {host}.",
        "This is often the sign-in page of a Wi-Fi. Open a browser, sign in, and try again.",
    ),
    Row(
        lambda f: f.has("TooManyRedirects"),
        SourceUnreachable,
        "redirects",
        "{host} sends us from one address to the next, without end.",
        "Try another network: a proxy or a sign-in page may do that.{mirror}",
    ),
)
THE_WAY: tuple[Row, ...] = (
    # The way there
    Row(
        lambda f: f.has("SSLError", "SSLCertVerificationError") or f.says("CERTIFICATE_VERIFY_FAILED"),
        SourceUnreachable,
        "tls",
        "the certificate that {host} shows can't be verified.",
        "A company proxy may re-sign traffic. Point SSL_CERT_FILE to its certificate.",
    ),
    Row(
        lambda f: bool(f.proxy) and f.has("ConnectError", "ConnectTimeout", "ProxyError", "ReadTimeout"),
        SourceUnreachable,
        "proxy",
        "the proxy {proxy} does not let us through to {host}.",
        "Check HTTPS_PROXY and HTTP_PROXY (or the system's proxy settings), or add {host} to NO_PROXY.",
    ),
    Row(
        lambda f: f.has("gaierror"),
        SourceUnreachable,
        "no_network",
        "the name {host} can't be looked up.",
        "Check your internet connection, VPN and DNS.{mirror} A model in the cache works with HF_HUB_OFFLINE=1.",
    ),
    Row(
        lambda f: f.has("ConnectError"),
        SourceUnreachable,
        "unreachable",
        "{host} can't be reached ({reason}).",
        "Try again later.{mirror} A model in the cache works with HF_HUB_OFFLINE=1.",
    ),
    Row(
        lambda f: f.has("TimeoutException", "Stalled", "TooSlow"),
        SourceUnreachable,
        "timeout",
        "{host} did not answer in time.",
        "{again} On a slow line set HF_HUB_DOWNLOAD_TIMEOUT=60.",
    ),
    Row(
        lambda f: f.has("OddAnswer", "RangeRefused"),
        SourceUnreachable,
        "odd_answer",
        "{host} does not answer as a Hub does: {text}.",
        "Check the address (HF_ENDPOINT) and the network. Nothing of the answer was kept.",
    ),
    Row(
        lambda f: f.has("NetworkError", "RemoteProtocolError", "EndedEarly"),
        SourceUnreachable,
        "connection_lost",
        "the connection to {host} broke off again and again.",
        "{again}",
    ),
)
DISK: tuple[Row, ...] = (
    # This machine's disk
    Row(
        lambda f: f.errno in (errno.ENOSPC, errno.EDQUOT),
        InsufficientDisk,
        "disk_dl",
        "the disk that holds {cache} is full.",
        "Free some space, or set HF_HUB_CACHE to a folder on another disk. What was fetched is kept.",
    ),
    Row(
        lambda f: f.errno in (errno.EACCES, errno.EPERM, errno.EROFS),
        SourceError,
        "not_writable",
        "can't write in the cache {cache}.",
        "Make it writable, or set HF_HUB_CACHE to a folder that is.",
    ),
)
