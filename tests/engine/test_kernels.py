"""What large models are computed by: the same numbers, where they were measured to come faster."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tiny_pipelines import saved
from torch import nn

import limner
from limner.engine import attending, heap, kernels, linears
from limner.engine.attending import at_once, attend, by_heads, is_faster, is_faster_in_bf16
from limner.engine.kernels import Measured, is_heavy, kernels_for, lay_out
from limner.engine.linears import blas_is_slow
from limner.engine.timing import least
from limner.types import Conditioning


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes that oneDNN was given."""
    given: list[tuple[int, ...]] = []
    real = linears.by_onednn
    monkeypatch.setattr(kernels, "blas_is_slow", lambda: True)

    def count(x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        given.append(tuple(x.shape))
        return real(x, *rest)

    monkeypatch.setattr(kernels, "by_onednn", count)
    return given


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 2, 3, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_has_the_numbers_that_it_has(
    shape: tuple[int, ...], bias: bool, counted: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(4, 5, bias=bias), torch.randn(shape)
    with torch.inference_mode():
        plain = layer(x)
        with Measured():
            torch.testing.assert_close(layer(x), plain, rtol=1e-6, atol=1e-6)
    assert counted == [shape]


def test_views_are_read_as_they_lie(counted: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 8, 3, 10).transpose(1, 2)[..., ::2], torch.randn(12, 10)[::2, ::2]
    with torch.inference_mode():
        plain = F.linear(x, weight)
        with Measured():
            torch.testing.assert_close(F.linear(x, weight), plain, rtol=1e-5, atol=1e-6)
    assert len(counted) == 1


def test_gradients_halves_and_nothing_stay_with_torch(counted: list[tuple[int, ...]]) -> None:
    layer = nn.Linear(4, 5)
    with Measured():
        layer(torch.ones(2, 4)).sum().backward()
        with torch.inference_mode():
            assert layer(torch.ones(0, 4)).shape == (0, 5)
            F.linear(torch.ones(2, 4).bfloat16(), layer.weight.bfloat16())
            F.linear(input=torch.ones(2, 4), weight=layer.weight)
    assert counted == []
    assert layer.weight.grad is not None


def test_a_large_model_is_painted_so_where_the_blas_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[tuple[int, ...]]
) -> None:
    painter = limner.load(saved("sd1", tmp_path / "sd1"))
    request = limner.Request(prompt="a fox", seed=1, steps=2, size=(32, 32))
    painter.paint(request)
    assert counted == []  # it is small
    monkeypatch.setattr(kernels, "LARGE", 0)
    painter.paint(request)
    assert len(counted) > 50


@torch.inference_mode()
def test_an_answer_is_the_models_but_for_rounding(
    tmp_path: Path, counted: list[tuple[int, ...]]
) -> None:
    unet = limner.load(saved("sd1", tmp_path / "sd1")).parts.denoiser
    torch.manual_seed(0)
    x, t = torch.randn(2, unet.config.in_channels, 16, 16), torch.full((2,), 500.0)
    text = unet.prepare(Conditioning(context=torch.randn(2, 77, unet.config.context_width)))
    plain = unet(x, t, text)
    with Measured():
        other = unet(x, t, text)
    assert counted
    assert (other - plain).abs().max() < 1e-5 * plain.abs().max()


@pytest.mark.parametrize(
    ("blas", "onednn", "slow"), [(3.0, 1.0, True), (1.0, 0.9, False), (1.0, 1.2, False)]
)
def test_it_is_taken_where_it_is_much_faster(
    blas: float, onednn: float, slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linears, "seconds", lambda: (blas, onednn))
    assert blas_is_slow.__wrapped__() is slow


def test_measuring_draws_no_noise() -> None:
    before = torch.random.get_rng_state()
    assert all(taken > 0 for taken in linears.seconds(1, (8, 8, 8)))
    assert torch.equal(torch.random.get_rng_state(), before)


SHAPES = [(1, 2, 1500, 1500, 40), (2, 3, 1024, 7, 16), (1, 2, 64, 64, 8), (1, 1, 5, 1, 160)]
"""Rows, heads, queries, keys and width; the first is too much for one portion."""


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("shape", SHAPES)
def test_attention_by_products_is_the_kernels(
    shape: tuple[int, ...], dtype: torch.dtype, within: float
) -> None:
    rows, heads, queries, keys, width = shape
    torch.manual_seed(0)
    # As the modules have them: heads taken out of the last axis, so that none lies in one piece.
    q = torch.randn(rows, queries, heads, width).transpose(1, 2)
    k, v = (torch.randn(rows, keys, heads, width).transpose(1, 2) + 1 for _ in range(2))
    plain = F.scaled_dot_product_attention(q, k, v)
    for way in (attend, by_heads, at_once):
        found = way(*(each.to(dtype) for each in (q, k, v)))
        assert found.dtype == dtype
        assert (found.float() - plain).norm() < within * plain.norm(), way.__name__


def test_keys_far_from_zero_cost_bf16_no_more_than_near_ones() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 64, 40)
    plain = F.scaled_dot_product_attention(q, k, v)
    far = at_once(*(each.bfloat16() for each in (q, k + 8, v)))
    assert (far.float() - plain).norm() < 4e-2 * plain.norm()


