"""Accounts, their tokens, and who may read, download and write a repo."""

from __future__ import annotations

from dataclasses import dataclass

from hubserver.replies import HubError, repo_not_found
from hubserver.repos import Repo

ASK = "Visit https://huggingface.co/{repo} to ask for access."


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose token it is. `role` is read, write or fineGrained; `writable` names what a fine-grained one may write."""

    name: str
    role: str = "write"
    orgs: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    def belongs_to(self, namespace: str) -> bool:
        """Tell whether private repos under this namespace are visible."""
        return namespace == self.name or namespace in self.orgs

    def can_write(self, namespace: str) -> bool:
        """Tell whether the token may create and change repos under this namespace."""
        if self.role == "fineGrained":
            return namespace in self.writable
        return self.role == "write" and self.belongs_to(namespace)


def check_read(repo: Repo | None, account: Account | None) -> Repo:
    """Return the repo if its page may be seen. A gated repo's page and file list may."""
    hidden = repo is not None and repo.private and not (account and account.belongs_to(repo.namespace))
    if repo is None or hidden:
        raise repo_not_found(anonymous=account is None)
    if repo.disabled:
        raise HubError(403, "Access to this resource is disabled.")
    return repo


def check_download(repo: Repo | None, account: Account | None) -> Repo:
    """Return the repo if its files may be fetched."""
    repo = check_read(repo, account)
    if not repo.gated or (account and (account.belongs_to(repo.namespace) or account.name in repo.accepted)):
        return repo
    if account is None:
        message = f"Access to model {repo.id} is restricted. You must have access to it and be authenticated"
        raise HubError(401, f"{message} to access it. Please log in.", "GatedRepo")
    message = f"Access to model {repo.id} is restricted and you are not in the authorized list. {ASK}"
    if account.name in repo.pending:
        message = f"Your request to access model {repo.id} is awaiting a review from the repo authors."
    elif account.name in repo.denied:
        message = f"Your request to access model {repo.id} has been rejected by the repo's authors."
    raise HubError(403, message.format(repo=repo.id), "GatedRepo")


def check_write(repo: Repo | None, account: Account | None) -> Repo:
    """Return the repo if its files may be changed."""
    require_login(account)
    repo = check_read(repo, account)
    if account is None or not account.can_write(repo.namespace):
        raise HubError(403, "Forbidden: you must use a write token with the rights to write to this repo.")
    return repo


def require_login(account: Account | None) -> Account:
    """Return the account, or refuse a request without a token."""
    if account is None:
        raise HubError(401, "Invalid username or password.")
    return account
