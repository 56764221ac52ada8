"""The sandbox that student processes run in; one module per promise, `levels` puts them together."""
