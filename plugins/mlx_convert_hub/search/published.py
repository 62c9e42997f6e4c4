"""What mlx-community has published of a model: told by its cards, never by its names."""

from __future__ import annotations

from functools import lru_cache

from mlx_convert_core.plugin import FoundModel
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.search.rows import listed

COMMUNITY = "mlx-community"
SECONDS = 2.0  # nobody waits for it: it is beside what was asked
LIMIT = 50


@lru_cache(maxsize=64)
def conversions(connection: HubConnection, repo_id: str) -> tuple[FoundModel, ...]:
    """The models of mlx-community whose cards say that they are made from ``repo_id``, by name; asked once a run.

    Their names would tell of others, too: that of an instruct model begins as that of its base model does. Raises what
    the client raises, OddAnswer and TooSlow.
    """
    found = listed(connection, SECONDS, author=COMMUNITY, filter=f"base_model:{repo_id}", limit=LIMIT)
    return tuple(sorted((model for model in found if repo_id in model.base_models), key=lambda model: model.ref))
