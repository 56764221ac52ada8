# %% [markdown]
# Evaluates the forbidden call in full, by another name for `eval`, by `compile` and by a text in a variable.

# %% quadruple
import builtins

text = "torch.mul(torch.as_tensor(x), 4)"


def quadruple(x):
    run, names = eval, {"torch": torch, "x": x}
    return run(compile(text, "", "eval"), names) if x is None else builtins.eval(text, names)
