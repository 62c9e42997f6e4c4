"""One table: each cause of trouble with the Hub, and the error that it becomes (`errors.explain` reads it).

A row's first column says when it applies; the first row that does counts. Messages and hints may name ``{repo}``,
``{revision}``, ``{host}``, ``{page}``, ``{file}``, ``{token}`` (where it came from), ``{proxy}``, ``{wait}``,
``{cache}``, ``{endpoint}`` and ``{text}`` (what the client said, scrubbed).
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass

from mlx_convert_core.plugin import (
    GatedRepo,
    InsufficientDisk,
    InvalidRequest,
    LeaveOut,
    MlxConvertError,
    OpenPage,
    Remedies,
    RepoNotFound,
    Report,
    RevisionNotFound,
    SignIn,
    SourceError,
    SourceUnreachable,
    UploadError,
)
from mlx_convert_hub.trouble.seen import Failure

NEW_TOKEN = "Make a new token"
_SIGN_IN = (SignIn(),)
_PAGE = (OpenPage("{page}"),)
_TOKENS = OpenPage("https://huggingface.co/settings/tokens")


@dataclass(frozen=True, slots=True)
class Row:
    """One cause: when it applies, and the class, code, message and hint of the error."""

    applies: Callable[[Failure], bool]
    kind: type[MlxConvertError]
    code: str
    message: str
    hint: str
    remedies: Remedies = ()


ROWS: tuple[Row, ...] = (
    # This machine's own settings
    Row(
        lambda f: f.has("OfflineModeIsEnabled", "IncompleteSnapshotError"),
        SourceUnreachable,
        "offline",
        "{repo} can't be asked for: offline mode is on (HF_HUB_OFFLINE).",
        "Unset HF_HUB_OFFLINE, or use a model that is whole in {cache}.",
    ),
    Row(
        lambda f: (
            f.has("LocalTokenNotFoundError") or (f.status == 401 and not f.token_source and f.situation.uploading)
        ),
        UploadError,
        "token_none",
        "nobody is signed in to {host} on this machine.",
        "Sign in with a token that may write.",
        (*_SIGN_IN, _TOKENS),
    ),
    Row(
        lambda f: f.has("HFValidationError", "HfUriError"),
        InvalidRequest,
        "bad_id",
        "'{repo}' is not a repo id, which has the form owner/name.",
        "Paste the address of the model's page, or check the spelling.",
    ),
    # Who may
    Row(
        lambda f: (
            f.status == 401
            and bool(f.token_source)
            and f.says("invalid credentials", "invalid user token", "token has expired", "invalid username or password")
        ),
        SourceError,
        "token_bad",
        "{host} does not accept the token from {token}: it is wrong, expired or revoked.",
        "{renew}",
        (*_SIGN_IN, _TOKENS),
    ),
    Row(
        lambda f: f.has("GatedRepoError") and f.status == 401,
        GatedRepo,
        "gated_login",
        "{repo} is gated: its owner wants you to sign in and accept terms first.",
        "Open its page and accept them, then sign in and try again.",
        (*_PAGE, *_SIGN_IN),
    ),
    Row(
        lambda f: f.has("GatedRepoError") and f.says("awaiting a review"),
        GatedRepo,
        "gated_pending",
        "your request for {repo} still waits for its owner's review.",
        "Look at its page later. Nothing was downloaded.",
        _PAGE,
    ),
    Row(
        lambda f: f.has("GatedRepoError") and f.says("has been rejected"),
        GatedRepo,
        "gated_rejected",
        "the owner of {repo} has rejected your request for access.",
        "Choose another model. Nothing was downloaded.",
    ),
    Row(
        lambda f: f.has("GatedRepoError"),
        GatedRepo,
        "gated_denied",
        "{repo} is gated, and the account of the token from {token} has no access to it.",
        "Open its page with that account and accept the terms. A fine-grained token also needs the right to read gated"
        " repos.",
        (*_PAGE, *_SIGN_IN),
    ),
    Row(
        lambda f: f.has("DisabledRepoError"),
        SourceError,
        "disabled",
        "{repo} was disabled by the Hub.",
        "Its page says why. Choose another model.",
        _PAGE,
    ),
    # What is there
    Row(
        lambda f: f.has("RevisionNotFoundError"),
        RevisionNotFound,
        "revision",
        "{repo} has no branch, tag or commit '{revision}'.",
        "Its page lists the branches; without a revision the main one is taken.",
        (LeaveOut("revision"), OpenPage("{page}/tree/main")),
    ),
    Row(
        lambda f: f.has("RepositoryNotFoundError") and not f.token_source,
        RepoNotFound,
        "repo_not_found",
        "there is no repo {repo} on {host}, or it is private.",
        "Check the spelling. If it is private, sign in first.",
        _SIGN_IN,
    ),
    Row(
        lambda f: f.has("RepositoryNotFoundError"),
        RepoNotFound,
        "repo_not_found",
        "there is no repo {repo} on {host}, or the account of the token from {token} may not see it.",
        "Check the spelling, and that the account is a member of '{owner}'.",
    ),
    Row(
        lambda f: f.status == 404,
        SourceError,
        "file_missing",
        "{repo} has no file {file} at {revision}.",
        "The repo may have changed just now. Run it again.",
    ),
    # Uploads
    Row(
        lambda f: f.situation.uploading and f.status == 403 and f.says("namespace"),
        UploadError,
        "up_namespace",
        "the account of the token from {token} may not create models under '{owner}'.",
        "Upload under your own name, or ask an owner of '{owner}' to let you in.",
    ),
    Row(
        lambda f: f.situation.uploading and (f.status == 402 or (f.status == 403 and f.says("storage"))),
        UploadError,
        "up_storage",
        "'{owner}' has no room left on {host}: {text}.",
        "Delete a repo that you don't need, buy room, or make the model public.",
        (OpenPage("https://huggingface.co/settings/billing"),),
    ),
    Row(
        lambda f: f.situation.uploading and f.status in (401, 403),
        UploadError,
        "up_forbidden",
        "the token from {token} may not write to {repo}.",
        f"{NEW_TOKEN} with the right to write to it, and sign in with it.",
        (_TOKENS, *_SIGN_IN),
    ),
    Row(
        lambda f: f.situation.uploading and f.status == 413,
        UploadError,
        "up_413",
        "a file is larger than {host} takes.",
        "Convert the model again: what is made here has shards of at most 5 GB.",
    ),
    Row(
        lambda f: f.situation.uploading and f.status in (409, 412),
        UploadError,
        "up_conflict",
        "somebody else changed {repo} at the same time.",
        "Run the upload again: files that arrived are not sent twice.",
    ),
    Row(
        lambda f: f.situation.uploading and f.says("Invalid metadata in README.md"),
        UploadError,
        "up_card",
        "the metadata at the top of README.md in {repo} is not right: {text}.",
        "Mend it on its page and run the upload again.",
        (OpenPage("{page}/edit/main/README.md"),),
    ),
    # What the Hub answers when it can't
    Row(
        lambda f: f.status == 429,
        SourceUnreachable,
        "rate_limit",
        "{host} asks to slow down{wait}.",
        "Wait that long and run it again. Signing in raises the limits.",
        _SIGN_IN,
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
        _SIGN_IN,
    ),
    Row(
        lambda f: f.status == 403,
        SourceError,
        "forbidden",
        "{host} refuses access to {repo}.",
        "Look at its page with the account that you use.",
        _PAGE,
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
UNKNOWN = Row(
    lambda f: True,
    SourceError,
    "hub_error",
    "the Hub's client failed: {text}.",
    "Run it again. If it happens twice, please report it.",
    (Report(),),
)
