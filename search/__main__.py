"""``python -m search``: the command ``mgnas``."""

from __future__ import annotations

from search.cli.main import main

if __name__ == "__main__":
    main()
