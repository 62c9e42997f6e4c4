"""What the Hub refuses: who may, what is there, and what it takes."""

from __future__ import annotations

from mlx_convert_core.plugin import (
    GatedRepo,
    InvalidRequest,
    LeaveOut,
    OpenPage,
    RepoNotFound,
    RevisionNotFound,
    SourceError,
    SourceUnreachable,
    UploadError,
)
from mlx_convert_hub.trouble.row import NEW_TOKEN, PAGE, SIGN_IN, TOKENS, Row

SETTINGS: tuple[Row, ...] = (
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
        (*SIGN_IN, TOKENS),
    ),
    Row(
        lambda f: f.has("HFValidationError", "HfUriError"),
        InvalidRequest,
        "bad_id",
        "'{repo}' is not a repo id, which has the form owner/name.",
        "Paste the address of the model's page, or check the spelling.",
    ),
)
ACCESS: tuple[Row, ...] = (
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
        (*SIGN_IN, TOKENS),
    ),
    Row(
        lambda f: f.has("GatedRepoError") and f.status == 401,
        GatedRepo,
        "gated_login",
        "{repo} is gated: its owner wants you to sign in and accept terms first.",
        "Open its page and accept them, then sign in and try again.",
        (*PAGE, *SIGN_IN),
    ),
    Row(
        lambda f: f.has("GatedRepoError") and f.says("awaiting a review"),
        GatedRepo,
        "gated_pending",
        "your request for {repo} still waits for its owner's review.",
        "Look at its page later. Nothing was downloaded.",
        PAGE,
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
        (*PAGE, *SIGN_IN),
    ),
    Row(
        lambda f: f.has("DisabledRepoError"),
        SourceError,
        "disabled",
        "{repo} was disabled by the Hub.",
        "Its page says why. Choose another model.",
        PAGE,
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
        SIGN_IN,
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
)
UPLOADS: tuple[Row, ...] = (
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
        (TOKENS, *SIGN_IN),
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
)
