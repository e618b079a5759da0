"""Why an actor died, as the rest of a sentence about the worker."""

from __future__ import annotations

from dataclasses import dataclass

from search.executors.ray.cluster import Node
from space.core.errors import shortened


@dataclass(frozen=True)
class Death:
    """The end of an actor.

    Attributes:
        reason: The rest of a sentence that begins with "its worker".
        is_memory: Whether Ray's memory monitor ended it.
    """

    reason: str
    is_memory: bool = False


def explain_death(error: Exception, node: Node, *, is_alive: bool) -> Death:
    """Return why an actor died.

    Args:
        error: What Ray raised in place of the actor's answer, or the actor itself.
        node: The node of the actor.
        is_alive: Whether the node is alive.
    """
    from ray.exceptions import OutOfMemoryError, RayActorError, RayError

    if isinstance(error, OutOfMemoryError):
        return Death(
            f"on {node.name} was killed by Ray's memory monitor, since the node had no memory left", True
        )
    if isinstance(error, TimeoutError):  # the executor killed it
        return Death(f"on {node.name} {error}")
    if not is_alive:
        return Death(f"died with its node {node.name}")
    if isinstance(error, RayActorError) and not error.actor_init_failed:
        return Death(f"on {node.name} died")
    text = error.as_instanceof_cause() if hasattr(error, "as_instanceof_cause") else error
    lines = [line for line in str(text).splitlines() if line.strip()] or [type(error).__name__]
    said = lines[-1] if isinstance(error, RayError) else lines[0]
    return Death(f"on {node.name} failed: {shortened(said.strip())}")
