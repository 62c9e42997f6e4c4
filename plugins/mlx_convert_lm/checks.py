"""What every converted model is asked before it is published, whatever runs it.

Greedy answers to one question show what makes a model useless at once: values that are no numbers, one token for ever,
no preference for any token. They say little about quality; `measure` does that.

What "no preference" is was seen on models: with random weights the entropy of the next token is 0.96 to 0.98 of the
most that is possible, at every step; SmolLM2-135M stays below 0.6, also at 2 bits, where it talks nonsense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import (
    Finding,
    GenerateRequest,
    ModelCheck,
    Remedies,
    SetOption,
    TextRunner,
    TriedModel,
    Verdict,
)

QUESTION = "What is the capital of France?"
TOKENS = 16
LOOP = 8  # times the same token at the end: more than a row of dots or dashes that a model means
AT_RANDOM = 0.9  # of the most possible entropy
UNIFORM = 0.99999  # what float32 leaves of equal shares; small random weights reach 0.9995
KNOWN = ("not_finite", "overflow")  # findings about the weights: in the source itself, or agreed to
_MORE_BITS = {2: 4, 3: 4, 4: 6, 5: 8, 6: 8}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an answer: the likeliest token, the entropy as a part of the most that is possible, the number of
    values that are no numbers, and of values."""

    token: int
    entropy: float
    spoiled: int
    values: int


class Watch:
    """A logits processor that changes nothing, and notes what passes."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(self, tokens: Any, logits: Any) -> Any:
        """Look at logits, shape (1, vocabulary). Minus infinity is how classes forbid a token."""
        import mlx.core as mx

        numbers = logits.reshape(-1).astype(mx.float32)
        count = numbers.shape[0]
        finite = mx.isfinite(numbers)
        spoiled = mx.isnan(numbers) | (numbers == float("inf")) | mx.logical_not(mx.any(finite))
        shares = mx.softmax(mx.where(finite, numbers, float("-inf")))
        entropy = -mx.sum(shares * mx.log(shares + 1e-30)) / mx.log(mx.maximum(mx.sum(finite), 2))
        step = Step(mx.argmax(numbers).item(), entropy.item(), mx.sum(spoiled).item(), count)
        self.steps.append(step)
        return logits


def answers(model: TriedModel) -> Verdict:
    """Have it answer, and look at the logits if its runner shows them."""
    watch = Watch()
    result = model.answer(GenerateRequest(prompt=QUESTION, max_tokens=TOKENS, temperature=0), watch)
    count = result.generation_tokens if result is not None else max(0, len(watch.steps) - 1)
    spoiled = next((step for step in watch.steps if step.spoiled), None)
    findings = tuple(_spoiled(model, spoiled) if spoiled is not None else _faults(model, watch.steps, count))
    facts = [f"answers {count} {'token' if count == 1 else 'tokens'}"] * bool(count)
    return Verdict(facts=(*facts, *["finite logits"] * bool(watch.steps and spoiled is None)), findings=findings)


def reads(model: TriedModel) -> Verdict | None:
    """Whether texts in many scripts come back from its tokenizer, and whether it knows the end of an answer."""
    from mlx_convert_lm.tokenizers.round_trip import as_in_source, changed

    runner = model.runner
    if not isinstance(runner, TextRunner):
        return None
    facts, findings = [], []
    differs = changed(runner)
    if not differs:
        facts.append("tokenizer round trip")
    elif as_in_source(runner, model.source, own_code=model.plan.request.trust_remote_code):
        facts.append("tokenizer round trip as with the source's")
    else:
        findings.append(_other_text(model, *differs[0]))
    if runner.ends():
        facts.append("end of answers known")
    else:
        findings.append(_no_end(model))
    return Verdict(facts=tuple(facts), findings=tuple(findings))


CHECKS = (
    ModelCheck(name="answer", summary="It answers, with finite logits and more than one token for ever", check=answers),
    ModelCheck(name="tokenizer", summary="Its tokenizer gives texts back, and knows where an answer ends", check=reads),
)


def _faults(model: TriedModel, steps: list[Step], count: int) -> Iterator[Finding]:
    preset = model.plan.outputs[0].label
    if not count:
        yield Finding(
            code="verify_slow",
            level="info",
            message=f"{preset}: the written model gave no token in the time that a look may take.",
            hint="Ask it something before you rely on it.",
        )
    if not steps:
        return
    least = min(step.entropy for step in steps)
    if least >= AT_RANDOM:
        yield _at_random(preset, least)
    elif len({step.token for step in steps[:count][-LOOP:]}) == 1 and count >= LOOP:
        yield Finding(
            code="token_loop",
            level="warning",
            message=f"{preset}: asked a question, the written model ends in one token over and over"
            f" (id {steps[count - 1].token}, {LOOP} times).",
            hint="Ask the original model. If that answers well, this one lost too much.",
            remedies=_gentler(model),
        )


def _at_random(preset: str, entropy: float) -> Finding:
    uniform = entropy >= UNIFORM
    how = "exactly as likely as" if uniform else "about as likely as"
    why = "as if its weights were zeros" if uniform else "as with weights that nobody has trained"
    return Finding(
        code="answers_at_random",
        level="warning" if uniform else "info",
        message=f"{preset}: to the written model every token is {how} any other, {why}.",
        hint="Its answers are chance. If the original answers well, download it again: a weight file may be damaged.",
    )


def _spoiled(model: TriedModel, step: Step) -> tuple[Finding, ...]:
    """The finding for logits that are no numbers: an error, unless the weights are known to be the cause."""
    (output,) = model.plan.outputs
    known = any(finding.code in KNOWN for finding in model.plan.findings)
    message = f"{output.label}: asked a question, the written model computes no numbers:"
    message += f" {step.spoiled:,} of {step.values:,} logits are NaN or infinite, so that every answer is nonsense."
    if known:
        hint = "Its weights hold such values, which was told before."
        return (Finding(code="nan_logits", level="warning", message=message, hint=hint),)
    hint = "Nothing was published. Convert it otherwise; if it is to be kept all the same, without being tried."
    remedies = (*_gentler(model), SetOption("verify", False))
    return (Finding(code="nan_logits", level="error", message=message, hint=hint, remedies=remedies),)


def _gentler(model: TriedModel) -> Remedies:
    """Another type where float16 may be too small, else more bits."""
    (output,) = model.plan.outputs
    if (output.dtype or model.plan.model.config.get("torch_dtype")) == "float16":
        return (SetOption("dtype", "bfloat16"),)
    bits = output.quantization.bits if output.quantization is not None else 16
    return (SetOption("bits", _MORE_BITS[bits]),) if bits in _MORE_BITS else ()


def _other_text(model: TriedModel, text: str, back: str) -> Finding:
    return Finding(
        code="round_trip",
        level="warning",
        message=f"{model.plan.outputs[0].label}: the tokenizer of the written model makes {back!r:.80} of"
        f" {text!r:.80}, and the source's does not.",
        hint="Compare the tokenizer files with the original model's.",
    )


def _no_end(model: TriedModel) -> Finding:
    return Finding(
        code="no_end",
        level="warning",
        message=f"{model.plan.outputs[0].label}: no token ends an answer of the written model, so that each goes on to"
        " its limit.",
        hint="config.json or generation_config.json of the original model should name one, as eos_token_id.",
    )
