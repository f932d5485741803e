"""Data of your own: writes rings and crosses in three colours as my_data.npz, with `python my_data.py`.

Then `python PROJECT/main.py --dataset rings --data-path my_data.npz --episodes 5`, where PROJECT is the folder of
main.py. The file holds x_train [n, rows, columns, channels], y_train [n], x_test and y_test; without channels the
images are grey. Pixels are whole numbers from 0 to 255, labels are 0, 1, 2, ...; every class needs a training image.
"""

import numpy as np

CLASSES, ROWS, COLUMNS = 6, 24, 32
rng = np.random.default_rng(0)


def images(labels: np.ndarray) -> np.ndarray:
    """Draws one image [rows, columns, 3] a label: a ring (even) or a cross, in red, green or blue."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    drawn = rng.integers(0, 50, (len(labels), ROWS, COLUMNS, 3))
    for image, label in zip(drawn, labels, strict=True):
        y, x = rng.uniform(9, 15), rng.uniform(9, 23)
        distance = np.hypot(rows - y, columns - x)
        arms = np.minimum(abs(rows - y), abs(columns - x))
        shape = abs(distance - 6) < 1.5 if label % 2 == 0 else (arms < 1.5) & (distance < 8)
        image[..., label // 2] += 200 * shape
    return drawn.astype(np.uint8)


y_train, y_test = np.arange(10_000) % CLASSES, np.arange(1_000) % CLASSES
rng.shuffle(y_train)  # the splits take images in file order, so that the classes must be mixed
np.savez_compressed("my_data.npz", x_train=images(y_train), y_train=y_train, x_test=images(y_test), y_test=y_test)
