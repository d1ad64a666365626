"""Loads a whole model from one file, in the names of LDM, and writes one.

First everything is matched, names and shapes against the module of each part; then the tensors go
one by one from the file to their dtype and device.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from limner.checkpoints import keymaps
from limner.checkpoints.detect import NESTED, Detection, detect
from limner.checkpoints.families import SD1, SINGLE_FILES, Family, clip
from limner.checkpoints.families.places import EMA_PREFIX, Place
from limner.checkpoints.few_steps import few_steps_of, published_name
from limner.checkpoints.file_noise import MEANINGFUL, latent_space
from limner.checkpoints.folder import default_dtype, published_tokenizer
from limner.checkpoints.header import Shape, shown
from limner.checkpoints.ignored import beside, ignored
from limner.checkpoints.keymaps import Source, Table
from limner.checkpoints.kinds import FileKind
from limner.checkpoints.parts import Parts
from limner.checkpoints.reader import Weights, open_weights
from limner.checkpoints.scheduling import EDM_PREDICTIONS, sampled_by
from limner.checkpoints.sizes import OurShapes, derived
from limner.checkpoints.weights import respell
from limner.diffusion.prediction import prediction_named
from limner.errors import CheckpointError, UsageError
from limner.models.unet import UNetConfig
from limner.nn.skeleton import skeleton


@dataclass(frozen=True, kw_only=True)
class Match:
    """A part of a file held against its module, which is on the `meta` device.

    sources: our name -> the tensor's whole name in the file. unused: whole names of tensors that
    belong there and are not needed. missing, misshapen: our names and what is wrong.
    """

    place: Place
    module: nn.Module
    sources: Mapping[str, Source]
    unused: frozenset[str]
    missing: tuple[str, ...]
    misshapen: tuple[str, ...]


def load_single_file(
    path: Path,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    prediction: str | None = None,
    ema: bool = False,
    vae: Path | None = None,
    unet: UNetConfig | None = None,
    strict: bool = False,
) -> Parts:
    """A Stable Diffusion 1, 2 or XL model from a safetensors file, whatever the file's name.

    dtype: None takes fp32 on the CPU, elsewhere fp16 unless the part overflows in it.
    prediction: "epsilon" or "v", instead of what the file tells. ema: the U-Net's averaged weights.
    vae: a file with another autoencoder, which takes the place of the file's.
    unet: the U-Net's sizes where they are not those that the family's rules give.
    strict: refuse what else lies in the file, in place of a note in `Parts.notes`.
    Raises CheckpointError for any other file, and where tensors are missing, of another shape, or
    left over that are not known to be unused.
    """
    parts = load_parts(
        open_weights(path),
        dtype=dtype,
        device=device,
        prediction=prediction,
        ema=ema,
        vae=None if vae is None else open_weights(vae),
        unet=unet,
        strict=strict,
    )
    few = few_steps_of(published_name(path))
    if few is None:
        return parts
    sampling = few.of(parts.sampling)
    return replace(parts, sampling=sampling, notes=(*parts.notes, few.told(sampling)))


def load_parts(
    weights: Weights,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    prediction: str | None = None,
    ema: bool = False,
    vae: Weights | None = None,
    unet: UNetConfig | None = None,
    strict: bool = False,
) -> Parts:
    """As `load_single_file`, of tensors that are open already."""
    found = detect(weights, prediction=prediction)
    family = SINGLE_FILES.get(found.kind)
    if family is None:
        raise CheckpointError(
            f"{weights.path} is {found.description}: "
            "a whole Stable Diffusion 1, 2 or XL base model is right"
        )
    matches = [
        match(weights, place, family, unet=unet)
        for place in found.places
        if vae is None or place.part != "autoencoder"
    ]
    unexpected, unused = parted(weights, found, leftovers(weights, found, matches))
    check(weights, matches, unexpected + unused if strict else unexpected)
    sources = [(weights, averaged(weights, part) if ema else part) for part in matches]
    if vae is not None:
        other, beside_it = match_autoencoder(vae, family, weights, strict=strict)
        sources.append((vae, other))
        unused += beside_it
    modules = {
        part.place.part: fill(file, part, dtype=dtype, device=device) for file, part in sources
    }
    return _assembled(modules, family, found, unused_notes(unused))


def with_autoencoder(
    parts: Parts,
    path: Path,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    strict: bool = False,
) -> Parts:
    """A model with the autoencoder of a file of its own, or of a whole model, for its latents.

    strict: as `load_single_file` has it. Raises CheckpointError where the file holds none,
    UsageError for a model of another kind.
    """
    family = parts.family
    if family.autoencoder is None:
        raise UsageError(
            f"another autoencoder fits a Stable Diffusion model only, not {family.description}"
        )
    weights = open_weights(path)
    part, unused = match_autoencoder(weights, family, strict=strict)
    autoencoder: Any = fill(weights, part, dtype=dtype, device=device)
    channels, wanted = autoencoder.config.latent_channels, parts.denoiser.config.out_channels
    if channels != wanted:
        raise CheckpointError(f"{path} has latents of {channels} channels, the U-Net of {wanted}")
    return replace(parts, autoencoder=autoencoder, notes=parts.notes + unused_notes(unused))


def match(
    weights: Weights,
    place: Place,
    family: Family,
    *,
    unet: UNetConfig | None = None,
    told: Weights | None = None,
) -> Match:
    """Hold the tensors of a place against the module that their shapes tell of.

    told: the file that says how latents are scaled, if it is another.
    """
    where = _whole_names(weights, place)
    shapes = {name: weights.entries[whole].shape for name, whole in where.items()}
    what = f"{weights.path}: the {place.part.replace('_', ' ')} ({place.prefix or 'no prefix'})"
    module, table = _built(place, shapes, family, unet, told or weights, what)
    sources, missing, misshapen = {}, [], []
    for name, tensor in module.state_dict().items():
        source = keymaps.find(name, table)
        if source is None or source.name not in where:
            missing.append(name)
            continue
        sources[name] = Source(where[source.name], source.form)
        entry = weights.entries[sources[name].name]
        wanted = keymaps.possible_shapes(tuple(tensor.shape), source.form)
        if entry.shape not in wanted or not entry.dtype.is_floating_point:
            misshapen.append(f"{name} is {entry.shape} {entry.dtype}, floats {wanted[0]} are right")
    return Match(
        place=place,
        module=module,
        sources=sources,
        unused=_unused(place, module.config, where),
        missing=tuple(missing),
        misshapen=tuple(misshapen),
    )


def match_autoencoder(
    weights: Weights, family: Family, told: Weights | None = None, *, strict: bool = False
) -> tuple[Match, tuple[str, ...]]:
    """The autoencoder of a file of its own, or of a whole model, for a model of that family.

    told: the file of the model, which says how its latents are scaled. Beside it, the names of
    what lies in a file of its own unused; strict: those are refused.
    """
    found = detect(weights)
    place = next((place for place in found.places if place.part == "autoencoder"), None)
    if place is None:
        raise CheckpointError(f"{weights.path} is {found.description}: a VAE is right")
    part = match(weights, place, family, told=told)
    alone = found.kind is FileKind.AUTOENCODER
    left = leftovers(weights, found, [part]) if alone else ()
    unexpected, unused = parted(weights, found, left)
    check(weights, [part], unexpected + unused if strict else unexpected)
    return part, unused


def leftovers(weights: Weights, found: Detection, matches: list[Match]) -> tuple[str, ...]:
    """The names in a file that no part takes and that are not known to be unused."""
    used = {source.name for part in matches for source in part.sources.values()}
    used |= {name for part in matches for name in part.unused}
    left_out = {place.prefix for place in found.places} - {part.place.prefix for part in matches}
    return tuple(
        name
        for name in weights.entries.keys() - used
        if (bare := name.removeprefix(NESTED)) not in MEANINGFUL
        and not ignored(bare)
        and not (found.kind is FileKind.CLIP and clip.beside(bare))
        and not any(bare.startswith(prefix) for prefix in left_out)
    )


def parted(
    weights: Weights, found: Detection, left: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that no part takes: (those that are refused, those that lie there unused)."""
    prefixes = [place.prefix for place in found.places]
    unused = {
        name
        for name in left
        if beside(name.removeprefix(NESTED), weights.entries[name].count, prefixes)
    }
    return tuple(name for name in left if name not in unused), tuple(sorted(unused))


