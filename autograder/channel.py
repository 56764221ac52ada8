"""The wire between the judge and a student process: frames of plain data, rebuilt in fresh, exact types.

Nothing that arrives is believed: the decoder knows a closed list of types, counts what it builds, and raises
`ChannelError` for anything else. It never unpickles. Data is a msgpack tree; what msgpack has no type for is tagged.

Mutable values (lists, dicts, sets, tensors, arrays, generators) in the arguments of a call are numbered, in the order
in which both ends meet them. An answer can name such an object by its number, so that `return x` is the caller's own
`x`, and a changed argument can be sent back as "object 3 is now this".
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
import torch

FRAME_BYTES = 64 << 20
NODES = 300_000
DEPTH = 60
INT_BYTES = 1024
MAP_ITEMS = 20_000
DIMENSIONS = 16
HEADER = struct.Struct(">Q")
_SHORT = 1 << 16  # what is sent and received at once
_HEADS = [struct.Struct(f">BBB{dimensions}Q") for dimensions in range(DIMENSIONS + 1)]

# How a tensor lies in memory: code that calls `.view` should meet the same layout that the caller has.
DENSE, PERMUTED, GAPPED = range(3)

TUPLE, SET, FROZENSET, SIZE, REF, BIG_INT, COMPLEX, TENSOR, ARRAY, SCALAR, DTYPE, GENERATOR, GRAD = range(1, 14)
_GROUPS: dict[int, Callable] = {TUPLE: tuple, SET: set, FROZENSET: frozenset, SIZE: torch.Size}

_TORCH_NAMES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128"
).split()
TORCH_DTYPES = {name: getattr(torch, name) for name in _TORCH_NAMES}
NUMPY_DTYPES = {name: np.dtype(name) for name in _TORCH_NAMES if name != "bfloat16"}
_TORCH_NAME_OF = {dtype: name for name, dtype in TORCH_DTYPES.items()}
_TORCH_CODES = {dtype: code for code, dtype in enumerate(TORCH_DTYPES.values())}
_NUMPY_LIKE = {TORCH_DTYPES[name] for name in NUMPY_DTYPES}

_MUTABLE = (list, dict, set, torch.Tensor, np.ndarray, torch.Generator)

# State of torch's Mersenne twister: seed, left, seeded, next, 624 words, then cached normal numbers.
_STATE = struct.Struct("<QiiQ")
_STATE_BYTES, _STATE_WORDS = 5056, slice(24, 24 + 624 * 8)
_MAX_TWISTS = 1024


class ChannelError(Exception):
    """What arrived is not an allowed message, or what should be sent is not plain data; the text is one sentence."""


class NotPlain(ChannelError):
    """A value that does not travel; `found` is the name of its type."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"a `{found}` is not plain data")


class ChannelClosed(ChannelError):
    """The other end has gone."""


class ChannelTimeout(ChannelError):
    """The other end did not answer, or did not read, in time."""


def send_frame(sock: socket.socket, data: bytes, seconds: float | None = None) -> None:
    """Send one length-prefixed frame."""
    sock.settimeout(seconds)
    try:
        sock.sendall(HEADER.pack(len(data)) + data if len(data) < _SHORT else HEADER.pack(len(data)))
        if len(data) >= _SHORT:
            sock.sendall(data)
    except TimeoutError:
        raise ChannelTimeout("The message was not read in time.") from None
    except OSError:
        raise ChannelClosed("The connection is closed.") from None


