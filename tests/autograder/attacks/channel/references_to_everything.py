# %% [markdown]
# Sends answers that refer to arguments which were never given, to themselves, and to each other in a circle.

# %% step
LEARNING_RATE = 0.5


def step(params, grads):
    params[:] = [params, grads, params]
    grads[:] = [params, grads]


def noise(shape, generator):
    return generator


# %% double
def double(x):
    loop = []
    loop.append(loop)
    return loop
