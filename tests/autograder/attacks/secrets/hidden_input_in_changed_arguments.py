# %% [markdown]
# Writes what it saw into the arguments of later calls: new shapes, new keys, references.

# %% double
kept = []


def double(x):
    kept.append(x if type(x) is int else int(abs(x).sum()))
    return 2 * x if type(x) is int and x < 99 else torch.zeros(kept[-1] % 1000, 2)


# %% step
LEARNING_RATE = 0.5


def step(params, grads):
    params.append(kept[-1])
    grads.extend(kept)


def noise(shape, generator):
    return kept
