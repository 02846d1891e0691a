import ssl


def context(mode: str, ignore_certificates: bool = False) -> ssl.SSLContext:
    made = ssl.create_default_context()
    if mode == "require":
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
