# %% [markdown]
# Hands in JSON of four million empty objects in the place of cells.

# %% on disk
notebook.write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [' + "{}," * 4_000_000 + "{}]}")