def receive_frame(sock: socket.socket, seconds: float | None = None, cap: int = FRAME_BYTES) -> bytes:
    """Receive one frame of at most `cap` bytes within `seconds`, however slowly it drips in.

    Both ends wait for an answer before they send again: what comes along with the end of a frame is refused.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    data, end = bytearray(), None
    while end is None or len(data) < end:
        data += _receive_some(sock, _SHORT if end is None else end - len(data), deadline)
        if end is None and len(data) >= HEADER.size:
            (length,) = HEADER.unpack_from(data)
            if length > cap:
                raise ChannelError(f"A message of {length} bytes is longer than the {cap} allowed.")
            end = HEADER.size + length
    if len(data) > end:
        raise ChannelError("A message that nobody asked for.")
    return bytes(memoryview(data)[HEADER.size :])


def _receive_some(sock: socket.socket, most: int, deadline: float | None) -> bytes:
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise ChannelTimeout("No answer in time.")
    sock.settimeout(left)
    try:
        chunk = sock.recv(min(most, 1 << 20))
    except TimeoutError:
        raise ChannelTimeout("No answer in time.") from None
    except OSError:
        raise ChannelClosed("The connection broke.") from None
    if not chunk:
        raise ChannelClosed("The connection was closed.")
    return chunk


def pack(message: Any) -> bytes:
    """Encode a message of which every value is one of msgpack's own types; raises ChannelError for anything else.

    The other end reads it with `loads` if the student's code could have written it, else with `unpack`.
    """
    try:
        return msgpack.packb(message, unicode_errors="replace")
    except (ValueError, OverflowError, TypeError):
        raise ChannelError("The data is too large or too deeply nested to be sent.") from None


def unpack(data: bytes) -> dict[str, Any]:
    """Decode a message that comes from the trusted side."""
    return msgpack.unpackb(data, strict_map_key=False)


class Objects:
    """The numbered mutable objects of one call."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._numbers: dict[int, int] = {}

    def add(self, value: Any) -> None:
        self._numbers[id(value)] = len(self.items)
        self.items.append(value)

    def number(self, value: Any) -> int | None:
        return self._numbers.get(id(value))


def dumps(value: Any, objects: Objects | None = None, *, grow: bool = False, contents: bool = False) -> bytes:
    """Encode plain data.

    `objects`: values found there are written as references. `grow`: number the mutable values of this one.
    `contents`: write the value itself out although it is in `objects`.
    Raises NotPlain for a value of another kind, ChannelError for one that is too deep or too large.
    """
    with torch._C.DisableTorchFunctionSubclass():
        tree = _Lower(objects, grow).lower(value, 0, contents)
    return pack(tree)


class _Lower:
    """Turns a value into a tree of msgpack's own types."""

    def __init__(self, objects: Objects | None, grow: bool) -> None:
        self.objects, self.grow = objects, grow

    def lower(self, value: Any, depth: int, contents: bool = False) -> Any:
        kind = type(value)
        if value is None or kind in (bool, float, bytes):
            return value
        if kind is str:
            return value.encode("utf-8", "replace").decode("utf-8")
        if kind is int:
            return value if -(1 << 63) <= value < 1 << 64 else _big_int(value)
        if depth > DEPTH:
            raise ChannelError("The data is too deeply nested.")
        if self.objects is not None and isinstance(value, _MUTABLE):
            number = self.objects.number(value)
            if number is not None and not contents:
                return msgpack.ExtType(REF, struct.pack(">I", number))
            if number is None and self.grow:
                self.objects.add(value)
        return self._lower_other(value, depth)

    def _lower_other(self, value: Any, depth: int) -> Any:
        if isinstance(value, torch.Tensor):
            return self._tensor(value, depth)
        if isinstance(value, np.ndarray):
            return _array(ARRAY, value)
        if isinstance(value, list):
            return [self.lower(item, depth + 1) for item in list.__iter__(value)]
        if isinstance(value, dict):
            return {self._key(key, depth): self.lower(item, depth + 1) for key, item in dict.items(value)}
        for tag, base in ((SIZE, torch.Size), (TUPLE, tuple), (SET, set), (FROZENSET, frozenset)):
            if isinstance(value, base):
                items = [self.lower(item, depth + 1) for item in base.__iter__(value)]  # type: ignore[arg-type]
                return [msgpack.ExtType(tag, b""), *items]
        if isinstance(value, np.generic):
            return _array(SCALAR, np.asarray(value))
        if isinstance(value, bool | int):
            return self.lower(int.__index__(value), depth)
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, str):
            return self.lower(str.__str__(value), depth)
        if isinstance(value, complex):
            return msgpack.ExtType(COMPLEX, struct.pack(">dd", value.real, value.imag))
        if isinstance(value, torch.dtype) and value in _TORCH_NAME_OF:
            return msgpack.ExtType(DTYPE, b"torch." + _TORCH_NAME_OF[value].encode())
        if isinstance(value, np.dtype) and value.name in NUMPY_DTYPES:
            return msgpack.ExtType(DTYPE, b"numpy." + value.name.encode())
        if isinstance(value, torch.Generator) and value.device.type == "cpu":
            return msgpack.ExtType(GENERATOR, generator_state(value))
        raise NotPlain(type(value).__name__)

    def _key(self, key: Any, depth: int) -> Any:
        lowered = self.lower(key, depth + 1)
        if isinstance(key, tuple):
            raise NotPlain("dict with tuples as keys")
        if isinstance(lowered, list | dict | msgpack.ExtType):
            raise NotPlain(f"dict with keys of type {type(key).__name__}")
        return lowered

    def _tensor(self, value: torch.Tensor, depth: int) -> Any:
        if value.layout != torch.strided or not value.is_cpu or value.dtype not in _TORCH_CODES:
            raise NotPlain(f"{str(value.dtype).removeprefix('torch.')} tensor ({value.layout}, {value.device})")
        if value.numel() * value.element_size() > FRAME_BYTES:
            raise ChannelError("The tensor is too large to be sent.")
        plain = torch.Tensor.detach(value)
        if type(plain) is not torch.Tensor:
            plain = plain.as_subclass(torch.Tensor)
        plain = plain.resolve_conj().resolve_neg()
        layout, order, body = DENSE, b"", plain
        if not plain.is_contiguous():
            strides = plain.stride()
            dimensions = sorted(range(plain.dim()), key=lambda i: strides[i], reverse=True)
            body = plain.permute(dimensions)
            layout, order = PERMUTED, bytes(dimensions)
            if not body.is_contiguous():
                layout, order, body = GAPPED, b"", plain.contiguous()
        flags = value.requires_grad | layout << 1
        head = _head(_TORCH_CODES[plain.dtype], flags, body.shape)
        raw = body if plain.dtype in _NUMPY_LIKE else body.reshape(-1).view(torch.uint8)
        lowered = msgpack.ExtType(TENSOR, head + order + raw.numpy().tobytes())
        grad = value.grad if value.is_leaf else None
        if grad is None:
            return lowered
        return [msgpack.ExtType(GRAD, b""), lowered, self._tensor(grad, depth + 1)]


