"""A student process reads what its libraries need and writes to its scratch; nothing else, and not without end."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

import utils
from autograder.assignment import ROOT, Budget
from autograder.forkserver import ForkServer
from tests.autograder.sandbox.conftest import ENTRY, SMALL, Student

OPENING = "answer = open(path, 'rb').read(16) and None"


@pytest.fixture
def gradebook(tmp_path: Path) -> Path:
    """A file that everybody on the machine may read and write."""
    path = tmp_path / "gradebook.db"
    path.write_text("marks")
    path.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path(tempfile.gettempdir()) and folder.is_relative_to(tempfile.gettempdir()):
            folder.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/hostname",
        "/proc/1/environ",
        "/proc/sys/kernel/hostname",
        "/sys/kernel/notes",
        "/dev/mem",
        "/dev/tty",
        "/var/log/dpkg.log",
        str(ROOT / "pyproject.toml"),
        str(ROOT / "autograder" / "judge.py"),
        str(ROOT / "autograder" / "sandbox" / "seccomp.py"),
        str(Path(__file__)),
        str(Path.home() / ".profile"),
    ],
)
def test_secret_files_cannot_be_read(server, student, path):
    if path == "/proc/1/environ" and server.level == "full":
        pytest.skip("there it is the student process itself")
    if Path(path).exists():
        assert student.error(OPENING, path=path) in {"PermissionError", "FileNotFoundError"}
    else:
        pytest.skip(f"this machine has no {path}")


@pytest.mark.parametrize("folder", ["solutions", "tests", "assignments", "autograder", ".git"])
def test_folders_of_the_course_cannot_be_listed(student, folder):
    names = student.reply("import os; answer = os.listdir(path)", path=str(ROOT / folder))
    assert names.get("answer") == [] or names.get("error") in {"PermissionError", "FileNotFoundError"}


@pytest.mark.parametrize("folder", ["/home", "/root", "/var", "/etc", "/tmp", str(ROOT), str(Path.home())])
def test_other_folders_show_nothing_of_the_machine(server, student, folder):
    """In the mount view a folder that leads to a readable one exists, and holds that one only."""
    names = set(student.reply("import os; answer = os.listdir(path)", path=folder).get("answer", []))
    allowed = {".venv", "utils", ".pyenv", "passwd", "group", "ld.so.cache", "localtime"}
    assert names <= allowed or folder in os.path.commonpath([utils.__file__])


def test_the_gradebook_cannot_be_read_or_written(student, gradebook):
    for mode in ("r", "w", "a"):
        assert student.error(f"open(path, {mode!r})", path=str(gradebook)) in {"PermissionError", "FileNotFoundError"}
    assert gradebook.read_text() == "marks"


def test_no_link_leads_out_of_scratch(student, gradebook):
    for link in ("symlink", "link"):
        source = f"import os; os.{link}(path, 'inside'); answer = open('inside').read()"
        assert student.error(source, path=str(gradebook)) in {"PermissionError", "FileNotFoundError", "OSError"}
        student.answer("import os; os.path.lexists('inside') and os.unlink('inside')")


@pytest.mark.parametrize("where", ["utils", "site-packages", "tmp", "home", "root"])
def test_nothing_outside_scratch_can_be_written(server, student, tmp_path, where):
    folder = {
        "utils": Path(utils.__file__).parent,
        "site-packages": Path(pytest.__file__).parent,
        "tmp": tmp_path,
        "home": Path.home(),
        "root": Path("/"),
    }[where]
    for source in ("open(path + '/mine', 'w')", "import os; os.mkdir(path + '/mine')"):
        assert student.error(source, path=str(folder)) in {"PermissionError", "FileNotFoundError", "OSError"}
    assert not (folder / "mine").exists()


def test_readable_files_cannot_be_changed(student):
    """Neither by opening nor by the calls that need no open file, which Landlock does not see."""
    path = Path(utils.__file__)
    before, text = os.stat(path), path.read_text()
    for change in (
        "open(path, 'a')",
        "os.open(path, os.O_RDONLY | os.O_TRUNC)",
        "os.truncate(path, 0)",
        "os.chmod(path, 0o777)",
        "os.utime(path, (1, 1))",
        "os.chown(path, os.getuid(), os.getgid())",
        "os.rename(path, path + '~')",
        "os.unlink(path)",
        "os.setxattr(path, 'user.mine', b'1')",
    ):
        student.reply(f"import os; {change}", path=str(path))
    after = os.stat(path)
    assert path.read_text() == text
    assert (after.st_mode, after.st_mtime_ns, after.st_uid) == (before.st_mode, before.st_mtime_ns, before.st_uid)


def test_readable_files_cannot_be_held_up(student):
    """A lease would make others wait who open the file; an attribute could make it unchangeable."""
    held = "import fcntl; fcntl.fcntl(open(path), 1024, fcntl.F_RDLCK)"
    assert student.error(held, path=utils.__file__) == "PermissionError"
    flags = "import fcntl; fcntl.ioctl(open(path), 0x40086602, bytes(8))"
    assert student.error(flags, path=utils.__file__) == "OSError"


def test_scratch_is_a_normal_folder(student):
    source = """
    import os, shutil, tempfile
    os.makedirs("a/b")
    open("a/b/file", "w").write("text")
    shutil.copy2("a/b/file", "copy")
    os.rename("copy", "a/moved")
    os.symlink("a/moved", "link")
    os.truncate("a/moved", 2)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("x")
    answer = [os.getcwd() == str(scratch) == os.environ["HOME"], open("link").read(), sorted(os.listdir("a"))]
    """
    if student.answer("import os; answer = os.getuid() != 1000"):
        source = source.replace("os.truncate", "(lambda *_: open('a/moved', 'w').write('te'))")
    assert student.answer(source) == [True, "te", ["b", "moved"]]


def test_scratch_belongs_to_one_student(server, spawn):
    first, second = spawn(), spawn()
    path = first.answer("open('notes', 'w').write('mine'); answer = str(scratch / 'notes')")
    assert second.error("open(path)", path=path) in {"PermissionError", "FileNotFoundError"}
    assert second.answer("import os; answer = os.listdir('.')") == []


def test_a_large_file_is_refused(student):
    source = """
    with open("large", "wb") as file:
        for _ in range(64):
            file.write(bytes(2**20))
    """
    assert student.error(source) == "OSError"


def _write_until_refused(student, source: str) -> None:
    """The write fails, or the process is ended for what it wrote."""
    reply = student.reply(source)
    if reply["error"] == "closed":
        exit = student.process.wait(30)
        assert exit.reason == "killed"
        assert "MB" in exit.detail
    else:
        assert reply["errno"] in {28, 27, 122}


def test_many_large_files_are_refused(student):
    source = """
    for number in range(1000):
        with open(f"file-{number}", "wb") as file:
            file.write(bytes(2**20))
        if number > 20:
            import time; time.sleep(0.01)
    """
    _write_until_refused(student, source)


def test_deleted_files_count_while_they_are_open(student):
    source = """
    import os, time
    files = []
    for number in range(400):
        files.append(open("file", "wb"))
        os.unlink("file")
        files[-1].write(bytes(2**20))
        files[-1].flush()
        time.sleep(0.01 if number > 20 else 0)
    """
    _write_until_refused(student, source)


def test_many_small_files_are_refused(student):
    source = """
    import time
    for number in range(1_000_000):
        open(f"file-{number}", "w").close()
    """
    _write_until_refused(student, source)


def test_shared_memory_and_temporary_files_share_the_budget(server, student):
    if server.level != "full":
        pytest.skip("only namespaces give a student a /tmp and a /dev/shm of its own")
    source = """
    import os, tempfile
    names, folders = [], ("/dev/shm", tempfile.gettempdir(), ".")
    for folder in folders:
        try:
            for number in range(64):
                with open(f"{folder}/file-{number}", "wb") as file:
                    file.write(bytes(2**20))
        except OSError as error:
            names.append(error.errno)
    answer = names, sum(entry.stat().st_size for f in folders for entry in os.scandir(f))
    """
    refused, size = student.answer(source)
    assert refused == [28, 28, 28]
    assert size <= 8 * 2**20


def test_what_a_student_leaves_is_removed(server: ForkServer, spawn):
    """Deep, odd and unreadable trees too: the next student finds an empty scratch."""
    student = spawn(Budget(disk_mb=64))
    path = student.answer("answer = str(scratch)")
    source = """
    import os
    os.mkdir("closed", 0)
    os.symlink("/etc", "link")
    open("name\\nwith\\x07", "w").close()
    for _ in range(1500):
        os.mkdir("deep"); os.chdir("deep")
    """
    student.reply(source)
    student.process.kill()
    student.process.wait(30)
    follower = spawn()
    assert follower.answer("import os; answer = os.listdir('.')") == []
    if server.level == "landlock" and follower.answer("answer = str(scratch)") != path:
        assert not Path(path).exists()


def test_libraries_load_their_files_late(student):
    """What is not preloaded can still be imported and read from disk."""
    source = """
    import datetime, sqlite3, zoneinfo
    import matplotlib.pyplot as plt
    import sklearn.datasets, torchvision.transforms, torch.utils.data
    figure, axes = plt.subplots()
    axes.plot([1, 2], label=r"$\\alpha$"); axes.legend()
    figure.savefig("figure.png")
    moment = datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Madrid"))
    import os
    answer = [sklearn.datasets.load_iris().data.shape, os.path.getsize("figure.png") > 1000, bool(moment)]
    """
    assert student.answer(source) == [[150, 4], True, True]


def test_scratch_is_private_to_its_owner(server, student):
    path = Path(student.answer("answer = str(scratch)"))
    if server.level == "full":
        assert student.answer("import os; answer = os.stat('.').st_mode & 0o777") == 0o700
        assert not path.exists()
    else:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_packages_below_tmp_can_be_imported(server, monkeypatch):
    """A checkout or an environment in /tmp is not covered by the student's own folder for temporary files."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        packages = Path(folder) / "site-packages"
        packages.mkdir()
        Path(folder).chmod(0o755)
        (packages / "installed_below_tmp.py").write_text("WORD = 'found'\n")
        monkeypatch.setattr("site.ENABLE_USER_SITE", True)
        monkeypatch.setattr("site.getusersitepackages", lambda: str(packages))
        with ForkServer(server.level, entry=ENTRY) as other, other.spawn(SMALL) as process:
            source = """
            import tempfile
            import installed_below_tmp
            with tempfile.TemporaryFile() as file:
                file.write(b"private")
            answer = installed_below_tmp.WORD
            """
            assert Student(process).answer(source) == "found"
