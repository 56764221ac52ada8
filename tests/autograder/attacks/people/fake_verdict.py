# %% [markdown]
# Shows a green verdict of its own and covers the page's with it.

# %%
from IPython.display import HTML, display

display(
    HTML(
        "<div style='position:fixed;inset:0;background:url(//@TOKEN@)'>full marks</div><style>.fail{background:url(//@TOKEN@)}</style>"
    )
)
display(HTML("<input autofocus onfocus=\"'@TOKEN@'\"><video poster='//@TOKEN@'><source onerror=\"'@TOKEN@'\"></video>"))
