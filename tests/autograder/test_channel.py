"""The wire: what was sent arrives as it was, and nothing that arrives can do more than be refused."""

import contextlib
import math
import socket
import struct
import threading

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import channel
from autograder.channel import (
    NUMPY_DTYPES,
    TORCH_DTYPES,
    Allowance,
    ChannelClosed,
    ChannelError,
    ChannelTimeout,
    NotPlain,
    Objects,
    assign,
    dumps,
    follow,
    generator_state,
    loads,
    receive_frame,
    send_frame,
)

keys = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=5), st.binary(max_size=5))
leaves = st.one_of(keys, st.integers(), st.floats(allow_nan=False), st.complex_numbers(allow_nan=False))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(keys, inner, max_size=5),
        st.sets(keys, max_size=5),
    ),
    max_leaves=20,
)


def exactly_equal(a, b) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(exactly_equal, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(exactly_equal(a[key], b[key]) for key in a)
    return a == b


@given(trees)
def test_plain_data_arrives_as_it_was(value):
    assert exactly_equal(loads(dumps(value)), value)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (3, 0, 2)])
@pytest.mark.parametrize("name", TORCH_DTYPES)
def test_tensors_of_every_dtype_and_shape(name, shape):
    tensor = (torch.rand(shape) * 10).to(TORCH_DTYPES[name])
    back = loads(dumps(tensor))
    assert type(back) is torch.Tensor
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    assert dumps(back) == dumps(tensor)


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
@pytest.mark.parametrize("name", NUMPY_DTYPES)
def test_arrays_of_every_dtype_and_shape(name, shape):
    array = np.asarray(np.random.default_rng(0).random(shape) * 10).astype(name)
    back = loads(dumps(array))
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.array_equal(back, array)
    assert back.flags.writeable


def test_special_values():
    assert math.isnan(loads(dumps(math.nan)))
    assert loads(dumps(torch.Size([2, 3]))) == torch.Size([2, 3])
    assert type(loads(dumps(np.float32(2.5)))) is np.float32
    assert loads(dumps([torch.float16, np.dtype("int8")])) == [torch.float16, np.dtype("int8")]
    big_endian = np.arange(3, dtype=">i4")
    assert np.array_equal(loads(dumps(big_endian)), big_endian)
    conjugate = torch.tensor([1 + 2j]).conj()
    assert torch.equal(loads(dumps(conjugate)), conjugate)


def test_layout_gradient_and_requires_grad_travel():
    transposed = torch.arange(6.0).reshape(2, 3).T
    back = loads(dumps(transposed))
    assert torch.equal(back, transposed)
    assert back.stride() == transposed.stride()
    sliced = torch.arange(12.0).reshape(3, 4)[:, :2]
    back = loads(dumps(sliced))
    assert torch.equal(back, sliced)
    assert not back.is_contiguous()
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.full((2,), 3.0)
    back = loads(dumps(parameter))
    assert type(back) is torch.Tensor
    assert back.requires_grad
    assert back.grad is not None
    assert back.grad.tolist() == [3.0, 3.0]


class Liar(float):
    def __float__(self):
        return 42.0

    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class LyingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise AssertionError("the encoder must not run this")


class LyingList(list):
    def __iter__(self):
        return iter([1, 2, 3])


def test_subclasses_arrive_as_what_they_are_made_of():
    back = loads(dumps([Liar(1.5), LyingList([7]), torch.ones(2).as_subclass(LyingTensor)]))
    assert type(back[0]) is float
    assert back[0] == 1.5
    assert back[1] == [7]
    assert type(back[2]) is torch.Tensor


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 0, range(3), iter([]), torch.nn.Linear(1, 1), np.array([object()]), {(1, 2): 3}, 1 << 9000],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_is_refused_by_name(value):
    with pytest.raises(NotPlain):
        dumps([value])


def test_other_kinds_of_tensors_are_refused():
    for tensor in (torch.ones(2).to_sparse(), torch.ones(2, device="meta")):
        with pytest.raises(NotPlain):
            dumps(tensor)


def test_cycles_and_deep_nesting_are_refused():
    cycle: list = []
    cycle.append(cycle)
    with pytest.raises(ChannelError, match="nested"):
        dumps(cycle)
    with pytest.raises(ChannelError, match="nested"):
        loads(b"\x91" * 5000 + b"\xc0")


def decode(data: bytes) -> None:
    """Decoding may fail in one way only."""
    objects = Objects()
    objects.add([1])
    with contextlib.suppress(ChannelError):
        loads(data, objects)


@settings(max_examples=1000)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused_or_plain(data):
    decode(data)


