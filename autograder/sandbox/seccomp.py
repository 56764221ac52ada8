"""Seccomp: the system calls that no exercise needs are refused before the kernel acts on them.

The filter is a small program in classic BPF, assembled here: it runs on each system call and sees the call's number and
its arguments as integers, never what pointers point to. Calls are grouped by the promise that their refusal keeps.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from dataclasses import dataclass

from autograder.sandbox import system

# Name: its number on x86_64 and on aarch64 (None: the machine does not have it).
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "_sysctl": (156, None),
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "epoll_create": (213, None),
    "epoll_create1": (291, 20),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fcntl": (72, 25),
    "finit_module": (313, 273),
    "fremovexattr": (199, 16),
    "fsconfig": (431, 431),
    "fsetxattr": (190, 7),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "futimesat": (261, None),
    "get_kernel_syms": (177, None),
    "get_mempolicy": (239, 236),
    "init_module": (175, 105),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "io_cancel": (210, 3),
    "io_destroy": (207, 1),
    "io_getevents": (208, 4),
    "io_pgetevents": (333, 292),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "lchown": (94, None),
    "lookup_dcookie": (212, 18),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "mbind": (237, 235),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_notify": (244, 184),
    "mq_open": (240, 180),
    "mq_timedreceive": (243, 183),
    "mq_timedsend": (242, 182),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open": (2, None),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "openat": (257, 56),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "query_module": (178, None),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "removexattr": (197, 14),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "setsockopt": (54, 208),
    "settimeofday": (164, 170),
    "setxattr": (188, 5),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "sync": (162, 81),
    "syncfs": (306, 267),
    "sysfs": (139, None),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "truncate": (76, 45),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vhangup": (153, 58),
}
_LAST_REVIEWED = 450

_DENIED = {
    "no program is executed": ("execve", "execveat", "uselib"),
    "no other process is looked into": (
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "process_madvise",
        "process_mrelease",
        "kcmp",
        "pidfd_getfd",
        "migrate_pages",
        "move_pages",
    ),
    "no mount or namespace is made or changed": (
        "mount",
        "umount2",
        "pivot_root",
        "chroot",
        "open_tree",
        "move_mount",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "mount_setattr",
        "unshare",
        "setns",
    ),
    "no file is opened or watched behind the back of path rules": (
        "open_by_handle_at",
        "name_to_handle_at",
        "fanotify_init",
        "fanotify_mark",
        "inotify_init",
        "inotify_init1",
        "lookup_dcookie",
        "quotactl",
        "quotactl_fd",
    ),
    # Memory in these is counted by no rlimit, or no longer once it is unmapped.
    "no memory escapes the budget": (
        "memfd_create",
        "memfd_secret",
        "shmget",
        "shmat",
        "shmctl",
        "msgctl",
        "msgget",
        "msgsnd",
        "msgrcv",
        "semctl",
        "semget",
        "semop",
        "semtimedop",
        "mq_open",
        "mq_unlink",
        "mq_timedsend",
        "mq_timedreceive",
        "mq_notify",
        "add_key",
        "request_key",
        "keyctl",
        "landlock_create_ruleset",
        "landlock_add_rule",
        "landlock_restrict_self",
        "setxattr",
        "lsetxattr",
        "fsetxattr",
    ),
    "the kernel's rarely used and often broken parts are out of reach": (
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "io_setup",
        "io_destroy",
        "io_submit",
        "io_cancel",
        "io_getevents",
        "io_pgetevents",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "personality",
        "modify_ldt",
        "mbind",
        "set_mempolicy",
        "set_mempolicy_home_node",
        "get_mempolicy",
        "nfsservctl",
        "sysfs",
        "_sysctl",
        "ustat",
    ),
    "the machine is not administered": (
        "kexec_load",
        "kexec_file_load",
        "create_module",
        "init_module",
        "finit_module",
        "delete_module",
        "query_module",
        "get_kernel_syms",
        "reboot",
        "settimeofday",
        "clock_settime",
        "adjtimex",
        "clock_adjtime",
        "sethostname",
        "setdomainname",
        "swapon",
        "swapoff",
        "acct",
        "iopl",
        "ioperm",
        "syslog",
        "vhangup",
        "sync",
        "syncfs",
    ),
}

# Landlock says nothing about these. On a shared file system a file that is merely readable could be changed by them.
_OWNERSHIP = (
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
)
_MODES_AND_TIMES = ("chmod", "fchmod", "fchmodat", "utime", "utimes", "utimensat", "futimesat")
_BY_PROCESS_ID = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
_SIGNALS = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")

_AF_UNIX = 1
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPES = 1, 5, 0xF
_NEW_NAMESPACES = (
    system.CLONE_NEWNS
    | system.CLONE_NEWCGROUP
    | system.CLONE_NEWUTS
    | system.CLONE_NEWIPC
    | system.CLONE_NEWUSER
    | system.CLONE_NEWPID
    | system.CLONE_NEWNET
)
# F_SETOWN, F_SETSIG and F_SETOWN_EX name a process that the kernel then signals; F_SETLEASE and F_NOTIFY hold up or
# watch what others do with a file.
_REFUSED_FCNTL = (8, 10, 15, 1024, 1026)
# F_SETLK, F_SETLKW and those of open files: there is no end to the ranges of a file that may be locked one by one. No
# other student is there to be locked out, and libraries that ask for a lock go on.
_LOCKS = (6, 7, 37, 38)
# What C libraries ask of terminals, pipes and sockets: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Others
# type into terminals, change attributes of files that one may only read, or belong to devices.
_ALLOWED_IOCTL = {0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451}
_PRIO_PROCESS, _IOPRIO_WHO_PROCESS = 0, 1
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_SO_SNDBUF, _SO_SNDBUFFORCE = 7, 32
_O_ACCMODE, _O_TRUNC = 0o3, 0o1000


_LOAD, _AND = 0x20, 0x54  # load a word of seccomp_data; and
_EQUAL, _AT_LEAST, _RETURN = 0x15, 0x35, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENTS = 0, 4, 16

Instruction = tuple[int, int, int, int]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> Instruction:
    return (code, if_true, if_false, value & 0xFFFFFFFF)


def _refuse(number: int = errno.EPERM) -> Instruction:
    return _instruction(_RETURN, _ERRNO | number)


@dataclass(frozen=True)
class Policy:
    """What the rest of the sandbox leaves to the filter; namespaces leave nothing.

    `unix_sockets`: they may be made, because a network namespace and a mount view keep them inside. `own_process`:
    without a pid namespace, the only process that this one may renice or limit. `signals_scoped`: something else keeps
    its signals inside. `metadata_protected`, `length_protected`: something else keeps it from changing the mode, the
    times or the length of files that it may only read.
    """

    unix_sockets: bool = True
    own_process: int | None = None
    signals_scoped: bool = True
    metadata_protected: bool = True
    length_protected: bool = True


def program(policy: Policy) -> bytes:
    """The filter as bytes: an array of struct sock_filter."""
    column = system.MACHINES.index(system.MACHINE)
    code = [
        _instruction(_LOAD, _AT_ARCH),
        _instruction(_EQUAL, _AUDIT_ARCH[system.MACHINE], 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _AT_NUMBER),
    ]
    if system.MACHINE == "x86_64":
        code += [_instruction(_AT_LEAST, _X32_BIT, 0, 1), _instruction(_RETURN, _KILL_PROCESS)]
    # Calls that are younger than this list: libraries take ENOSYS for an older kernel and do without.
    code += [_instruction(_AT_LEAST, _LAST_REVIEWED + 1, 0, 1), _refuse(errno.ENOSYS)]
    for name, body in _rules(policy):
        number = _NUMBERS[name][column]
        if number is not None:
            code += [_instruction(_EQUAL, number, 0, len(body)), *body]
    code.append(_instruction(_RETURN, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _rules(policy: Policy) -> list[tuple[str, list[Instruction]]]:
    """Per call, the instructions that decide about it; each list ends in a return."""
    rules = [(name, [_refuse()]) for names in _DENIED.values() for name in names]
    rules += [
        # Its flags are behind a pointer; the C library falls back to clone, whose flags are not.
        ("clone3", [_refuse(errno.ENOSYS)]),
        ("clone", _unless_set(0, _NEW_NAMESPACES)),
        ("socketpair", _only(0, {_AF_UNIX}) if policy.unix_sockets else _connected_pair()),
        ("socket", _only(0, {_AF_UNIX} if policy.unix_sockets else set())),
        ("fcntl", _all_but(1, _LOCKS, 0, then=_all_but(1, _REFUSED_FCNTL))),
        # What an epoll watches is counted per user, up to 4 % of the machine's memory; poll needs none.
        ("epoll_create", [_refuse(errno.ENOSYS)]),
        ("epoll_create1", [_refuse(errno.ENOSYS)]),
        ("ioctl", _only(1, _ALLOWED_IOCTL, errno.ENOTTY)),
        # Who cannot be dumped cannot be measured by a server without rights.
        ("prctl", _all_but(0, (system.PR_SET_THP_DISABLE, system.PR_SET_DUMPABLE))),
        # Memory of no file that is shared stays when a process gives back its pages, and is then counted nowhere.
        ("mmap", _unless_all_set(3, _MAP_SHARED | _MAP_ANONYMOUS)),
        # What lies in a socket's buffer is counted by the number of sockets: their size has to stay as it is.
        ("setsockopt", _all_but(2, (_SO_SNDBUF, _SO_SNDBUFFORCE))),
    ]
    if policy.own_process is not None:
        mine = {0, policy.own_process}
        rules += [(name, _only(0, mine)) for name in _BY_PROCESS_ID]
        rules += [("setpriority", _only(0, {_PRIO_PROCESS}, then=_only(1, mine)))]
        rules += [("ioprio_set", _only(0, {_IOPRIO_WHO_PROCESS}, then=_only(1, mine)))]
        if not policy.signals_scoped:
            rules += [(name, _only(0, mine)) for name in _SIGNALS]
            rules += [(name, [_refuse()]) for name in ("tkill", "pidfd_send_signal")]
    if not policy.metadata_protected:
        rules += [(name, [_refuse()]) for name in _OWNERSHIP]
        # shutil.copy and friends call them: done without effect, they break no honest notebook.
        rules += [(name, [_refuse(0)]) for name in _MODES_AND_TIMES]
    if not policy.length_protected:
        rules += [
            ("truncate", [_refuse()]),
            ("open", _no_truncating_read(1)),
            ("openat", _no_truncating_read(2)),
            ("openat2", [_refuse(errno.ENOSYS)]),
        ]
    return rules


def _argument(index: int) -> Instruction:
    """Load the low half of an argument: every one that is looked at here is an int to the kernel."""
    return _instruction(_LOAD, _AT_ARGUMENTS + 8 * index)


def _only(
    index: int, values: set[int], number: int = errno.EPERM, then: list[Instruction] | None = None
) -> list[Instruction]:
    """Allow the call when its argument is one of `values`, or go on with `then`."""
    tests = [_instruction(_EQUAL, value, len(values) - i, 0) for i, value in enumerate(sorted(values))]
    return [_argument(index), *tests, _refuse(number), *(then or [_instruction(_RETURN, _ALLOW)])]


def _all_but(
    index: int, values: tuple[int, ...], number: int = errno.EPERM, then: list[Instruction] | None = None
) -> list[Instruction]:
    """Allow the call, or go on with `then`, unless its argument is one of `values`."""
    rest = then or [_instruction(_RETURN, _ALLOW)]
    tests = [_instruction(_EQUAL, value, len(values) - 1 - i + len(rest), 0) for i, value in enumerate(values)]
    return [_argument(index), *tests, *rest, _refuse(number)]


def _unless_set(index: int, mask: int) -> list[Instruction]:
    """Allow the call when its argument has no bit of `mask`."""
    return [
        _argument(index),
        _instruction(_AND, mask),
        _instruction(_EQUAL, 0, 0, 1),
        _instruction(_RETURN, _ALLOW),
        _refuse(),
    ]


def _unless_all_set(index: int, mask: int) -> list[Instruction]:
    """Allow the call when its argument lacks a bit of `mask`."""
    return [
        _argument(index),
        _instruction(_AND, mask),
        _instruction(_EQUAL, mask, 1, 0),
        _instruction(_RETURN, _ALLOW),
        _refuse(),
    ]


def _connected_pair() -> list[Instruction]:
    """Allow pairs that stay connected: a datagram socket of a pair could be pointed at any socket of the machine."""
    return [
        _argument(0),
        _instruction(_EQUAL, _AF_UNIX, 1, 0),
        _refuse(),
        _argument(1),
        _instruction(_AND, _SOCK_TYPES),
        _instruction(_EQUAL, _SOCK_STREAM, 2, 0),
        _instruction(_EQUAL, _SOCK_SEQPACKET, 1, 0),
        _refuse(),
        _instruction(_RETURN, _ALLOW),
    ]


def _no_truncating_read(index: int) -> list[Instruction]:
    """Refuse O_RDONLY with O_TRUNC, which empties a file that an old Landlock only lets read."""
    return [
        _argument(index),
        _instruction(_AND, _O_ACCMODE | _O_TRUNC),
        _instruction(_EQUAL, _O_TRUNC, 0, 1),
        _refuse(),
        _instruction(_RETURN, _ALLOW),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def install(code: bytes) -> None:
    """Filter the system calls of this process and of all that it starts, for ever. Needs no_new_privs."""
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_mode = 2
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    system.prctl(system.PR_SET_SECCOMP, filter_mode, ctypes.byref(program))


def supported() -> bool:
    """Whether there is a table for this machine and the kernel filters system calls."""
    if system.MACHINE not in system.MACHINES:
        return False
    try:
        with open("/proc/sys/kernel/seccomp/actions_avail") as actions:
            return "kill_process" in actions.read().split()
    except OSError:
        return False
