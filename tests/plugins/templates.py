"""A linear classifier of digits by distance to the class means: quick, deterministic, honest to attack."""

import numpy as np
import torch

from trustdm import MethodCard, method


@method(MethodCard(name="templates", version="1", input_shape=(1, 8, 8), classes=10, data=("digits",)))
def load(scale: float = 1.0):
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    means = np.stack([x[:1000][y[:1000] == k].mean(0) for k in range(10)]) / 16.0
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor(2 * scale * means))
        network[1].bias.copy_(torch.tensor(-scale * (means**2).sum(1)))
    return network
