import boto3
from fastapi import APIRouter, Depends, FastAPI, UploadFile

from shop.accounts import current_user

router = APIRouter(dependencies=[Depends(current_user)])
bucket = boto3.resource("s3").Bucket("files")


def keep(file: UploadFile) -> None:
    bucket.upload_fileobj(file.file, "key")


@router.post("/files")
def upload(file: UploadFile) -> None:
    keep(file)


app = FastAPI()
app.include_router(router)
