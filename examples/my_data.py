"""Data of your own: writes circles and crosses of ten sizes as my_data.npz, with `python my_data.py`.

Then `python PROJECT/main.py --dataset other --data-path my_data.npz --episodes 5`, where PROJECT is the folder of
main.py. The file holds x_train [n, 28, 28], y_train [n], x_test and y_test; pixels are 0 to 255, labels 0 to 9.
"""

import numpy as np

rng = np.random.default_rng(0)


def images(labels: np.ndarray) -> np.ndarray:
    """Draws one image [28, 28] a label: an even one is a ring, an odd one a cross, larger with the label."""
    rows, columns = np.mgrid[:28, :28]
    drawn = []
    for label in labels:
        y, x = rng.uniform(12, 16, size=2)
        distance = np.hypot(rows - y, columns - x)
        arms = np.minimum(abs(rows - y), abs(columns - x))
        size = 3 + label
        shape = abs(distance - size) < 1.5 if label % 2 == 0 else (arms < 1.5) & (distance < size)
        drawn.append(200 * shape + rng.integers(0, 50, (28, 28)))
    return np.array(drawn, np.uint8)


y_train, y_test = np.arange(10_000) % 10, np.arange(1_000) % 10
rng.shuffle(y_train)
np.savez_compressed("my_data.npz", x_train=images(y_train), y_train=y_train, x_test=images(y_test), y_test=y_test)
