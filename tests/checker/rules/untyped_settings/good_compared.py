import os
from distutils.util import strtobool

from fastapi import FastAPI

DEBUG = os.getenv("DEBUG", "false").lower() == "true"
OTHER = bool(strtobool(os.getenv("OTHER", "no")))
CI = os.getenv("CI", False)
app = FastAPI()
