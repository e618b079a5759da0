"""Image folders with links."""

from __future__ import annotations

from pathlib import Path

from tests.trainers.data.test_image_sources import folder, save
from trainers.data.load_splits import load_search_data


def test_links_are_followed_once_and_what_systems_put_beside_images_is_none(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for i in range(6):
            save(tmp_path / "images" / name / f"{i}.png")
    for i in range(4):
        save(tmp_path / "more" / f"more{i}.png")
    (tmp_path / "images" / "cat" / "linked").symlink_to(tmp_path / "more")
    for i in range(5):
        save(tmp_path / "birds" / f"{i}.png")
    (tmp_path / "images" / "bird").symlink_to(tmp_path / "birds")
    (tmp_path / "all").symlink_to(tmp_path / "images")
    (tmp_path / "images" / "cat" / "round").symlink_to(tmp_path / "images" / "cat")
    (tmp_path / "images" / "dog" / "._0.png").write_bytes(b"Mac OS X")
    data = load_search_data(folder(tmp_path / "all", test_fraction=0.0))
    assert len(data.train) + len(data.val) == 21
    assert data.classes == ("bird", "cat", "dog")
