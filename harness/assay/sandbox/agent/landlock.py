"""Landlock: a second wall behind the mounts. What is not listed cannot be written, whatever the mounts allow.

Programs may read and execute what they see, and write below the writable folders and to devices. From ABI 4 on no TCP
port can be bound or reached, from ABI 6 on no process outside can be signalled and no abstract socket outside reached.
Kernels without Landlock, and containers whose seccomp profile denies it, go without; the host is told.

Constants: include/uapi/linux/landlock.h. The calls have the same numbers on all architectures.
"""

from __future__ import annotations

import ctypes
import os
import struct

from . import system

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights on files each ABI knows; 16 from ABI 5 on."""


class Landlock:
    """A set of rules, made once and taken on by whoever calls `restrict`."""

    def __init__(self, writable: list[str]) -> None:
        """Make the rules; `abi` is 0 where this kernel has none."""
        self.abi = max(0, self._call(_CREATE, 0, 0, _VERSION))
        self._rules = -1
        if not self.abi:
            return
        every = (1 << _FILE_RIGHTS.get(self.abi, 16)) - 1
        attributes = struct.pack("<QQQ", every, 3 if self.abi >= 4 else 0, 3 if self.abi >= 6 else 0)
        size = 24 if self.abi >= 6 else 16 if self.abi >= 4 else 8
        buffer = ctypes.create_string_buffer(attributes)
        self._rules = self._call(_CREATE, ctypes.addressof(buffer), size, 0)
        if self._rules < 0:
            self.abi = 0
            return
        os.set_inheritable(self._rules, False)
        self._allow("/", _EXECUTE | _READ_FILE | _READ_DIR)
        self._allow("/dev", every & (_WRITE_FILE | _READ_FILE | _READ_DIR | _TRUNCATE | _IOCTL_DEVICE))
        for path in writable:
            self._allow(path, every)

    @staticmethod
    def _call(number: int, *arguments: int) -> int:
        return int(system.LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(word) for word in arguments)))

    def _allow(self, path: str, rights: int) -> None:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            buffer = ctypes.create_string_buffer(struct.pack("<Qi", rights, place))
            result = self._call(_ADD_RULE, self._rules, _PATH_BENEATH, ctypes.addressof(buffer), 0)
            system.check(result, f"landlock_add_rule {path}")
        finally:
            os.close(place)

    def restrict(self) -> None:
        """Put this process and all that it starts under the rules. Needs no_new_privs."""
        if self.abi:
            system.check(self._call(_RESTRICT, self._rules, 0), "landlock_restrict_self")