def _big_int(value: int) -> msgpack.ExtType:
    length = value.bit_length() // 8 + 1
    if length > INT_BYTES:
        raise NotPlain(f"int of {value.bit_length()} bits")
    return msgpack.ExtType(BIG_INT, value.to_bytes(length, "big", signed=True))


def _array(tag: int, value: np.ndarray) -> msgpack.ExtType:
    array = np.asarray(value).view(np.ndarray)
    native = array.dtype.newbyteorder("=")
    if native.name not in NUMPY_DTYPES:
        raise NotPlain(f"array of dtype {native.name}")
    if array.nbytes > FRAME_BYTES:
        raise ChannelError("The array is too large to be sent.")
    raw = array.astype(native, copy=False).tobytes()
    return msgpack.ExtType(tag, _head(_TORCH_NAMES.index(native.name), 0, array.shape) + raw)


def _head(dtype: int, flags: int, shape: tuple[int, ...]) -> bytes:
    if len(shape) > DIMENSIONS:
        raise NotPlain(f"array of {len(shape)} dimensions")
    return _HEADS[len(shape)].pack(dtype, flags, len(shape), *shape)


@dataclass
class Allowance:
    """How many nodes may still be built; one allowance can span several messages of an exchange."""

    nodes: int = NODES


def loads(
    data: bytes, objects: Objects | None = None, *, grow: bool = False, allowance: Allowance | None = None
) -> Any:
    """Decode what `dumps` wrote, trusting none of it; raises only ChannelError.

    `grow`: number the mutable values in `objects`, as the encoder did.
    """
    try:
        return _Decoder(data, objects, grow, allowance or Allowance()).whole()
    except ChannelError:
        raise
    except Exception as error:  # whatever a library finds wrong with the bytes
        raise ChannelError(f"The message cannot be decoded ({type(error).__name__}).") from None


