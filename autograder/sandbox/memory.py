"""Make memory cheap: forks copy page tables and the pages written to; the kernel faults in each new page."""

from __future__ import annotations

import contextlib
import gc

from autograder.sandbox import system

_HUGE_PAGE = 2 << 20
_MADV_COLLAPSE = 25
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep() -> None:
    """Use memory that was given back again: taking it anew from the kernel costs a fault for each page."""
    system.tune_malloc(_M_MMAP_THRESHOLD, 32 << 20)
    system.tune_malloc(_M_TRIM_THRESHOLD, 128 << 20)


def freeze() -> None:
    """Keep collections in a child from writing to every object that it inherited."""
    gc.collect()
    gc.freeze()


def collapse() -> None:
    """Put the private memory of this process into huge pages: fewer entries to copy in a fork and to drop at its end.

    A child that writes to a huge page still copies 4 kB only. Takes up to a second; kernels before 6.1 refuse it, which
    costs nothing but the gain.
    """
    with contextlib.suppress(OSError), open("/proc/self/maps") as maps:
        for line in maps.read().splitlines():
            area, rights, *rest = line.split()
            anonymous = len(rest) == 3 or rest[3] == "[heap]"
            if anonymous and rights.startswith("rw") and rights.endswith("p"):
                start, stop = (int(address, 16) for address in area.split("-"))
                for page in range(-(-start // _HUGE_PAGE), stop // _HUGE_PAGE):
                    # One at a time: a page that cannot be collapsed would end the call for those behind it.
                    with contextlib.suppress(OSError):
                        system.advise_memory(page * _HUGE_PAGE, _HUGE_PAGE, _MADV_COLLAPSE)
