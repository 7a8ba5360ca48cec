"""Work that is done over and over in the background, and survives what goes wrong once."""

import logging
import threading
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from rehearsal.kubernetes.api import ApiError

log = logging.getLogger(__name__)


def attempt(name: str, work: Callable[[], None]) -> None:
    """Do `work` once, and go on whatever it raises; what is no refusal of a server is a defect, and is logged.

    An object that has changed or gone meanwhile, or a permission that is not there yet, is seen as it is next time.
    """
    try:
        work()
    except (ApiError, HTTPError, BotoCoreError, ClientError) as refusal:
        log.debug("%s: %s", name, refusal)
    except Exception:
        log.exception("%s failed", name)


def repeat(name: str, every: float, stopped: threading.Event, work: Callable[[], None]) -> None:
    """Do `work` every so many wall seconds in a thread of that name, until `stopped`."""

    def run() -> None:
        while not stopped.wait(every):
            attempt(name, work)

    threading.Thread(target=run, name=name, daemon=True).start()