SAMPLES = [
    dumps({"a": [1, (2.0, None)], "b": {1, 2}, 3: 1 << 90}),
    dumps([torch.arange(6.0).reshape(2, 3).T, torch.ones(3, dtype=torch.bool)]),
    dumps([np.arange(4), np.float16(1), torch.float32, 1j]),
    dumps(torch.Generator().manual_seed(0))[:400],
    dumps([torch.nn.Parameter(torch.ones(2)), torch.Size([1, 2])]),
]


@settings(max_examples=1500)
@given(st.sampled_from(SAMPLES), st.data())
def test_mutated_messages_are_refused_or_plain(sample, data):
    changed = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(changed) - 1))
        how = data.draw(st.sampled_from(["set", "delete", "insert"]))
        if how == "set":
            changed[position] = data.draw(st.integers(0, 255))
        elif how == "delete" and len(changed) > 1:
            del changed[position]
        else:
            changed.insert(position, data.draw(st.integers(0, 255)))
    decode(bytes(changed))


def test_a_claimed_length_costs_no_memory():
    import tracemalloc

    tracemalloc.start()
    for bomb in (
        b"\xdd\xff\xff\xff\xff" * 1000,  # lists of four billion, nested
        b"\xdf\xff\xff\xff\xff" * 1000,  # dicts
        b"\xc6\xff\xff\xff\xff",  # bytes
        b"\xc9\xff\xff\xff\xff\x08",  # a tensor
        b"\xdd\x00\x04\x00\x00" + b"\x80" * 262144,  # many small dicts
    ):
        decode(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def header(dtype: int, flags: int, *shape: int) -> bytes:
    return struct.pack(f">BBB{len(shape)}Q", dtype, flags, len(shape), *shape)


@pytest.mark.parametrize(
    "payload",
    [
        header(11, 0, 1 << 62),  # larger than its data
        header(11, 0, 1 << 39, 0),  # empty, of an absurd shape
        header(11, 0, 0, 1 << 20, 64),  # empty, but its sum over the first dimension is not
        header(11, 0, 1 << 32, 1 << 32),  # 2^64 entries: 0 to who multiplies in 64 bits
        header(200, 0, 1) + b"abcd",  # an unknown dtype
        header(10, 2, 1) + b"\x05abcd",  # dimensions in an impossible order
        header(10, 0, *[1] * 40) + b"abcd",  # too many dimensions
    ],
)
def test_impossible_tensors_are_refused(payload):
    import msgpack

    for tag in (channel.TENSOR, channel.ARRAY):
        with pytest.raises(ChannelError):
            loads(msgpack.packb(msgpack.ExtType(tag, payload)))


def test_no_type_of_msgpack_arrives():
    import msgpack

    assert type(loads(msgpack.packb(msgpack.Timestamp(5, 6)))) is float


def test_a_bool_is_0_or_1_whatever_the_byte():
    import msgpack

    back = loads(msgpack.packb(msgpack.ExtType(channel.TENSOR, header(0, 0, 3) + b"\x00\x02\xff")))
    assert back.view(torch.uint8).tolist() == [0, 1, 1]


def test_the_number_of_parts_is_limited_over_several_messages():
    allowance = Allowance(100)
    loads(dumps([0] * 60), allowance=allowance)
    with pytest.raises(ChannelError, match="parts"):
        loads(dumps([0] * 60), allowance=allowance)


def travel(value):
    """A value as the other end sees it, with the objects of both ends."""
    here, there = Objects(), Objects()
    return loads(dumps(value, here, grow=True), there, grow=True), here, there


@given(trees)
def test_both_ends_number_objects_alike(value):
    copy, here, there = travel(value)
    assert len(here.items) == len(there.items)
    assert all(exactly_equal(a, b) for a, b in zip(here.items, there.items, strict=True))
    assert exactly_equal(copy, value)


def test_an_answer_can_name_an_argument():
    x = torch.ones(2)
    (_, again), here, there = travel([x, x])
    back = loads(dumps({"it": again}, there), here)
    assert back["it"] is x


def test_references_to_nothing_are_refused():
    x = [1]
    _, _, there = travel(x)
    message = dumps(there.items[0], there)
    with pytest.raises(ChannelError, match="reference"):
        loads(message, Objects())
    with pytest.raises(ChannelError, match="reference"):
        loads(message)


def test_an_answer_cannot_give_an_argument_a_gradient():
    """Only what is told as changed may change: the judge keeps an eye on that."""
    x = torch.ones(2)
    _, here, there = travel(x)
    with_gradient = torch.ones(2, requires_grad=True)
    with_gradient.grad = x
    message = msgpack.unpackb(dumps(with_gradient))
    message[1] = msgpack.unpackb(dumps(there.items[0], there))
    with pytest.raises(ChannelError, match="gradient"):
        loads(msgpack.packb(message), here)
    assert x.grad is None


def test_what_is_larger_than_it_was_sent_is_refused():
    inner = [1.0] * 1000
    channel.require_finite([[inner] * 100], Allowance())
    for value in ([inner] * 1000, [[torch.zeros(1000, 1000)] * 100], {"a": [inner] * 1000}):
        with pytest.raises(ChannelError, match="too large when it is written out"):
            channel.require_finite([value], Allowance())
    inner.append(inner)
    with pytest.raises(ChannelError, match="refers to itself"):
        channel.require_finite([inner], Allowance())


def test_assign_changes_in_place_and_refuses_another_type():
    x, a, d, items = torch.zeros(4).reshape(2, 2).T, np.zeros(2), {"a": 1}, [1, 2]
    assign(x, torch.arange(4.0).reshape(2, 2))
    assign(a, np.ones(2))
    assign(d, {"b": 2})
    assign(items, [3])
    assert x.tolist() == [[0, 1], [2, 3]]
    assert (a.tolist(), d, items) == ([1, 1], {"b": 2}, [3])
    for target, new in [(x, [1]), (a, np.ones(3)), (d, []), (torch.ones(1).expand(3), torch.ones(3))]:
        with pytest.raises(ChannelError):
            assign(target, new)


@pytest.mark.parametrize("count", [0, 1, 17, 623, 624, 625, 5000, 100_000])
def test_a_generator_follows_one_that_was_drawn_from(count):
    ours, theirs = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    torch.rand(11, generator=ours), torch.rand(11, generator=theirs)
    torch.rand(count, generator=theirs)
    follow(ours, generator_state(theirs))
    assert torch.equal(torch.rand(5, generator=ours), torch.rand(5, generator=theirs))


@pytest.mark.parametrize("attack", ["zeros", "seed", "back", "same seed"])
def test_a_chosen_state_is_not_taken_over(attack):
    ours = torch.Generator().manual_seed(3)
    chosen = torch.Generator().manual_seed(3)
    torch.rand(100, generator=ours)
    state = bytearray(generator_state(chosen))
    if attack == "zeros":
        state[24 : 24 + 624 * 8] = bytes(624 * 8)
    elif attack == "seed":
        state = bytearray(generator_state(torch.Generator().manual_seed(4)))
    elif attack == "back":
        torch.rand(1, generator=chosen)
        state = bytearray(generator_state(chosen))
    target = torch.Generator()
    target.set_state(torch.frombuffer(state, dtype=torch.uint8))
    expected_by_attacker = torch.rand(50, generator=target)
    follow(ours, bytes(state))
    assert not torch.equal(torch.rand(50, generator=ours), expected_by_attacker)


@pytest.mark.parametrize(("left", "following"), [(624, 624), (0, 1), (-5, 0), (1, 625), (625, 0), (2, 1 << 40)])
def test_states_that_point_beyond_the_table_are_refused(left, following):
    state = bytearray(generator_state(torch.Generator().manual_seed(0)))
    struct.pack_into("<iiQ", state, 8, left, 1, following)
    with pytest.raises(ChannelError, match="impossible"):
        channel.check_state(bytes(state))


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 3_000_000])
def test_frames_of_any_size(pair, size):
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    sender = threading.Thread(target=send_frame, args=(pair[0], data))
    sender.start()
    assert receive_frame(pair[1], 10.0) == data
    sender.join()


def test_a_frame_that_is_too_long_is_refused_before_it_is_read(pair):
    pair[0].send(struct.pack(">Q", 1 << 60))
    with pytest.raises(ChannelError, match="longer than"):
        receive_frame(pair[1], 1.0)


def test_a_second_frame_behind_the_first_is_refused(pair):
    send_frame(pair[0], b"asked for")
    send_frame(pair[0], b"not asked for")
    with pytest.raises(ChannelError, match="nobody asked for"):
        receive_frame(pair[1], 1.0)


def test_silence_dripping_and_hanging_up(pair):
    with pytest.raises(ChannelTimeout):
        receive_frame(pair[1], 0.05)
    pair[0].send(struct.pack(">Q", 10) + b"abc")
    with pytest.raises(ChannelTimeout):
        receive_frame(pair[1], 0.05)
    pair[0].close()
    with pytest.raises(ChannelClosed):
        receive_frame(pair[1], 1.0)
    with pytest.raises(ChannelClosed):
        send_frame(pair[1], b"x" * 10, 1.0)


def test_who_does_not_read_does_not_hold_us_up(pair):
    with pytest.raises(ChannelTimeout):
        send_frame(pair[0], bytes(10_000_000), 0.2)
