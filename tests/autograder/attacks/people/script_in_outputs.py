# %% [markdown]
# Shows HTML with scripts, handlers, frames, forms and refreshes, and scripts as outputs.

# %%
from IPython.display import HTML, Javascript, display

display(
    HTML("""<script>alert("@TOKEN@")</script><img src=x onerror="alert('@TOKEN@')"><iframe src="//@TOKEN@"></iframe>
<form action="//@TOKEN@"><button formaction="javascript:'@TOKEN@'">Log in</button></form>
<meta http-equiv="refresh" content="0;url=//@TOKEN@"><base href="//@TOKEN@"><object data="//@TOKEN@"></object>
<a href="javascript:alert('@TOKEN@')">x</a><link rel="stylesheet" href="//@TOKEN@"><math><mtext><script>'@TOKEN@'</script></mtext></math>""")
)
display(Javascript("alert('@TOKEN@')"))
