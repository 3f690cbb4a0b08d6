"""Stands for `segstudio train`: writes a record as that does, by hand, and obeys `control`.

    python fake_trainer.py MODE train DATA --out FILE ...

MODE is "plain", "held" (waits for a word after the second epoch) or "dies" (by a signal then).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

EPOCHS = ((0.6, 0.55, 0.5), (0.4, 0.35, 0.7), (0.3, 0.36, 0.6))
"""Training loss, validation loss and IoU of class 1 after each epoch; the second is the best."""


def main(mode: str, words: list[str]) -> None:
    out = Path(words[words.index("--out") + 1])
    run = out.with_name(out.name + ".training")
    run.mkdir(parents=True, exist_ok=True)
    resumes = "--resume" in words
    with (run / "record.jsonl").open("a" if resumes else "w", encoding="utf-8") as record:

        def say(event: str, **values: object) -> None:
            record.write(json.dumps({"event": event, **values}) + "\n")
            record.flush()

        if resumes:
            say("resumed", seconds=40.0, step=20)
        else:
            (run / "plan.json").write_text(json.dumps({"request": {"data": words[1]}}))
            _begin(run, out, words, say)
        for number, (loss, checked, iou) in enumerate(EPOCHS, start=1):
            if resumes and number < 3:
                continue
            _epoch(run, say, number, loss, checked, iou)
            if number == 2 and mode == "dies" and not resumes:
                os.kill(os.getpid(), signal.SIGKILL)
            if number == 2 and mode == "held" and _held(run, say):
                break
        out.write_bytes(b"weights")
        say(
            "proof",
            before=0.71,
            after=0.83,
            difference=0.12,
            low=0.08,
            high=0.15,
            images=2,
            better=True,
            text="before 0.71, after 0.83 on 2 images that it has not seen",
        )
        say("done", out=str(out), best_epoch=2, seconds=60.0)


def _begin(run: Path, out: Path, words: list[str], say: object) -> None:
    classes = [
        {"id": 0, "name": "background", "color": [0, 0, 0]},
        {"id": 1, "name": "cell", "color": [0, 158, 115]},
    ]
    start = words[words.index("--start") + 1] if "--start" in words else "scratch"
    say(  # type: ignore[operator]
        "started", run=str(run), out=str(out), arch="unet", start=start, device="cpu", threads=2,
        precision="float32", classes=classes,
        images={"train": ["a", "b"], "validation": ["c"], "held_out": ["d", "e"]},
        budget={"minutes": 2.0}, crop=256, batch=4, loss="cross-entropy+dice", learning_rate=0.002,
        why=["Objects are about 30 px wide, so crops of 256 px hold enough of them."],
    )  # fmt: skip
    views = run / "views"
    views.mkdir(exist_ok=True)
    truth = np.zeros((20, 30), np.uint8)
    truth[5:15, 5:15] = 1
    cv2.imwrite(str(views / "c.png"), np.full((20, 30, 3), 100, np.uint8))
    _write_labels(views / "c.truth.png", truth)


def _epoch(run: Path, say: object, number: int, loss: float, checked: float, iou: float) -> None:
    folder = run / "epochs" / f"{number:04d}"
    folder.mkdir(parents=True, exist_ok=True)
    found = np.zeros((20, 30), np.uint8)
    found[5:15, 5 : 5 + round(10 * iou)] = 1
    _write_labels(folder / "c.png", found)
    say(  # type: ignore[operator]
        "step", step=10 * number, epoch=number, fraction=number / 3, seconds=20.0 * number,
        left=60.0 - 20 * number, loss=loss, losses={"cross-entropy": loss}, learning_rate=0.002,
    )  # fmt: skip
    best = iou == max(i for _, _, i in EPOCHS[:number])
    say(  # type: ignore[operator]
        "epoch", epoch=number, seconds=20.0 * number, train_loss=loss, validation_loss=checked,
        iou=[0.9, iou], dice=[0.95, 2 * iou / (1 + iou)], mean_iou=(0.9 + iou) / 2,
        mean_dice=(0.95 + 2 * iou / (1 + iou)) / 2, best=best, overlays=str(folder),
        worst=[{"name": "c", "iou": iou}],
    )  # fmt: skip


def _write_labels(path: Path, labels: np.ndarray) -> None:
    """With a palette, as the real one writes them."""
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, 0, 158, 115])
    image.save(path)


def _held(run: Path, say: object) -> bool:
    """Wait for words; whether it was told to stop."""
    end = time.monotonic() + 300.0  # nobody is there any more who could say something
    while time.monotonic() < end:
        word = _word(run)
        if word == "pause":
            say("paused", seconds=40.0)  # type: ignore[operator]
        elif word == "resume":
            say("resumed", seconds=40.0, step=20)  # type: ignore[operator]
            return False
        elif word == "stop":
            say("stopped", seconds=40.0)  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return True


def _word(run: Path) -> str:
    file = run / "control"
    try:
        word = file.read_text()
        file.unlink()
    except OSError:
        return ""
    return word


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
