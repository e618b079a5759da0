"""The modules of an MgNet as text: only the branches that its spec takes."""

from __future__ import annotations

from string import Template

from results.export.standalone.parts import fields_of, groups_text, levels_of, stem_of, template
from space.networks.mgnet import MgNetSpec
from space.networks.smoothers import Convolution, Linear, Quadratic, TwoStep
from space.networks.weight_sharing import copies

OWNER = {"network": "all levels of one shape", "level": "one level", "iteration": "one iteration"}


def mgnet_modules(spec: MgNetSpec) -> str:
    """Return the modules of an MgNet as Python text; its ``Network`` computes normalised images to logits."""
    num_a, num_b = copies(spec.share_a, spec.slots_a), copies(spec.share_b, spec.slots_b)
    stem, stem_applied = stem_of(spec, spec.levels[0].c_f, norm=True)
    facts = {
        "LEVELS": levels_of(spec),
        "NUM_A": repr(tuple(num_a)),
        "NUM_B": repr(tuple(num_b)),
        "A_OF": repr(tuple(spec.owners_a)),
        "B_OF": repr(tuple(spec.owners_b)),
        "SHARE_A": OWNER[spec.share_a],
        "SHARE_B": OWNER[spec.share_b],
        "STEM": stem,
        "STEM_APPLIED": stem_applied,
        "LAST": str(spec.levels[-1].c_u),
        **_smoother_fields(spec),
        **_transition_fields(spec),
    }
    return Template(template("mgnet")).substitute(facts | fields_of(spec))


def _smoother_fields(spec: MgNetSpec) -> dict[str, str]:
    """Return the fields of the smoother: the operator B, its application and the next u."""
    smoother = spec.smoother
    make_b = f"conv(c_f, c_u, kernel={spec.kernel_b}{_groups_of_b(spec)})"
    fields = {
        "EQUATION": "u <- u + sigma(BN(B * sigma(BN(f - A * u))))",
        "OPERATOR_B": "",
        "MAKE_B": make_b,
        "APPLY_B": "b(r)",
        "NEXT_U": "u = u + v",
        "BEFORE": "",
        "SMOOTHER": "",
    }
    if isinstance(smoother, Linear | Quadratic):
        number = 1 if isinstance(smoother, Linear) else 2
        fields["OPERATOR_B"] = Template(template("scalars")).substitute(ONES=", ".join(["1.0"] * number))
        fields["MAKE_B"] = "Scalars()"
    if isinstance(smoother, Linear):
        fields["APPLY_B"] = "b.values[0] * r"
    if isinstance(smoother, Quadratic):
        fields["APPLY_B"] = "quadratic(b.values, a, r)"
        fields["OPERATOR_B"] += template("quadratic")
    if isinstance(smoother, TwoStep):
        fields["OPERATOR_B"] = _two_step_text(spec)
        fields["SMOOTHER"] = "\n        self.smoother = TwoStep(nu)"
        fields["BEFORE"] = "        before = u\n"
        fields["NEXT_U"] = "u, before = self.smoother(i, u, before, v), u"
        fields["EQUATION"] = (
            "u <- sigma(u_prev + omega * (u + v - u_prev)), v = sigma(BN(B * sigma(BN(f - A * u))))"
        )
    assert isinstance(smoother, Convolution | Linear | Quadratic | TwoStep)
    return fields


def _groups_of_b(spec: MgNetSpec) -> str:
    return groups_text(spec.groups_b).replace("c_in", "c_f").replace("c_out", "c_u")


def _two_step_text(spec: MgNetSpec) -> str:
    from space.modules.smoothers import chebyshev_weights

    assert isinstance(spec.smoother, TwoStep)
    most = max(level.nu for level in spec.levels)
    weights = ", ".join(repr(weight) for weight in chebyshev_weights(most)[1:])
    is_learned = spec.smoother.weights == "learned"
    omega = "WEIGHTS[: nu - 1]"
    if is_learned:
        omega = f"nn.Parameter(torch.tensor({omega})) if nu > 1 else ()"
    return Template(template("two_step")).substitute(
        WEIGHTS=f"({weights},)" if weights else "()", OMEGA=omega, **fields_of(spec)
    )


def _transition_fields(spec: MgNetSpec) -> dict[str, str]:
    """Return the fields of the maps to the next grid."""
    if len(spec.levels) == 1:
        return {"TRANSITION": "", "TRANSITIONS": "", "TO_NEXT": "", "POOL": ""}
    zero = spec.interpolation == "zero"
    text = Template(template("transition_zero" if zero else "transition")).substitute(
        PI=_change(spec.interpolation, "c_u", "next_u"),
        R=_change(spec.restriction, "c_f", "next_f"),
    )
    uses_pool = "pool" in (spec.restriction, spec.interpolation)
    return {
        "TRANSITION": text,
        "TRANSITIONS": "\n        self.transitions = nn.ModuleList(\n"
        "            Transition(*fine[1:], *coarse[1:]) for fine, coarse in zip(LEVELS, LEVELS[1:])\n        )",
        "TO_NEXT": template("to_next"),
        "POOL": template("pool") if uses_pool else "",
    }


def _change(how: str, c_in: str, c_out: str) -> str:
    """Return Pi or R as a Python expression."""
    if how == "zero":
        return ""
    if how == "pool":
        return f"pool({c_in}, {c_out})"
    groups = f", groups=gcd({c_in}, {c_out})" if how == "depthwise" else ""
    return f"conv({c_in}, {c_out}, stride=2{groups})"
