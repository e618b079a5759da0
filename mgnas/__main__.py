"""The command ``mgnas``, also as ``python -m mgnas``."""

from __future__ import annotations


def main() -> None:
    """Run the command line with the packages of mgnas, not with modules of the current folder."""
    import mgnas

    mgnas.import_own_packages()
    from search.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
