"""Compare answers through mlx-convert's worker with bare mlx_lm on the same model, in turn, in one run.

    python benchmarks/generate.py                     # Llama-3.2-1B's shape with random weights, at 4 bit
    python benchmarks/generate.py --kind llama-tiny --prompt-tokens 64 --answer-tokens 32 --runs 3 --json

Both load the model once, each in a process of its own, and stay; then each answers a prompt that the other one has
just answered, so that whatever else the machine does falls on both. Ours is what a program sees: the first token
counts when its event has come out of the worker. Shown are medians, and of each pair the ratio, or for the first token
how much later ours is: the median, the least and the most. One answer of each goes before, and does not count.

Without a GPU both compute in float32, as our worker does there: mlx_lm's 16 bits would be many times slower on a CPU,
and the comparison would be one of number types.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthetic import KINDS, write_synthetic

from mlx_convert_core import ConvertRequest, GenerateRequest, ModelSession, Token, Workspace

GOAL_RATIO, GOAL_LATER = 0.97, 0.050  # of tokens a second, and seconds
BARE = """
import json, sys, time
import mlx.core as mx
from mlx.utils import tree_map
from mlx_lm import load, stream_generate
model, tokenizer = load(sys.argv[1])
if mx.default_device() == mx.cpu:
    floating = lambda array: mx.issubdtype(array.dtype, mx.floating)
    model.update(tree_map(lambda array: array.astype(mx.float32) if floating(array) else array, model.parameters()))
    mx.eval(model.parameters())
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    began = time.perf_counter()
    first = None
    for response in stream_generate(model, tokenizer, tokenizer.encode(asked["prompt"]), max_tokens=asked["tokens"]):
        first = first or time.perf_counter() - began
    print(json.dumps({"prompt": response.prompt_tps, "answer": response.generation_tps, "first": first,
                      "tokens": response.generation_tokens}), flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """One answer: tokens a second of prompt and answer, seconds to the first token, and how many tokens it has."""

    prompt: float
    answer: float
    first: float
    tokens: int


Ask = Callable[[str, int], Answer]


@contextmanager
def bare(model: Path) -> Iterator[Ask]:
    """mlx_lm in a process of its own."""
    command = [sys.executable, "-c", BARE, str(model)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()

        def ask(prompt: str, tokens: int) -> Answer:
            process.stdin.write(json.dumps({"prompt": prompt, "tokens": tokens}) + "\n")
            process.stdin.flush()
            return Answer(**json.loads(process.stdout.readline()))

        yield ask
        process.stdin.close()


@contextmanager
def ours(model: Path, workspace: Workspace) -> Iterator[Ask]:
    """A session of mlx-convert."""
    with workspace.open(model) as session:
        session.loading.result()
        yield lambda prompt, tokens: _asked(session, prompt, tokens)


def _asked(session: ModelSession, prompt: str, tokens: int) -> Answer:
    began = time.perf_counter()
    job = session.generate(GenerateRequest(prompt=prompt, max_tokens=tokens, temperature=0))
    first = 0.0
    for event in job.events():
        if not first and isinstance(event, Token):
            first = time.perf_counter() - began
    result = job.result()
    return Answer(result.prompt_tokens_per_second, result.generation_tokens_per_second, first, result.generation_tokens)


def in_turn(sides: tuple[Ask, Ask], prompt_tokens: int, tokens: int, runs: int) -> list[tuple[Answer, Answer]]:
    """``runs`` pairs of answers of both sides; who answers first changes. Prompts differ from their first word on."""
    pairs = []
    for run in range(runs + 1):
        prompt = " ".join(f"w{100 + (7 * run + word) % 1000}" for word in range(prompt_tokens))
        order = (0, 1) if run % 2 else (1, 0)
        found = {side: sides[side](prompt, tokens) for side in order}
        pairs.append((found[0], found[1]))
    return pairs[1:]


def summary(pairs: list[tuple[Answer, Answer]]) -> dict[str, Any]:
    """Medians of both sides, and how ours compares in each pair."""
    told: dict[str, Any] = {}
    for name in ("prompt", "answer", "first"):
        own, theirs = ([getattr(pair[side], name) for pair in pairs] for side in (0, 1))
        each = [one - other if name == "first" else one / other for one, other in zip(own, theirs, strict=True)]
        told[name] = {
            "ours": statistics.median(own),
            "mlx_lm": statistics.median(theirs),
            "compared": statistics.median(each),
            "least": min(each),
            "most": max(each),
        }
    told["goals met"] = (
        min(told["prompt"]["compared"], told["answer"]["compared"]) >= GOAL_RATIO
        and told["first"]["compared"] <= GOAL_LATER
    )
    return told


def with_words(folder: Path) -> None:
    """Give the model a word for each of its tokens, so that each shows when it comes."""
    words = json.loads((folder / "config.json").read_text())["vocab_size"]
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"] = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"w{word}": word for word in range(3, words)}}
    path.write_text(json.dumps(tokenizer))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=KINDS, default="llama-1b")
    parser.add_argument("--preset", default="4bit")
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--answer-tokens", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, Workspace(home=Path(place) / "home") as workspace:
        source = write_synthetic(Path(place) / "source", asked.kind)
        with_words(source)
        request = ConvertRequest(ref=str(source), preset=asked.preset, output=Path(place) / "model", verify=False)
        model = workspace.convert(request).result().path
        before = os.getloadavg()[0]
        with ours(model, workspace) as own, bare(model) as theirs:
            pairs = in_turn((own, theirs), asked.prompt_tokens, asked.answer_tokens, asked.runs)
        load = (before, os.getloadavg()[0])
    told = summary(pairs)
    if asked.json:
        print(json.dumps({**told, "load": load, "pairs": [[asdict(one) for one in pair] for pair in pairs]}))
        return
    _show(told, asked, load)


def _show(told: dict[str, Any], asked: argparse.Namespace, load: tuple[float, float]) -> None:
    print(f"{asked.kind} at {asked.preset}, {asked.prompt_tokens} + {asked.answer_tokens} tokens, {asked.runs} pairs")
    print(f"load average {load[0]:.1f} before, {load[1]:.1f} after, {os.cpu_count()} cores")
    for name, title in (("prompt", "prompt, tokens/s"), ("answer", "answer, tokens/s"), ("first", "first token, s")):
        row = told[name]
        more = "{:+.1f} ms ({:+.1f} to {:+.1f})" if name == "first" else "{:.3f} x ({:.3f} to {:.3f})"
        scale = 1000 if name == "first" else 1
        compared = more.format(*(scale * row[key] for key in ("compared", "least", "most")))
        print(f"{title:18} ours {row['ours']:9.3f}   mlx_lm {row['mlx_lm']:9.3f}   {compared}")
    print("goals met" if told["goals met"] else f"goals missed: {GOAL_RATIO} x, {1000 * GOAL_LATER:.0f} ms later")


if __name__ == "__main__":
    main()
