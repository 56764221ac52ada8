# %% [markdown]
# Sends tensors with huge dimensions, negative sizes, foreign dtypes, sparse, quantised, meta and nested ones.

# %% double
import struct

import msgpack

forms = [
    lambda x: torch.empty(10**9, 10**9, device="meta"),
    lambda x: torch.sparse_coo_tensor([[0], [0]], [1.0], (10**6, 10**6)),
    lambda x: torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
    lambda x: torch.zeros(1).expand(10**7, 10**3),
    lambda x: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    lambda x: msgpack.ExtType(8, struct.pack(">BBB2Q", 11, 0, 2, 1 << 63, 1 << 62)),
    lambda x: msgpack.ExtType(8, struct.pack(">BBB3Q", 200, 9, 3, 0, 1 << 40, 1 << 40)),
]
calls = []


def double(x):
    calls.append(x)
    return forms[len(calls) % len(forms)](x)


# %%
import autograder.channel as channel

channel._Lower._lower_other, lower = (
    lambda self, value, depth: value if isinstance(value, msgpack.ExtType) else lower(self, value, depth),
    channel._Lower._lower_other,
)
