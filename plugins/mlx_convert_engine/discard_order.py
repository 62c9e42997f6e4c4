"""The order of work when weight files come one after the other and go again as soon as they are used.

A wave is what can be made once a further file is here. A piece that nobody can tell the sources of waits for
all files; what a class computes from others waits for those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.pieces import Computed, Piece, names_of, shards_of
from mlx_convert_engine.stream import Layer


@dataclass(slots=True)
class Wave:
    """What is made when the weight file ``shard`` is here: ``rows`` of source tensors, and the ``computed`` names
    of tensors that need the files ``needs``. Nobody needs the files ``done`` after that."""

    shard: str
    rows: list[Layer] = field(default_factory=list)
    computed: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    done: tuple[str, ...] = ()


def waves(layers: Iterable[Layer], shards: Sequence[str]) -> list[Wave]:
    """A wave for each of ``shards``, in order; a file that no wave names as done is not needed at all."""
    found = {shard: Wave(shard) for shard in sorted(shards)}
    last: dict[str, str] = {}
    for layer in layers:
        rows: dict[str, Layer] = {}
        for piece, writer in layer:
            needs = _needs(piece, shards)
            ready = max(needs)
            _note_use(last, needs)
            if isinstance(piece, Computed):
                found[ready].computed |= set(names_of(piece))
                found[ready].needs |= needs
            else:
                rows.setdefault(ready, []).append((piece, writer))
        for ready, part in rows.items():
            found[ready].rows.append(part)
    for shard, wave in found.items():
        wave.done = tuple(sorted(one for one, end in last.items() if end == shard))
    return list(found.values())


def bytes_at_once(blueprints: Sequence[Blueprint], sizes: dict[str, int], window: int) -> int:
    """Bytes of weight files (``sizes``, by name) on the disk at most, when each goes after its last wave and at
    most ``window`` are fetched ahead."""
    pieces = (piece for plan in blueprints for layer in plan.pieces for piece in layer)
    shards = sorted(sizes)
    last: dict[str, str] = {}
    for piece in pieces:
        _note_use(last, _needs(piece, shards))
    most = 0
    for index, current in enumerate(shards):
        kept = sum(sizes[shard] for shard in shards[:index] if last.get(shard, "") >= current)
        most = max(most, kept + sum(sizes[shard] for shard in shards[index : index + window]))
    return most


def _note_use(last: dict[str, str], needs: frozenset[str]) -> None:
    """Keep in ``last`` which file has to be here when each of ``needs`` is used for the last time."""
    ready = max(needs)
    last |= {shard: max(ready, last.get(shard, "")) for shard in needs}


def _needs(piece: Piece, shards: Sequence[str]) -> frozenset[str]:
    found = shards_of(piece)
    if found is None:
        return frozenset(shards)
    return found or frozenset(shards[:1])
