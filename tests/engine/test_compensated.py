"""Rounding with error feedback: judged by a plain computation in float64, one column and one number at a time."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_convert_engine.tuning.feedback import DAMPING, Feedback, Grid, fed_back, losses, refitted, sweep, transposed
from mlx_convert_engine.tuning.grid import tuned
from mlx_convert_engine.tuning.methods import Compensated

from mlx_convert_core.plugin import LayerRows, Quantization

BITS = (2, 3, 4, 5, 6, 8)
FLOATS = (mx.bfloat16, mx.float16, mx.float32)
Packed = tuple[mx.array, mx.array, mx.array]


def inputs(seed: int, width: int, *, rank: int = 0) -> np.ndarray:
    """The mean products of inputs that go together, and of which few are strong."""
    dice = np.random.default_rng(seed)
    rank = rank or width // 4
    causes = dice.standard_normal((4 * width, rank)) @ dice.standard_normal((rank, width))
    x = (causes / np.sqrt(rank) + 0.3 * dice.standard_normal((4 * width, width))) * np.exp(dice.standard_normal(width))
    return np.asarray(x.T @ x / len(x), np.float32)


def layer(seed: int, rows: int, width: int, dtype: mx.Dtype = mx.bfloat16) -> mx.array:
    """Weights as layers have them, with outliers."""
    dice = np.random.default_rng(seed)
    return mx.array((dice.standard_t(4, (rows, width)) * 0.02).astype(np.float32)).astype(dtype)


def made(weights: mx.array, *matrices: np.ndarray, bits: int = 4, size: int = 64) -> Packed:
    """The method's own answer for a layer."""
    rows = LayerRows(
        path="layer",
        first=0,
        values=weights,
        quantization=Quantization(bits=bits, group_size=size),
        moments=mx.array(np.concatenate([matrix.diagonal() for matrix in matrices])),
        matrices=tuple(map(mx.array, matrices)),
    )
    return Compensated().quantize(rows)


def lost(packed: Packed, weights: mx.array, matrix: np.ndarray, bits: int, size: int) -> np.ndarray:
    """What each row loses, (w - v) H (w - v)^T in float64."""
    words, scales, biases = packed
    stored = mx.dequantize(words, scales.astype(mx.float32), biases.astype(mx.float32), group_size=size, bits=bits)
    error = np.array(weights.astype(mx.float32), np.float64) - np.array(stored, np.float64)
    return np.einsum("ri,ij,rj->r", error, matrix.astype(np.float64), error)


def gptq(weights: np.ndarray, scales: np.ndarray, biases: np.ndarray, top: int, matrix: np.ndarray) -> np.ndarray:
    """GPTQ as its paper has it: through the inverse of H, a column at a time. Scales and biases are of each number."""
    damped = matrix + DAMPING * np.mean(np.diag(matrix)) * np.eye(len(matrix))
    order = np.argsort(-np.diag(matrix), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(damped[order][:, order])).T
    left = weights[:, order].copy()
    found = np.zeros_like(left)
    for place, column in enumerate(order):
        scale, bias = scales[:, column], biases[:, column]
        found[:, place] = np.clip(np.round((left[:, place] - bias) / scale), 0, top)
        error = (left[:, place] - scale * found[:, place] - bias) / upper[place, place]
        left[:, place:] -= np.outer(error, upper[place, place:])
    back = np.zeros_like(found)
    back[:, order] = found
    return back


def descended(
    numbers: np.ndarray, weights: np.ndarray, scales: np.ndarray, biases: np.ndarray, top: int, matrix: np.ndarray
) -> np.ndarray:
    """Each number in turn, the best of all that the grid has."""
    damped = matrix + DAMPING * np.mean(np.diag(matrix)) * np.eye(len(matrix))
    numbers = numbers.copy()
    for row in range(len(weights)):
        for column in range(weights.shape[1]):
            losses = []
            for number in range(top + 1):
                numbers[row, column], before = number, numbers[row, column]
                error = weights[row] - scales[row] * numbers[row] - biases[row]
                losses.append(error @ damped @ error)
                numbers[row, column] = before
            numbers[row, column] = np.argmin(losses)
    return numbers


