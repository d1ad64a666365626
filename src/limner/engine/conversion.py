"""A module to OpenVINO's form, here or in a process of its own.

Tracing and converting takes memory that a process keeps, and time. A large model is therefore
converted by a child, which gets the weights down a pipe, one by one, writes the model where it is
told to, and ends where whoever started it ends.
"""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from limner.errors import UsageError
from limner.nn.skeleton import skeleton

MODEL = "model.xml"
# The child imports what this process does: its search path comes with it, before Limner is read.
BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from limner.engine.conversion import child; child()"
)
KILLED = -9  # what a process ends with that the system kills for its memory
FAILED = "the denoiser could not be converted to OpenVINO's form"
HELP = "another engine, as eager, paints without that"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is converted: a module of a kind and config, for arguments of these shapes.

    form: makes of the module what takes the arguments, all of them tensors. target: the folder,
    there already, that the model is written to. samples: arguments of the same shapes by which it
    is brought to int8; none: it stays as it is.
    """

    kind: type[nn.Module]
    config: Any
    form: Callable[[nn.Module], nn.Module]
    given: tuple[Tensor, ...]
    target: Path
    samples: tuple[tuple[Tensor, ...], ...] = ()
    threads: int = 1


class Child:
    """A conversion in a process of its own. All weights are handed over when this is made."""

    def __init__(self, order: Order, module: nn.Module) -> None:
        if not sys.executable:
            raise UsageError(f"{FAILED}: this program is no Python that could start one; {HELP}")
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT, json.dumps(list(map(str, sys.path)))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
        )
        try:
            self._hand_over(pickle.dumps(order), module)
        except OSError:  # it is gone: `wait` says why
            pass
        except BaseException:
            self.end()
            raise

    def _hand_over(self, order: bytes, module: nn.Module) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        pipe.write(len(order).to_bytes(8, "big") + order)
        for weight in module.state_dict().values():
            pipe.write(_bytes(weight.detach().float().contiguous()).data)
        pipe.flush()

    def wait(self) -> None:
        """Until it has ended. Raises UsageError where it failed or was killed."""
        try:
            code = self._process.wait()
            if code:
                raise UsageError(f"{FAILED}: {self._why(code)}; {HELP}")
        finally:
            self.end()

    def end(self) -> None:
        """Have it ended, whatever it does, and let go of what it was handed."""
        self._process.kill()
        self._process.wait()
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except OSError:  # what it did not read any more
            pass
        self._said.close()

    def _why(self, code: int) -> str:
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        if code < 0:
            memory = ", most likely as memory ran out" if code == KILLED else ""
            return f"its process was ended by signal {-code}{memory}"
        return lines[-1] if lines else f"its process ended with {code}"


def write(order: Order, module: nn.Module) -> None:
    """Convert a module, and write what comes of it; in this process.

    NNCF, which int8 needs, has a runtime of its own: this is then no process for another.
    """
    if any(weight.dtype != torch.float32 for weight in module.parameters()):
        module = copy.deepcopy(module).float()
    model = converted(module, order)
    if order.samples:
        model = quantised(model, order.samples)
    openvino().save_model(model, order.target / MODEL, compress_to_fp16=False)


def converted(module: nn.Module, order: Order) -> Any:
    """OpenVINO's model of a module in fp32, of fixed shapes."""
    formed = order.form(module).eval()
    with torch.inference_mode(False), torch.no_grad():  # what inference mode makes has no trace
        example = tuple(each.clone() for each in arguments(order.given))
        exported = torch.export.export(formed, example, strict=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch, to OpenVINO
        model = openvino().convert_model(exported)
    fix_shapes(model, example)
    split_layers_apart(model)
    return model


def fix_shapes(model: Any, given: Sequence[Tensor]) -> None:
    """Have a model take arguments of these shapes alone, which is faster."""
    model.reshape({place: list(each.shape) for place, each in enumerate(given)})


def split_layers_apart(model: Any) -> None:
    """Make two linear layers of each whose output is split in two, as before a GEGLU.

    The same numbers, without the copies that a split makes. Shapes are fixed.
    """
    ops = openvino().opset13
    for split in model.get_ordered_ops():
        found = _split_linear(split)
        if found is None:
            continue
        source, weight, bias = found
        places = [0, split.output(0).get_shape()[-1], len(weight)]
        for index, (start, stop) in enumerate(pairwise(places)):
            product = ops.matmul(source, ops.constant(weight[start:stop]), False, True)
            added = ops.add(product, ops.constant(bias[..., start:stop]))
            split.output(index).replace(added.output(0))
    model.validate_nodes_and_infer_types()


def _split_linear(split: Any) -> tuple[Any, Any, Any] | None:
    """(input, weight, bias) of the linear layer that a node splits in two along its width."""
    if split.get_type_name() != "VariadicSplit" or split.get_output_size() != 2:
        return None
    total, axis = split.input_value(0).get_node(), split.input_value(1).get_node()
    last = len(split.output(0).get_shape()) - 1
    if total.get_type_name() != "Add" or axis.data.item() not in (-1, last):
        return None
    product, bias = (total.input_value(index).get_node() for index in range(2))
    if (product.get_type_name(), bias.get_type_name()) != ("MatMul", "Constant"):
        return None
    weight = product.input_value(1).get_node()
    flipped = product.get_attributes()
    if weight.get_type_name() != "Constant" or flipped["transpose_a"] or not flipped["transpose_b"]:
        return None
    return product.input_value(0), weight.data, bias.data


def arguments(given: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What a converted model takes: numbers in fp32, and masks."""
    return tuple(each if each.dtype == torch.bool else each.float() for each in given)


def arrays(given: Sequence[Tensor]) -> list[Any]:
    """As `arguments`, by arrays that share their numbers."""
    return [each.contiguous().numpy() for each in arguments(given)]


def quantised(model: Any, samples: Sequence[tuple[Tensor, ...]]) -> Any:
    """The model with weights and values of 8 bits, in the ranges that they have in samples."""
    openvino()  # which keeps NNCF quiet too
    import nncf

    return nncf.quantize(
        model,
        nncf.Dataset(samples, arrays),
        model_type=nncf.ModelType.TRANSFORMER,
        preset=nncf.QuantizationPreset.MIXED,  # values about zero only where they are so
        subset_size=len(samples),
    )


def openvino() -> Any:
    """The package; UsageError where it is not installed. It tells nobody that it is used."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # would call home
    try:
        import openvino as package
    except ImportError:
        raise UsageError("engine openvino needs OpenVINO: pip install limner[openvino]") from None
    return package


def child() -> None:
    """What the process of a `Child` does. It is told by standard input, and ends with that."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # whoever started it had them too, and ends it
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    warnings.simplefilter("ignore")
    try:
        order: Order = pickle.loads(_read(int.from_bytes(_read(8), "big")))
        torch.set_num_threads(order.threads)
        module = _received(order)
        threading.Thread(target=_watch, args=(order.target,), daemon=True).start()
        write(order, module)
    except BaseException as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # at once: a thread waits for the end of the input


def _received(order: Order) -> nn.Module:
    """The module, with the weights that come down the pipe."""
    module = skeleton(partial(order.kind, order.config))
    module = module.to_empty(device="cpu").float().eval().requires_grad_(False)
    for weight in module.state_dict().values():
        _read_into(memoryview(_bytes(weight)))
    return module


def _watch(target: Path) -> None:
    """End where the input ends, as whoever started this is gone; nothing half-written stays."""
    os.read(0, 1)
    shutil.rmtree(target, ignore_errors=True)
    os._exit(1)


def _read(count: int) -> bytes:
    """So many bytes of the input."""
    read = bytearray(count)
    _read_into(memoryview(read))
    return bytes(read)


def _read_into(buffer: memoryview) -> None:
    """Fill a buffer from the input; EOFError where that ends before."""
    done, told = 0, io.FileIO(0, closefd=False)
    while done < len(buffer):
        count = told.readinto(buffer[done:])
        if not count:
            raise EOFError(f"{done} of {len(buffer)} bytes came")
        done += count


def _bytes(weight: Tensor) -> Any:
    """The bytes of a contiguous tensor, as an array that shares them."""
    return weight.view(-1).view(torch.uint8).numpy()
