import jwt

OPTIONS = {"verify_exp": True}


class Reader:
    def role(self, token: str) -> str:
        options = {"verify_exp": True}
        options["verify_signature"] = False
        return jwt.decode(token, options=options).get("role", "user")
