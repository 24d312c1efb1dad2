"""Objects that were opened, as a file system of Arrow: loaded by name, for datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import fs


def file_system(files: Mapping[str, Any]) -> Any:
    """Return a file system that has just these files, by path; each in one version."""
    return fs.PyFileSystem(_Files(files))


class _Files(fs.FileSystemHandler):
    """Files for reading, of which all is known."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self._files = files

    def open_input_file(self, path: str) -> pa.NativeFile:
        return pa.PythonFile(self._files[path].again(), mode="r")

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self.open_input_file(path)

    def get_file_info(self, paths: Sequence[str]) -> list[fs.FileInfo]:
        return [
            fs.FileInfo(path, fs.FileType.File, size=self._files[path].signature.size)
            for path in paths
        ]

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        return self.get_file_info(list(self._files))

    def get_type_name(self) -> str:
        return "assetkit"

    def normalize_path(self, path: str) -> str:
        return path

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise PermissionError("data is only read this way")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse
