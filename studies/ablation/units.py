"""The unit of the ablation: the route agent and its variants, for one seed and split."""

import dataclasses
from typing import ClassVar

from policies.route_agent import RouteAgent
from studies.ablation import parts
from studies.lessons import Lessons


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ablation(Lessons):
    """All episodes of the agent and of its variants."""

    part: ClassVar[str] = "lessons"
    agents: ClassVar[dict[str, type[RouteAgent]]] = {
        "route-agent": RouteAgent,
        "without model": parts.WithoutModel,
        "without weights": parts.WithoutWeights,
        "without sampling": parts.WithoutSampling,
        "without patience": parts.WithoutPatience,
    }
