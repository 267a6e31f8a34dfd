#!/usr/bin/python3
"""Others' tools on our files: h5dump, h5ls, h5diff, h5py, an XML parser. Exit 77 (skipped) where they are missing.

  test_tools.py SAMPLE_FILES      the program that writes the samples, given a folder
"""
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

try:
    import h5py
    import numpy
except ImportError:
    sys.exit(77)
if any(shutil.which(tool) is None for tool in ("h5dump", "h5ls", "h5diff")):
    sys.exit(77)


def tool(*arguments, code=0):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def text(value):
    return value.decode("utf-8")


def check_h5py(path):
    with h5py.File(path, "r") as f:
        assert text(f.attrs["file_type"]) == "vain-checkpoint"
        assert text(f.attrs["job_name"]) == "café"
        assert f.attrs["round"] == 7 and f.attrs["round"].shape == ()
        assert set(f) == {"spec", "spec_resolved", "model", "outer", "data", "codec", "peers", "run", "integrity",
                          "complete"}, list(f)
        weight = f["model/tokens/weight"]
        assert weight.dtype == numpy.dtype("<f4") and weight.shape == (3, 4)
        assert [text(d) for d in weight.attrs["dims"]] == ["symbol", "width"]
        # The flat vector again, from nothing but the file.
        parts = []
        f["model"].visititems(lambda name, o: parts.append(o) if isinstance(o, h5py.Dataset) else None)
        flat = numpy.concatenate([p[()].ravel() for p in sorted(parts, key=lambda p: p.attrs["flat_offset"])])
        assert numpy.array_equal(flat, (numpy.arange(47) - 20).astype("<f4") * numpy.float32(0.125))
        # A vector of one leaf: its Merkle root is the leaf's hash.
        import hashlib
        root = hashlib.blake2b(bytes(8) + flat.tobytes(), digest_size=32, person=b"vain/ckpt/leaf").digest()
        assert f["integrity/parameters"][()].tobytes() == root
        assert text(f.attrs["parameters_hash"]) == root.hex()
        # The curve as NeXus readers find it.
        group = f
        while "default" in group.attrs:
            group = group[text(group.attrs["default"])]
        assert text(group.attrs["NX_class"]) == "NXdata"
        signal = group[text(group.attrs["signal"])]
        axis = group[text(group.attrs["axes"][0])]
        assert signal.shape == axis.shape == (3,)
        assert list(axis) == [0, 20, 140] and numpy.isnan(signal[0]) and signal[2] == 2.125
        # And as netCDF and xarray do.
        assert h5py.h5ds.is_scale(axis.id)
        assert signal.dims[0][0] == axis and group["val_loss"].dims[0][0] == axis
        for name in ("model/tokens/weight", "run/loss/loss", "run/loss/step", "data/symbols"):
            assert text(f[name].attrs["units"]) == "1" and f[name].attrs["long_name"]
        assert [text(n) for n in f["peers/name"][()]] == ["alice", "bob-2.site"]
        assert "café" in text(f["spec"][()])


def check_command_line(path, other):
    out = tool("h5dump", "-A", path)
    for part in ('ATTRIBUTE "NX_class"', 'DATASET "weight"', "H5T_IEEE_F32LE", 'ATTRIBUTE "flat_offset"'):
        assert part in out, part
    assert "SUPERBLOCK_VERSION 2" in tool("h5dump", "-B", "-H", path)
    out = tool("h5ls", "-rv", path)
    assert "/model/blocks/0/filter" in out and "Dataset {2/2, 3/3, 2/2, 2/2}" in out
    tool("h5diff", path, path)
    tool("h5diff", path, other, "/model/tokens/weight", code=1)


def main():
    folder = tempfile.mkdtemp()
    try:
        tool(sys.argv[1], folder)
        path, other = (os.path.join(folder, name) for name in ("checkpoint-000007.h5", "checkpoint-000008.h5"))
        check_h5py(path)
        check_command_line(path, other)
        with h5py.File(os.path.join(folder, "member-alice-000007.h5"), "r") as f:
            assert f["memory/moment1"].shape == (47,) and text(f["residual"].attrs["blake2b_root"])
        root = xml.etree.ElementTree.parse(os.path.join(folder, "loss.svg")).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    finally:
        shutil.rmtree(folder)


main()
