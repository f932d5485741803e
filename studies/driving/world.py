"""The roads to drive on: highway-env with PGDrive's observation, reward and action, and the rule-based driver.

D2BL's authors drive in PGDrive 0.1, which needs Python 3.7. An observation here has the parts and the size of
PGDrive's, computed from highway-env. All numbers of this module are ours but those that name PGDrive.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from settings.errors import UsageError

if TYPE_CHECKING:
    from highway_env.envs.common.abstract import AbstractEnv
    from highway_env.road.lane import AbstractLane
    from highway_env.road.road import Road as RoadAndVehicles
    from highway_env.vehicle.kinematics import Vehicle

INSTALL = "pip install -r requirements-simulations.txt"
LIDAR_CELLS, LIDAR_RANGE, NEAREST = 240, 50.0, 4  # PGDrive
PARTS = {"ego": 9, "navigation": 10, "vehicles": 4 * NEAREST, "lidar": LIDAR_CELLS}  # PGDrive: 275 numbers
SIZE = sum(PARTS.values())
FREQUENCY = 5  # actions a second
FAILURE = -5.0  # reward of a step that ends off the road or in a crash (PGDrive)
SPEED_REWARD = 0.1  # of the highest speed, in every step (PGDrive)
LARGEST_HEADING = np.pi / 4  # of the car to its lane [rad] that the observation tells apart


@dataclasses.dataclass(frozen=True)
class Road:
    """One of highway-env's environments: its name there, settings, the expert's speed and the highest one [m/s]."""

    name: str
    settings: dict
    wanted_speed: float
    top_speed: float


ROADS = {
    "racetrack": Road("racetrack-v1", {"other_vehicles": 3, "simulation_frequency": 5}, 10.0, 20.0),
    "highway": Road(
        "highway-fast-v0", {"vehicles_count": 10, "offroad_terminal": True, "simulation_frequency": 5}, 30.0, 40.0
    ),
}


@dataclasses.dataclass(frozen=True)
class Step:
    """What came of one action: observation [275], reward, metres driven, and how the car fares."""

    observation: np.ndarray
    reward: float
    distance: float
    speed: float
    crashed: bool
    off_road: bool
    package_reward: float  # of highway-env itself

    @property
    def failed(self) -> bool:
        """Tells whether the episode ends here."""
        return self.crashed or self.off_road


class World:
    """Drives one car on a Road; actions are (steering, throttle) in [-1, 1], as in PGDrive."""

    def __init__(self, road: str):
        """Raises UsageError where highway-env is not installed."""
        self.road = ROADS[road]
        self.env = _make(self.road)

    def reset(self, start: int) -> np.ndarray:
        """Puts the car at the start of this number, at the same place in every run; returns the observation [275]."""
        self.env.reset(seed=start)
        self.actions = [np.zeros(2), np.zeros(2)]  # the last and the one before
        self.heading = self.car.heading
        return self.observe()

    @property
    def car(self) -> "Vehicle":
        """Returns highway-env's vehicle that the actions move."""
        return self.env.vehicle

    def step(self, action: np.ndarray) -> Step:
        """Holds an action [2] for a fifth of a second."""
        action = np.clip(action, -1, 1)
        before, self.heading = self.car.position.copy(), self.car.heading
        self.actions = [action, self.actions[0]]
        _, package_reward, *_ = self.env.step(action[::-1])  # highway-env has the throttle first
        car = self.car
        crashed, off_road = bool(car.crashed), not car.on_road
        moved = car.position - before
        direction = car.lane.heading_at(car.lane.local_coordinates(car.position)[0])
        progress = moved @ [np.cos(direction), np.sin(direction)]
        reward = FAILURE if crashed or off_road else progress + SPEED_REWARD * car.speed / self.road.top_speed
        return Step(
            self.observe(),
            float(reward),
            float(np.linalg.norm(moved)),
            float(car.speed),
            crashed,
            off_road,
            float(package_reward),
        )

    def expert(self) -> np.ndarray:
        """Returns the action [2] of the rule-based driver where the car is now; the car stays as it is."""
        return expert_action(self.env.road, self.car, self.road.wanted_speed)

    def positions(self) -> np.ndarray:
        """Returns where all vehicles are [n, 3]: x [m], y [m] and heading [rad], this one's first."""
        others = [other for other in self.env.road.vehicles if other is not self.car]
        return np.array([[*vehicle.position, vehicle.heading] for vehicle in (self.car, *others)])

    def edges(self) -> list[np.ndarray]:
        """Returns the lines between and beside the lanes, each as points [n, 2] of the map [m]."""
        lines = []
        for lane in self.env.road.network.lanes_list():
            places = np.linspace(0, lane.length, max(2, int(lane.length)))
            for side in (-0.5, 0.5):
                lines.append(np.array([lane.position(place, side * lane.width_at(place)) for place in places]))
        return lines

    def observe(self) -> np.ndarray:
        """Returns the observation [275] float32: the car, the way ahead, the nearest vehicles, distances all around.

        The parts are PGDrive's, most numbers are in [0, 1], and sides are seen from the car.
        """
        car, network = self.car, self.env.road.network
        lane_index, lane = car.lane_index, car.lane
        along, lateral = lane.local_coordinates(car.position)
        width, count = lane.width_at(along), len(network.all_side_lanes(lane_index))
        to_left = lateral + (lane_index[2] + 0.5) * width  # a higher lane lies to the right
        turned = _wrapped(car.heading - self.heading) * FREQUENCY
        (steering, _), earlier = self.actions
        ego = [
            to_left / (count * width),
            1 - to_left / (count * width),
            _unit(_wrapped(car.heading - lane.heading_at(along)) / LARGEST_HEADING),
            car.speed / self.road.top_speed,
            _unit(steering),
            *_unit(earlier),
            _unit(turned),
            _unit(2 * lateral / width),
        ]
        ahead = network.get_lane(network.next_lane(lane_index, position=car.position))
        ways = [number for way in (lane, ahead) for number in self._way(way)]
        parts = np.clip([*ego, *ways, *self._vehicles()], 0, 1), self._lidar()
        return np.concatenate(parts).astype(np.float32)

    def _seen(self, vector: np.ndarray) -> np.ndarray:
        """Turns a vector [2] or vectors [n, 2] of the map into (forward, to the right) of the car."""
        cos, sin = np.cos(self.car.heading), np.sin(self.car.heading)
        return vector @ np.array([[cos, -sin], [sin, cos]])

    def _way(self, lane: "AbstractLane") -> list[float]:
        """Returns five numbers about a lane: where its end is, its radius, whether it turns right, and its angle."""
        forward, right = _unit(self._seen(lane.position(lane.length, 0) - self.car.position) / LIDAR_RANGE)
        radius = getattr(lane, "radius", 0.0)
        turns_right = float(radius > 0 and lane.direction > 0)
        return [
            forward,
            right,
            radius / LIDAR_RANGE,
            turns_right,
            lane.length / radius / (2 * np.pi) if radius else 0.0,
        ]

    def _vehicles(self) -> np.ndarray:
        """Returns place and relative velocity [16] of the nearest vehicles in sight, zeros for those that miss."""
        others = [other for other in self.env.road.vehicles if other is not self.car]
        numbers = np.zeros((NEAREST, 4))
        if others:
            places = np.array([other.position for other in others]) - self.car.position
            speeds = np.array([other.velocity for other in others]) - self.car.velocity
            distances = np.linalg.norm(places, axis=1)
            near = [k for k in np.argsort(distances, kind="stable")[:NEAREST] if distances[k] < LIDAR_RANGE]
            numbers[: len(near), :2] = _unit(self._seen(places[near]) / LIDAR_RANGE)
            numbers[: len(near), 2:] = _unit(self._seen(speeds[near]) / self.road.top_speed)
        return numbers.ravel()

    def _lidar(self) -> np.ndarray:
        """Returns the distances [240] to vehicles over LIDAR_RANGE, from straight ahead on clockwise; 1: nothing."""
        sensor = self.env.observation_type
        distances = sensor.grid[:, sensor.DISTANCE] / LIDAR_RANGE  # as highway-env's last step or reset measured them
        return np.roll(distances, -round(self.car.heading / sensor.angle))  # highway-env begins at its map's x axis


