"""The images of the study of learners: which of them tune, and which of them the study refuses."""

import numpy as np
import pytest

from data import Dataset
from settings.errors import UsageError
from studies.learners.units import Images


def test_tuning_never_sees_the_test_images(dataset):
    images = Images.of(dataset, 120)
    tuning = images.for_tuning()
    joined = np.concatenate([tuning.x_train, tuning.x_test])
    np.testing.assert_array_equal(joined, images.x_train)
    np.testing.assert_array_equal(np.concatenate([tuning.y_train, tuning.y_test]), images.y_train)
    assert len(tuning.y_test) == 20


@pytest.mark.parametrize(
    ("labels", "test_labels", "side", "part", "says"),
    [
        (np.sort(np.arange(60) % 4), range(4), 16, "alignment", "class 0 is not among the last sixth"),
        (np.r_[np.arange(50) % 3, [3] * 10], range(4), 16, "accuracy", "class 3 is not among the first five sixths"),
        (np.arange(60) % 4, range(3), 16, "forgetting", "class 3 is not among the test images"),
        (np.arange(60) % 4, range(4), 15, "accuracy", "images of 15 x 15 pixels are too small"),
        (np.arange(60) % 3, range(3), 16, "forgetting", "3 classes make no sequence of tasks"),
    ],
)
def test_images_that_cannot_serve_are_refused(labels, test_labels, side, part, says):
    with pytest.raises(UsageError, match=says):
        images(labels, test_labels, side).check([part])


def test_each_part_takes_the_images_that_can_serve_it():
    images(np.arange(60) % 4, range(4), 15).check(["alignment", "forgetting"])
    images(np.arange(60) % 3, range(3), 16).check(["accuracy", "alignment"])


def images(labels, test_labels, side):
    shown = np.zeros((60, side, side), np.uint8)
    test_labels = np.array(test_labels, np.uint8)
    return Images.of(Dataset("other", shown, labels.astype(np.uint8), shown[: len(test_labels)], test_labels))