class _Decoder:
    """Builds a value node by node, so that neither a claimed length nor nesting costs memory that was not sent."""

    def __init__(self, data: bytes, objects: Objects | None, grow: bool, allowance: Allowance) -> None:
        self.data, self.objects, self.grow, self.allowance = data, objects, grow, allowance
        self.unpacker = msgpack.Unpacker(
            strict_map_key=False,
            max_buffer_size=len(data) + 1,
            max_str_len=len(data),
            max_bin_len=len(data),
            max_ext_len=len(data),
            timestamp=1,  # as floats: msgpack's own type is none of ours
        )
        self.unpacker.feed(data)

    def whole(self) -> Any:
        value = self.node(0)
        if self.unpacker.tell() != len(self.data):
            raise ChannelError("The message has a tail that does not belong to it.")
        return value

    def node(self, depth: int) -> Any:
        if depth > DEPTH + 2:
            raise ChannelError("The data is too deeply nested.")
        first = self._peek()
        if 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
            return self._sequence(depth)
        if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
            return self._mapping(depth)
        value = self.unpacker.unpack()
        self._count(1)
        return self._tagged(value) if type(value) is msgpack.ExtType else value

    def _peek(self) -> int:
        position = self.unpacker.tell()
        if position >= len(self.data):
            raise ChannelError("The message ends too early.")
        return self.data[position]

    def _count(self, nodes: int) -> None:
        self.allowance.nodes -= nodes
        if self.allowance.nodes < 0:
            raise ChannelError(f"The data has more than {NODES} parts.")

    def _register(self, value: Any) -> Any:
        if self.grow and self.objects is not None:
            self.objects.add(value)
        return value

    def _sequence(self, depth: int) -> Any:
        length = self.unpacker.read_array_header()
        self._count(1)
        if length and (group := self._group()) is not None:
            self.unpacker.unpack()
            if group == GRAD:
                return self._with_grad(length, depth)
            if group == SET:
                return self._fill_set(self._register(set()), length - 1, depth)
            items = [self.node(depth + 1) for _ in range(length - 1)]
            if group == SIZE and not all(type(i) is int and 0 <= i < 1 << 62 for i in items):
                raise ChannelError("A size of something else than whole numbers.")
            return frozenset(self._fill_set(set(), items, depth)) if group == FROZENSET else _GROUPS[group](items)
        found = self._register([])
        for _ in range(length):
            found.append(self.node(depth + 1))
        return found

    def _group(self) -> int | None:
        """The tag of a tuple or the like: an empty ext (0xC7, length 0, tag) that comes first in a sequence."""
        position = self.unpacker.tell()
        head = self.data[position : position + 3]
        if len(head) == 3 and head[:2] == b"\xc7\x00" and (head[2] in _GROUPS or head[2] == GRAD):
            return head[2]
        return None

    def _fill_set(self, found: set, items: Any, depth: int) -> set:
        values = [self.node(depth + 1) for _ in range(items)] if isinstance(items, int) else items
        for value in values:
            _check_hashable(value)
        if len(values) > MAP_ITEMS:
            raise ChannelError("A set with too many members.")
        found.update(values)
        return found

    def _with_grad(self, length: int, depth: int) -> torch.Tensor:
        objects = self.objects or Objects()
        given = len(objects.items)
        tensor = self.node(depth + 1) if length == 3 else None
        number = objects.number(tensor)
        if number is not None and number < given:
            raise ChannelError("A gradient for a tensor that was there before: that would be a changed argument.")
        grow, self.grow = self.grow, False
        grad = self.node(depth + 1) if length == 3 else None
        self.grow = grow
        if not isinstance(tensor, torch.Tensor) or not isinstance(grad, torch.Tensor):
            raise ChannelError("A gradient without its tensor.")
        tensor.grad = grad
        return tensor

    def _mapping(self, depth: int) -> dict:
        length = self.unpacker.read_map_header()
        if length > MAP_ITEMS:
            raise ChannelError("A dict with too many keys.")
        self._count(1)
        found = self._register({})
        for _ in range(length):
            key = self.node(depth + 1)
            _check_hashable(key)
            found[key] = self.node(depth + 1)
        return found

    def _tagged(self, ext: msgpack.ExtType) -> Any:
        tag, raw = ext.code, ext.data
        if tag == REF:
            (number,) = struct.unpack(">I", raw)
            if self.objects is None or number >= len(self.objects.items):
                raise ChannelError("A reference to an object that is not there.")
            return self.objects.items[number]
        if tag == BIG_INT and len(raw) <= INT_BYTES:
            return int.from_bytes(raw, "big", signed=True)
        if tag == COMPLEX:
            return complex(*struct.unpack(">dd", raw))
        if tag == TENSOR:
            return self._register(_read_tensor(raw))
        if tag in (ARRAY, SCALAR):
            array = _read_array(raw)
            return self._register(array) if tag == ARRAY else array.reshape(-1)[0]
        if tag == DTYPE:
            family, _, name = raw.decode("ascii").partition(".")
            return {"torch": TORCH_DTYPES, "numpy": NUMPY_DTYPES}[family][name]  # type: ignore[index]
        if tag == GENERATOR:
            check_state(raw)
            generator = torch.Generator()
            generator.set_state(torch.frombuffer(bytearray(raw), dtype=torch.uint8))
            return self._register(generator)
        raise ChannelError("A value of an unknown kind.")


