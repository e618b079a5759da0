"""Write identities.json: ``python -m tests.space.networks.make_identities``. Only ever add networks to it."""

from __future__ import annotations

import json

from space.notation.parse import parse_notation
from tests.space.networks.test_identity import GOLDEN

NETWORKS = (
    "MgNet[2,2,2,2]-256-B^l",
    "MgNet[2,2,2,2]-256-B^{l,i}",
    "MgNet[2,2,2,2]-64-A^{l,i}-B^{l,i}",
    "MgNet[3,4,6,3]-[128,256,512,1024]-B^{l,i}",
    "MgNet[2,2]-[(32,48),(64,64)]-A^{l,i}-B^l",
    "MgNet[1,1]-4-B^{l,i}",
    "MgNet[1]-2-B^l",
    "MgNet[2,3]-[8,8]-A-B",
    "MgNet[2,3]-[8,12]-A^{l,i}-B",
    "MgNet[2,2]-8-B^{l,i}-smoother=linear",
    "MgNet[2,2]-8-B^l-smoother=quadratic",
    "MgNet[2,2]-8-B^l-smoother=two_step",
    "MgNet[2,2]-8-B^l-smoother=two_step(weights=chebyshev)",
    "MgNet[2,2]-8-B^l-kernel_b=5-groups_b=depthwise",
    "MgNet[2,2]-[8,12]-B^l-groups_b=4-interpolation=zero-restriction=pool",
    "MgNet[2,2]-[8,12]-B^l-interpolation=depthwise-restriction=depthwise",
    "MgNet[2,2]-8-B^l-activation=gelu-stem=imagenet-dropout=0.25",
    "ResNet18",
    "ResNet18-A^l-B^{l,i}",
    "ResNet50-stem=imagenet",
    "ResNet[2,3]-[(4,8),(6,8)]-A-B-activation=silu",
    "PreActResNet18-A^l-B^l",
    "PreActResNet[4,4,4]-[160,320,640]-stem_channels=16",
    "PreActResNet[2,2]-[(16,64),(32,128)]-block=bottleneck-groups_b=2",
)

if __name__ == "__main__":
    archs = {notation: parse_notation(notation).arch for notation in NETWORKS}
    GOLDEN.write_text(json.dumps(archs, indent=2) + "\n", encoding="utf-8")
