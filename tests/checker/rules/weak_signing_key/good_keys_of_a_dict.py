import os

SESSION_KEY = "user_id"
TOKEN_KEY = "access-token"
SECRET_KEY = "SECRET_KEY"
PRIVATE_KEY = "/run/secrets/private.pem"


def who(session: dict) -> str:
    return session[SESSION_KEY] + os.environ[SECRET_KEY]
