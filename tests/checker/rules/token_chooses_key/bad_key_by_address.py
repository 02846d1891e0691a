import httpx
import jwt


def subject(token: str) -> str:
    header = jwt.get_unverified_header(token)
    keys = httpx.get(header["jku"]).json()
    return jwt.decode(token, keys["keys"][0], algorithms=["RS256"])["sub"]
