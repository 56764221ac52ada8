# %% [markdown]
# Shows pictures that are programs: SVG with scripts and handlers, as an output, as HTML and as a data URL.

# %%
from IPython.display import HTML, SVG, display

svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(\'@TOKEN@\')"><script>alert("@TOKEN@")</script><animate onbegin="\'@TOKEN@\'"/></svg>'
display(SVG(svg))
display({"image/svg+xml": svg, "text/plain": "a picture"}, raw=True)
display(HTML(svg + f"<img src='data:image/svg+xml,{svg}'>"))
display({"image/png": '"><script>alert("@TOKEN@")</script>'}, raw=True)
