"""Where the models lie that come with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from limner.checkpoints import ModelFolder

SHIPPED, PAIRS, RESTYLING, UPSCALER = "emoji", "emoji-pairs", "emoji-restyle", "emoji-upscaler"


def shipped_model(name: str = SHIPPED) -> Path:
    """Where the model of that name lies that comes with the package."""
    return Path(str(files("limner") / "assets" / name))


def layout_lora(source: Path) -> Path | None:
    """A LoRA that was trained to paint in parts, for the model that comes with the package."""
    if source.resolve() != shipped_model().resolve():
        return None
    (file,) = ModelFolder(shipped_model(PAIRS)).loras
    return file
