from jose import jwt


def subject(token: str, key: str) -> str:
    header = jwt.get_unverified_header(token)
    algorithm = header.get("alg")
    return jwt.decode(token, key, algorithms=[algorithm])["sub"]
