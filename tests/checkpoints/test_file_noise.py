"""What a single file says of noise: EDM's markers, and the tables that a training left in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from models_of_every_family import same_weights, tiny_file, tiny_parts
from safetensors.torch import load_file, save_file

from limner.checkpoints import convert, inspect, load_folder, load_single_file
from limner.diffusion.prediction import Epsilon, Preconditioned, V
from limner.diffusion.process import EDM, DiscreteDiffusion
from limner.errors import CheckpointError

V_ENDS = {
    "edm_vpred.sigma_min": torch.tensor(0.003),
    "edm_vpred.sigma_max": torch.tensor(100.0),
}
# Playground 2.5's own.
LATENTS = {
    "edm_mean": torch.tensor([-1.6574, 1.886, -1.383, 2.5155]).reshape(1, 4, 1, 1),
    "edm_std": torch.tensor([8.4927, 5.9022, 6.5498, 5.2299]).reshape(1, 4, 1, 1),
}


def written(path: Path, kind: str = "sdxl", **extra: torch.Tensor) -> Path:
    save_file({**tiny_file(kind), **extra}, path)
    return path


def test_ends_of_sigma_are_edm_that_predicts_v(tmp_path: Path) -> None:
    parts = load_single_file(written(tmp_path / "x", **V_ENDS))
    assert parts.process == EDM(sigma_data=1.0, lowest=torch.tensor(0.003).item(), highest=100.0)
    assert parts.prediction == V(sigma_data=1.0)
    assert (parts.sampling.solver, parts.sampling.schedule) == ("euler", "exponential")
    levels = parts.sampling.path(parts.process, 5, "exponential").levels
    assert (levels[0].sigma, levels[-2].sigma) == pytest.approx((100.0, 0.003))
    assert parts.family.name == "sdxl"


def test_one_end_alone_is_edm_too(tmp_path: Path) -> None:
    name = "edm_vpred.sigma_max"
    parts = load_single_file(written(tmp_path / "x", "sd1", **{name: V_ENDS[name]}))
    assert parts.process == EDM(sigma_data=1.0, lowest=0.002, highest=100.0)


def test_mean_and_deviation_of_latents_are_edm_with_a_space_of_its_own(tmp_path: Path) -> None:
    parts = load_single_file(written(tmp_path / "x", **LATENTS))
    assert parts.process == EDM(sigma_data=0.5, lowest=0.002, highest=80.0)
    assert parts.prediction == Preconditioned(sigma_data=0.5)
    latent = torch.randn(1, 4, 2, 2)
    raw = latent * LATENTS["edm_std"] / 0.5 + LATENTS["edm_mean"]  # as diffusers decodes it
    torch.testing.assert_close(parts.autoencoder.config.space.restore(latent), raw)


def test_another_autoencoder_is_scaled_as_the_model_says(tmp_path: Path) -> None:
    own, other = written(tmp_path / "x", **LATENTS), written(tmp_path / "vae")
    space = load_single_file(own).autoencoder.config.space
    assert load_single_file(own, vae=other).autoencoder.config.space == space


@pytest.mark.parametrize("marks", [V_ENDS, LATENTS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_edm_is_kept_on_the_way_through_a_folder(
    tmp_path: Path, marks: dict[str, torch.Tensor], dtype: torch.dtype
) -> None:
    written(tmp_path / "first.safetensors", **marks)
    convert(tmp_path / "first.safetensors", tmp_path / "folder", dtype=dtype)
    convert(tmp_path / "folder", tmp_path / "again.safetensors", dtype=dtype)
    names = load_file(tmp_path / "again.safetensors")
    assert not {"v_pred", "ztsnr"} & names.keys()
    for name, value in marks.items():
        torch.testing.assert_close(names[name].float(), value.flatten().squeeze())
    first = load_single_file(tmp_path / "first.safetensors")
    for parts in (
        load_folder(tmp_path / "folder"),
        load_single_file(tmp_path / "again.safetensors"),
    ):
        assert parts.process == first.process
        assert parts.prediction == first.prediction
        assert (parts.sampling.solver, parts.sampling.schedule) == (
            first.sampling.solver,
            first.sampling.schedule,
        )
    assert same_weights(first, load_folder(tmp_path / "folder"), dtype)


def test_inspect_says_edm(tmp_path: Path) -> None:
    assert inspect(written(tmp_path / "x", **V_ENDS)).prediction == "v"
    report = inspect(written(tmp_path / "y", **LATENTS))
    assert (report.prediction, report.unexpected) == ("edm", ())


def test_half_of_a_marker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has one of edm_mean and edm_std"):
        load_single_file(written(tmp_path / "x", edm_mean=LATENTS["edm_mean"]))
    with pytest.raises(CheckpointError, match="EDM markers mean no noise"):
        load_single_file(written(tmp_path / "x", **{"edm_vpred.sigma_max": torch.tensor(0.001)}))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("betas", lambda chain: chain.betas),
        ("alphas_cumprod", lambda chain: chain.alpha_bars),
        ("denoiser.sigmas", lambda chain: chain.log_sigmas.exp()),
        ("denoiser.sigmas", lambda chain: chain.log_sigmas.exp().flip(0)),
        ("model_sampling.sigmas", lambda chain: chain.log_sigmas.exp()),
    ],
)
def test_a_table_of_noise_is_read(tmp_path: Path, name: str, table) -> None:
    usual, zero = DiscreteDiffusion(), DiscreteDiffusion(zero_terminal_snr=True)
    other = DiscreteDiffusion(beta_start=0.001, beta_end=0.02)
    for chain in (usual, zero):
        values = table(chain).float().contiguous()
        assert load_single_file(written(tmp_path / "x", **{name: values})).process == chain
    found = load_single_file(written(tmp_path / "x", **{name: table(other).contiguous()})).process
    torch.testing.assert_close(found.alpha_bars, other.alpha_bars, rtol=1e-6, atol=1e-9)
    marked = written(tmp_path / "x", ztsnr=torch.empty(0), **{name: table(usual).contiguous()})
    assert load_single_file(marked).process == zero


def test_a_table_that_is_no_noise_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="betas has 10 steps; 1000 are right"):
        load_single_file(written(tmp_path / "x", betas=torch.full((10,), 0.1)))
    with pytest.raises(CheckpointError, match="alphas_cumprod is no noise schedule"):
        load_single_file(written(tmp_path / "x", alphas_cumprod=torch.rand(1000)))


def test_a_scale_of_latents_is_read(tmp_path: Path) -> None:
    usual = load_single_file(written(tmp_path / "x", "sd1", scale_factor=torch.tensor(0.18215)))
    assert usual.autoencoder.config.scale == 0.18215
    other = load_single_file(written(tmp_path / "x", "sd1", scale_factor=torch.tensor(0.5)))
    assert other.autoencoder.config.scale == 0.5
    assert isinstance(other.prediction, Epsilon)


def test_a_file_cannot_say_every_edm(tmp_path: Path) -> None:
    from limner.checkpoints import save_single_file

    for process in (EDM(sigma_data=0.7), EDM(sigma_data=1.0, highest=90.0)):
        parts = replace(
            tiny_parts("sdxl"),
            process=process,
            prediction=Preconditioned(sigma_data=process.sigma_data),
        )
        with pytest.raises(CheckpointError, match="cannot say this EDM process"):
            save_single_file(parts, tmp_path / "x.safetensors")
