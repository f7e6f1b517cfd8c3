"""Augmented images a second: kit's one interpolation of a batch, Keras' layers one after another, and its generator."""

from __future__ import annotations

from timing import interleave, report

ROUNDS = 9
BATCHES = 4
BATCH = 32
SIDE = 224


def main() -> None:
    import numpy as np

    from kit.compat import keras, tf
    from kit.pipeline import augment_batch
    from kit.specs import AugmentSpec

    spec = AugmentSpec(rotation=30, zoom=0.2, height_shift=0.1, width_shift=0.1, horizontal_flip=True)
    batch = np.random.default_rng(0).random((BATCH, SIDE, SIDE, 3), np.float32)
    labels, seed = tf.zeros(BATCH), tf.constant([0, 1], tf.int64)
    layers = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(30 / 360),
        keras.layers.RandomZoom(0.2),
        keras.layers.RandomTranslation(0.1, 0.1),
    ]
    generator = keras.preprocessing.image.ImageDataGenerator(
        rotation_range=30, zoom_range=0.2, height_shift_range=0.1, width_shift_range=0.1, horizontal_flip=True
    )

    def through_layers(images):  # noqa: ANN001, ANN202
        for layer in layers:
            images = layer(images, training=True)
        return images

    def through_kit(images, spec=spec):  # noqa: ANN001, ANN202
        return augment_batch(spec, images, labels, seed)[0]

    def mapped(function):  # noqa: ANN001, ANN202
        batches = tf.data.Dataset.from_tensors(tf.constant(batch)).repeat(BATCHES)
        made = batches.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return lambda: sum(1 for _ in made)

    def through_generator() -> None:
        for _ in range(BATCHES):
            for image in batch:
                generator.random_transform(image)

    full = AugmentSpec(
        rotation=30,
        zoom=0.2,
        height_shift=0.1,
        width_shift=0.1,
        horizontal_flip=True,
        brightness=0.1,
        contrast=0.2,
        saturation=0.2,
        hue=0.05,
        erasing=0.25,
        mixup=0.2,
    )
    contestants = {
        "kit: flip, rotation, zoom, shifts": mapped(through_kit),
        "kit: the same, colours, erasing, MixUp": mapped(lambda images: through_kit(images, full)),
        "Keras: RandomFlip, -Rotation, -Zoom, -Translation": mapped(through_layers),
        "Keras: ImageDataGenerator.random_transform, one by one": through_generator,
    }
    title = f"augmenting {BATCHES} batches of {BATCH} RGB images of {SIDE}x{SIDE}, float32"
    report(title, interleave(contestants, ROUNDS), items=BATCHES * BATCH, unit="images/s")


if __name__ == "__main__":
    main()
