"""Which tensors the layouts hold: plain dense ones, and those that stand for the same elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from assay_torch.dtensors import is_dtensor, placed
from assay_torch.errors import Unrecordable

# Every dtype that both layouts hold; Assay's ``DType`` has the same.
DTYPES = {getattr(torch, name): name for name in (
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool", "complex32", "complex64", "complex128")
    if hasattr(torch, name)}  # older releases lack some

# Two numbers in each element, of which torch itself can compute nothing.
PACKED = getattr(torch, "float4_e2m1fn_x2", None)

PLAIN_CLASSES = {torch.Tensor, torch.nn.Parameter, torch.nn.Buffer} \
    if hasattr(torch.nn, "Buffer") else {torch.Tensor, torch.nn.Parameter}


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """The dense tensor of a dtype of the layouts that has a tensor's elements; nothing is copied.

    Raises ``Unrecordable``.
    """
    try:
        if type(tensor) in PLAIN_CLASSES:
            return _checked(tensor)
        with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
            return _checked(_unwrapped(tensor))
    except Unrecordable:
        raise
    except Exception as error:
        raise Unrecordable(
            f"a {type(tensor).__name__} cannot be read: {_first_line(error)}") from None


def _checked(tensor: torch.Tensor) -> torch.Tensor:
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise Unrecordable("inside a transform of torch.func a tensor stands for others")
    if tensor.is_meta:
        raise Unrecordable("a tensor on the meta device has no elements")
    if tensor.is_nested:
        raise Unrecordable("a nested tensor has no single shape")
    if tensor.is_quantized:
        raise Unrecordable("a quantized tensor is held by no layout")
    if tensor.layout != torch.strided:
        if str(tensor.layout) != "torch._mkldnn":
            raise Unrecordable(f"a {tensor.layout} tensor is held by no layout")
        tensor = tensor.to_dense()
    if tensor.dtype not in DTYPES:
        raise Unrecordable(f"{tensor.dtype} is held by no layout")
    if tensor.numel() and not tensor.untyped_storage().nbytes():
        raise Unrecordable("its storage was freed")
    return tensor.detach()


def _unwrapped(tensor: Any) -> torch.Tensor:
    """The plain tensor of a subclass that computes as one does."""
    for _ in range(8):  # a DTensor may hold an AsyncCollectiveTensor
        kind = type(tensor)
        if kind in PLAIN_CLASSES:
            return tensor
        if kind.__torch_dispatch__ is torch.Tensor.__torch_dispatch__:
            return tensor.as_subclass(torch.Tensor)
        if tensor.is_nested:
            return tensor
        if kind.__name__ == "AsyncCollectiveTensor":
            tensor = tensor.wait()
        elif is_dtensor(tensor):
            placed(tensor)  # raises where its local tensor would tell nothing
            tensor = tensor.to_local()
        elif kind.__name__ == "FakeTensor":
            raise Unrecordable("a fake tensor has no elements")
        else:
            break
    raise Unrecordable(f"a {type(tensor).__name__} decides by __torch_dispatch__ what it holds")


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200]}".rstrip(".") if text else type(error).__name__


def is_simple(tensor: torch.Tensor) -> bool:
    """Whether ``plain`` would give a tensor of a plain class as it is, of the same bytes."""
    return tensor.layout is torch.strided and tensor.dtype in DTYPES and not (
        tensor.is_nested or tensor.is_meta or tensor.is_conj() or tensor.is_neg()
        or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        or not tensor.untyped_storage().nbytes() and tensor.numel())


def copied(tensor: torch.Tensor) -> torch.Tensor:
    """A plain tensor's own contiguous copy on the host.

    The copy is no view, so that it stores only itself, and later changes in place do not reach it.
    Raises ``Unrecordable``.
    """
    try:
        return on_host(tensor.resolve_conj().resolve_neg())
    except Exception as error:
        raise Unrecordable(f"it cannot be copied: {_first_line(error)}") from None


def on_host(tensor: torch.Tensor) -> torch.Tensor:
    """A contiguous copy on the host."""
    if tensor.device.type == "cpu":
        return tensor.clone(memory_format=torch.contiguous_format)
    return tensor.contiguous().cpu()


def of_array(array: np.ndarray) -> torch.Tensor:
    """A numpy array as a tensor, which shares its memory where it can. Raises ``Unrecordable``."""
    if isinstance(array, np.ma.MaskedArray):
        raise Unrecordable("a masked array is held by no layout")
    dtype = getattr(torch, array.dtype.name, None)
    if dtype not in DTYPES or array.dtype.itemsize != dtype.itemsize:
        raise Unrecordable(f"an array of {array.dtype} is held by no layout")
    array = np.ascontiguousarray(array).reshape(array.shape)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # By its bytes: of bfloat16 and smaller floats torch knows only the names.
    flat = torch.from_numpy(array.reshape(-1).view(np.uint8).copy())
    return flat.view(dtype).reshape(array.shape)


def bits(tensor: torch.Tensor) -> np.ndarray:
    """The row-major little-endian bytes of a contiguous tensor, as a numpy array of uint8."""
    return tensor.cpu().reshape(-1).view(torch.uint8).numpy()


def components(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's components as float64: each element's, and of a complex one both."""
    flat = tensor.cpu().reshape(-1)
    if flat.is_complex():
        flat = torch.view_as_real(flat.resolve_conj()).reshape(-1)
    if flat.dtype.is_floating_point and flat.dtype.itemsize == 1:
        flat = flat.float()
    return flat.to(torch.float64).numpy()