def expert_action(road: "RoadAndVehicles", car: "Vehicle", wanted_speed: float) -> np.ndarray:
    """Returns the action [2] that highway-env's rule-based driver would take in the car's place.

    IDMVehicle follows the vehicle ahead by the intelligent driver model and keeps its lane. A new one is built from
    position, heading and speed, so that its action depends on nothing that happened before.
    """
    from highway_env.envs.common.action import ContinuousAction
    from highway_env.vehicle.behavior import IDMVehicle

    driver = IDMVehicle(
        road, car.position.copy(), car.heading, car.speed, target_speed=wanted_speed, enable_lane_change=False
    )
    vehicles = road.vehicles
    road.vehicles = [other for other in vehicles if other is not car]  # else it would brake for the car itself
    try:
        driver.act()
    finally:
        road.vehicles = vehicles
    steering = driver.action["steering"] / ContinuousAction.STEERING_RANGE[1]
    throttle = driver.action["acceleration"] / ContinuousAction.ACCELERATION_RANGE[1]
    return np.clip([steering, throttle], -1, 1)


def check_installed():
    """Raises UsageError where highway-env is not installed."""
    try:
        import highway_env  # noqa: F401
    except ImportError as error:
        raise UsageError(f"studies.driving needs highway-env; install it with: {INSTALL}") from error


def _make(road: Road) -> "AbstractEnv":
    """Builds highway-env's environment; raises UsageError where the package is missing."""
    check_installed()
    import gymnasium

    config = road.settings | {
        "observation": {"type": "LidarObservation", "cells": LIDAR_CELLS, "maximum_range": LIDAR_RANGE},
        "action": {
            "type": "ContinuousAction",
            "longitudinal": True,
            "lateral": True,
            "speed_range": [0, road.top_speed],  # no reverse gear, as in PGDrive
        },
        "policy_frequency": FREQUENCY,
        "duration": 10**6,  # episodes are cut by the study
        "neighbour_vehicles_connected_lanes": True,
    }
    return gymnasium.make(road.name, config=config, disable_env_checker=True).unwrapped


def _wrapped(angle: float) -> float:
    """Returns an angle in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _unit(number: np.ndarray | float) -> np.ndarray | float:
    """Maps [-1, 1] to [0, 1]."""
    return (number + 1) / 2