def _check_hashable(value: Any) -> None:
    if value is not None and type(value) not in (bool, int, float, str, bytes):
        raise ChannelError("A key or a member of a set that is not a number or a string.")
    if type(value) is int and not -(1 << 63) <= value < 1 << 64:
        raise ChannelError("A key that is too large.")


def _read_head(raw: bytes) -> tuple[int, int, tuple[int, ...], tuple[int, ...], memoryview]:
    """dtype code, flags, shape, order of the dimensions in memory, data."""
    dtype, flags, ndim = raw[0], raw[1], raw[2]
    if dtype >= len(_TORCH_NAMES) or flags > 1 | GAPPED << 1 or ndim > DIMENSIONS:
        raise ChannelError("An array with an impossible header.")
    shape = struct.unpack_from(f">{ndim}Q", raw, 3)
    start = 3 + 8 * ndim
    order = tuple(range(ndim))
    if flags >> 1 == PERMUTED:
        order = tuple(raw[start : start + ndim])
        start += ndim
        if sorted(order) != list(range(ndim)):
            raise ChannelError("An array with an impossible order of dimensions.")
    count = extent = 1
    for size in shape:
        if size >= 1 << 40:
            raise ChannelError("An array with an impossible shape.")
        count *= size
        extent *= size or 1
    itemsize = TORCH_DTYPES[_TORCH_NAMES[dtype]].itemsize
    if count * itemsize != len(raw) - start:
        raise ChannelError("An array whose shape does not fit its data.")
    if (
        count == 0 and extent * itemsize > FRAME_BYTES
    ):  # a sum over the dimension without entries has the size of the others
        raise ChannelError("An array with an impossible shape.")
    return dtype, flags, shape, order, memoryview(raw)[start:]


def _read_tensor(raw: bytes) -> torch.Tensor:
    code, flags, shape, order, body = _read_head(raw)
    name = _TORCH_NAMES[code]
    dtype = TORCH_DTYPES[name]
    if not body:
        tensor = torch.empty(shape, dtype=dtype)
    elif dtype == torch.bool:  # a byte that is neither 0 nor 1 would be undefined behaviour
        tensor = torch.frombuffer(bytearray(body), dtype=torch.uint8).ne(0).reshape(shape)
    elif name in NUMPY_DTYPES:  # several times as fast as torch.frombuffer
        tensor = torch.from_numpy(np.ndarray(shape, NUMPY_DTYPES[name], bytearray(body)))
    else:
        tensor = torch.frombuffer(bytearray(body), dtype=dtype).reshape(shape)
    if flags >> 1 == PERMUTED:
        tensor = tensor.permute([order.index(i) for i in range(len(order))])
    elif flags >> 1 == GAPPED and body:
        tensor = _gapped(tensor)
    return tensor.requires_grad_() if flags & 1 and (dtype.is_floating_point or dtype.is_complex) else tensor


def _gapped(tensor: torch.Tensor) -> torch.Tensor:
    """A copy that does not lie densely in memory, like a slice."""
    if tensor.dim() == 1:
        view = torch.empty(2 * tensor.numel(), dtype=tensor.dtype)[::2]
    else:
        view = torch.empty((*tensor.shape[:-1], tensor.shape[-1] + 1), dtype=tensor.dtype)[..., :-1]
    return view.copy_(tensor)


