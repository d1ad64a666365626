"""ComfyUI's record: the graph that painted the picture.

Read is the sampler that begins: the first on the way of the saved picture's latent. What stands
between a sampler and its texts, further samplers, LoRAs and whatever else is in the graph is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.pipeline.infotext import Infotext
from limner.pipeline.programs.graph import Graph, Link, Node, is_node
from limner.pipeline.programs.said import Said, layers_from_end, sampled, schedule, size
from limner.text.dialect import Dialect

PARTS = ("noise", "guider", "sampler", "sigmas")  # of a sampler that is put together
LATENTS = ("latent_image", "samples", "latent", "pixels", "image", "images")
PASSED = ("conditioning", "conditioning_1", "conditioning_to")
TEXTS = ("text", "text_g", "t5xxl", "clip_l", "text_l")
SCHEDULES = {
    "KarrasScheduler": "karras",
    "ExponentialScheduler": "exponential",
    "PolyexponentialScheduler": "polyexponential",
    "BetaSamplingScheduler": "beta",
    "AlignYourStepsScheduler": "ays",
}
LOADERS = {"ckpt_name": "Model", "unet_name": "Model", "lora_name": "LoRA"}
QUIET = ("Save", "Preview", "VAELoader", "VAEDecode", "CLIPLoader", "DualCLIPLoader")
"""How the kinds begin that say nothing of what is painted."""


def wrote(record: Mapping[str, Any]) -> bool:
    return any(map(is_node, record.values()))


def read(record: Mapping[str, Any]) -> Infotext:
    said, graph = Said(Dialect.COMFY), Graph(record)
    sampling = _Sampling(graph, said)
    samplers = sampling.samplers()
    if samplers:
        sampling.read(samplers[-1])
        for other in samplers[:-1]:
            graph.used.add(other.name)
            said.tell(f"{other.kind} {other.name}", "a further pass")
    sampling.tell_rest()
    return said.infotext()


class _Sampling:
    """What a graph's sampler was given."""

    def __init__(self, graph: Graph, said: Said) -> None:
        self.graph = graph
        self.said = said

    def samplers(self) -> list[Node]:
        """Those of the picture that is saved first, the last to run first."""
        nodes = self.graph.nodes.values()
        outputs = [node for node in nodes if node.kind.startswith("Save")]
        outputs += [node for node in nodes if node.kind.startswith("Preview")]
        for starts in ([output] for output in outputs):
            found = [n for n in self.graph.upstream(starts, LATENTS) if self._samples(n)]
            if found:
                return found
        return [node for node in nodes if self._samples(node)][:1]

    def read(self, sampler: Node) -> None:
        """A sampler's own settings, and those of the parts that it is put together of."""
        parts = [sampler, *filter(None, (self.graph.at(sampler.link(p)) for p in PARTS))]
        self.graph.used |= {part.name for part in parts}
        for part in parts:
            for key, read in (
                ("seed", "seed"),
                ("noise_seed", "seed"),
                ("steps", "steps"),
                ("cfg", "guidance"),
                ("sampler_name", sampled),
                ("scheduler", schedule),
                ("rho", "rho"),
            ):
                self.said.take(key, self.graph.value(part, key), read)
            self.said.take("scheduler", SCHEDULES.get(part.kind), schedule)
            if part.kind == "BasicGuider":  # which knows one text alone
                self.said.take("cfg", 1.0, "guidance")
            self._tell_parts(part)
        for role, field in (("positive", "prompt"), ("conditioning", "prompt"), ("negative",) * 2):
            links = (link for part in parts if (link := part.link(role)) is not None)
            self._text(next(links, None), field)
        self._latent(sampler)
        self._model(parts)

    def _samples(self, node: Node) -> bool:
        """Whether a node has what a sampler is told: texts, or a guider that has them."""
        texts = node.link("positive") is not None and "latent_image" in node.inputs
        return texts or (node.link("guider") is not None and node.link("sigmas") is not None)

    def _tell_parts(self, part: Node) -> None:
        """Settings of a sampler that leave out a part of the way."""
        for key, plain in (
            ("denoise", 1), ("start_at_step", 0), ("add_noise", "enable"),
            ("return_with_leftover_noise", "disable"),
        ):  # fmt: skip
            value = self.graph.value(part, key)
            if value is not None and value not in (plain, plain is not None and str(plain)):
                self.said.tell(key, value)

    def _text(self, link: Link | None, field: str) -> None:
        """The text at the end of a chain of conditionings; what it goes through is told."""
        seen = set[str]()
        while (node := self.graph.at(link)) is not None and node.name not in seen:
            seen.add(node.name)
            texts = {key: self.graph.value(node, key) for key in TEXTS if key in node.inputs}
            texts = {key: text for key, text in texts.items() if isinstance(text, str)}
            if texts:
                self.graph.used.add(node.name)
                text = next(iter(texts.values()))
                self.said.take(field, text, field)
                for other, value in texts.items():
                    if value != text:
                        self.said.tell(f"{field} {other}", value)
                self._clip(node)
                return
            if node.kind == "ConditioningZeroOut":  # whatever it is of
                self.graph.used.add(node.name)
                return
            assert link is not None
            side = "negative" if link.output == 1 else "positive"
            link = node.link(*PASSED, side)

    def _clip(self, node: Node) -> None:
        """Which layer of the text encoder was asked for."""
        for found in self.graph.upstream([node], ("clip",)):
            if found.kind == "CLIPSetLastLayer":
                self.graph.used.add(found.name)
                layer = self.graph.value(found, "stop_at_clip_layer")
                self.said.take("stop_at_clip_layer", layer, layers_from_end)
                return

    def _latent(self, sampler: Node) -> None:
        """The size of the latent that the way begins at, where that is an empty one."""
        *_, last = self.graph.upstream([sampler], LATENTS)
        width, height = (self.graph.value(last, side) for side in ("width", "height"))
        if last is sampler or (both := size(width, height)) is None:
            return
        self.graph.used.add(last.name)
        self.said.take("size", *both)
        if (count := self.graph.value(last, "batch_size")) != 1:
            self.said.tell("batch_size", count)

    def _model(self, parts: list[Node]) -> None:
        """The names of the model and of what is put on it."""
        starts = [node for part in parts if (node := self.graph.at(part.link("model")))]
        for node in self.graph.upstream(starts, ("model",)):
            for key, told in LOADERS.items():
                if key in node.inputs:
                    self.graph.used.add(node.name)
                    told = f"{told} {node.name}" if told in self.said.others else told
                    self.said.tell(told, self._with_strength(node, key))

    def _with_strength(self, node: Node, key: str) -> Any:
        name, strength = (self.graph.value(node, each) for each in (key, "strength_model"))
        return name if strength is None else f"{name} {strength}"

    def tell_rest(self) -> None:
        """The kinds of the nodes that were not read."""
        kinds = [
            node.kind
            for node in self.graph.nodes.values()
            if node.name not in self.graph.used and not node.kind.startswith(QUIET)
        ]
        self.said.tell("Nodes", ", ".join(dict.fromkeys(kinds)))
