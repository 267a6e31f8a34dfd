#!/usr/bin/env python3
"""The house rules that a machine can check (docs/style.md); fails with one line a finding.

Usage: tests/tidy.py [--self-test] [ROOT]

Looks at every source, header, script and page below ROOT (default: the repository of this file)
but build folders and run folders. Afterwards it prints the longest functions and files, so that
they are seen before they are a problem. --self-test makes bad trees and expects every rule to find
its own.
"""
import os
import re
import sys
import tempfile

# Which folders each folder may include: the table of docs/architecture.md.
INCLUDES = {
    "base": [],
    "p2p": ["base"],
    "kernels": ["base"],
    "models": ["kernels", "base"],
    "collectives": ["kernels", "base"],
    "jobs/spec": ["base"],
    "jobs/data": ["base"],
    "jobs/store": ["base"],
    "jobs": ["jobs/spec", "jobs/data", "jobs/store", "models", "collectives", "kernels", "base"],
    "slurm": ["jobs/spec", "base"],
    "cmd": ["slurm", "jobs", "jobs/spec", "jobs/data", "jobs/store", "models", "collectives",
            "kernels", "p2p", "base"],
}
TOP_ONLY = ["tests", "bench"]  # may include everything; nothing includes them

# Libraries and the folders that may reach for them.
LIBRARIES = [
    (r"sodium\.h", ["base"]),
    (r"openssl/.*\.h", ["base", "p2p"]),
    (r"hdf5.*\.h", ["jobs/store", "jobs/data", "cmd"]),
    (r"zlib\.h", ["jobs/data"]),
    (r"yaml\.h", ["jobs/spec"]),
    (r"mpi\.h", ["collectives", "cmd"]),
]

# Calls that are wrong everywhere or outside one place: pattern, where it is fine, what to use.
BANNED = [
    (r"strcpy|strcat|strncpy|sprintf|vsprintf|gets", [], "snprintf"),
    (r"rand|srand|random|srandom|drand48", [], "base/philox.h or vain_random_bytes"),
    (r"time|gettimeofday", ["cmd/", "tests/", "bench/"], "the clock of struct vain_world"),
    (r"malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|strndup",
     ["base/memory.c", "tests/", "bench/"], "vain_take and vain_release"),
    (r"exit|_exit|abort|quick_exit", ["cmd/", "tests/", "bench/", "base/status.c"],
     "a status to the caller, or VAIN_ASSERT"),
    (r"system|popen", ["tests/"], "a library"),
    (r"alloca|setjmp|longjmp", [], "nothing of the kind"),
]

# Functions that are longer for a reason that the code shows: "path:name": reason.
LONG_FUNCTIONS = {
}

LINE_CHARACTERS = 100
SCRIPT_CHARACTERS = 120
FILE_LINES = 800
FUNCTION_LINES = 70
SHOWN = 8
SKIPPED_FOLDERS = re.compile(r"^(build.*|runs|__pycache__|\..*)$")
CODE = (".c", ".h", ".cu")
CHECKED = CODE + (".py", ".sh", ".sbatch", ".cmake", ".md", ".yaml", ".yml", ".txt")
SCRIPTS = ("check", "quickstart", "run")
DATA_FOLDERS = re.compile(r"(^|/)(golden|corpus|broken|results)/")
# Split, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
# Sections of a document that nobody outside can open; also where a comment breaks its line.
UNKNOWN_SOURCE = re.compile(r"\bprotocols[\s*/]+(?:section|amendment)s?\b|\bprotocols: ")


class Tree:
    """The checked files below a root, and what was found wrong with them."""

    def __init__(self, root):
        self.root = root
        self.findings = []
        self.functions = []  # (lines, path, name)
        self.lengths = []  # (lines, path)

    def find(self, rule, path, line, message):
        self.findings.append((rule, path, line, message))

    def paths(self):
        for folder, below, names in os.walk(self.root):
            below[:] = [name for name in sorted(below)
                        if name == ".ci" or not SKIPPED_FOLDERS.match(name)]
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                wanted = name.endswith(CHECKED) or name in SCRIPTS
                if wanted and not DATA_FOLDERS.search(path):
                    yield path


