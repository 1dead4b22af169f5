"""The pictures that were read or made last, so that they need not be decoded again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from expressedit_mcp.imaging import Picture


class RecentPictures:
    """Keeps pictures by id up to `limit_bytes` of pixels; those unused for longest go first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._bytes = 0

    def get(self, image_id: str) -> Picture | None:
        """The picture, if it is kept."""
        with self._lock:
            if image_id in self._pictures:
                self._pictures.move_to_end(image_id)
            return self._pictures.get(image_id)

    def put(self, image_id: str, picture: Picture) -> None:
        """Keeps a picture; one that is larger than the limit is not kept."""
        with self._lock:
            if image_id in self._pictures:
                return
            self._pictures[image_id] = picture
            self._bytes += picture.pixels.nbytes
            while self._bytes > self._limit_bytes:
                _, oldest = self._pictures.popitem(last=False)
                self._bytes -= oldest.pixels.nbytes
