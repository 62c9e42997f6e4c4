"""Convert a model with two presets, reading it once, and ask both results the same question.

python examples/convert_and_compare.py path/or/repo/id "What is the capital of France?"
"""

from __future__ import annotations

import sys

from mlx_convert_core import ConvertRequest, GenerateRequest, MlxConvertError, Progress, StepStarted, Workspace


def main(ref: str, question: str) -> None:
    """Convert, then compare."""
    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref=ref, preset=("4bit", "8bit"), force=True))
        for event in job.events():
            if isinstance(event, StepStarted):
                print(f"{event.step} ...")
            elif isinstance(event, Progress) and event.step == "write":
                print(f"  {event.done / event.total:.0%} of {event.total / 1e6:.1f} MB")
        models = [model.path for model in job.result().models]
        request = GenerateRequest(prompt=question, max_tokens=64, temperature=0)
        for compared in workspace.compare(models, request).job.result().answers:
            print(f"\n{compared.name} ({compared.bits_per_weight:.2f} bits per weight)")
            print(compared.answer.text if compared.answer else compared.error)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except MlxConvertError as error:
        sys.exit(f"{error.message} {error.hint}")
