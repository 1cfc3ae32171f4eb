# SPDX-License-Identifier: MIT
"""Where the bridge keeps its sessions: a small file system of its own where we may mount one, so that it can be full."""

import glob
import os
import subprocess

SIZE = 96 << 20


class Disk:
    def __init__(self, folder, may_mount):
        self.folder = os.path.join(folder, "state")
        os.makedirs(self.folder, exist_ok=True)
        self._filler = os.path.join(self.folder, "filler")
        self.is_small = may_mount and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.folder], stderr=subprocess.DEVNULL, check=False).returncode == 0

        for path in self.files():
            os.remove(path)  # of a run before

    @property
    def database(self):
        return os.path.join(self.folder, "bridge.db")

    def files(self):
        return glob.glob(self.database + "*")

    def fill(self):
        with open(self._filler, "wb", buffering=0) as file:
            block = b"\0" * (1 << 20)
            try:
                while file.tell() < 2 * SIZE:
                    file.write(block[: 1 << 12] if os.statvfs(self.folder).f_bavail < 512 else block)
            except OSError:
                pass

    def free(self):
        if os.path.exists(self._filler):
            os.remove(self._filler)

    def unmount(self):
        """What was in it is copied out first, for whoever looks into a failure."""
        if not self.is_small:
            return
        kept = self.folder + ".kept"
        os.makedirs(kept, exist_ok=True)
        for path in self.files():
            subprocess.run(["cp", path, kept], check=False)
        subprocess.run(["umount", "-l", self.folder], check=False)
