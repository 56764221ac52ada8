# %% [markdown]
# Makes two lists of a hundred thousand references to each other: small to send, endless to read.

# %% step
LEARNING_RATE = 0.5


def step(params, grads):
    grads[:] = [params[0]] * 60_000
    params[:] = [grads] * 60_000


def noise(shape, generator):
    return [generator] * 100_000


# %% double
def double(x):
    return [[x] * 500] * 500
