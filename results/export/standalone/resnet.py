"""The modules of ResNets as text, with post- and with pre-activation: only the branches that a spec takes."""

from __future__ import annotations

from string import Template

from results.export.standalone.mgnet import OWNER
from results.export.standalone.parts import fields_of, groups_text, levels_of, stem_of, template
from space.networks.resnet import PreActResNetSpec, ResidualSpec, ResNetSpec
from space.networks.weight_sharing import copies

_POST = """\
            x = self.norm_f[i](a(self.norm_u[i](APPLIED(r))))
            if is_first:
                r = self.norm_shortcut(self.shortcut(r))
            r = sigma(r + x)
"""
_PRE = """\
            x = self.norm_f[i](r)
            v = a(self.norm_u[i](APPLIED(x)))
            if is_first:
                r = self.shortcut(x)
            r = r + v
"""
_SIGMA = """
def sigma(x: Tensor) -> Tensor:
    return {sigma}

"""


def resnet_modules(spec: ResNetSpec) -> str:
    """Return the modules of a ResNet as Python text; its ``Network`` maps normalised images to logits."""
    facts = {
        "EQUATION": "r <- sigma(r + BN(A * sigma(BN(B * r))))",
        "NORM_SHORTCUT": "\n            self.norm_shortcut = nn.BatchNorm2d(c_f)",
        "NORM_F": "self.norm_f = nn.ModuleList(nn.BatchNorm2d(c_f) for _ in range(nu))",
        "BLOCK": _block(spec, _POST, "r"),
        "NORM_LAST": "",
        "APPLY_LAST": "",
    }
    return _modules(spec, facts, has_stem_norm=True, before=_SIGMA.format(sigma=fields_of(spec)["SIGMA"]))


def preact_resnet_modules(spec: PreActResNetSpec) -> str:
    """Return the modules of a pre-activation ResNet as Python text; see ``resnet_modules``."""
    facts = {
        "EQUATION": "r <- r + A * sigma(BN(B * sigma(BN(r))))",
        "NORM_SHORTCUT": "",
        "NORM_F": "self.norm_f = nn.ModuleList(NormAct(c) for c in [c_in] + [c_f] * (nu - 1))",
        "BLOCK": _block(spec, _PRE, "x"),
        "NORM_LAST": "\n        self.norm_last = NormAct(LEVELS[-1][2])",
        "APPLY_LAST": "\n        r = self.norm_last(r)",
    }
    return _modules(spec, facts, has_stem_norm=False)


def _block(spec: ResidualSpec, text: str, source: str) -> str:
    """Return the lines of a block; the B of a bottleneck also takes a batch norm of the block."""
    applied = f"b({source}, self.norm_b[i])" if spec.block == "bottleneck" else f"b({source})"
    return text.replace(f"APPLIED({source})", applied)


def _modules(spec: ResidualSpec, facts: dict[str, str], *, has_stem_norm: bool, before: str = "") -> str:
    """Return the modules of both kinds; ``before`` stands in front of the operator B."""
    is_bottleneck = spec.block == "bottleneck"
    groups = groups_text(spec.groups_b)
    operator = Template(template("bottleneck" if is_bottleneck else "basic")).substitute(
        KERNEL_B=str(spec.kernel_b), GROUPS=groups.replace("c_in", "c_out") if is_bottleneck else groups
    )
    stem, stem_applied = stem_of(spec, spec.stem_width, norm=has_stem_norm)
    common = {
        "LEVELS": levels_of(spec),
        "FIRST": repr(tuple(tuple(entry) for entry in spec.entries)),
        "NUM_A": repr(tuple(copies(spec.share_a, spec.slots_a))),
        "NUM_B": repr(tuple(copies(spec.share_b, spec.slots_b))),
        "A_OF": repr(tuple(spec.owners_a)),
        "B_OF": repr(tuple(spec.owners_b)),
        "SHARE_A": OWNER[spec.share_a],
        "SHARE_B": OWNER[spec.share_b],
        "STEM": stem,
        "STEM_APPLIED": stem_applied,
        "KERNEL_A": "1" if is_bottleneck else "3",
        "OPERATOR_B": "Bottleneck" if is_bottleneck else "make_b",
        "MAKE_B": before + operator,
        "NORM_B": "\n        self.norm_b = nn.ModuleList(NormAct(c_u) for _ in range(nu))"
        if is_bottleneck
        else "",
    }
    return Template(template("resnet")).substitute(common | facts | fields_of(spec))
