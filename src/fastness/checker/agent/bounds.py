"""Limits of the operating system around a checked application: time, memory, file size, and no network."""

from __future__ import annotations

import os
import sys


def set_limits(*, seconds: int, megabytes: int) -> None:
    """CPU seconds and address space; nothing where the system has no such limits (Windows)."""
    try:
        import resource
    except ImportError:
        return
    for what, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, megabytes * 1024 * 1024),
        (resource.RLIMIT_FSIZE, 256 * 1024 * 1024),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        wanted = value if most == resource.RLIM_INFINITY else min(value, most)
        try:
            resource.setrlimit(what, (wanted, wanted))
        except (OSError, ValueError):  # macOS knows some of them by name alone
            continue


def leave_network() -> bool:
    """Move to an empty network namespace, so that native drivers reach nothing either. False where that is not allowed."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    new_user, new_network = 0x10000000, 0x40000000
    user, group = os.getuid(), os.getgid()
    try:
        if ctypes.CDLL(None).unshare(new_user | new_network) != 0:
            return False
    except (OSError, AttributeError):
        return False
    # Without a map the process is nobody, and what asks for its own user id or home fails.
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
        except OSError:
            continue
    return True
