import tempfile
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

app = FastAPI()


@app.post("/voices/combine")
def combine(names: list[str]) -> FileResponse:
    target = Path(tempfile.mkdtemp()) / "voice.bin"
    target.write_text(",".join(names))
    return FileResponse(target)