def unused_notes(names: tuple[str, ...]) -> tuple[str, ...]:
    """One sentence of what lies in a file beside the model; none where nothing does."""
    if not names:
        return ()
    return (f"{len(names)} tensors of the file are not used, such as {shown(names)}",)


def check(weights: Weights, matches: list[Match], unexpected: tuple[str, ...]) -> None:
    """Raise CheckpointError for all that does not match, in one line."""
    missing = [f"{part.place.prefix}: {name}" for part in matches for name in part.missing]
    if missing or unexpected:
        raise CheckpointError(
            f"{weights.path} does not hold what its kind has: {len(missing)} tensors missing "
            f"{shown(missing)}, {len(unexpected)} unexpected {shown(unexpected)}"
        )
    misshapen = [line for part in matches for line in part.misshapen]
    if misshapen:
        raise CheckpointError(
            f"{weights.path}: {len(misshapen)} tensors do not fit: {misshapen[0]}"
        )


def averaged(weights: Weights, part: Match) -> Match:
    """The U-Net's match with the averaged weights in place of the last ones; others unchanged."""
    if part.place.part != "denoiser":
        return part
    nested = NESTED if any(name.startswith(NESTED) for name in weights.entries) else ""
    sources = {
        name: Source(f"{nested}{ema_name(source.name.removeprefix(nested))}", source.form)
        for name, source in part.sources.items()
    }
    missing = [source.name for source in sources.values() if source.name not in weights.entries]
    if missing:
        raise CheckpointError(
            f"{weights.path} lacks {len(missing)} averaged (EMA) tensors {shown(missing)}: "
            "load it without them"
        )
    return replace(part, sources=sources)


