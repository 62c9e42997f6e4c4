"""Figures of a model's quality as tables."""

from __future__ import annotations

from collections.abc import Sequence

from mlx_convert_cli.output import say, show, show_table, styled, table, tell_out
from mlx_convert_core import BenchResult, MeasuredFigure, MeasureResult
from mlx_convert_core.plugin import Spread, paired_difference, paired_figures, units

_MAIN = ("kl_mean", "top1", "perplexity")  # what stands beside each other for several models
_TASKS = ("acc", "acc_norm", "exact_match")


def show_quality(result: MeasureResult, *, err: bool = False) -> None:
    """Everything that was measured of one model; with ``err`` on standard error, where the data is something else."""
    rows = [
        (figure.title, _number(figure.value, figure.unit), _span(figure), _of_source(figure))
        for figure in result.figures
    ]
    right = ("value", "source")
    listing = table(result.name, "value", "95 % interval", "source", rows=rows, right=right)
    if err:
        show(listing, err=True)
    else:
        show_table(listing)
    for line in filter(None, (result.verdict, result.reason)):
        say(line) if err else tell_out(line)
    _tell_how(result)


def show_beside(results: Sequence[MeasureResult]) -> None:
    """Several models in one table, each beside the first one: how many times its KL divergence, or, of tasks, how many
    more questions it answers rightly."""
    tasks = bool(results[0].questions)
    names = [
        name
        for name in (_TASKS if tasks else _MAIN)
        if all(name in {one.name for one in result.figures} for result in results)
    ]
    titles = [results[0].figure(name).title for name in names]
    rows = []
    for result in results:
        figures = [result.figure(name) for name in names]
        cells = [f"{_number(figure.value, '')} ({_span(figure)})" for figure in figures]
        rows.append((result.name, *cells, _more(results[0], result, names) if tasks else _ratio(results[0], result)))
    show_table(table("model", *titles, "more than the first" if tasks else "KL, relative", rows=rows))
    for result in results:
        if result.verdict:
            tell_out(f"{result.name}: {result.verdict}")
    _tell_how(results[-1])


def show_speed(results: Sequence[BenchResult]) -> None:
    """How fast several models are: medians, and the least and the most where there were several runs."""
    columns = ("model", "prompt", "tokens/s", "answer", "tokens/s ", "first token", "loading", "peak memory")
    rows = [
        (
            result.name,
            f"{row.prompt_tokens:,}",
            _spread(row.prompt_tokens_per_second),
            f"{row.generation_tokens:,}",
            _spread(row.generation_tokens_per_second),
            units.duration(row.time_to_first_token.median),
            units.duration(result.load_seconds),
            units.size(result.peak_memory),
        )
        for result in results
        for row in result.rows
    ]
    show_table(table(*columns, rows=rows, right=columns[1:]))
    first = results[0]
    named = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    say(styled(f"{first.device} · {named} · median of {first.runs} after one that does not count", dim=True))


def _spread(spread: Spread) -> str:
    if spread.low == spread.high:
        return f"{spread.median:.1f}"
    return f"{spread.median:.1f} ({spread.low:.1f}–{spread.high:.1f})"


def _tell_how(result: MeasureResult) -> None:
    parts = [
        f"{result.questions:,} questions of '{result.text}'"
        if result.questions
        else f"{result.tokens:,} tokens of '{result.text}' in {result.sequences} sequences",
        f"against {result.against}" if result.against else "without a source",
        units.duration(result.seconds),
        f"peak memory {units.size(result.peak_memory)}",
    ]
    say(styled(" · ".join(parts), dim=True))


def _ratio(first: MeasureResult, other: MeasureResult) -> str:
    found = paired_figures(first, other, "kl_mean")
    return "" if found is None else f"{found[0]:.3g} ({found[1]:.3g} to {found[2]:.3g})"


def _more(first: MeasureResult, other: MeasureResult, names: Sequence[str]) -> str:
    """By how much ``other`` is better in the first of the figures ``names``; paired."""
    found = paired_difference(first, other, names[0]) if names and other is not first else None
    return "" if found is None else _difference(found)


def _difference(found: tuple[float, float, float]) -> str:
    return f"{found[0]:+.3g} ({found[1]:+.3g} to {found[2]:+.3g})"


def _number(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()


def _span(figure: MeasuredFigure) -> str:
    return f"{figure.low:.3g} to {figure.high:.3g}"


def _of_source(figure: MeasuredFigure) -> str:
    if figure.source is None:
        return ""
    more = f"; difference {_difference(figure.difference)}" if figure.difference is not None else ""
    return _number(figure.source, figure.unit) + more
