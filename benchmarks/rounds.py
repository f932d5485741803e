"""Implements the same round in three ways: plain Keras, this project, PyTorch.

Each class has `round(node, order)`, which trains `node` on its images in the given order from the current model,
evaluates, observes and lets the agent choose. It returns (seconds of training, seconds of evaluating, accuracy).
`weights()` returns the current model [33580], `predictions()` its classes of the test images [10000].
"""

import time
from typing import TYPE_CHECKING

import keras
import numpy as np
from sklearn.decomposition import PCA

import models
from config import Config
from data import Dataset, normalise
from environment import HomogeneousLearningEnv
from node import DQNAgent

if TYPE_CHECKING:
    import torch


class Ours:
    """A round as `main.py` runs it."""

    def __init__(self, config: Config, dataset: Dataset):
        self.environment = HomogeneousLearningEnv(config, dataset)
        self.agent = DQNAgent(config)
        self.agent.epsilon = 0.0
        self.environment.reset(seed=config.seed)
        self.environment.round = 1  # round 1 would be the starter's alone

    def weights(self) -> np.ndarray:
        return self.environment.weights.numpy()

    def next_order(self, node: int) -> np.ndarray:
        """Returns the positions in the training file in which `node` will see its images in the next round."""
        seed, episode, round = self.environment.when()
        order = self.environment.nodes.image_order(node, (seed, episode, round + 1))[0]
        return self.environment.nodes.held[order]

    def predictions(self) -> np.ndarray:
        """Returns the predicted classes of the test images [n]."""
        model, weights = self.environment.nodes.model, self.environment.weights
        images = np.array_split(self.environment.nodes.test_images, 20)
        return np.concatenate([model.predict(weights, part).numpy().argmax(1) for part in images])

    def round(self, node: int, order: np.ndarray) -> tuple[float, float, float]:
        observation, _, _, _, info = self.environment.step(node)
        self.agent.rank(observation, info, np.random.default_rng(0))
        return info["seconds"].train, info["seconds"].evaluate, info["accuracy"]


class PlainKeras:
    """A round in the plain Keras way: ten compiled models, `fit`, `evaluate`, `predict`, PCA of ten full vectors."""

    def __init__(self, config: Config, dataset: Dataset, weights: np.ndarray, agent_weights: np.ndarray):
        self.images, self.labels = normalise(dataset.x_train), keras.utils.to_categorical(dataset.y_train, 10)
        self.test_images, self.test_labels = normalise(dataset.x_test), keras.utils.to_categorical(dataset.y_test, 10)
        self.nodes = [models.local_foundation_model(config).network for _ in range(config.nodes)]
        for network in self.nodes:
            network.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
            network.set_weights(models.split_vector(weights, network.weights))
        self.agent = models.q_network(config).network
        self.agent.compile(keras.optimizers.Adam(1e-3), "mse")
        self.agent.set_weights(models.split_vector(agent_weights, self.agent.weights))

    def weights(self) -> np.ndarray:
        return _flat(self.nodes[0])

    def predictions(self) -> np.ndarray:
        return self.nodes[0].predict(self.test_images, verbose=0).argmax(1)

    def round(self, node: int, order: np.ndarray) -> tuple[float, float, float]:
        started = time.perf_counter()
        self.nodes[node].fit(self.images[order], self.labels[order], batch_size=32, shuffle=False, verbose=0)
        between = time.perf_counter()
        _, accuracy = self.nodes[node].evaluate(self.test_images, self.test_labels, verbose=0)
        ended = time.perf_counter()
        observation = PCA(10).fit_transform(np.stack([_flat(network) for network in self.nodes]))
        self.agent.predict(observation.reshape(1, -1), verbose=0)
        new = self.nodes[node].get_weights()
        for network in self.nodes:
            network.set_weights(new)
        return between - started, ended - between, accuracy