def ema_name(name: str) -> str:
    """Where training kept the average of a tensor: without `model.`, and without the dots."""
    return EMA_PREFIX + name.removeprefix("model.").replace(".", "")


def fill(
    weights: Weights, part: Match, *, dtype: torch.dtype | None, device: torch.device | str
) -> nn.Module:
    """The module with its tensors, in evaluation mode."""
    module: Any = part.module
    kept = default_dtype(module.config, device) if dtype is None else dtype
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    state = {
        name: keymaps.to_ours(weights.get(source.name, kept, device), source.form, shapes[name])
        for name, source in part.sources.items()
    }
    module.load_state_dict(state, assign=True)
    return module.eval()


def _built(
    place: Place,
    shapes: Mapping[str, Shape],
    family: Family,
    unet: UNetConfig | None,
    told: Weights,
    what: str,
) -> tuple[Any, Table]:
    """The module, without weights, that the shapes in a place tell of, and the table of its names.

    told: the file that says how latents are scaled. what: the place in words, for errors.
    """
    if not shapes:
        raise CheckpointError(f"{what} is not in the file")
    if empty := [name for name, shape in shapes.items() if 0 in shape]:
        raise CheckpointError(f"{what} has tensors without numbers: {shown(empty)}")
    naming = place.naming
    table = naming.table(*derived(lambda: naming.skeleton(shapes), what))
    config = derived(lambda: naming.config(OurShapes(shapes, table)), what)
    if place.part == "autoencoder":
        like = family.autoencoder or SD1.autoencoder
        assert like is not None
        space = latent_space(told, bare_names(told), like.scale)
        config = replace(config, **space, overflows_half=like.overflows_half)
    if place.part == "denoiser" and unet is not None:
        config = unet
    return derived(lambda: skeleton(lambda: naming.module(config)), what), table


def _whole_names(weights: Weights, place: Place) -> dict[str, str]:
    """Name within the part, in today's spelling -> the tensor's whole name in the file."""
    names = {}
    for whole in weights.entries:
        name = whole.removeprefix(NESTED)
        if name.startswith(place.prefix) and not ignored(name):
            names[respell(name.removeprefix(place.prefix), place.naming.spelling)] = whole
    return names


def bare_names(weights: Weights) -> dict[str, str]:
    """A file's names without `state_dict.` -> as they are."""
    return {name.removeprefix(NESTED): name for name in weights.entries}


def _unused(place: Place, config: Any, where: Mapping[str, str]) -> frozenset[str]:
    if place.naming.unused is None:
        return frozenset()
    pattern = re.compile(place.naming.unused.format(layers=config.layers))
    return frozenset(whole for name, whole in where.items() if pattern.fullmatch(name))


def _assembled(
    modules: Mapping[str, Any], family: Family, found: Detection, notes: tuple[str, ...]
) -> Parts:
    """The parts with what goes with them by the family, and what there is to say of them."""
    process, scheduler = found.process, found.scheduler
    if found.prediction not in ("epsilon", "v", "edm"):
        raise UsageError(f"prediction {found.prediction!r} is none of epsilon and v")
    sampling = family.sampling_of(found.prediction)
    if scheduler is not None:
        scheduler = {**scheduler, "prediction_type": EDM_PREDICTIONS[found.prediction]}
        sampling, told = sampled_by(scheduler, sampling, process)
        notes += told
    second = modules.get("text_encoder_2")
    return Parts(
        **modules,
        tokenizer=published_tokenizer(modules["text_encoder"].config),
        tokenizer_2=second and published_tokenizer(second.config),
        process=process,
        prediction=prediction_named(found.prediction, process),
        sampling=sampling,
        words=None,
        scheduler=scheduler,
        notes=notes,
    )