def _read_array(raw: bytes) -> np.ndarray:
    code, _, shape, _, body = _read_head(raw)
    dtype = NUMPY_DTYPES[_TORCH_NAMES[code]]
    if dtype == np.bool_:
        return (np.frombuffer(body, dtype=np.uint8) != 0).reshape(shape)
    return np.frombuffer(bytearray(body), dtype=dtype).reshape(shape)


def require_finite(values: Collection[Any], allowance: Allowance) -> None:
    """Refuse data that, written out without references, would be larger than a message may be.

    A few references to references are enough for a value that nobody can read to its end.
    """
    left = FRAME_BYTES
    pending = [(value, 0) for value in values]
    while pending:
        value, depth = pending.pop()
        left -= value.nbytes if isinstance(value, torch.Tensor | np.ndarray) else 0
        inner = value.values() if type(value) is dict else value if isinstance(value, list | tuple) else ()
        allowance.nodes -= len(inner)
        if left < 0 or allowance.nodes < 0 or depth > DEPTH + 2:
            raise ChannelError("The data refers to itself, or is too large when it is written out.")
        pending += [(item, depth + 1) for item in inner]


def generator_state(generator: torch.Generator) -> bytes:
    return generator.get_state().numpy().tobytes()


def check_state(state: bytes) -> None:
    """Refuse states of torch's Mersenne twister that would make it read beyond its table."""
    if len(state) != _STATE_BYTES:
        raise ChannelError("The state of a generator has the wrong length.")
    _, left, seeded, following = _STATE.unpack_from(state)
    if seeded != 1 or not 1 <= left <= 624 or following > 624 or left + following > 625:
        raise ChannelError("The state of a generator is impossible.")


def follow(generator: torch.Generator, state: bytes) -> None:
    """Bring `generator` to `state`, but only by drawing from it.

    A student's function may draw from a generator that it is given. If it could also *set* its state, it could choose
    the inputs of the tests that follow (a state of zeros draws only zeros). A state that drawing does not reach
    counts as "drawn from, nobody knows how often": the generator goes to a fixed place far from where it was.
    """
    check_state(state)
    seed, _, _, target = _STATE.unpack_from(state)
    start = _STATE.unpack_from(generator_state(generator))[0]
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    for _ in range(_MAX_TWISTS if seed == start else 0):
        current = generator_state(copy)
        _, left, _, following = _STATE.unpack_from(current)
        if current[_STATE_WORDS] == state[_STATE_WORDS] and following <= target:
            _draw(copy, target - following)
            generator.set_state(copy.get_state())
            return
        _draw(copy, left)
    generator.manual_seed((start + 0x9E3779B97F4A7C15) % (1 << 63))


def _draw(generator: torch.Generator, count: int) -> None:
    torch.empty(count, dtype=torch.uint8).random_(generator=generator)


def assign(target: Any, new: Any) -> None:
    """Make `target`, an object of the caller's, equal to `new` in place; raises ChannelError if it cannot become it."""
    if isinstance(target, torch.Generator) and isinstance(new, torch.Generator):
        follow(target, generator_state(new))
    elif isinstance(target, torch.Tensor) and isinstance(new, torch.Tensor):
        _assign_tensor(target, new)
    elif isinstance(target, np.ndarray) and isinstance(new, np.ndarray):
        if target.shape != new.shape or target.dtype != new.dtype or not target.flags.writeable:
            raise ChannelError("An array changed its shape or dtype.")
        target[...] = new
    elif type(target) is list and type(new) is list:
        target[:] = new
    elif type(target) in (dict, set) and type(new) is type(target):
        target.clear()
        target.update(new)
    else:
        raise ChannelError("An argument changed its type.")


def _assign_tensor(target: torch.Tensor, new: torch.Tensor) -> None:
    try:
        with torch.no_grad():
            if target.shape == new.shape and target.dtype == new.dtype:
                target.copy_(new)
            else:
                target.data = new.detach()
        if target.is_leaf:
            target.requires_grad_(new.requires_grad)
            target.grad = new.grad
    except (RuntimeError, TypeError):
        raise ChannelError("A tensor changed into one that cannot take its place.") from None
