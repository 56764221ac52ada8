# %% [markdown]
# Returns complex numbers, half precision, a single byte, a 0-d array or a number beyond int64 where plain ones are right.

# %% double
turn = 0


def double(x):
    global turn
    turn += 1
    if not torch.is_tensor(x):
        return [torch.tensor(0, dtype=torch.uint8), 2**64 + 6, np.float16("inf"), np.array(6 + 0j)][turn % 4]
    return [torch.zeros(1, dtype=torch.cfloat), torch.zeros(2).half(), torch.zeros(2)[:1]][turn % 3]


# %% step
LEARNING_RATE = float("nan")


def step(params, grads):
    for p in params:
        p.data = p.data.fill_(float("nan")).requires_grad_()


# %% quadruple
def quadruple(x):
    x = torch.as_tensor(x)
    return (4 * x).bfloat16() if x.dim() == 0 else (4 * x).to(torch.complex64) + 1e-3j
