"""Remedies on a page: each has a button, a link or a reason for none, and the form does what it can itself."""

from __future__ import annotations

from typing import get_args

import pytest
from mlx_convert_ui.pages.convert.form_remedies import change_of
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.widgets.remedies import NO_PAGE, PAGES

from mlx_convert_core.plugin import ChooseOutput, LeaveOut, Remedy, Replace, SetOption, UseInstead
from mlx_convert_core.remedies import Operation


def test_every_operation_of_the_command_line_has_a_page_or_a_reason_for_none() -> None:
    assert {*PAGES, *NO_PAGE} == set(get_args(Operation))


@pytest.mark.parametrize(
    ("remedy", "words", "field", "value"),
    [
        (SetOption("dequantize", True), "Read its packed layers as plain numbers", "dequantize", True),
        (LeaveOut("dequantize"), "Keep its packed layers", "dequantize", False),
        (SetOption("text_only", True), "Convert only the text model", "text_only", True),
        (SetOption("group_size", 32), "Use a group size of 32", "group_size", 32),
        (SetOption("preset", "bf16"), "Use bf16", "preset", "bf16"),
        (SetOption("trust_remote_code", True), "Allow its code", "trust", True),
        (LeaveOut("bits"), "Use the preset's bits", "bits", None),
        (LeaveOut("revision"), "Use the newest revision", "revision", ""),
        (ChooseOutput("/models/a-2"), "Name it a-2", "name", "a-2"),
        (UseInstead("org/base"), "Use org/base", "ref", "org/base"),
        (UseInstead("org/base", adapter="org/lora"), "Fuse it into org/base", "adapter", "org/lora"),
        (LeaveOut("adapter"), "Use no adapter", "adapter", ""),
    ],
)
def test_the_form_changes_what_a_remedy_says(remedy: Remedy, words: str, field: str, value: object) -> None:
    form = Form(bits=4, revision="v1", ref="org/other")
    change = change_of(form, remedy)
    assert change is not None
    assert change[0] == words
    change[1]()
    assert getattr(form, field) == value


@pytest.mark.parametrize("remedy", [Replace(), ChooseOutput(), SetOption("revision"), SetOption("resume", True)])
def test_what_the_form_has_no_field_for_gets_no_button_of_its(remedy: Remedy) -> None:
    assert change_of(Form(), remedy) is None
