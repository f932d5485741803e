"""Implements the nodes, which hold images, train, average and evaluate."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config import Config
    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes


def make_nodes(
    config: "Config", kind: str = "local", ray_address: str | None = None, ray_actors: int | None = None
) -> "LocalNodes | RayNodes":
    """Returns the nodes: in this process (`local`), or in Ray actors that hold their images apart (`ray`)."""
    if kind == "ray":
        from nodes.ray_actors import RayNodes

        return RayNodes(config, ray_address, ray_actors)
    from data import load_dataset
    from nodes.local import LocalNodes

    return LocalNodes(config, load_dataset(config))
