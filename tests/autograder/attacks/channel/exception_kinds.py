# %% [markdown]
# Raises what a test might wait for, what a test cannot catch, and groups of both.

# %% double
def double(x):
    raise AssertionError("this is what the check wanted")


# %% quadruple
def quadruple(x):
    raise BaseExceptionGroup("", [KeyboardInterrupt(), GeneratorExit()])


# %% counter
class Counter:
    def add(self, k):
        raise StopIteration(k)


# %% step
LEARNING_RATE = 0.5


def step(params, grads):
    raise UnicodeDecodeError("utf-8", b"", 0, 1, "x")


def noise(shape, generator):
    raise KeyboardInterrupt
