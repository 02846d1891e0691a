import logging
import secrets

from shop.config import settings

log = logging.getLogger(__name__)


def send(number: str) -> None:
    otp_code = str(secrets.randbelow(10**8))
    if settings.verbose:
        log.info(otp_code)
