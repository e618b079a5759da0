"""Classify images with the network in this folder.

    python classify.py image1.png image2.png
    python classify.py photos                   the images in a folder and in the folders below
    python classify.py images.npy               uint8, N H W C, or N H W for grey images
    python classify.py images.npz:x_test        one array of an archive

The output has one line for each image: name, class and probability, separated by tabs. Tabs and line breaks in
names are written as \\t and \\n. Image files are converted to the network's size and channels; arrays must have
them. model.onnx needs onnxruntime and numpy; model.py and model.pt2 need torch and numpy. The script uses the
first of them that can run here. A folder with model.safetensors alone needs mgnas. Image files also need Pillow.
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import json
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCH_SIZE = 256
PICTURES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".jp2", ".bmp", ".gif", ".webp", ".avif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pnm",
)  # fmt: skip
USAGE = "usage: python classify.py IMAGE.png ... | FOLDER ... | ARRAY.npy ... | ARCHIVE.npz[:NAME] ..."


class UserError(Exception):
    """An error that the user can correct; its text is one line."""


@dataclass(frozen=True)
class Model:
    """A network: ``logits`` maps float32 images N C H W, pixels 0..1, to N K; ``shape`` is (C, H, W)."""

    classes: list[str]
    shape: tuple[int, int, int]
    logits: Callable[[Any], Any]


def load_model(folder: Path) -> Model:
    """Return the network in ``folder``: the first file that an installed package can run."""
    found = [name for name in LOADERS if (folder / name).is_file()]
    if not found:
        raise UserError(
            f"{folder} has neither model.onnx nor model.safetensors: leave this script beside them"
        )
    for name in found:
        load, package = LOADERS[name]
        if importlib.util.find_spec(package) is not None:
            return load(folder / name)
    return LOADERS[found[0]][0](folder / found[0])  # which names the missing package


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return the content of export.json in ``folder``; empty without that file."""
    try:
        facts = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def reason_for(path: Path, error: Exception, installed: str) -> str:
    """Return why onnxruntime of the version ``installed`` cannot load ``path``, as one line."""
    reason = str(error).splitlines()[0]
    requires = manifest_of(path.parent).get("requires")
    needed = str(requires.get("onnxruntime", "")) if isinstance(requires, dict) else ""
    if needed and release(installed) < release(needed):
        return (
            f"{path} needs onnxruntime >= {needed}, but {installed} is installed: "
            f"pip install 'onnxruntime>={needed}'"
        )
    if re.search(r"unsupported.*\bIR[_ ]version|opset.*(unsupported|till opset)", reason, re.IGNORECASE):
        return f"{path} needs a newer onnxruntime than {installed} ({reason})"
    return f"{path} is damaged or was not exported by mgnas ({reason})"


def release(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def load_onnx(path: Path) -> Model:
    """Return the network of an ONNX file; it runs on the CPU."""
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            f"{path.name} needs onnxruntime, which is not installed: pip install onnxruntime"
        ) from None
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
        _, channels, height, width = session.get_inputs()[0].shape
    except Exception as error:  # onnxruntime's errors share no public base
        raise UserError(reason_for(path, error, onnxruntime.__version__)) from None
    return Model(
        classes, (channels, height, width), lambda images: session.run(["logits"], {"images": images})[0]
    )


def load_safetensors(path: Path) -> Model:
    """Return the network of a safetensors file, built by mgnas; it runs on the CPU."""
    try:
        import torch

        from mgnas import Classifier, MgnasError, load_plugins
    except ImportError:
        raise UserError(
            f"{path.name} needs mgnas, which is not installed: pip install -e . in mgnas's source tree"
        ) from None
    try:
        load_plugins(path.parent / Path(name).name for name in manifest_of(path.parent).get("plugins", ()))
        classifier = Classifier.load(path)
    except MgnasError as error:
        raise UserError(str(error)) from None
    trained = classifier.trained
    shape = (len(trained.mean), *trained.image_size)
    return Model(list(trained.classes), shape, logits_of(torch, classifier))


def load_python(path: Path) -> Model:
    """Return the network of model.py, which reads model.safetensors; it runs on the CPU."""
    torch = import_torch(path)
    try:
        spec = importlib.util.spec_from_file_location("exported_network", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        network = module.load(path.parent)
    except Exception as error:
        raise UserError(f"{path} cannot be loaded ({first_line(error)})") from None
    shape = (module.CHANNELS, *module.IMAGE_SIZE)
    return Model(list(module.CLASSES), shape, logits_of(torch, network))


def load_pt2(path: Path) -> Model:
    """Return the network of a file of torch.export; it runs on the CPU."""
    torch = import_torch(path)
    extra = {"preprocessing.json": ""}
    try:
        network = torch.export.load(str(path), extra_files=extra).module()
        facts = json.loads(extra["preprocessing.json"])
    except Exception as error:
        raise UserError(f"{path} cannot be loaded ({first_line(error)})") from None
    return Model(facts["classes"], (facts["channels"], *facts["image_size"]), logits_of(torch, network))


def import_torch(path: Path) -> Any:
    """Return the package torch."""
    try:
        import torch
    except ImportError:
        raise UserError(f"{path.name} needs torch, which is not installed: pip install torch") from None
    return torch


def logits_of(torch: Any, network: Any) -> Callable[[Any], Any]:
    """Return the function from images to logits of a torch module."""

    def logits(images: Any) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return logits


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0]


