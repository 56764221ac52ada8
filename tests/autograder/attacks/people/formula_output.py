# %% [markdown]
# Shows LaTeX and Markdown outputs whose formulas run something where a page typesets them.

# %%
from IPython.display import Latex, Markdown, display

display(Latex(r"$\href{javascript:alert('@TOKEN@')}{x} \class{@TOKEN@}{y} \cssId{@TOKEN@}{z}$"))
display(Markdown("[x](javascript:alert('@TOKEN@')) ![x](//@TOKEN@/x.png)"))
display({"text/latex": "<img src=x onerror=\"'@TOKEN@'\">", "text/plain": "x"}, raw=True)
