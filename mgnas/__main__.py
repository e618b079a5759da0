"""``python -m mgnas`` and the command ``mgnas``."""

from __future__ import annotations


def main() -> None:
    """Run the command line with our own packages, whatever lies in the current folder."""
    import mgnas

    mgnas.import_own_packages()
    from search.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
