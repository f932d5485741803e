"""The tables of accuracy: means, differences to the plain network, and what D2BL has stored."""

import numpy as np
import pandas as pd

from studies.learners import tables


def test_accuracy_table_by_hand():
    table = pd.DataFrame(
        {"entry": ["kde plain"] * 3 + ["kde stacked-shift"] * 3, "seed": [0, 1, 2] * 2, "rate": 1e-3, "epoch": 10}
        | {"accuracy": [0.95, 0.95, 0.95, 0.84, 0.86, 0.85], "accuracy_without_noise": [np.nan] * 3 + [0.9] * 3}
        | {"seconds_per_epoch": 2.0, "parameters": 59210}
    )
    plain, shift = tables.accuracy_table(table, "mnist").to_dict("records")
    assert (plain["against the plain one"], plain["stored %"], plain["tested without noise %"]) == ("", "", "")
    assert shift["test accuracy %"] == "85.00 (82.52 to 87.48)"  # 4.302653 / sqrt(3) = 2.48
    assert shift["against the plain one"] == "-10.00 (-12.48 to -7.52)"
    assert (shift["stored %"], shift["ours - stored"]) == ("83.13", "+1.87")
    _, elsewhere = tables.accuracy_table(table, "fashion-mnist").to_dict("records")
    assert elsewhere["stored %"] == elsewhere["ours - stored"] == ""


def test_stored_accuracies_of_cifar10_come_with_doubts_about_them():
    table = pd.DataFrame({"entry": ["kde joint-gate, five layers", "kde joint-shift, five layers"], "seed": 0})
    table = table.assign(rate=1e-3, epoch=50, accuracy=0.5, accuracy_without_noise=0.5, seconds_per_epoch=2.0)
    shift, gate = tables.accuracy_table(table.assign(parameters=428290), "cifar10").to_dict("records")
    assert (shift["stored %"], gate["stored %"], gate["ours - stored"]) == ("51.70", "48.37", "+1.63")
    assert "another schedule" in shift["doubt about the stored"]
    assert gate["doubt about the stored"] == ""
    _, elsewhere = tables.accuracy_table(table.assign(parameters=428290), "mnist").to_dict("records")
    assert elsewhere["stored %"] == ""
