import httpx


class Caller:
    _insecure_transport = httpx.AsyncHTTPTransport(verify=False)

    def __init__(self, verify: bool = True) -> None:
        self.transport = httpx.AsyncHTTPTransport() if verify else httpx.AsyncHTTPTransport(verify=False)