class Torch:
    """The same round in PyTorch, channels last; raises ImportError where torch is not installed."""

    def __init__(self, config: Config, dataset: Dataset, weights: np.ndarray, agent_weights: np.ndarray):
        import torch

        self.torch = torch
        torch.set_num_threads(config.threads)
        nn = torch.nn
        self.network = nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
            _channels_last_flatten(), nn.Linear(800, 10),
        ).to(memory_format=torch.channels_last)  # fmt: skip
        self.agent = nn.Sequential(
            nn.Linear(100, 500), nn.ReLU(), nn.Linear(500, 200), nn.ReLU(), nn.Linear(200, config.nodes)
        )
        for module, vector in ((self.network, weights), (self.agent, agent_weights)):
            _put_torch(module, vector)
        self.states = {}
        self.images = torch.from_numpy(normalise(dataset.x_train)).permute(0, 3, 1, 2)
        self.labels = torch.from_numpy(dataset.y_train.astype(np.int64))
        test = torch.from_numpy(normalise(dataset.x_test)).permute(0, 3, 1, 2)
        self.test_images = test.contiguous(memory_format=torch.channels_last)
        self.test_labels = torch.from_numpy(dataset.y_test.astype(np.int64))
        self.nodes = config.nodes

    def weights(self) -> np.ndarray:
        parts = []
        for parameter in self.network.parameters():
            array = parameter.detach().numpy()
            parts.append((array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T).ravel())
        return np.concatenate(parts)

    def _vector(self) -> "torch.Tensor":
        return self.torch.cat([parameter.detach().reshape(-1) for parameter in self.network.parameters()])

    def predictions(self) -> np.ndarray:
        with self.torch.inference_mode():
            return self.network(self.test_images).argmax(1).numpy()

    def round(self, node: int, order: np.ndarray) -> tuple[float, float, float]:
        torch = self.torch
        started = time.perf_counter()
        before = self._vector()
        if node not in self.states:
            self.states[node] = torch.optim.Adam(self.network.parameters(), 1e-3, eps=1e-7)
        optimizer = self.states[node]
        for start in range(0, len(order), 32):
            batch = torch.from_numpy(order[start : start + 32])
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(self.network(self.images[batch]), self.labels[batch]).backward()
            optimizer.step()
        delta = self._vector() - before
        between = time.perf_counter()
        with torch.inference_mode():
            correct = 0
            for start in range(0, len(self.test_images), 250):
                outputs = self.network(self.test_images[start : start + 250])
                correct += int((outputs.argmax(1) == self.test_labels[start : start + 250]).sum())
            ended = time.perf_counter()
            observation = torch.zeros(self.nodes, 10)
            observation[:, 0] = -delta.norm() / self.nodes
            observation[node, 0] += delta.norm()
            self.agent(observation.reshape(1, -1)).argmax()
        return between - started, ended - between, correct / len(self.test_images)


def _channels_last_flatten() -> "torch.nn.Module":
    """Flattens in Keras' order of height, width, channels."""
    import torch

    class Flatten(torch.nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs.permute(0, 2, 3, 1).reshape(len(inputs), -1)

    return Flatten()


def _put_torch(module: "torch.nn.Module", vector: np.ndarray):
    """Fills a module's parameters from a vector in Keras' order and layout."""
    import torch

    start = 0
    with torch.no_grad():
        for parameter in module.parameters():
            shape, part = parameter.shape, vector[start : start + parameter.numel()]
            if parameter.ndim == 4:  # Keras: height, width, in, out
                part = part.reshape(shape[2], shape[3], shape[1], shape[0]).transpose(3, 2, 0, 1)
            elif parameter.ndim == 2:  # Keras: in, out
                part = part.reshape(shape[1], shape[0]).T
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(part)))
            start += parameter.numel()


def _flat(network: keras.Model) -> np.ndarray:
    return np.concatenate([array.ravel() for array in network.get_weights()])
