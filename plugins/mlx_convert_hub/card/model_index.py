"""What was measured of a model as the Hub's own evaluation results: the field ``model-index`` of its card.

The client of the Hub makes and reads it. The newer files ``.eval_results/*.yaml`` name a benchmark that is a data set
on the Hub, by id and task; the texts and questions that models are measured with here are none, so nothing is claimed.
https://huggingface.co/docs/hub/model-cards#evaluation-results, https://huggingface.co/docs/hub/eval-results
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import QUALITY, TASKS, Figure, figures_in, groups_in
from mlx_convert_hub.card.front_matter import field_lines

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

FIELD = "model-index"
_OURS = "mlx-convert/"  # the types of the data sets of our entries begin so, by which they are known again
_MEASURED_WITH = {QUALITY: "text", TASKS: "set"}  # where a group says what it was measured with
_METRICS = {"acc": "accuracy"}  # what the Hub calls it


def with_results(lines: Sequence[str], name: str, measurements: Mapping[str, Any], there: Iterable[str]) -> list[str]:
    """The block ``lines`` of a card with what was measured of the model called ``name``, beside others' results in the
    block that is ``there``. A field there that can't be read stays as it is."""
    others = field_lines(there, FIELD)
    try:
        found = [*_results_in(others), *_ours(measurements)]
    except Exception:  # whatever somebody has written there
        return [*lines, *others]
    return [*lines, *_written(name, found)]


def _ours(measurements: Mapping[str, Any]) -> Iterator[EvalResult]:
    from huggingface_hub import EvalResult

    groups: dict[str, Mapping[str, Figure]] = groups_in(measurements)
    for name, told_by in _MEASURED_WITH.items():
        group = groups.get(name, {})
        for figure in figures_in(group):
            yield EvalResult(
                task_type="text-generation",
                dataset_type=_OURS + name,
                dataset_name=str(group.get(told_by) or name),
                metric_type=_METRICS.get(figure.name, figure.name),
                metric_name=figure.title,
                metric_value=figure.value,
            )


def _results_in(field: Sequence[str]) -> Iterator[EvalResult]:
    """What others have measured, by a field's lines."""
    import yaml
    from huggingface_hub.repocard_data import model_index_to_eval_results

    index = yaml.safe_load("\n".join(field)) if field else None
    if index is not None:
        _, results = model_index_to_eval_results(index[FIELD])
        yield from (result for result in results if not result.dataset_type.startswith(_OURS))


def _written(name: str, results: Sequence[EvalResult]) -> list[str]:
    import yaml
    from huggingface_hub.repocard_data import eval_results_to_model_index

    if not results:
        return []
    index = eval_results_to_model_index(name, list(results))
    text: str = yaml.safe_dump({FIELD: index}, sort_keys=False, allow_unicode=True, width=1000)
    return text.rstrip("\n").split("\n")
