"""Other names for the tensors of a source, where the same model is named otherwise than its class expects.

Tools put something before every name (torch.compile `_orig_mod.`, a trainer `module.` or `policy.`), save a part of a
model without what led to it (`layers.0.…` without `model.`), or order a model's parts anew (`model.language_model.…`).
All of these change what stands before the numbered layers. The output head has several usual names besides. What fits
best to the class's own names is tried first; that every tensor then finds its place, with its shape, is for the class
to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

# Parts of a name that wrappers of modules add, wherever they stand.
_WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
_HEADS = ("lm_head", "embed_out", "output", "output_layer")
_TRIED = 4  # renamings, each of which builds the model anew
_LEADS = 12  # different beginnings that are looked at, the most frequent first
Renaming = Mapping[str, str]
"""The new name of each tensor, by its name in the source."""


def renamings(names: Collection[str], wanted: Collection[str]) -> Iterator[Renaming]:
    """Renamings of ``names`` after which more of them are ``wanted``, names of the class; the best first."""
    targets = set(wanted)
    found: dict[tuple[str, ...], int] = {}
    for candidate in _candidates(tuple(names), targets):
        for renamed in (candidate, _headed(candidate, targets)):
            if len(set(renamed)) == len(renamed):
                found.setdefault(renamed, len(targets.intersection(renamed)))
    as_it_is = len(targets.intersection(names))
    better = [renamed for renamed, fitting in found.items() if fitting > as_it_is]
    for renamed in sorted(better, key=lambda one: -found[one])[:_TRIED]:
        yield dict(zip(names, renamed, strict=True))


def changed(renaming: Renaming) -> dict[str, str]:
    """The names that a renaming changes."""
    return {old: new for old, new in renaming.items() if old != new}


def lead_of(names: Iterable[str]) -> str:
    """What stands before the numbered layers of most names, the layers' own word included: ``model.layers.``."""
    leads = _leads(names)
    return leads[0] if leads else ""


def _candidates(names: tuple[str, ...], targets: set[str]) -> Iterator[tuple[str, ...]]:
    for base in _unwrapped(names):
        yield base
        for old in _leads(base):
            for new in _leads(targets):
                if old.rpartition(".")[0].rpartition(".")[2] == new.rpartition(".")[0].rpartition(".")[2]:
                    yield from _led(base, _above(old), _above(new), targets)


def _unwrapped(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The names without the parts of wrappers, then also without each part that all of them begin with."""
    parts = [[part for part in name.split(".") if part not in _WRAPPERS] for name in names]
    while True:
        yield tuple(".".join(name) for name in parts)
        first = {name[0] for name in parts}
        if len(first) > 1 or any(len(name) < 3 for name in parts):
            return
        parts = [name[1:] for name in parts]


def _led(names: tuple[str, ...], old: str, new: str, targets: set[str]) -> Iterator[tuple[str, ...]]:
    """``names`` with ``new`` in place of the leading ``old``; the others find their place by their end."""
    by_end: dict[str, set[str]] = {}
    for target in targets:
        for end in _ends(target):
            by_end.setdefault(end, set()).add(target)

    def other(name: str) -> str:
        longer = by_end.get(name, ())
        if name not in targets and len(longer) == 1:
            return next(iter(longer))
        return next((end for end in (name, *_ends(name)) if end in targets), name)

    moved = tuple(new + name[len(old) :] if _is_led(name, old, targets) else other(name) for name in names)
    yield moved
    outer = old.split(".")[0] + "." if old.count(".") > 1 else ""
    if outer:  # what stood beside the layers' module may have moved up with it
        yield tuple(
            one.removeprefix(outer) if one == name and name not in targets else one
            for one, name in zip(moved, names, strict=True)
        )


def _headed(names: tuple[str, ...], targets: set[str]) -> tuple[str, ...]:
    """``names`` with the output head called as in ``targets``, where it has another of its usual names."""
    wanted = {target.rpartition(".")[2]: target for target in targets.difference(names) if _is_head(target)}
    return tuple(
        wanted.get(name.rpartition(".")[2], name) if name not in targets and _is_head(name) else name for name in names
    )


def _is_head(name: str) -> bool:
    parts = name.split(".")
    return parts[-2:-1] != [] and parts[-2] in _HEADS and not any(part.isdecimal() for part in parts)


def _is_led(name: str, old: str, targets: set[str]) -> bool:
    return name.startswith(old) if old else name not in targets


def _ends(name: str) -> list[str]:
    """A name without its first part, its first two and so on, down to two parts."""
    return [name.split(".", depth)[-1] for depth in range(1, name.count("."))]


def _above(lead: str) -> str:
    """``model.`` of ``model.layers.``."""
    return lead[: lead[:-1].rfind(".") + 1]


def _leads(names: Iterable[str]) -> list[str]:
    """What stands before the first number in a name, the most frequent first."""
    found: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        number = next((place for place, part in enumerate(parts) if part.isdecimal()), 0)
        if number:
            found[".".join(parts[:number]) + "."] += 1
    return [lead for lead, _ in sorted(found.items(), key=lambda one: (-one[1], one[0]))[:_LEADS]]
