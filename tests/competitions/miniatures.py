"""Miniatures of competitions: a few tiny random images in the layout of the real files, with labels and a sample."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

Row = Sequence[object]
Make = Callable[["Miniature"], None]

TRAIN, TEST = 24, 4  # images
RANZCR = (
    *(f"ETT - {state}" for state in ("Abnormal", "Borderline", "Normal")),
    *(f"NGT - {state}" for state in ("Abnormal", "Borderline", "Incompletely Imaged", "Normal")),
    *(f"CVC - {state}" for state in ("Abnormal", "Borderline", "Normal")),
    "Swan Ganz Catheter Present",
)
PETFINDER = (
    "Subject Focus",
    "Eyes",
    "Face",
    "Near",
    "Action",
    "Accessory",
    "Group",
    "Collage",
    "Human",
    "Occlusion",
    "Info",
    "Blur",
)
PLANET = ["clear", "primary", "agriculture", "road", "water", "cloudy"]
PATHOLOGY = ["healthy", "scab", "rust", "complex", "frog_eye_leaf_spot", "powdery_mildew"]
SPECIES = ("Black-grass", "Common wheat", "Loose Silky-bent", "Sugar beet")
BREEDS = ("affenpinscher", "black-and-tan_coonhound", "boxer", "yorkshire_terrier")
LEAVES = ("Acer_Capillipes", "Acer_Mono", "Quercus_Ilex")


@dataclass
class Miniature:
    """A folder that is filled as `kit fetch` would fill it."""

    folder: Path
    size: int = 16
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))

    def image(self, *names: str) -> None:
        """Write images of random pixels, no two alike."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = self.rng.integers(0, 256, (self.size, self.size, 3), np.uint8)
            assert cv2.imwrite(str(path), pixels)

    def table(self, name: str, columns: str | Sequence[str], rows: Iterable[Row]) -> None:
        """Write a CSV."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / name).open("w", newline="") as file:
            header = columns.split(",") if isinstance(columns, str) else columns
            csv.writer(file).writerows([header, *rows])

    def pair(
        self, labels: Iterable[Row], columns: str, /, *, kind: str = "jpg", ending: str = "", **names: str
    ) -> None:
        """Write train and test images, and a table whose rows are the id and what is given.

        Args:
            labels: Cells beside the id, for each training image.
            columns: Header of the table.
            kind: Ending of the files.
            ending: Ending of the ids.
            names: Of the folders `train` and `test`, and of the table `labels`.
        """
        rows = [(f"a{number}{ending}", *cells) for number, cells in enumerate(labels)]
        self.image(*(f"{names.get('train', 'train')}/a{number}.{kind}" for number in range(len(rows))))
        self.image(*(f"{names.get('test', 'test')}/{one}.{kind}" for one in to_predict()))
        self.table(names.get("labels", "train.csv"), columns, rows)

    def sample(
        self, columns: str | Sequence[str], *cells: object, ending: str = "", name: str = "sample_submission.csv"
    ) -> None:
        """Write a sample submission with the same cells for every test image."""
        self.table(name, columns, [(f"{one}{ending}", *cells) for one in to_predict()])


def to_predict() -> list[str]:
    """List the ids of test images, neither in the order of their names nor of the sample."""
    return [f"t{number}" for number in (3, 1, 2, 0)][:TEST]


def every(*labels: object) -> list[Row]:
    """Label training images in turn."""
    return [(labels[number % len(labels)],) for number in range(TRAIN)]


def one_hot(columns: Sequence[str]) -> list[Row]:
    """Mark one column for each training image in turn."""
    return [[int(number % len(columns) == place) for place in range(len(columns))] for number in range(TRAIN)]


def aerial_cactus(made: Miniature) -> None:
    made.size = 32
    made.pair(every(0, 1, 1), "id,has_cactus", ending=".jpg")
    made.sample("id,has_cactus", 0.5, ending=".jpg")


def dogs_vs_cats(made: Miniature) -> None:
    made.image(*(f"train/{kind}.{number}.jpg" for kind in ("cat", "dog") for number in range(TRAIN // 2)))
    made.image(*(f"test/{number}.jpg" for number in range(1, 1 + TEST)))
    made.table("sample_submission.csv", "id,label", [(number, 0.5) for number in range(1, 1 + TEST)])


def histopathologic(made: Miniature) -> None:
    made.size = 96
    made.pair(every(0, 1), "id,label", kind="tif", labels="train_labels.csv")
    made.sample("id,label", 0)


def cassava(made: Miniature) -> None:
    made.pair(every(*range(5)), "image_id,label", ending=".jpg", train="train_images", test="test_images")
    (made.folder / "label_num_to_disease_map.json").write_text("{}")
    made.sample("image_id,label", 4, ending=".jpg")


def dog_breed(made: Miniature) -> None:
    made.pair(every(*BREEDS), "id,breed", labels="labels.csv")
    made.sample(("id", *BREEDS), *[0.25] * len(BREEDS))


def paddy(made: Miniature) -> None:
    names = ("blast", "normal", "tungro")
    rows = [(f"1{number:05}.jpg", names[number % 3], "ADT45", 45 + number) for number in range(TRAIN)]
    made.image(*(f"train_images/{label}/{name}" for name, label, *_ in rows))
    made.image(*(f"test_images/{one}.jpg" for one in to_predict()))
    made.table("train.csv", "image_id,label,variety,age", rows)
    made.sample("image_id,label", "", ending=".jpg")


def plant_seedlings(made: Miniature) -> None:
    made.image(*(f"train/{SPECIES[number % 4]}/{number:09x}.png" for number in range(TRAIN)))
    made.image(*(f"test/{one}.png" for one in to_predict()))
    made.sample("file,species", "Sugar beet", ending=".png")


def invasive_species(made: Miniature) -> None:
    made.image(*(f"train/{number}.jpg" for number in range(1, 1 + TRAIN)))
    made.image(*(f"test/{number}.jpg" for number in range(1, 1 + TEST)))
    made.table("train_labels.csv", "name,invasive", [(number, number % 2) for number in range(1, 1 + TRAIN)])
    made.table("sample_submission.csv", "name,invasive", [(number, 0.5) for number in range(1, 1 + TEST)])


def iwildcam_2019(made: Miniature) -> None:
    rows = [((0, 1, 19)[number % 3], f"a{number}.jpg", number % 8, f"s{number}") for number in range(TRAIN)]
    made.image(*(f"train_images/a{number}.jpg" for number in range(TRAIN)))
    made.image(*(f"test_images/{one}.jpg" for one in to_predict()))
    made.table(
        "train.csv",
        "category_id,file_name,id,location,seq_id",
        [(label, name, name.removesuffix(".jpg"), place, seq) for label, name, place, seq in rows],
    )
    made.table("test.csv", "file_name,id,location", [(f"{one}.jpg", one, 99) for one in to_predict()])
    made.sample("Id,Category", 0)


def melanoma(made: Miniature) -> None:
    rows = [(f"IP_{number % 12}", "male", "", "nevus", "benign", number % 2) for number in range(TRAIN)]
    columns = "image_name,patient_id,sex,age_approx,diagnosis,benign_malignant,target"
    made.pair(rows, columns, train="jpeg/train", test="jpeg/test")
    for name in ("train/a0.dcm", "test/t0.dcm"):  # as DICOM, too
        (made.folder / name).parent.mkdir()
        (made.folder / name).write_bytes(b"DICM")
    made.table("test.csv", "image_name,patient_id", [(one, "IP_99") for one in to_predict()])
    made.sample("image_name,target", 0)


def plant_pathology_2020(made: Miniature) -> None:
    columns = ("healthy", "multiple_diseases", "rust", "scab")
    made.pair(one_hot(columns), ",".join(("image_id", *columns)), train="images", test="images")
    made.table("test.csv", ("image_id",), [(one,) for one in to_predict()])
    made.sample(("image_id", *columns), *[0.25] * 4)


def leaves(made: Miniature) -> None:
    features = tuple(f"{kind}{number}" for kind in ("margin", "shape", "texture") for number in range(1, 65))
    rows = [(LEAVES[number % 3], *np.round(made.rng.random(192), 4)) for number in range(TRAIN)]
    made.pair(rows, ",".join(("id", "species", *features)), train="images", test="images")
    made.table("test.csv", ("id", *features), [(one, *[0.1] * 192) for one in to_predict()])
    made.sample(("id", *LEAVES), *[1 / 3] * 3)


def aptos(made: Miniature) -> None:
    made.pair(every(*range(5)), "id_code,diagnosis", kind="png", train="train_images", test="test_images")
    made.table("test.csv", ("id_code",), [(one,) for one in to_predict()])
    made.sample("id_code,diagnosis", 0)


def alaska2(made: Miniature) -> None:
    folders = ("Cover", "JMiPOD", "JUNIWARD", "UERD")
    made.image(*(f"{folder}/{number:05}.jpg" for folder in folders for number in range(1, 1 + TRAIN // 4)))
    made.image(*(f"Test/{number:04}.jpg" for number in range(1, 1 + TEST)))
    made.table("sample_submission.csv", "Id,Label", [(f"{number:04}.jpg", 0) for number in range(1, 1 + TEST)])


def plant_pathology_2021(made: Miniature) -> None:
    labels = [*PATHOLOGY, "scab frog_eye_leaf_spot", "rust complex", "scab frog_eye_leaf_spot complex"]
    made.pair(every(*labels[:8]), "image,labels", ending=".jpg", train="train_images", test="test_images")
    made.sample("image,labels", "healthy", ending=".jpg")


def ranzcr(made: Miniature) -> None:
    ids = [f"1.2.826.0.1.3680043.8.498.{number}" for number in range(TRAIN + TEST)]
    made.image(*(f"train/{one}.jpg" for one in ids[:TRAIN]), *(f"test/{one}.jpg" for one in ids[TRAIN:]))
    marks = (made.rng.random((TRAIN, 11)) < 0.4).astype(int)
    marks[range(11), range(11)] = 1
    rows = [
        (one, *row, f"p{number % 9}") for number, (one, row) in enumerate(zip(ids[:TRAIN], marks.tolist(), strict=True))
    ]
    made.table("train.csv", ("StudyInstanceUID", *RANZCR, "PatientID"), rows)
    made.table("sample_submission.csv", ("StudyInstanceUID", *RANZCR), [(one, *[0] * 11) for one in ids[TRAIN:]])


def imet_2020(made: Miniature) -> None:
    made.pair(every("0 1 2", "1 448", "2 13", "0", "13 448 3471"), "id,attribute_ids", kind="png")
    made.table("labels.csv", "attribute_id,attribute_name", [(0, "country::afghanistan"), (1, "country::alamania")])
    made.sample("id,attribute_ids", "0 1 2")


def petfinder(made: Miniature) -> None:
    rows = [(*made.rng.integers(0, 2, 12).tolist(), 1 + 4 * number) for number in range(TRAIN)]
    made.pair(rows, ",".join(("Id", *PETFINDER, "Pawpularity")))
    made.table("test.csv", ("Id", *PETFINDER), [(one, *[0] * 12) for one in to_predict()])
    made.table("sample_submission.csv", "Id,Pawpularity", [(one, 60.5 + n) for n, one in enumerate(to_predict())])


def hotels(made: Miniature) -> None:
    ids = [36363, 53586, 18807, 64314, 60181, 111]
    rows = [(f"h{number}.jpg", ids[min(number // 4, 5)] % 7, ids[min(number // 4, 5)]) for number in range(21)]
    made.image(*(f"train_images/{chain}/{name}" for name, chain, _ in rows))
    made.image(*(f"test_images/{one}.jpg" for one in to_predict()))
    made.table("train.csv", "image,chain,hotel_id,timestamp", [(*row, "2018-01-01 10:00:00") for row in rows])
    made.sample("image,hotel_id", "36363 53586 18807 64314 60181", ending=".jpg")


def whales(made: Miniature) -> None:
    ids = ["new_whale"] * 8 + ["w_1287fbc"] * 5 + ["w_98baff9"] * 4 + ["w_7554f44"] * 4 + ["w_1eafe46"] * 2 + ["w_0"]
    made.pair([(one,) for one in ids], "Image,Id", ending=".jpg")
    made.sample("Image,Id", "new_whale w_1287fbc w_98baff9 w_7554f44 w_1eafe46", ending=".jpg")


def happy_whales(made: Miniature) -> None:
    ids = (
        ["37c7aba965a5"] * 7 + ["114207cab555"] * 6 + ["a6e325d8e924"] * 4 + ["19fbb960f07d"] * 4 + ["c995c043c353"] * 2
    )
    rows = [("beluga", one) for one in (*ids, "f00")]
    made.pair(rows, "image,species,individual_id", ending=".jpg", train="train_images", test="test_images")
    made.sample("image,predictions", " ".join(dict.fromkeys(ids)), ending=".jpg")


def planet(made: Miniature) -> None:
    labels = ("clear primary", "clear agriculture primary road", "cloudy", "clear primary water", "primary road clear")
    rows = [(f"train_{number}", labels[number % 5]) for number in range(TRAIN)]
    made.image(*(f"train-jpg/{name}.jpg" for name, _ in rows))
    made.image("test-jpg/test_0.jpg", "test-jpg/test_1.jpg", "test-jpg-additional/file_0.jpg")
    made.table("train_v2.csv", "image_name,tags", rows)
    sample = [(one, "primary clear agriculture road water") for one in ("test_0", "test_1", "file_0")]
    made.table("sample_submission_v2.csv", "image_name,tags", sample)


def state_farm(made: Miniature) -> None:
    rows = [(f"p{number // 10:03}", f"c{number % 10}", f"img_{number}.jpg") for number in range(60)]
    made.image(*(f"imgs/train/{label}/{name}" for _, label, name in rows))
    made.image(*(f"imgs/test/{one}.jpg" for one in to_predict()))
    made.table("driver_imgs_list.csv", "subject,classname,img", rows)
    made.sample(("img", *(f"c{number}" for number in range(10))), *[0.1] * 10, ending=".jpg")


def diabetic_retinopathy(made: Miniature) -> None:
    eyes = [f"{number}_{side}" for number in range(10, 25) for side in ("left", "right")]
    made.image(*(f"train/{eye}.jpeg" for eye in eyes), *(f"test/{eye[0]}{eye}.jpeg" for eye in eyes[:TEST]))
    made.table("trainLabels.csv", "image,level", [(eye, number % 5) for number, eye in enumerate(eyes)])
    made.table("sampleSubmission.csv", "image,level", [(f"{eye[0]}{eye}", 0) for eye in eyes[:TEST]])


MINIATURES: dict[str, Make] = {
    "aerial-cactus-identification": aerial_cactus,
    "alaska2-image-steganalysis": alaska2,
    "aptos2019-blindness-detection": aptos,
    "cassava-leaf-disease-classification": cassava,
    "diabetic-retinopathy-detection": diabetic_retinopathy,
    "dog-breed-identification": dog_breed,
    "dogs-vs-cats-redux-kernels-edition": dogs_vs_cats,
    "happy-whale-and-dolphin": happy_whales,
    "histopathologic-cancer-detection": histopathologic,
    "hotel-id-2021-fgvc8": hotels,
    "humpback-whale-identification": whales,
    "imet-2020-fgvc7": imet_2020,
    "invasive-species-monitoring": invasive_species,
    "iwildcam-2019-fgvc6": iwildcam_2019,
    "leaf-classification": leaves,
    "paddy-disease-classification": paddy,
    "petfinder-pawpularity-score": petfinder,
    "planet-understanding-the-amazon-from-space": planet,
    "plant-pathology-2020-fgvc7": plant_pathology_2020,
    "plant-pathology-2021-fgvc8": plant_pathology_2021,
    "plant-seedlings-classification": plant_seedlings,
    "ranzcr-clip-catheter-line-classification": ranzcr,
    "siim-isic-melanoma-classification": melanoma,
    "state-farm-distracted-driver-detection": state_farm,
    "whale-categorization-playground": whales,
}


def make_miniature(slug: str, folder: Path) -> Path:
    """Make a competition's files below `folder`, in a folder called as `kit fetch` calls it."""
    made = Miniature(folder / "data" / slug)
    MINIATURES[slug](made)
    (made.folder / ".DS_Store").write_bytes(b"x")
    return made.folder