def folder_of(path):
    """The longest folder of the include table that holds `path`, or its first folder."""
    best = ""
    for folder in list(INCLUDES) + TOP_ONLY:
        if path.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best or path.split("/")[0]


def blank(text):
    """The same text with comments, strings and character constants blanked, lines kept."""
    def spaces(match):
        token = match.group(0)
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1]
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, spaces, text, flags=re.S)


def check_text(tree, path, lines):
    prose = path.endswith((".md", ".txt"))
    most = LINE_CHARACTERS if path.endswith(CODE) else SCRIPT_CHARACTERS
    for number, line in enumerate(lines, 1):
        if len(line) > most and not prose:
            tree.find("line", path, number, f"{len(line)} characters, at most {most}")
        if "\t" in line:
            tree.find("tab", path, number, "a tab; indent by spaces")
        if line != line.rstrip():
            tree.find("space", path, number, "spaces at the end of the line")
        if UNFINISHED.search(line):
            tree.find("unfinished", path, number, "a mark of unfinished work; open an issue")
    if lines and lines[-1] == "":
        tree.find("space", path, len(lines), "empty lines at the end of the file")


def check_sources_cited(tree, path, text):
    for match in UNKNOWN_SOURCE.finditer(text):
        tree.find("source", path, text.count("\n", 0, match.start()) + 1,
                  "cite docs/protocol.md by its heading, or what is published")


def check_includes(tree, path, text):
    folder = folder_of(path)
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not match:
            continue
        target = match.group(2)
        if match.group(1) == "<":
            for pattern, folders in LIBRARIES:
                if re.fullmatch(pattern, target) and folder not in folders + TOP_ONLY:
                    tree.find("library", path, number,
                              f"<{target}> from {folder}; only {', '.join(folders)} may")
            continue
        if not os.path.exists(os.path.join(tree.root, target)):
            tree.find("include", path, number, f'"{target}": name it by its path from the root')
            continue
        other = folder_of(target)
        if folder in TOP_ONLY or other == folder:
            continue
        if folder not in INCLUDES:
            tree.find("include", path, number, f"{folder} is not in the include table")
        elif other not in INCLUDES[folder]:
            allowed = ", ".join(INCLUDES[folder]) or "nothing"
            tree.find("include", path, number,
                      f"{folder} includes {other}; it may include {allowed}")


def check_calls(tree, path, code):
    for number, line in enumerate(code.split("\n"), 1):
        for pattern, fine, instead in BANNED:
            match = re.search(r"(?<![\w.>])(" + pattern + r")\s*\(", line)
            if match and not path.startswith(tuple(fine)):
                tree.find("banned", path, number, f"{match.group(1)}(): use {instead}")
        if re.search(r"\bgoto\s+(?!out\b)", line):
            tree.find("goto", path, number, "goto other than out; return early")
        if re.search(r"\btypedef\s+(struct|enum|union)\b[^(]*$", line):
            tree.find("typedef", path, number, "write struct and enum where they are used")


def check_functions(tree, path, code):
    """A function begins at the line above its lone brace and ends at the brace of column 1."""
    lines = code.split("\n")
    start = name = None
    for number, line in enumerate(lines, 1):
        if line == "{" and number > 1:
            first = number - 1
            while first > 1 and lines[first - 1].startswith(" "):
                first -= 1
            signature = " ".join(lines[first - 1:number - 1])
            match = re.search(r"(\w+)\s*\(", signature)
            start, name = first, match.group(1) if match else "?"
        elif line.startswith("}") and start is not None:
            length = number - start + 1
            tree.functions.append((length, path, name))
            if length > FUNCTION_LINES and f"{path}:{name}" not in LONG_FUNCTIONS:
                tree.find("function", path, start,
                          f"{name} has {length} lines, at most {FUNCTION_LINES}")
            start = None


