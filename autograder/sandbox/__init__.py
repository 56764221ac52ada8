"""The sandbox that student processes run in; one module per promise, `levels` puts them together."""

from autograder.sandbox.detect import Detected, detect

__all__ = ["Detected", "detect"]
