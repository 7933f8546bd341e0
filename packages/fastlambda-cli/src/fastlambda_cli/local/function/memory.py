"""How much memory a process has used at most."""

from __future__ import annotations

import subprocess
from pathlib import Path


def peak_memory_mb(pid: int) -> int:
    """MB of resident memory at its highest, rounded up; 0 when the process is gone.

    Where /proc tells no peak (macOS), it is the resident memory of this moment.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return 0 if Path("/proc/self/status").exists() else _resident_by_ps(pid)
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return -(-int(peak.split()[1]) // 1024) if peak else 0


def _resident_by_ps(pid: int) -> int:
    answer = subprocess.run(  # noqa: S603
        ["ps", "-o", "rss=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return -(-int(answer.stdout or 0) // 1024)
