"""The files that asv's pages load from elsewhere, out of npm's packages in .browser."""

import base64
import hashlib
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".browser" / "node_modules"
TAG = re.compile(r'<(?:script|link) [^>]*?(?:src|href)="(https?://[^"]+)"( integrity="([^"]+)")?')

# End of the address -> file of a package. npm has Flot and stupidtable in other files than the pages ask for: the same
# version without compression, and a later version. For these the check of integrity is taken out of the page.
FILES = {
    "jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "flot/0.8.3/jquery.flot.min.js": "flot/jquery.flot.js",
    "flot/0.8.3/jquery.flot.time.min.js": "flot/jquery.flot.time.js",
    "flot/0.8.3/jquery.flot.selection.min.js": "flot/jquery.flot.selection.js",
    "flot/0.8.3/jquery.flot.categories.min.js": "flot/jquery.flot.categories.js",
    "flot-orderbars@1.0.0/js/jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
    "stupidtable/1.0.1/stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
    "blueimp-md5/2.19.0/js/md5.min.js": "blueimp-md5/js/md5.min.js",
    "bootstrap@3.1.1/dist/js/bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "bootstrap@3.1.1/dist/css/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
STAND_INS = {name for name, path in FILES.items() if path.startswith(("flot/", "stupid"))}


def asked_for(page):
    """What a page loads from elsewhere: address -> its hash, or None."""
    return {address: found for address, _, found in TAG.findall(page)}


def ending(address):
    """The name in `FILES` of what an address means; None if it is not there."""
    return next((name for name in FILES if address.endswith("/" + name)), None)


def installed(name):
    """The file of a name in `FILES`."""
    return FOLDER / FILES[name]


def relaxed(page):
    """A page that takes our stand-ins: without their hashes, which the browser would check."""

    def without_hash(found):
        return found[0].replace(found[2], "") if ending(found[1]) in STAND_INS else found[0]

    return TAG.sub(without_hash, page)


def is_what_was_meant(path, integrity):
    """Whether a file has the hash that a page asks for."""
    algorithm, _, expected = integrity.partition("-")
    return base64.b64encode(hashlib.new(algorithm, path.read_bytes()).digest()).decode() == expected


def pinned():
    """Package -> version, as package.json has it."""
    return json.loads((Path(__file__).parent / "package.json").read_text())["dependencies"]