def on_grid(bits: int, rows: int, width: int) -> tuple[np.ndarray, ...]:
    """Weights, scales and biases of each number, in float64, and the grid of the same."""
    weights = layer(bits, rows, width)
    _, scales, biases = mx.quantize(weights, group_size=64, bits=bits)
    grid = Grid(transposed(scales), transposed(biases), 64, 2**bits - 1, stored=lambda found: found)
    wide = [np.repeat(np.array(one.astype(mx.float32), np.float64), 64, axis=1) for one in (scales, biases)]
    return transposed(weights), *wide, grid


@pytest.mark.parametrize(("bits", "width"), [(2, 64), (3, 320), (4, 256), (8, 128)])
def test_columns_make_good_for_each_other_as_in_gptq(bits: int, width: int) -> None:
    weights, scales, biases, grid = on_grid(bits, 12, width)
    matrix = inputs(bits, width)
    ours = fed_back(weights, grid, Feedback.of(matrix)).T
    theirs = gptq(weights.T.astype(np.float64), scales, biases, grid.top, matrix.astype(np.float64))
    assert np.array_equal(ours, theirs)
    nearest = np.clip(np.round((weights.T - biases) / scales), 0, grid.top)
    assert not np.array_equal(ours, nearest)


@pytest.mark.parametrize(("bits", "width"), [(2, 192), (4, 128)])
def test_a_sweep_gives_each_number_the_best_value_beside_all_others(bits: int, width: int) -> None:
    weights, scales, biases, grid = on_grid(bits, 3, width)
    matrix = inputs(bits, width)
    numbers = fed_back(weights, grid, Feedback.of(matrix))
    before = numbers.T.astype(np.float64)
    sweep(weights, numbers, grid, Feedback.of(matrix))
    wide = (weights.T.astype(np.float64), scales, biases, grid.top, matrix.astype(np.float64))
    assert np.array_equal(numbers.T, descended(before, *wide))
    assert not np.array_equal(numbers.T, before)


