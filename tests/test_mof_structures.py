"""The library of metal-organic frameworks: which structures of the package are written."""

import io
import tarfile
import zipfile

import pytest
from conftest import refused

from studies import mof_structures

# entry → whether it is disordered, number of atoms
ENTRIES = {
    "ABAVIJ_clean": ("", 3),
    "ABAVIJ01_clean": ("", 3),  # of the same family
    "ABEXEM_clean": ("DISORDER", 3),
    "ACOGEF_clean": ("", 9),
    "1499489-acs.cgd.6b01265_1499490_clean": ("", 3),
    "VELVOY_clean": ("DISORDER", 50),  # has a common name
    "VELVOY01_clean": ("", 3),
}


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "core_mof.whl"
    rows = "".join(f"{entry},{disorder}\n" for entry, (disorder, _) in ENTRIES.items())
    lists = {"2019-ASR": ENTRIES, "2014": {"GITVIP_clean": ("", 3), "ABAVOP_clean": ("", 3)}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("CoRE_MOF/data/2019-ASR.csv", "filename,DISORDER\n" + rows)
        for place, entries in lists.items():
            content = io.BytesIO()
            with tarfile.open(fileobj=content, mode="w:xz") as tar:
                for entry, (_, atoms) in entries.items():
                    lines = "".join(f"C{i} C 0.{i} 0.0 0.0\n" for i in range(atoms))
                    text = f"data_{entry}\nloop_\n{lines}".encode()
                    member = tarfile.TarInfo(f"{entry}.cif")
                    member.size = len(text)
                    tar.addfile(member, io.BytesIO(text))
            archive.writestr(f"CoRE_MOF/data/{place}.tar.xz", content.getvalue())
    return path


def test_named_frameworks_come_first_then_one_of_each_family(shell, wheel, tmp_path):
    command = ("studies/mof_structures.py", "--wheel", wheel, "--most-atoms", 5, "--output")
    shell(tmp_path, *command, tmp_path / "all", "--number", 4)
    written = {path.stem: path.read_text() for path in (tmp_path / "all").iterdir()}
    assert set(written) == {"VELVOY", "GITVIP", "ABAVIJ", "1499489-acs.cgd.6b01265"}
    assert '_chemical_name_common "ZIF-8"' in written["VELVOY"]
    assert '_chemical_name_common "ZIF-71"' in written["GITVIP"]
    assert "_chemical_name_common" not in written["ABAVIJ"]
    # fewer are the first of them
    shell(tmp_path, *command, tmp_path / "some", "--number", 3)
    some = {path.stem for path in (tmp_path / "some").iterdir()}
    assert some < set(written) and {"VELVOY", "GITVIP"} < some
    refused(shell(tmp_path, *command, tmp_path / "x", "--number", 9, check=False), "only 4")


def test_another_file_is_told(shell, tmp_path):
    (tmp_path / "a.whl").write_text("no wheel")
    command = ("studies/mof_structures.py", "--wheel", tmp_path / "a.whl")
    refused(shell(tmp_path, *command, check=False), "a.whl", "no wheel")
    assert mof_structures.family("FAWCEN01_SL") == mof_structures.family("FAWCEN_SL") == "FAWCEN"
