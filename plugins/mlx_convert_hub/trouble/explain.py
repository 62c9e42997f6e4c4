"""Turn what the Hub's client raises into our errors, by the table in `trouble/table.py`."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from mlx_convert_core.plugin import MlxConvertError, OpenPage, Remedies, SourceError, UploadError
from mlx_convert_hub.trouble.row import NEW_TOKEN, Row
from mlx_convert_hub.trouble.seen import Failure, Situation, one_line, scrub
from mlx_convert_hub.trouble.table import ROWS, UNKNOWN

PUBLIC = "https://huggingface.co"
FETCH_AGAIN = "Run it again: what was fetched is kept, and it goes on from there."
SEND_AGAIN = "Run it again: files that arrived are not sent twice."


@contextmanager
def explained(situation: Situation) -> Iterator[None]:
    """Turn whatever the client raises in the body into our error; ours pass as they are."""
    try:
        yield
    except MlxConvertError:
        raise
    except Exception as error:
        # `from None`: the chain holds signed addresses, and a traceback would print them.
        raise explain(error, situation) from None


def explain(error: BaseException, situation: Situation) -> MlxConvertError:
    """The error that ``error`` becomes, with what the client said as a scrubbed note."""
    failure = Failure(error, situation)
    row = next((row for row in ROWS if row.applies(failure)), UNKNOWN)
    values = _values(failure)
    kind = UploadError if situation.uploading and issubclass(row.kind, SourceError) else row.kind
    found = kind(
        _filled(row.message, values), hint=_filled(row.hint, values), remedies=_remedies(row, values), code=row.code
    )
    found.add_note(scrub("".join(traceback.format_exception_only(error))).strip())
    return found


def refusal(code: str, situation: Situation) -> MlxConvertError:
    """The error of the table's row ``code``, for what we refuse before the Hub does."""
    failure = Failure(Exception(), situation)
    row = next(row for row in ROWS if row.code == code)
    values = _values(failure)
    return row.kind(
        _filled(row.message, values), hint=_filled(row.hint, values), remedies=_remedies(row, values), code=code
    )


def _filled(text: str, values: dict[str, str]) -> str:
    return text.format_map(values)


def _remedies(row: Row, values: dict[str, str]) -> Remedies:
    return tuple(
        OpenPage(_filled(remedy.address, values)) if isinstance(remedy, OpenPage) else remedy for remedy in row.remedies
    )


def _values(failure: Failure) -> dict[str, str]:
    situation = failure.situation
    wait = failure.retry_after
    variable = failure.token_source.startswith("the environment")
    return {
        "repo": situation.repo_id or "this",
        "owner": situation.repo_id.partition("/")[0],
        "revision": situation.revision,
        "host": failure.host,
        "page": f"{situation.endpoint}/{situation.repo_id}",
        "file": situation.file or "of that name",
        "token": failure.token_source or "nowhere",
        "renew": f"{NEW_TOKEN} and put it there"
        + (", or unset the variable: it overrides the login." if variable else " and sign in with it."),
        "again": SEND_AGAIN if situation.uploading else FETCH_AGAIN,
        "proxy": failure.proxy,
        "wait": f" for {wait:.0f} seconds" if wait else "",
        "status": str(failure.status),
        "cache": situation.cache or "the cache",
        "reason": scrub(str(failure.chain[-1])) or type(failure.chain[-1]).__name__,
        "mirror": f" HF_ENDPOINT is set to {scrub(situation.endpoint)}: is that right?"
        if situation.endpoint != PUBLIC
        else "",
        "text": one_line(scrub(str(failure.error))).rstrip(".") or "no reason given",
    }