def check_shape(tree, path, text, lines):
    tree.lengths.append((len(lines), path))
    if len(lines) > FILE_LINES:
        tree.find("file", path, 1, f"{len(lines)} lines, at most {FILE_LINES}: it holds two nouns")
    # A source may leave the essay to its header; a test's name is its essay.
    told_elsewhere = path.endswith(".c") and (
        path.startswith("tests/") or os.path.exists(os.path.join(tree.root, path[:-1] + "h")))
    if not text.startswith("/* ") and not told_elsewhere:
        tree.find("essay", path, 1, "begins without a comment that says what lives here")
    if path.endswith(".h") and not re.search(r"^#pragma once$", text, flags=re.M):
        tree.find("pragma", path, 1, "a header without #pragma once")


def check(root):
    tree = Tree(root)
    for path in tree.paths():
        with open(os.path.join(root, path), encoding="utf-8") as file:
            try:
                text = file.read()
            except UnicodeDecodeError as error:
                tree.find("utf8", path, 1, f"is not UTF-8: {error}")
                continue
        lines = text.removesuffix("\n").split("\n")
        check_text(tree, path, lines)
        if path.endswith(CODE):
            code = blank(text)
            check_sources_cited(tree, path, text)
            check_includes(tree, path, text)
            check_calls(tree, path, code)
            check_functions(tree, path, code)
            check_shape(tree, path, text, lines)
    return tree


def report(tree):
    print("longest functions:")
    for length, path, name in sorted(tree.functions, reverse=True)[:SHOWN]:
        print(f"  {length:4} {path}: {name}")
    print("longest files:")
    for length, path in sorted(tree.lengths, reverse=True)[:SHOWN]:
        print(f"  {length:4} {path}")
    for rule, path, line, message in tree.findings:
        print(f"{path}:{line}: {rule}: {message}")
    functions = sorted(length for length, _, _ in tree.functions) or [0]
    print(f"tidy: {len(tree.lengths)} files of code, {len(tree.functions)} functions, median "
          f"{functions[len(functions) // 2]} lines; {len(tree.findings)} findings")
    return 1 if tree.findings else 0


# ---- Self-test: a tree without findings, and changes that each rule must find ----