@pytest.mark.parametrize(("bits", "width"), [(2, 192), (4, 128), (8, 64)])
def test_a_refit_gives_each_group_the_best_scale_and_bias_beside_all_others(bits: int, width: int) -> None:
    weights, _, _, grid = on_grid(bits, 3, width)
    matrix = inputs(bits, width)
    numbers = fed_back(weights, grid, Feedback.of(matrix))
    ours = refitted(weights, numbers, grid, Feedback.of(matrix))
    damped = matrix + DAMPING * np.mean(np.diag(matrix)) * np.eye(width)
    root = np.linalg.cholesky(damped.astype(np.float64)).T
    for row in range(3):
        scale, bias = (one[:, row].astype(np.float64) for one in (grid.scales, grid.biases))
        for group in range(width // 64):
            block = slice(64 * group, 64 * (group + 1))
            scale[group] = bias[group] = 0.0
            rest = weights[:, row] - np.repeat(scale, 64) * numbers[:, row] - np.repeat(bias, 64)
            both = np.stack([numbers[block, row], np.ones(64)], axis=1)
            (scale[group], bias[group]), *_ = np.linalg.lstsq(root[:, block] @ both, root @ rest)
        np.testing.assert_allclose(ours.scales[:, row], scale, rtol=2e-3)
        np.testing.assert_allclose(ours.biases[:, row], bias, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_a_refit_finds_can_be_stored_and_loses_less(dtype: mx.Dtype) -> None:
    weights, matrix = layer(7, 16, 256, dtype), inputs(7, 256)
    _, scales, biases = tuned(weights, mx.array(matrix.diagonal()), bits=3, group_size=64)

    def stored(found: np.ndarray) -> np.ndarray:
        return np.asarray(mx.array(found).astype(dtype).astype(mx.float32))

    wide, feedback = transposed(weights), Feedback.of(matrix)
    before = Grid(transposed(scales), transposed(biases), 64, 7, stored)
    numbers = fed_back(wide, before, feedback)
    after = refitted(wide, numbers, before, feedback)
    assert np.array_equal(stored(after.scales), after.scales)
    assert np.array_equal(stored(after.biases), after.biases)
    damped = matrix + feedback.damping * np.eye(256)
    losing = [losses(wide - grid.values(numbers), damped) for grid in (after, before)]
    assert (losing[0] <= losing[1] * (1 + 1e-6)).all()
    assert losing[0].sum() < 0.99 * losing[1].sum()


@pytest.mark.parametrize(("bits", "size"), [(2, 32), (3, 64), (4, 64), (5, 128), (6, 32), (8, 64)])
def test_has_the_form_that_mlx_gives_and_is_better_than_tuned(bits: int, size: int) -> None:
    weights, matrix = layer(bits, 24, 256), inputs(bits, 256)
    ours, nearest = made(weights, matrix, bits=bits, size=size), mx.quantize(weights, group_size=size, bits=bits)
    assert [(one.shape, one.dtype) for one in ours] == [(one.shape, one.dtype) for one in nearest]
    other = tuned(weights, mx.array(matrix.diagonal()), bits=bits, group_size=size)
    losing = [lost(one, weights, matrix, bits, size).sum() for one in (ours, other, nearest)]
    assert losing[0] < 0.8 * losing[1] < 0.8 * losing[2]


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    bits=st.sampled_from(BITS),
    size=st.sampled_from((32, 64, 128)),
    dtype=st.sampled_from(FLOATS),
    strange=st.sampled_from(
        ("", "constant", "zeros", "one weight", "huge", "tiny", "one cause", "silent", "one input")
    ),
)
def test_no_row_is_worse_than_tuned_or_nearest(seed: int, bits: int, size: int, dtype: mx.Dtype, strange: str) -> None:
    weights, matrix = layer(seed, 4, 256), inputs(seed, 256, rank=1 if strange == "one cause" else 0)
    weights = {
        "constant": weights * 0 + 0.0117,
        "zeros": weights * 0,
        "one weight": mx.where(mx.arange(256) == seed % 256, weights, 0),
        "huge": weights * 1e5,
        "tiny": weights * 1e-4,
    }.get(strange, weights).astype(dtype)
    heard = {"silent": np.arange(256) > 64, "one input": np.arange(256) == seed % 256}.get(strange, np.ones(256))
    matrix = (matrix * heard * heard[:, None]).astype(np.float32)
    ours = lost(made(weights, matrix, bits=bits, size=size), weights, matrix, bits, size)
    for other in (
        tuned(weights, mx.array(matrix.diagonal()), bits=bits, group_size=size),
        mx.quantize(weights, group_size=size, bits=bits),
    ):
        theirs = lost(other, weights, matrix, bits, size)
        assert np.isfinite(ours).all() or not np.isfinite(theirs).all()
        assert (ours <= theirs * (1 + 1e-4) + 1e-6 * np.abs(theirs).max()).all() or not np.isfinite(theirs).all()


def test_rows_without_finite_numbers_are_those_of_mlx_and_spoil_no_other() -> None:
    weights, matrix = layer(1, 6, 128), inputs(1, 128)
    spoiled = mx.where((mx.arange(6) == 2)[:, None], mx.nan, weights).astype(mx.bfloat16)
    ours, whole, nearest = made(spoiled, matrix), made(weights, matrix), mx.quantize(spoiled, 64, 4)
    for one, sound, plain in zip(ours, whole, nearest, strict=True):
        assert bits_of(one[2]) == bits_of(plain[2])
        assert bits_of(one[3:]) == bits_of(sound[3:])


def bits_of(array: mx.array) -> bytes:
    """What is stored."""
    return bytes(memoryview(mx.contiguous(array).view(mx.uint8)))


def test_columns_of_very_wide_layers_make_good_within_their_block() -> None:
    weights, first, second = layer(3, 8, 384), inputs(3, 256), inputs(4, 128)
    whole = made(weights, first, second)
    parts = made(weights[:, :256], first), made(weights[:, 256:], second)
    for number, one in enumerate(whole):
        assert bits_of(one) == bits_of(mx.concatenate([part[number] for part in parts], axis=1))


def test_the_same_numbers_give_the_same_bits() -> None:
    weights, matrix = layer(5, 64, 512), inputs(5, 512)
    assert list(map(bits_of, made(weights, matrix))) == list(map(bits_of, made(weights, matrix)))


def test_inputs_that_are_all_one_can_be_made_good_for() -> None:
    weights = layer(6, 4, 1024)
    matrix = np.full((1024, 1024), 1e6, np.float32)
    ours, other = made(weights, matrix), tuned(weights, mx.array(matrix.diagonal()), bits=4, group_size=64)
    assert lost(ours, weights, matrix, 4, 64).sum() < 0.1 * lost(other, weights, matrix, 4, 64).sum()
