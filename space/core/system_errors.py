"""Errors of the operating system as one line: the reason and the advice."""

from __future__ import annotations

import errno

PERMISSIONS = "check the permissions"
NETWORK = "check the network file system"
SPACE = "free some space"
ADVICE = {
    errno.ENOSPC: SPACE,
    errno.EDQUOT: "your disk quota is used up: delete files or ask for more",
    errno.EFBIG: "the file system or 'ulimit -f' allows no file of this size: raise the limit",
    errno.EMFILE: "raise the limit of open files with 'ulimit -n 65536', or use fewer workers",
    errno.ENFILE: "the machine has too many open files: end other programs",
    errno.ENOMEM: "the machine has no memory left: end other programs",
    errno.EAGAIN: "the limit of processes is reached: raise it with 'ulimit -u', or use fewer workers",
    errno.EACCES: PERMISSIONS,
    errno.EPERM: PERMISSIONS,
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EIO: "the disk or the connection to it fails: check it",
    errno.ESTALE: NETWORK,
    errno.ETIMEDOUT: NETWORK,
    errno.ENOTCONN: NETWORK,
    errno.EHOSTDOWN: NETWORK,
    errno.EHOSTUNREACH: NETWORK,
    errno.ENOENT: "check that the path exists",
    errno.ENOTDIR: "a part of the path is a file: check the path",
    errno.EISDIR: "it is a folder: name a file",
    errno.EEXIST: "it exists already: move it away, or choose another path",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ELOOP: "symbolic links form a circle: remove one of them",
    errno.EBUSY: "another program uses it: close that program",
    errno.ETXTBSY: "another program uses it: close that program",
}
"""What a user can do about an error, by its number."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def explain_system_error(error: OSError, otherwise: str = "") -> str:
    """Return ``reason; advice`` for an error of the operating system.

    Args:
        error: The error.
        otherwise: The advice for errors that are missing in ``ADVICE``.
    """
    reason = error.strerror or str(error) or type(error).__name__
    advice = ADVICE.get(error.errno or 0, otherwise)
    return f"{reason}; {advice}" if advice else reason