def test_attention_is_handed_over_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[torch.Size] = []

    def seen(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        given.append(q.shape)
        return torch.zeros_like(q)

    monkeypatch.setattr(kernels, "attend", seen)
    monkeypatch.setattr(kernels, "is_faster", lambda dtype: dtype == torch.float32)
    q = torch.randn(1, 2, 4, 8)
    mask = torch.ones(4, 4, dtype=torch.bool)
    with Measured():
        F.scaled_dot_product_attention(q, q, q)  # with gradients, which it has none for
        with torch.inference_mode():
            for others in ({"attn_mask": mask}, {"is_causal": True}, {"dropout_p": 0.5}):
                F.scaled_dot_product_attention(q, q, q, **others)
            F.scaled_dot_product_attention(q[0], q[0], q[0])
            F.scaled_dot_product_attention(query=q, key=q, value=q)
            half = q.bfloat16()
            F.scaled_dot_product_attention(half, half, half)
            F.scaled_dot_product_attention(q[:, :, :0], q, q)
            F.scaled_dot_product_attention(torch.cat([q, q]), q, q)  # the keys of one row for both
            assert given == []
            assert not F.scaled_dot_product_attention(q, q, q, attn_mask=None).any()
    assert given == [q.shape]


@pytest.mark.parametrize(
    ("kernel", "products", "fast"), [(3.0, 1.0, True), (1.0, 0.9, False), (1.0, 1.2, False)]
)
def test_halves_are_attended_to_by_what_is_much_faster(
    kernel: float, products: float, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "seconds", lambda dtype: (kernel, products))
    assert is_faster_in_bf16.__wrapped__() is fast
    monkeypatch.setattr(attending, "has_onednn", lambda: False)
    assert is_faster_in_bf16.__wrapped__() is False


def test_each_dtype_has_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attending, "blas_is_slow", lambda: True)
    monkeypatch.setattr(attending, "is_faster_in_bf16", lambda: False)
    assert [is_faster(dtype) for dtype in (torch.float32, torch.bfloat16, torch.float16)] == [
        True, False, False,
    ]  # fmt: skip
    assert all(taken > 0 for taken in attending.seconds(torch.bfloat16, 1, (1, 8, 8)))


def test_a_small_model_is_computed_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = nn.Sequential(nn.Conv2d(8, 4, 3))
    lay_out(layer)
    assert isinstance(kernels_for(layer), nullcontext)
    assert not layer[0].weight.is_contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(kernels, "LARGE", 0)
    plain = {name: each.clone() for name, each in layer.state_dict().items()}
    lay_out(layer)
    assert is_heavy(layer)
    assert isinstance(kernels_for(layer), Measured)
    assert layer[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(each, plain[name]) for name, each in layer.state_dict().items())


def test_memory_is_kept_while_a_large_model_paints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(heap, "keep", lambda: said.append("keep"))
    monkeypatch.setattr(heap, "trim", lambda: said.append("trim"))
    monkeypatch.setattr(heap, "give_back", lambda: said.append("give back"))
    painter = limner.load(saved("sd1", tmp_path / "sd1"))
    request = limner.Request(prompt="a fox", seed=1, steps=2, size=(32, 32))
    painter.paint(request)
    assert said == []
    monkeypatch.setattr(kernels, "LARGE", 0)
    painter.paint(request)
    assert said[0] == "keep"
    assert said[-2:] == ["trim", "give back"]  # the decoder goes by what is free
    with pytest.raises(ZeroDivisionError), painter.engine.session(), painter.engine.session():
        raise ZeroDivisionError
    assert said[-1] == "give back"


GIVEN_BACK = """
from pathlib import Path
import torch
from limner.engine import heap

def resident():
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) >> 10

def let_go():
    large = torch.ones(256 << 18)  # 256 MB
    del large
    return resident() - before > 200

before = resident()
heap.keep()
said = [let_go()]
heap.trim()
said += [resident() - before > 100, let_go()]
heap.give_back()
said += [resident() - before > 100, let_go()]
print(*map(int, said))
"""


@pytest.mark.skipif(heap._glibc() is None, reason="the C library is not glibc")
def test_what_was_kept_is_given_back() -> None:
    """In a process of its own, whose memory nothing else has had."""
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True)
    assert done.stdout.split() == ["1", "0", "1", "0", "0"], done.stderr


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _: object())
    assert heap._glibc.__wrapped__() is None
    monkeypatch.setattr(heap, "_glibc", lambda: None)
    heap.keep()
    heap.give_back()


def test_a_strided_weight_is_multiplied_as_fast_as_a_dense_one() -> None:
    x, wide = torch.ones(4096, 40), torch.ones(320, 320)
    with torch.inference_mode():
        dense, strided = (
            least([linears.by_onednn], (x, weight))[0]
            for weight in (wide[:, :40].contiguous(), wide[:, :40])
        )
    assert strided < 20 * dense  # it was some 600 times as slow