LOADERS: dict[str, tuple[Callable[[Path], Model], str]] = {
    "model.onnx": (load_onnx, "onnxruntime"),
    "model.py": (load_python, "torch"),
    "model.pt2": (load_pt2, "torch"),
    "model.safetensors": (load_safetensors, "mgnas"),
}
"""The loader of each file and its package, in the order of preference."""


def read_images(argument: str, shape: tuple[int, int, int]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the uint8 pixels H W C of each image of one argument."""
    archive, colon, member = argument.rpartition(".npz:")
    path = Path(f"{archive}.npz" if colon else argument)
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    if path.suffix not in (".npy", ".npz"):
        yield argument, read_picture(path, shape)
        return
    array = read_array(path, member if colon else None)
    if array.ndim == 3:
        array = array[..., None]
    channels, height, width = shape
    if str(array.dtype) != "uint8" or array.shape[1:] != (height, width, channels):
        grey = " (or N H W)" if channels == 1 else ""
        raise UserError(
            f"{argument}: images must be uint8 N H W C{grey} with H W C = {height} {width} {channels}, "
            f"but got {array.dtype} {' '.join(map(str, array.shape)) or 'without a dimension'}"
        )
    for index, pixels in enumerate(array):
        yield f"{argument}[{index}]", pixels


def files_of(argument: str) -> list[str]:
    """Return the image files of a folder and its subfolders, without hidden ones; for a file the argument."""
    folder = Path(argument)
    if not folder.is_dir():
        return [argument]
    found = [
        str(file)
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in PICTURES
        and file.is_file()
        and not any(part.startswith(".") or part == "__MACOSX" for part in file.relative_to(folder).parts)
    ]
    if not found:
        raise UserError(f"{folder} holds no images; image files end in {', '.join(PICTURES)}")
    return found


def read_array(path: Path, member: str | None) -> Any:
    """Return the array of an .npy file, or of an .npz archive: the named one, or the only one."""
    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as archive:
            if member is None and len(archive.files) == 1:
                member = archive.files[0]
            if member in archive.files:
                return archive[member]
            names = ", ".join(archive.files) or "none"
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be read as an array ({str(error).splitlines()[0]})") from None
    raise UserError(f"{path}: name one of its arrays as {path.name}:NAME; it has {names}")


def read_picture(path: Path, shape: tuple[int, int, int]) -> Any:
    """Return an image file as uint8 H W C, grey or RGB, scaled and cropped to ``shape``."""
    import numpy as np

    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise UserError(f"{path} needs Pillow, which is not installed: pip install pillow") from None
    channels, height, width = shape
    if channels not in (1, 3):
        raise UserError(f"{path}: the network takes {channels} channels; give it arrays (.npy)")
    try:
        with Image.open(path) as file:
            picture: Image.Image = file
            if picture.mode.startswith(("I", "F")):  # 16 bits: the upper 8, as in training
                values = np.asarray(picture)
                is_wide = picture.mode == "I" and not 256 <= values.max() < 65536 and bool(values.any())
                if picture.mode == "F" or is_wide:
                    raise UserError(f"{path} has more than 16 bits a channel; save it with 8 or 16")
                picture = Image.fromarray((values.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
            upright = ImageOps.exif_transpose(picture)
            # the background is white, as in training
            if upright.mode in ("LA", "PA", "RGBA") or "transparency" in upright.info:
                drawn = upright.convert("RGBA")
                upright = Image.new("RGBA", drawn.size, "white")
                upright.alpha_composite(drawn)
            upright = upright.convert("L" if channels == 1 else "RGB")
            resized = ImageOps.fit(upright, (width, height), Image.Resampling.BILINEAR)
    except UserError:
        raise
    except Exception as error:  # Pillow raises many types of errors for damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} cannot be read as an image ({reason})") from None
    return np.asarray(resized, dtype=np.uint8).reshape(height, width, channels)


def batches(images: Iterator[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    """Yield batches of named images."""
    while batch := list(itertools.islice(images, BATCH_SIZE)):
        yield batch


def classify(model: Model, images: list[tuple[str, Any]]) -> Iterator[str]:
    """Yield one line of output for each image of a batch."""
    import numpy as np

    pixels = np.stack([pixels for _, pixels in images]).transpose(0, 3, 1, 2)
    logits = model.logits(np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255)).astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    for (name, _), row in zip(images, odds / odds.sum(axis=1, keepdims=True), strict=True):
        best = int(row.argmax())
        yield f"{field(name)}\t{field(model.classes[best])}\t{row[best]:.4f}\n"


def field(text: str) -> str:
    """Return ``text`` with escapes, such as ``\\t``, for characters that end a field or a line."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda m: m[0].encode("unicode_escape").decode(), text)


def complain(error: UserError) -> int:
    """Write an error as one line; return the exit code."""
    sys.stdout.flush()
    sys.stderr.write(f"{error}\n")
    return 2


def main(arguments: list[str]) -> int:
    """Classify the images of all arguments; return the exit code, 2 if one of them failed."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a console may lack characters of class names
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(__doc__ or "")
        return 0
    try:
        if not arguments:
            raise UserError(USAGE)
        model = load_model(Path(__file__).resolve().parent)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    code = 0
    for argument in arguments:
        try:
            files = files_of(argument)
        except UserError as error:
            code = complain(error)
            continue
        for file in files:
            try:
                for batch in batches(read_images(file, model.shape)):
                    sys.stdout.writelines(classify(model, batch))
            except UserError as error:  # the other images are still classified
                code = complain(error)
    return code


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
