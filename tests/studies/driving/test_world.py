"""The road: what the car sees, does and is paid, and the expert's action, worked out by hand for simple places."""

import numpy as np
import pytest

from studies.driving.world import PARTS, SIZE, World, expert_action

SKIPPED = "highway-env is not installed: pip install -r requirements-simulations.txt"
highway_env = pytest.importorskip("highway_env", reason=SKIPPED)

from highway_env.road.lane import StraightLane  # noqa: E402
from highway_env.road.road import Road, RoadNetwork  # noqa: E402
from highway_env.vehicle.behavior import IDMVehicle  # noqa: E402
from highway_env.vehicle.kinematics import Vehicle  # noqa: E402


@pytest.fixture(scope="module")
def highway():
    return World("highway")


@pytest.fixture
def two(highway):
    """Three lanes 4 m wide, the car on the middle one and another vehicle 20 m ahead, both at 20 m/s."""
    highway.reset(0)
    car = highway.car
    other = Vehicle(highway.env.road, np.array([120.0, 4.0]), 0.0, 20.0)
    highway.env.road.vehicles = [car, other]
    car.position, car.heading, car.speed = np.array([100.0, 4.0]), 0.0, 20.0
    car.on_state_update()
    highway.heading = 0.0
    highway.env.observation_type.observe()
    return highway


def parts(observation):
    ends = np.cumsum([*PARTS.values()])
    return dict(zip(PARTS, np.split(observation, ends[:-1]), strict=True))


def test_observation_is_as_large_as_the_authors():
    assert PARTS == {"ego": 9, "navigation": 10, "vehicles": 16, "lidar": 240}
    assert SIZE == 275


def test_car_in_the_middle_lane(two):
    seen = parts(two.observe())
    # in the middle of the road and of the lane, straight, half of the top speed, no action yet
    np.testing.assert_allclose(seen["ego"], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(seen["vehicles"], [0.5 + 20 / 50 / 2, 0.5, 0.5, 0.5] + [0] * 12, atol=1e-6)
    np.testing.assert_allclose(seen["lidar"][0], (20 - 5 / 2) / 50, atol=1e-6)  # to its rear end
    assert (seen["lidar"][40:200] == 1).all()
    two.car.position = np.array([100.0, 5.0])  # a metre to the right
    np.testing.assert_allclose(parts(two.observe())["ego"][[0, 1, 8]], [7 / 12, 5 / 12, 0.75], atol=1e-6)


def test_sides_are_those_of_the_car(two):
    """Turned to the right by a right angle, the car has the other vehicle on its left, three quarters around."""
    two.car.heading = np.pi / 2
    seen = parts(two.observe())
    np.testing.assert_allclose(seen["vehicles"][:2], [0.5, 0.5 - 20 / 50 / 2], atol=1e-6)
    assert seen["lidar"][180] == pytest.approx(17.5 / 50, abs=1e-6)
    assert seen["lidar"][0] == 1


def test_actions_are_steering_then_throttle(two):
    step = two.step(np.array([0.0, 1.0]))
    assert step.speed == pytest.approx(20 + 5 / 5)  # 5 m/s2 for a fifth of a second
    assert two.car.heading == 0
    assert step.distance == pytest.approx(20 / 5)
    assert step.reward == pytest.approx(4 + 0.1 * 21 / 40)
    two.step(np.array([0.5, 0.0]))
    assert two.car.heading > 0
    assert parts(two.observe())["ego"][4] == pytest.approx(0.75)


def test_leaving_the_road_costs_five(two):
    steps = [two.step(np.array([1.0, 0.0])) for _ in range(3)]
    assert steps[-1].failed
    assert steps[-1].off_road
    assert steps[-1].reward == -5


def test_hitting_a_vehicle_costs_five(two):
    two.car.position = np.array([116.0, 4.0])
    step = two.step(np.zeros(2))
    assert (step.crashed, step.failed, step.reward) == (True, True, -5)


def test_no_reverse_gear(two):
    for _ in range(60):
        step = two.step(np.array([0.0, -1.0]))
    assert step.speed == pytest.approx(0, abs=0.05)


def straight_road():
    network = RoadNetwork()
    network.add_lane("a", "b", StraightLane([0, 0], [1000, 0], width=5, speed_limit=10))
    return Road(network)


def test_expert_by_its_formulas():
    """The intelligent driver model 20 m behind a slower vehicle, and the steering half a metre off the middle."""
    road = straight_road()
    car, ahead = Vehicle(road, np.array([100.0, 0.5]), 0.0, 8.0), Vehicle(road, np.array([120.0, 0.0]), 0.0, 6.0)
    road.vehicles = [car, ahead]
    steering, throttle = expert_action(road, car, 10.0)
    gap = 10 + 8 * 1.5 + 8 * 2 / (2 * np.sqrt(3 * 5))
    assert throttle == pytest.approx(3 * (1 - 0.8**4 - (gap / 20) ** 2) / 5)
    turn = 5 * np.arcsin(-0.5 / 0.6 / 8)  # wanted [rad/s]: to the middle in 0.6 s, the heading in 0.2 s
    assert steering == pytest.approx(np.arctan(2 * np.tan(np.arcsin(2.5 / 8 * turn))) / (np.pi / 4))
    assert road.vehicles == [car, ahead]
    assert (car.position == [100.0, 0.5]).all()


def test_expert_acts_as_the_package_driver():
    road = straight_road()
    ahead = Vehicle(road, np.array([125.0, 0.0]), 0.0, 5.0)
    driver = IDMVehicle(road, np.array([100.0, -0.7]), 0.05, 9.0, target_speed=10.0, enable_lane_change=False)
    road.vehicles = [driver, ahead]
    driver.act()
    wanted = [driver.action["steering"] / (np.pi / 4), driver.action["acceleration"] / 5]
    np.testing.assert_allclose(expert_action(road, driver, 10.0), wanted)


def test_expert_stays_on_the_racetrack():
    racetrack = World("racetrack")
    observation = racetrack.reset(3)
    assert observation.shape == (SIZE,)
    for _ in range(60):
        step = racetrack.step(racetrack.expert())
        assert not step.failed
        assert abs(racetrack.car.lane.local_coordinates(racetrack.car.position)[1]) < 1
    np.testing.assert_array_equal(racetrack.reset(3), observation)