GOOD = {
    "base/a.h": "/* What a is. */\n#pragma once\nint vain_a(int x);\n",
    "base/a.c": '/* How a works: malloc(1) in a comment and "free(" in a string are fine. */\n'
                '#include "base/a.h"\n\nint vain_a(int x)\n{\n    const char *s = "free(x)";\n'
                "    return x + s[0];\n}\n",
    "kernels/k.c": '/* K. */\n#include "base/a.h"\n',
    "jobs/data/d.c": '/* D. */\n#include "base/a.h"\n',
    "jobs/j.c": '/* J. */\n#include "jobs/data/d.h"\n#include "kernels/k.h"\n',
    "jobs/data/d.h": "/* D. */\n#pragma once\n",
    "kernels/k.h": "/* K. */\n#pragma once\n",
    "tests/t.h": "/* T. */\n#pragma once\n",
    "docs/page.md": "A page may have a long line, " * 9 + "you see.\n",
    "tests/t.c": '#include "tests/t.h"\n#include "jobs/data/d.h"\n#include <sodium.h>\n',
    "build/x.c": "strcpy(a, b);\n",
    "tests/specs/broken/x.yaml": "\t\n",
}
BODY = "/* B. */\nint f(void)\n{\n    %s\n}\n"
BAD = [
    ("include", "base/b.c", '/* B. */\n#include "kernels/k.h"\n'),
    ("include", "kernels/b.c", '/* B. */\n#include "jobs/data/d.h"\n'),
    ("include", "jobs/data/b.c", '/* B. */\n#include "jobs/j.c"\n'),
    ("include", "cmd/b.c", '/* B. */\n#include "tests/t.h"\n'),
    ("include", "base/b.c", '/* B. */\n#include "a.h"\n'),
    ("include", "elsewhere/b.c", '/* B. */\n#include "base/a.h"\n'),
    ("library", "jobs/data/b.c", "/* B. */\n#include <sodium.h>\n"),
    ("library", "base/b.c", "/* B. */\n#include <mpi.h>\n"),
    ("banned", "base/b.c", BODY % "strcpy(a, b);"),
    ("banned", "cmd/b.c", BODY % "sprintf (a, b);"),
    ("banned", "base/b.c", BODY % "return rand();"),
    ("banned", "jobs/b.c", BODY % "x = time(NULL);"),
    ("banned", "jobs/b.c", BODY % "char *p = malloc(3);"),
    ("banned", "jobs/b.c", BODY % "free(p);"),
    ("banned", "jobs/b.c", BODY % "exit(1);"),
    ("goto", "jobs/b.c", BODY % "goto again;"),
    ("typedef", "jobs/b.c", "/* B. */\ntypedef struct x {\n    int y;\n} x;\n"),
    ("line", "jobs/b.c", "/* B. */\nint " + "x" * 100 + ";\n"),
    ("line", "cmake/b.cmake", "# " + "x" * 120 + "\n"),
    ("tab", "jobs/b.c", "/* B. */\n\tint x;\n"),
    ("space", "jobs/b.c", "/* B. */\nint x; \n"),
    ("space", "jobs/b.c", "/* B. */\nint x;\n\n"),
    ("file", "jobs/b.c", "/* B. */\n" + "int x;\n" * FILE_LINES),
    ("function", "jobs/b.c", BODY % ("x++;\n    " * (FUNCTION_LINES - 3) + "x++;")),
    ("essay", "kernels/b.c", "int x;\n"),
    ("essay", "jobs/b.h", "#pragma once\n"),
    ("pragma", "jobs/b.h", "/* B. */\n"),
    ("unfinished", "jobs/b.c", "/* B. TO" + "DO later */\n"),
    ("unfinished", "docs/b.md", "FIX" + "ME\n"),
    ("source", "jobs/b.h", "/* Masks (protocols section 1). */\n#pragma once\n"),
    ("source", "jobs/b.c", "/* Masks (protocols\n * amendment 3). */\nint x;\n"),
    ("source", "jobs/b.c", "/* protocols: quantiser */\nint x;\n"),
    ("utf8", "docs/b.md", b"\xff\n"),
]
NEARLY = [
    ("jobs/b.c", '/* Masks (docs/protocol.md, "Masks"), unlike other protocols. Sections: 2. */\n'),
    ("kernels/k.c", '#include "kernels/k.h"\n'),
    ("jobs/b.c", "/* B. */\ntypedef enum x (*y)(int z);\n"),
    ("jobs/b.c", BODY % "yaml_free(p); x->free(p); x.time(p); my_rand();"),
    ("cmd/b.c", BODY % "exit(1); time(NULL);"),
    ("base/memory.c", BODY % "free(p);"),
    ("jobs/b.c", BODY % "goto out;"),
    ("jobs/b.c", "/* B. */\nint " + "ü" * 95 + ";\n"),
    ("jobs/b.c", BODY % ("x++;\n    " * (FUNCTION_LINES - 5) + "x++;")),
    ("jobs/b.c", "/* B. */\n" + "int x;\n" * (FILE_LINES - 1)),
]


def rules_found(extra_path, extra):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, extra_path: extra}.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        return sorted({rule for rule, _, _, _ in check(root).findings})


def self_test():
    passed = failed = 0
    cases = [([], "base/a.c", GOOD["base/a.c"])]
    cases += [([], path, text) for path, text in NEARLY]
    cases += [([rule], path, text) for rule, path, text in BAD]
    for expected, path, text in cases:
        found = rules_found(path, text)
        if found == expected:
            passed += 1
        else:
            failed += 1
            print(f"{path}: expected {expected}, found {found}: {text[:80]!r}")
    print(f"tidy self-test: {passed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments):
    if "--self-test" in arguments:
        return self_test()
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return report(check(arguments[0] if arguments else here))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
