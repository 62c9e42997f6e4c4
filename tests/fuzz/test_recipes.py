"""Recipe files, spoiled: each becomes a request, or is refused in words."""

from __future__ import annotations

from fuzz.loop import Case, Fuzz, amounts
from fuzz.mutations import spoiled_json
from mlx_convert_core import load_recipe

RECIPE = {
    "schema": 1,
    "mlx_convert": "recipe",
    "ref": "org/name",
    "revision": "main",
    "outputs": [
        {"preset": "4bit", "strategy": "mixed", "dtype": "bfloat16", "bits": 4, "group_size": 64, "mode": "affine"},
        {"preset": "8bit", "strategy": "mixed", "dtype": "bfloat16", "bits": 4, "group_size": 64, "mode": "affine"},
    ],
}


@amounts
def test_a_spoiled_recipe_is_read_or_refused(fuzz: Fuzz) -> None:
    def attempt(case: Case) -> object:
        path = case.folder / "recipe.json"
        path.write_bytes(spoiled_json(case.random, RECIPE))
        recipe = load_recipe(path)
        return recipe.data(), recipe.request("org/other"), recipe.request()

    fuzz("recipes", 1_000, attempt)
