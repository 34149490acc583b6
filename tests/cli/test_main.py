"""The command line as a whole: names, help, refusals, places to write to, and JSON."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import hmmrnn
from hmmrnn import cli
from hmmrnn.cli import analyse, common, convert, train
from hmmrnn.model.checkpoint import save
from tests.cli.shell import contracting, python, refusal


class TestPackage:
    def test_exports_the_contract(self) -> None:
        contract = (
            "HMM Network Intervention TrainingConfig load save simulate fit_plane residency detect_kick_neurons "
            "intervene fidelity train run fixed_points claims explore"
        )
        assert {*contract.split(), "__version__"} == set(hmmrnn.__all__)
        assert all(callable(getattr(hmmrnn, name)) for name in contract.split())

    @pytest.mark.parametrize("module", ["hmmrnn", "hmmrnn.cli"])
    def test_import_is_light(self, module) -> None:
        heavy = {"torch", "dash", "sklearn", "scipy", "plotly", "geomloss", "tqdm"}
        done = python("-c", f"import sys, {module}; print({heavy} & set(sys.modules))")
        assert done.stdout == "set()\n", done.stderr


class TestProgram:
    def test_version(self) -> None:
        assert python("-m", "hmmrnn", "--version").stdout.strip() == hmmrnn.__version__

    @pytest.mark.parametrize(
        ("called", "name"),
        [("/usr/bin/hmmrnn", "hmmrnn"), (r"hmmrnn.exe", "hmmrnn"), ("/a/hmmrnn/__main__.py", "python -m hmmrnn")],
    )
    def test_it_is_named_as_it_was_called(self, capsys, monkeypatch, called, name) -> None:
        monkeypatch.setattr("sys.argv", [called])
        with pytest.raises(SystemExit):
            cli.main(["convert", "--help"])
        assert capsys.readouterr().out.startswith(f"usage: {name} convert [-h] [--map ROLE=TERM] SRC DST\n")
        assert refusal(capsys, "convert", "nowhere.pth", "a.safetensors").startswith(f"{name} convert: nowhere.pth ")

    @pytest.mark.parametrize(("argv", "package", "extra"), [
        ("serve", "hmmrnn.cli.serve", None), ("serve --help", "gunicorn", "server"),
        ("analyse a.safetensors", "plotly", "dashboard"), ("worker", "torch", "all"),
        ("live a.safetensors", "jinja2.sandbox", "dashboard"),
    ])  # fmt: skip
    def test_a_missing_package_is_said_with_its_extra(self, capsys, monkeypatch, argv, package, extra) -> None:
        def missing(name: str) -> None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)

        monkeypatch.setattr(cli, "import_module", missing)
        command = argv.split()[0]
        if extra is None:
            with pytest.raises(ModuleNotFoundError):
                cli.main(argv.split())
            return
        top = package.partition(".")[0]
        sentence = f" {command} needs {top}; install it with pip install 'hmmrnn[{extra}]'\n"
        assert refusal(capsys, *argv.split()).endswith(sentence)


class TestParser:
    @pytest.mark.parametrize(("command", "told"), [
        ((), ["serve", "worker", "train", "analyse", "live", "convert"]),
        (("worker",), ["--trainings", "--only", "short-tasks", "HMMRNN_REDIS_URL", "HMMRNN_DATA"]),
        (("serve",), ["--host", "--port", "--models", "--workers", "--open", "HMMRNN_PORT", "8050"]),
        (("train",), ["--preset", "--recipe", "--out", "--seed", "--steps", "fully-connected", "Ctrl-C", "(150)"]),
        (("analyse",), ["NETWORK", "--out", "--seed"]),
        (("live",), ["NETWORK", "--out", "--seed", "--no-groups", "NAME.html"]),
        (("convert",), ["SRC", "DST", "--map", "W_hh", ".safetensors"]),
    ])  # fmt: skip
    def test_help(self, capsys, command, told) -> None:
        with pytest.raises(SystemExit) as stop:
            cli.main([*command, "--help"])
        text = capsys.readouterr().out
        assert stop.value.code == 0
        assert [word for word in told if word not in text] == []
        assert "None" not in text

    @pytest.mark.parametrize(("argv", "sentence"), [
        ("", "the following arguments are required: COMMAND"), ("fly", "argument COMMAND: invalid choice: 'fly'"),
        ("train --out a.safetensors", "one of the arguments --preset --hmm is required"),
        ("train --preset cyclic --hmm a.json --out a.safetensors", "--hmm: not allowed with argument --preset"),
        ("worker --only sweeps", "--only: invalid choice: 'sweeps'"),
        ("worker --trainings 0", r"--trainings: must be a whole number >= 1; got '0'"),
        ("train --preset linear-9 --out a.safetensors", "invalid choice: 'linear-9'"),
        ("train --preset cyclic --out a.safetensors --steps 0", r"--steps: must be a whole number >= 1; got '0'"),
        ("train --preset cyclic --out a.safetensors --batch 1", r"--batch: must be a whole number >= 2; got '1'"),
        ("train --preset cyclic --out a.safetensors --seed -1", r"--seed: must be a whole number >= 0; got '-1'"),
        ("train --preset cyclic --out a.safetensors --seed 1.5", r"--seed: must be .* whole number >= 0; got '1\.5'"),
        ("train --preset cyclic --out a --snapshots b --at 5", "--at: must be FIRST:LAST:EVERY, as in .*; got '5'"),
        ("train --preset cyclic --out a --snapshots b --at 1:2:0", "--at: must be FIRST:LAST:EVERY"),
        ("live a.safetensors --seed 2147483648", "--seed: must be a whole number from 0 to 2147483647; got"),
        ("serve --port 70000", "--port: must be a whole number from 1 to 65535; got '70000'"),
        ("serve --workers x", "--workers: must be a whole number >= 1; got 'x'"),
    ])  # fmt: skip
    def test_bad_arguments(self, capsys, argv, sentence) -> None:
        assert re.search(sentence, refusal(capsys, *argv.split()))

    def test_bad_environment(self, capsys, monkeypatch) -> None:
        monkeypatch.setenv("HMMRNN_PORT", "http")
        assert "HMMRNN_PORT must be a whole number from 1 to 65535; got 'http'" in refusal(capsys, "serve")


class TestDestination:
    """Every command that writes looks at the place before it works."""

    @pytest.fixture(autouse=True)
    def no_work(self, monkeypatch) -> None:
        def work(*_: object) -> None:
            raise AssertionError("work began before the destination was looked at")

        monkeypatch.setattr(train, "train", work)
        monkeypatch.setattr(convert, "save", work)
        monkeypatch.setattr(analyse, "summarise", work)
        monkeypatch.setattr(analyse, "gather_findings", work)

    @pytest.fixture
    def commands(self, tmp_path) -> list[list[object]]:
        save(contracting(), tmp_path / "net.safetensors")
        net = tmp_path / "net.safetensors"
        return [["train", "--preset", "cyclic", "--out"], ["convert", net]]

    def test_folder_without_permission(self, capsys, tmp_path, commands, monkeypatch) -> None:
        def refused(**_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(common.tempfile, "TemporaryFile", refused)
        sentence = f"cannot write to the folder {tmp_path}: Permission denied"
        for command in commands:
            assert sentence in refusal(capsys, *command, tmp_path / "a.safetensors")
        assert sentence in refusal(capsys, "analyse", tmp_path / "net.safetensors", "--out", tmp_path)

    def test_a_report_needs_the_name_of_a_folder(self, capsys, tmp_path, commands) -> None:
        net = tmp_path / "net.safetensors"
        assert "is a file; expected the name of a folder" in refusal(capsys, "analyse", net, "--out", net)
        assert not list(tmp_path.glob("**/report.html"))

    @pytest.mark.parametrize(("place", "sentence"), [
        ("nowhere/a.safetensors", "the folder {folder}/nowhere does not exist"),
        ("there.safetensors", "is a folder; expected the name of a file"),
        ("a.pth", "must end in .safetensors; got"),
    ])  # fmt: skip
    def test_no_place_for_a_file(self, capsys, tmp_path, commands, place, sentence) -> None:
        (tmp_path / "there.safetensors").mkdir()
        for command in commands:
            assert sentence.format(folder=tmp_path) in refusal(capsys, *command, tmp_path / place)


@pytest.mark.parametrize(("value", "text"), [
    ({"a": math.nan, "b": [np.float64(2), math.inf]}, '{"a": null, "b": [2.0, null]}'),
    ({"n": np.int64(3), "yes": np.bool_(True), 5: None}, '{"n": 3, "yes": true, "5": null}'),
])  # fmt: skip
def test_json_is_what_every_reader_accepts(capsys, value, text) -> None:
    common.write_json(value)
    assert capsys.readouterr().out == text + "\n"
