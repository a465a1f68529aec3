"""The model of Keras 3's own VAE example, trained by `fit`; the backend is the environment's.

The example trains with a step of its own, written for TensorFlow; here the same loss stands in
`compute_loss`, which every backend runs.
"""

from collections.abc import Callable

import keras
from keras import layers, ops

from benchmarks.workloads import Workload


def _encoder(latent_dim: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(2 * latent_dim),
        ]
    )


def _decoder(latent_dim: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(7 * 7 * 64, activation="relu"),
            layers.Reshape((7, 7, 64)),
            layers.Conv2DTranspose(64, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid"),
        ]
    )


class KerasVAE(keras.Model):
    def __init__(self, latent_dim: int):
        super().__init__()
        self.encoder, self.decoder = _encoder(latent_dim), _decoder(latent_dim)
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, x, training=None):
        mu, logvar = ops.split(self.encoder(x), 2, axis=1)
        eps = keras.random.normal(ops.shape(mu), seed=self.seeds)
        return self.decoder(mu + ops.exp(0.5 * logvar) * eps), mu, logvar

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        x_recon, mu, logvar = y_pred
        recon_nll = ops.sum(keras.losses.binary_crossentropy(x, x_recon), axis=(1, 2))
        kl = 0.5 * ops.sum(ops.square(mu) + ops.exp(logvar) - 1 - logvar, axis=1)
        return ops.mean(recon_nll + kl)


def prepare(workload: Workload) -> Callable[[], float]:
    """A function that trains one more epoch and returns its mean loss, in nats an image."""
    keras.utils.set_random_seed(0)
    model = KerasVAE(workload.latent_dim)
    model.compile(optimizer=keras.optimizers.Adam(workload.lr))
    x = workload.images().permute(0, 2, 3, 1).numpy()

    def epoch() -> float:
        for variable in model.optimizer.variables:
            if variable is not model.optimizer._learning_rate:
                variable.assign(ops.zeros_like(variable))
        history = model.fit(x, epochs=1, batch_size=workload.batch_size, verbose=0)
        return float(history.history["loss"][0])

    return epoch
