"""Settings for answers that are kept by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import AnswerPresets, ChatSettings

DRY = ChatSettings(
    system="Be dry.", max_tokens=9, temperature=0.1, top_p=0.5, top_k=3, min_p=0.2, repetition_penalty=1.1, seed=7
)


def test_every_setting_comes_back_under_its_name(home: Path) -> None:
    presets = AnswerPresets(home)
    assert presets.all() == {}
    assert presets.keep("  Very   dry ", DRY) == "Very dry"
    presets.keep("brief", ChatSettings(max_tokens=20))
    assert AnswerPresets(home).all() == {"brief": ChatSettings(max_tokens=20), "Very dry": DRY}
    presets.keep("brief", DRY)
    presets.forget("Very dry")
    presets.forget("Very dry")
    assert presets.all() == {"brief": DRY}


@pytest.mark.parametrize("name", ["", "  \n", "x" * 61])
def test_a_name_stands_in_a_list(home: Path, name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        AnswerPresets(home).keep(name, DRY)
    assert caught.value.code == "preset_name"


def test_what_makes_no_sense_is_left_out_and_left_alone(home: Path) -> None:
    presets = AnswerPresets(home)
    presets.keep("good", DRY)
    path = home / "answers.json"
    stored = json.loads(path.read_text())
    stored["presets"] |= {"hot": {"temperature": 90}, "odd": 7, "later": {"temperature": 1, "new_in_2.0": True}}
    path.write_text(json.dumps(stored))
    assert set(presets.all()) >= {"good"}
    assert not {"hot", "odd"} & set(presets.all())
    presets.keep("other", DRY)
    assert json.loads(path.read_text())["presets"]["hot"] == {"temperature": 90}
    path.write_text('{"presets": [1, 2]}')
    assert presets.all() == {}
