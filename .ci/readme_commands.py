"""Print README's two main commands, a line each: the first code blocks of its section "Try it"."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

if __name__ == "__main__":
    section = README.read_text(encoding="utf-8").partition("## Try it")[2].partition("\n## ")[0]
    commands = re.findall(r"```bash[^\n]*\n(.+?)\n```", section, flags=re.DOTALL)
    sys.stdout.write("".join(f"{command}\n" for command in commands))
