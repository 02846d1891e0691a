import json
import pickle

import numpy
import torch
from fastapi import FastAPI, UploadFile

app = FastAPI()
with open("model.pkl", "rb") as file:
    MODEL = pickle.load(file)


@app.get("/json")
def parsed(text: str) -> dict:
    return json.loads(text)


@app.get("/weights")
def weights() -> int:
    return len(torch.load("weights.pt", weights_only=True)) + len(numpy.load("table.npy"))
