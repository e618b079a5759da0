"""Published networks by name, with their published figures.

Studies name them as references: ``references = ["resnet18", "mgnet-256-Bl@0.25"]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from space.core.errors import InvalidInputError, nearest, shown
from space.networks.grid_spec import GridSpec
from space.notation.parse import parse_notation

HE_XU_2021 = "He, Xu, Zhang, Zhu 2021 (arXiv 2112.07441)"
RESNET = "He, Zhang, Ren, Sun 2015 (arXiv 1512.03385)"
PREACT = "He, Zhang, Ren, Sun 2016 (arXiv 1603.05027)"
WIDE = "Zagoruyko, Komodakis 2016 (arXiv 1605.07146)"
MLPERF_TINY = "Banbury et al. 2021, MLPerf Tiny (arXiv 2106.07597)"
POLY = "van Betteray, Rottmann, Kahl 2025 (arXiv 2503.10594)"
_SCALED = re.compile(r"(?P<name>[^@]+)@(?P<scale>.*)")
SCALES = (1 / 64, 8.0)


@dataclass(frozen=True)
class Reference:
    """A published network.

    Attributes:
        name: Name in study files and on the command line.
        notation: The network in mgnas' notation.
        params: Number of parameters as published, or as the paper's formula gives it.
        source: The paper.
        accuracies: Published accuracies in per cent by data set.
        image_size: Side in pixels of the images it was published with.
        num_classes: Number of classes it was published with.
        scale: Factor of all widths.
    """

    name: str
    notation: str
    params: str
    source: str
    accuracies: dict[str, float] = field(default_factory=dict)
    image_size: int = 32
    num_classes: int = 10
    scale: float = 1.0

    def spec(self, *, in_channels: int | None = None, num_classes: int | None = None) -> GridSpec:
        """Return the network. ``in_channels`` and ``num_classes`` replace the published ones."""
        spec = parse_notation(
            self.notation, in_channels=in_channels or 3, num_classes=num_classes or self.num_classes
        )
        assert isinstance(spec, GridSpec)
        return scaled(spec, self.scale)


def scaled(spec: GridSpec, scale: float) -> GridSpec:
    """Return ``spec`` with every width multiplied by ``scale``: max(1, round(width * scale))."""
    if scale == 1:
        return spec
    levels = tuple(
        level.model_copy(update={"c_u": _scaled(level.c_u, scale), "c_f": _scaled(level.c_f, scale)})
        for level in spec.levels
    )
    changes: dict[str, object] = {"levels": levels}
    if (stem_channels := getattr(spec, "stem_channels", None)) is not None:
        changes["stem_channels"] = _scaled(stem_channels, scale)
    return spec.replaced(**changes)


def _scaled(width: int, scale: float) -> int:
    return max(1, round(width * scale))


_ALL = (
    Reference(
        "mgnet-256-Bl", "MgNet[2,2,2,2]-256-B^l", "8.2M", HE_XU_2021, {"CIFAR-10": 96.00, "CIFAR-100": 79.94}
    ),
    Reference("mgnet-256-Bli", "MgNet[2,2,2,2]-256-B^{l,i}", "10,638,090 (formula)", HE_XU_2021),
    Reference("mgnet-128-Bl", "MgNet[2,2,2,2]-128-B^l", "2,075,018 (formula)", HE_XU_2021),
    Reference("mgnet-64-Bli", "MgNet[2,2,2,2]-64-B^{l,i}", "668,874 (formula)", HE_XU_2021),
    Reference(
        "mgnet-imagenet",
        "MgNet[3,4,6,3]-[128,256,512,1024]-B^{l,i}-stem=imagenet",
        "71.3M", HE_XU_2021, {"ImageNet": 78.59}, 224, 1000,
    ),
    Reference("resnet18", "ResNet18", "11.2M", RESNET, {"CIFAR-10": 95.28, "CIFAR-100": 77.54}),
    Reference("resnet34", "ResNet34", "21,282,122 (formula)", RESNET),
    Reference("resnet18-Al-Bli", "ResNet18-A^l-B^{l,i}", "8,040,522 (formula)", HE_XU_2021),
    Reference(
        "resnet18-imagenet", "ResNet18-stem=imagenet", "11,689,512", RESNET, {"ImageNet": 72.12}, 224, 1000
    ),
    Reference("resnet34-imagenet", "ResNet34-stem=imagenet", "21,797,672", RESNET, {}, 224, 1000),
    Reference(  # the published 78,666 count biases of convolutions and running statistics
        "resnet8", "ResNet[1,1,1]-[16,32,64]", "78,042 (formula)", MLPERF_TINY, {"CIFAR-10": 85.0}
    ),
    # the published ones pad shortcuts with zeros; here a shortcut of another width is a convolution
    Reference("resnet20", "ResNet[3,3,3]-[16,32,64]", "0.27M", RESNET, {"CIFAR-10": 91.25}),
    Reference("resnet32", "ResNet[5,5,5]-[16,32,64]", "0.46M", RESNET, {"CIFAR-10": 92.49}),
    Reference("resnet44", "ResNet[7,7,7]-[16,32,64]", "0.66M", RESNET, {"CIFAR-10": 92.83}),
    Reference("resnet56", "ResNet[9,9,9]-[16,32,64]", "0.85M", RESNET, {"CIFAR-10": 93.03}),
    Reference("wide-resnet16-1", "PreActResNet[2,2,2]-[16,32,64]", "175,066 (formula)", WIDE),
    Reference("wide-resnet40-1", "PreActResNet[6,6,6]-[16,32,64]", "0.6M", WIDE, {"CIFAR-10": 93.15}),
    Reference(
        "preact-resnet1001",
        "PreActResNet[111,111,111]-[(16,64),(32,128),(64,256)]-block=bottleneck-stem_channels=16",
        "10.2M", PREACT, {"CIFAR-10": 95.08},
    ),
    Reference(
        "wide-resnet28-10",
        "PreActResNet[4,4,4]-[160,320,640]-stem_channels=16",
        "36.5M", WIDE, {"CIFAR-10": 95.83},
    ),
    Reference(
        "poly-mgnet",
        "MgNet[2,2,2,2]-[64,128,256,256]-B^{l,i}-smoother=quadratic-interpolation=depthwise-restriction=depthwise",
        "about 1.3M", POLY,
    ),
)  # fmt: skip
REFERENCES: dict[str, Reference] = {reference.name: reference for reference in _ALL}
"""All references by name."""


def find_reference(text: str) -> Reference | None:
    """Return the reference ``NAME`` or ``NAME@SCALE``, where SCALE multiplies all widths.

    Returns:
        None if ``text`` is no reference's name and has no ``@``.

    Raises:
        InvalidInputError: The text has an ``@``, but the name or the scale is invalid.
    """
    match = _SCALED.fullmatch(text)
    if match is None:
        return REFERENCES.get(text)
    reference = read_reference(match["name"])
    try:
        scale = float(match["scale"])
    except ValueError:
        scale = float("nan")
    low, high = SCALES
    if not low <= scale <= high:
        raise InvalidInputError(
            f"a reference's scale must be a number from 1/64 to 8, but got {shown(match['scale'])} "
            f"in {shown(text)}: for example {reference.name}@0.25"
        )
    return replace(reference, scale=scale)


def read_reference(text: str) -> Reference:
    """Return the reference ``NAME`` or ``NAME@SCALE``.

    Raises:
        InvalidInputError: There is no such reference.
    """
    if found := find_reference(text):
        return found
    raise InvalidInputError(
        f"there is no reference {shown(text)}{nearest(text, list(REFERENCES))} "
        f"(references: {', '.join(REFERENCES)})"
    )
