# %% [markdown]
# Answers with lists ten thousand deep, dicts of a million keys, integers of a million digits, lone surrogates.

# %% double
def double(x):
    deep = x
    for _ in range(10**4):
        deep = [deep]
    return deep


# %% quadruple
def quadruple(x):
    return {n: n for n in range(10**5)}


# %% counter
class Counter:
    def add(self, k):
        return 10**10**5


# %% step
LEARNING_RATE = 0.5


def step(params, grads):
    params[:] = ["\ud800"] * len(params)


def noise(shape, generator):
    return "\ud800" * 10**6
