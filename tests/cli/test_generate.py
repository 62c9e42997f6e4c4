"""`generate` and `chat`: answers on standard output, talk on standard error."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
GREEDY = ("--temperature", "0", "--max-tokens", "12")


def test_the_answer_is_on_standard_output_and_the_figures_are_not(run: Run, tiny_model: Path) -> None:
    ended = run("generate", tiny_model, "hello", *GREEDY)
    assert ended.exit_code == 0
    assert ended.stdout.endswith("\n")
    for figure in ("tokens/s", "first token after", "peak memory"):
        assert figure in ended.stderr
        assert figure not in ended.stdout


def test_the_prompt_may_come_from_a_pipe(run: Run, tiny_model: Path) -> None:
    given = run("generate", tiny_model, "hello", *GREEDY).stdout
    assert run("generate", tiny_model, *GREEDY, input="hello").stdout == given
    assert run("generate", tiny_model, "-", *GREEDY, input="hello").stdout == given


def test_json_has_a_line_for_each_token_and_the_whole_answer_at_the_end(run: Run, tiny_model: Path) -> None:
    ended = run("generate", tiny_model, "hello", *GREEDY, "--json")
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    result = events[-1]["result"]
    assert events[-1]["event"] == "JobFinished"
    assert "".join(event["text"] for event in events if event["event"] == "Token") == result["text"]
    assert result["generation_tokens"] <= 12
    assert ended.stderr == ""


def test_a_seed_repeats_an_answer(run: Run, tiny_model: Path) -> None:
    hot = ("--temperature", "2", "--max-tokens", "20")
    first, again, other = (run("generate", tiny_model, "hello", *hot, "--seed", seed).stdout for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_sampling_options_reach_the_model(run: Run, tiny_model: Path) -> None:
    plain = run("generate", tiny_model, "hello", *GREEDY).stdout
    only_best = ("--temperature", "2", "--max-tokens", "12")
    for option in (("--top-k", "1"), ("--top-p", "0.000001"), ("--min-p", "1")):
        assert run("generate", tiny_model, "hello", *only_best, *option).stdout == plain
    assert run("generate", tiny_model, "hello", *GREEDY, "--repetition-penalty", "2").stdout != plain
    assert run("generate", tiny_model, "hello", *GREEDY, "--system", "Answer in verse.").stdout != plain


def test_a_model_without_chat_template_says_that_it_completes(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "base")
    config = json.loads((model / "tokenizer_config.json").read_text())
    del config["chat_template"]
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    ended = run("generate", model, "hello", *GREEDY)
    assert ended.exit_code == 0
    assert "warning: base has no chat template" in ended.stderr
    assert "plain completion" in ended.stderr


def test_a_folder_that_is_no_model_is_refused(run: Run, tmp_path: Path) -> None:
    ended = run("generate", tmp_path, "hello")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error [no_model]: ")


def test_a_pipe_is_a_chat_with_one_turn_a_line(run: Run, tiny_model: Path) -> None:
    ended = run("chat", tiny_model, *GREEDY, "--json", input="hello\n\nhello again\n/reset\nhello\n")
    assert ended.exit_code == 0, ended.stderr
    results = _results(ended.stdout)
    assert len(results) == 3
    first, second, anew = (result["prompt_tokens"] for result in results)
    assert second > first
    assert anew == first


def test_a_chat_in_a_pipe_prints_answers_only(run: Run, tiny_model: Path) -> None:
    ended = run("chat", tiny_model, *GREEDY, input="hello\n/quit\nnever asked\n")
    assert ended.exit_code == 0
    assert ended.stdout == run("generate", tiny_model, "hello", *GREEDY).stdout
    assert ended.stderr.count("tokens/s") == 1


def test_the_system_text_can_be_set_in_a_chat(run: Run, tiny_model: Path) -> None:
    said = "hello\n/system Answer in verse.\nhello\n/system\nhello\n"
    plain, verse, again = _results(run("chat", tiny_model, *GREEDY, "--json", input=said).stdout)
    assert verse["prompt_tokens"] > plain["prompt_tokens"]
    assert again["text"] == plain["text"]


def test_a_chat_refuses_bad_numbers_before_it_loads_a_model(run: Run, tiny_model: Path) -> None:
    ended = run("chat", tiny_model, "--top-p", "7", input="hello\n")
    assert ended.exit_code == 2
    assert "top-p" in ended.stderr


def test_a_failed_load_ends_a_chat(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "broken")
    (model / "tokenizer.json").unlink()
    ended = run("chat", model, input="hello\n")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error [")
    last = run("chat", model, "--json", input="hello\n").stdout.splitlines()[-1]
    assert json.loads(last)["event"] == "JobFailed"


def test_ctrl_c_stops_one_answer_and_the_chat_goes_on(terminal: Callable[..., Any], tiny_model: Path) -> None:
    program = terminal("chat", tiny_model, "--temperature", "0", "--max-tokens", "1000000")
    program.expect("is ready")
    program.type("hello\n")
    program.expect("hello")
    program.expect("\n")
    _wait_for_text(program)
    program.type("\x03")
    program.expect("(stopped)")
    program.expect("> ")
    program.type("/help\n")
    program.expect("/reset")
    program.expect("> ")
    program.type("\x04")
    assert program.wait() == 0


def test_ctrl_c_stops_generate(start: Callable[..., subprocess.Popen[str]], tiny_model: Path) -> None:
    import signal

    program = start("generate", tiny_model, "hello", "--temperature", "0", "--max-tokens", "1000000")
    assert program.stdout is not None
    assert program.stdout.read(1)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert err.strip() == "cancelled."


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_pipe_is_an_empty_prompt(run: Run, tiny_model: Path, prompt: str) -> None:
    ended = run("generate", tiny_model, input=prompt)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("error [empty_prompt]: ")


def _results(lines: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in lines.splitlines()]
    return [event["result"] for event in events if event["event"] == "JobFinished" and event["result"]]


def _wait_for_text(program: Any) -> None:
    """Wait until a piece of the answer is shown: more than the spinner's lines."""
    seen = len(program.text)
    while "…" in program.text[seen:].rpartition("\n")[2] or len(program.text) < seen + 200:
        assert program._read(60)
