"""Files from outside: checked while they arrive, by their content, and gone when the request is (API4:2023).

ASVS 5.1.1, 5.2.1 to 5.2.3, 5.2.5, 5.2.6, 5.3.1 to 5.3.3, 5.4.1, 5.4.2.
"""

from __future__ import annotations

from fastness.controls.uploads.archives import ArchiveLimits
from fastness.controls.uploads.dependency import Upload, Uploads, upload, uploads
from fastness.controls.uploads.download import download
from fastness.controls.uploads.uploaded import Uploaded

__all__ = ["ArchiveLimits", "Upload", "Uploaded", "Uploads", "download", "upload", "uploads"]
