from fastapi import Depends, Header, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials

basic = HTTPBasic()


def machine(x_token: str = Header(), x_api_key: str = Header()) -> None:
    if x_api_key != "fake-super-secret-token":
        raise HTTPException(400)


def person(credentials: HTTPBasicCredentials = Depends(basic)) -> str:
    if credentials.password == "swordfish":
        return credentials.username
    raise HTTPException(401)
