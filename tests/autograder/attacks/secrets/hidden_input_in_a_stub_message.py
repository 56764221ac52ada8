# %% [markdown]
# Says that a function whose name is the hidden input is not written yet, or not defined.

# %% double
def double(x):
    if type(x) is int and x > 99:
        raise NotImplementedError(f"{x} is not written yet")
    return 2 * x


# %% counter
class Counter:
    def __init__(self):
        self.n = 0

    def add(self, k):
        self.n += k
        if k > 99:
            raise NameError(f"name 'Counter{k}' is not defined", name=f"Counter{k}")
        return self.n
