"""Write identities.json: ``python -m tests.space.make_identities``. Only ever add networks to it."""

from __future__ import annotations

import json

from space import parse_notation
from tests.space.test_identity import GOLDEN

NETWORKS = (
    "MgNet[2,2,2,2]-256-B^l",
    "MgNet[2,2,2,2]-256-B^{l,i}",
    "MgNet[2,2,2,2]-64-A^{l,i}-B^{l,i}",
    "MgNet[3,4,6,3]-[128,256,512,1024]-B^{l,i}",
    "MgNet[2,2]-[(32,48),(64,64)]-A^{l,i}-B^l",
    "MgNet[1,1]-4-B^{l,i}",
    "MgNet[1]-2-B^l",
)

if __name__ == "__main__":
    archs = {notation: parse_notation(notation).arch for notation in NETWORKS}
    GOLDEN.write_text(json.dumps(archs, indent=2) + "\n", encoding="utf-8")
