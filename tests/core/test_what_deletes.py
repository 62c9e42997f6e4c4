"""Every place in the source that deletes, moves or overwrites by name is known, with the reason why it may."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Whatever a person could own goes through writing/: it asks writing/replaceable.py first. The others touch only what
# they, or another run of ours, made. A new line here wants a reason that a stranger believes.
MAY = {
    "mlx_convert_core/base/documents.py": "our own small files in the home folder",
    "mlx_convert_core/base/removing.py": "called by writing/staging.py and writing/leftovers.py",
    "mlx_convert_core/base/trash.py": "called by writing/removal.py",
    "mlx_convert_core/home/kept_files.py": "our own copies of pictures, in the home folder",
    "mlx_convert_core/measuring/references.py": "what sources computed, in the home folder, to make room",
    "mlx_convert_core/base/exchange.py": "called by writing/staging.py",
    "mlx_convert_core/writing/cached_removal.py": "a revision in a Hub cache; removal.py asks what_goes",
    "mlx_convert_core/writing/leftovers.py": "what killed programs of ours left, told by name, parts and owner",
    "mlx_convert_core/writing/removal.py": "asks what_goes, and renames into a staging folder",
    "mlx_convert_core/writing/staging.py": "staging folders, and an output that its caller asked about",
    "mlx_convert_core/writing/shards.py": "weight files of a staging folder",
    "plugins/mlx_convert_engine/kept_inputs.py": "statistics in a staging folder",
    "plugins/mlx_convert_engine/choosing.py": "what was measured, in a staging folder",
    "plugins/mlx_convert_engine/forward/way_back.py": "states in a temporary folder of a staging folder",
    "plugins/mlx_convert_engine/stand_in.py": "a folder that it made for itself",
    "plugins/mlx_convert_lm/tokenizers/for_readers.py": "a link in a temporary folder that it made",
    "plugins/mlx_convert_hub/fetch/cache.py": "weight files of a model that a person fetches with --discard-source",
    "plugins/mlx_convert_hub/fetch/download.py": "a download of its own",
    "plugins/mlx_convert_hub/send/clone.py": "a file of a staging folder",
    "frontends/mlx_convert_ui/state/attached.py": "our own copies of pictures, in a temporary folder of ours",
    "frontends/mlx_convert_cli/demo_model.py": "the demo's own folder below the cache",
    "frontends/mlx_convert_cli/new_plugin.py": "a folder made in a temporary one, to a name that is not taken",
}
_METHODS = {
    "trashItemAtURL_resultingItemURL_error_",
    "rmtree",
    "unlink",
    "rmdir",
    "removedirs",
    "renames",
    "move_to_trash",
    "renameat2",
    "renamex_np",
}
_ONE_ARGUMENT = {"rename", "replace"}  # of a path; text takes two, dataclasses and times take keywords
_OF_A_MODULE = {("os", "remove"), ("os", "rename"), ("os", "replace"), ("shutil", "move")}
_NO_PATHS = {"history", "_actions"}  # a browser's address, a button's action


def deletions(code: str) -> Iterator[str]:
    """Names of the calls that may have a file go, or another take its place."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        of = getattr(owner, "id", getattr(owner, "attr", ""))
        single = name in _ONE_ARGUMENT and len(node.args) == 1 and not node.keywords and owner is not None
        if name in _METHODS or (of, name) in _OF_A_MODULE or (single and of not in _NO_PATHS):
            yield f"{of}.{name}"


def test_the_search_sees_every_way_to_delete() -> None:
    code = (
        "shutil.rmtree(a)\na.unlink()\nos.remove(a)\nos.replace(a, b)\na.rename(b)\na.replace(b)\nshutil.move(a, b)\n"
    )
    assert len(list(deletions(code))) == 7
    harmless = (
        "text.replace('a', 'b')\nreplace(a, b=1)\nchats.rename(id, title)\ntimes.replace(tzinfo=UTC)\na.remove(b)"
    )
    assert list(deletions(harmless)) == []


def test_only_these_modules_have_anything_go() -> None:
    found = {
        str(path.relative_to(ROOT)): calls
        for folder in ("mlx_convert_core", "plugins", "frontends")
        for path in (ROOT / folder).rglob("*.py")
        if "templates" not in path.parts and (calls := list(deletions(path.read_text())))
    }
    assert found.keys() - MAY.keys() == set(), {name: found[name] for name in found.keys() - MAY.keys()}
    assert MAY.keys() - found.keys() == set(), "these delete nothing any more"
