"""Where a Chromium is; as a command it prints the path, or fails where there is none."""

import shutil
import sys

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_chromium():
    """Path of the first Chromium, or of the Chrome made from it, that this machine has; None if it has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


if __name__ == "__main__":
    path = find_chromium()
    if path is None:
        sys.exit("there is no Chromium; install it (on Debian: chromium)")
    sys.stdout.write(f"{path}\n")
