"""Calls in a Python program: what is called, what it does, and what its arguments mean."""

from __future__ import annotations

import ast
import shlex
from typing import Any

from yett.extract.code import apis, folding, places
from yett.extract.code.state import TEMPORARY, State
from yett.extract.code.values import UNKNOWN, Made, Ref, exact, join, text_of

MAX_INLINING = 3
MANY = 500
"""Processes or threads: a loop that starts as many is a bomb."""
HUGE = 50_000_000
"""Elements or bytes: a constant size beyond it is a memory or disk bomb, not a program's need."""
ENDLESS = ("itertools.count", "itertools.repeat", "itertools.cycle", "huge")
"""What a loop over never ends."""


class Calls(State):
    """Looks up every call by its resolved name."""

    def call(self, node: ast.Call) -> Any:
        args = [self.resolve(argument) for argument in node.args]
        keywords = {k.arg: self.resolve(k.value) for k in node.keywords if k.arg}
        for keyword in node.keywords:
            if keyword.arg is None:
                self.value(keyword.value)
        if keywords.get("privileged") is True or "host" in (
            keywords.get("pid_mode"),
            keywords.get("network_mode"),
        ):
            self.flags.add("privilege")  # a container that shares its host
        if not (isinstance(node.func, ast.Name) and node.func.id in apis.NEUTRAL):
            self._called_back(args, keywords)
        if (
            isinstance(node.func, ast.Name)
            and node.func.id in self.functions
            and not isinstance(self.names.get(node.func.id), Ref)
        ):
            function = self.functions[node.func.id]
            if any(self.loops) and "fork" in self.flags:
                self.flags.add("resource_bomb")
            if self.depth and node.func.id in self.entered and self.depth >= MAX_INLINING:
                return UNKNOWN
            return self.enter(function, args, keywords)
        if isinstance(node.func, ast.Attribute):
            owner = self.resolve(node.func.value)
            folded = folding.method(owner, node.func.attr, args)
            if folded is not UNKNOWN:
                self._decoded(node.func.attr, folded)
                return folded
            result = self.method(owner, node.func, args, keywords)
            if result is not None:
                return result
        target = self.resolve(node.func)
        if isinstance(target, Ref):
            return self.call_name(target.name, args, keywords, node)
        if isinstance(node.func, (ast.Call, ast.Subscript)) and target is UNKNOWN:
            self.flags.add("computed_call")
        return UNKNOWN

    def method(self, owner: Any, func: ast.Attribute, args: list[Any], keywords: dict[str, Any]) -> Any:
        """A call of a method of something that is not a module; None if it is to be looked up by name."""
        name = func.attr
        if _namespace(owner) and name in ("get", "pop", "setdefault", "__getitem__") and args:
            return self.item(owner, args[0])
        if _namespace(owner) and name in ("items", "values") and _module_of(owner) in self.imports:
            self.flags.add("reflection")
        if name in apis.SQL_METHODS and args:
            text = text_of(args[0])
            if text is not None and len(text) > 5:
                self.calls[f"cursor.{name}"] = None
                self.nest("sql", text, f"python:{name}")
            return UNKNOWN
        if isinstance(owner, Made) and owner.name == "open":
            if (
                name.startswith("write")
                and args
                and isinstance(args[0], (Ref, Made))
                and _from_network(args[0].name)
            ):
                self.flags.add("download_write")
            if name.startswith("write") and any(self.loops):
                self.flags.add("resource_bomb")
            if name in ("write", "writelines") and args:
                self._written(args[0], owner.text)
            if name.startswith("read"):
                return Made("file.read", owner.text)
            return UNKNOWN
        if name in ("append", "extend", "appendleft", "add", "insert", "put", "write") and any(self.loops):
            self.flags.add("resource_bomb")
        if isinstance(owner, str) and name == "format" and any(word in owner for word in apis.REFLECTION):
            self.flags.add("reflection")
        if is_path(owner) and name in apis.METHODS:
            self.apply(f"pathlib.Path.{name}", apis.METHODS[name], args, keywords, owner)
            if name == "write_text" and args:
                self._written(args[0], text_of(owner))
            if name in ("glob", "rglob") and args and text_of(args[0]):
                self.touch(text_of(join([owner, "/", args[0]])) or "", "path.read", name)
            if name in ("iterdir", "glob", "rglob"):
                return Made("paths", f"{text_of(owner) or '…'}/…")
            return Made("file.read", text_of(owner)) if name.startswith("read") else UNKNOWN
        if is_path(owner) and name == "open":
            return self.open_file([owner, *args], keywords)
        if is_path(owner) and name in (
            "joinpath",
            "with_name",
            "with_suffix",
            "resolve",
            "expanduser",
            "absolute",
            "as_posix",
            "relative_to",
        ):
            return Made("pathlib.Path", text_of(join([owner, *[part for a in args for part in ("/", a)]])))
        if name in apis.SECRET_METHODS:
            self.flags.add("sensitive_read")
        if isinstance(owner, Made) and name in apis.NETWORK_METHODS:
            self.flags.add("network")
        if isinstance(owner, Made):
            full = f"{owner.name}.{name}"
            if full in apis.APIS:
                return self.call_name(full, args, keywords, None)
            return Ref(full) if _from_network(full) else UNKNOWN
        return None

    def call_name(self, name: str, args: list[Any], keywords: dict[str, Any], node: ast.Call | None) -> Any:
        """A call of something known by name: note what it does, fold what it returns if that is constant."""
        plain = name.removeprefix("builtins.").removeprefix("__builtins__.")
        self.calls[plain] = None
        if plain in ("getattr", "inspect.getattr_static"):
            return self.get_attribute(args)
        if plain in apis.LOOKUPS and args and isinstance(args[0], str):
            self.flags.add("reflection")
            return Ref(args[0].replace(":", "."))
        if plain in ("operator.attrgetter", "operator.methodcaller") and args:
            for module in self.imports:
                if f"{module}.{args[0]}" in apis.APIS:
                    self.call_name(f"{module}.{args[0]}", args[1:], {}, None)
        if plain in ("__import__", "importlib.import_module", "importlib.__import__"):
            if args and isinstance(args[0], str):
                self.imports[args[0]] = None
                if plain == "__import__":
                    self.flags.add("reflection")
                return Ref(args[0])
            self.flags.add("dynamic_code")
            return UNKNOWN
        if plain in ("globals", "locals", "vars"):
            return Made(plain, args[0].name if args and isinstance(args[0], Ref) else None)
        if plain in ("setattr", "delattr") and len(args) > 1 and not isinstance(args[1], str):
            self.flags.add("reflection")
        if plain in ("open", "io.open", "codecs.open", "os.open", "aiofiles.open", "os.fdopen"):
            return self.open_file(args, keywords)
        folded = folding.function(plain, args)
        if folded is not UNKNOWN:
            self._decoded(plain, folded)
            return folded
        if plain.startswith("base64.") and "encode" in plain and args:
            self._hidden(args[0])
            return Made("encoded", text_of(args[0]))
        if plain in ("str", "bytes", "repr", "format") and args:
            return args[0] if text_of(args[0]) is not None else UNKNOWN
        if plain == "range":
            if args and isinstance(args[-1], int) and args[-1] > HUGE:
                return Made("huge")
            if args and isinstance(args[-1], int) and args[-1] >= MANY:
                return Made("many")
            return Made("range")
        if plain in ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.WindowsPath", "Path"):
            if args and isinstance(args[0], Made) and args[0].name.startswith("tempfile."):
                return args[0]
            return Made(
                "pathlib.Path",
                text_of(join([p for i, a in enumerate(args) for p in (("/", a) if i else (a,))])),
            )
        if plain in ("pathlib.Path.home", "os.path.expanduser") and plain.endswith("home"):
            return Made("pathlib.Path", "~")
        if (
            plain
            in (
                "list",
                "tuple",
                "set",
                "bytearray",
                "bytes",
                "numpy.zeros",
                "numpy.ones",
                "numpy.empty",
                "np.zeros",
            )
            and args
        ):
            if (
                (isinstance(args[0], int) and args[0] > HUGE)
                or args[0] == Made("huge")
                or (isinstance(args[0], Made) and args[0].name in ENDLESS)
            ):
                self.flags.add("resource_bomb")
            return args[0] if isinstance(args[0], list) else UNKNOWN
        if plain == "sum" and args and args[0] == Made("huge"):
            return UNKNOWN
        api = _lookup(plain)
        if api is not None:
            dynamic = "dynamic_code" in self.flags
            if not (plain in apis.LOADS_FILE and self._loads_own(plain, args, keywords)):
                self.apply(plain, api, args, keywords, None)
            literal = (
                node is not None
                and isinstance(node.func, ast.Name)
                and bool(node.args)
                and (isinstance(node.args[0], ast.Constant) or self._own_program(args[0]) is not None)
            )
            if plain.removeprefix("builtins.") in ("eval", "exec") and literal and not dynamic:
                self.flags.discard("dynamic_code")  # its text stands there and is read in its turn
        elif plain.startswith(("ctypes.windll.", "ctypes.cdll.", "ctypes.oledll.", "ctypes.pythonapi.")):
            self.flags.add("native")
        elif plain.startswith("sh.") and "sh" in self.imports:
            self.flags.add("process")
            self.role("argv", [plain.removeprefix("sh."), *args], plain, {})
        elif plain.split(".")[0] in apis.NETWORK_MODULES and "." in plain:
            self.flags.add("network")
        if plain in ("sys.path.insert", "sys.path.append", "sys.path.extend", "site.addsitedir"):
            self.search_path(Ref("sys.path"), args)
        if plain in ("os.mkdir", "os.makedirs", "shutil.copy", "shutil.copyfile") and any(self.loops):
            self.flags.add("resource_bomb")
        if plain == "yaml.load" and not _safe_loader(node):
            self.flags.add("deserialise")
        if plain in ("numpy.load", "np.load") and keywords.get("allow_pickle") is True:
            self.flags.add("deserialise")
        if plain in apis.WORKERS and (any(self.loops) or self.many):
            self.flags.add("resource_bomb")
        if "process" in (api.flags if api else ()) and (any(self.loops) or self.many):
            self.flags.add("resource_bomb")
        if "fork" in (api.flags if api else ()) and (self.loops or self.many):
            self.flags.add("resource_bomb")
        if plain.startswith("itertools.") and plain.rpartition(".")[2] in ("count", "repeat", "cycle"):
            return Made(plain) if not (plain.endswith("repeat") and len(args) > 1) else UNKNOWN
        return (
            Made(plain, next((text_of(a) for a in args if text_of(a)), None))
            if "." in plain or api
            else UNKNOWN
        )

    def apply(self, name: str, api: apis.Api, args: list[Any], keywords: dict[str, Any], owner: Any) -> None:
        self.flags |= set(api.flags) - {"fork", "decode", "database", "file_read"}
        if "fork" in api.flags:
            self.flags.add("fork")
        self.calls[name] = None
        if "file_delete" in api.flags:
            target = owner if owner is not None else args[0] if args else keywords.get("path")
            temporary = isinstance(target, Made) and target.name.startswith("tempfile.")
            path = text_of(target) if exact(target) or is_path(target) else None
            self.deleted.append((TEMPORARY if temporary else path, name.endswith("rmtree")))
        judged = False
        for where, role in api.roles:
            if where == "self":
                value: Any = owner
            elif where == "*":
                value = args
            elif isinstance(where, int):
                value = args[where] if where < len(args) else None
            else:
                value = keywords.get(where)
            if value is not None:
                judged = True
                self.role(role, value, name, keywords)
        if "process" in api.flags:
            if api.roles and not judged:
                self.opaque.append("dynamic_command")
            if "executable" in keywords:
                self.role("shell", keywords["executable"], name, {})

    def handed_on(self, value: Any) -> Any:
        """A function that is not called here but kept, returned or decorated with: somebody calls it with anything."""
        if isinstance(value, Ref) and _lookup(value.name) is not None:
            self.call_name(value.name, [], {}, None)
        return value

    def _called_back(self, args: list[Any], keywords: dict[str, Any]) -> None:
        """`submit(f, x)`, `map(f, [x])`, `Thread(target=f, args=(x,))`: whoever is given a function calls it."""
        for function in [*args, *keywords.values()]:
            if not isinstance(function, Ref) or not (_lookup(function.name) or function.name == "open"):
                continue
            others: list[Any] = [value for value in args if value is not function]
            if isinstance(keywords.get("args"), list):
                others = [keywords["args"]]
            calls = [others]
            if len(others) == 1 and isinstance(others[0], list):
                argv = any(role == "argv" for _, role in apis.APIS.get(function.name, apis.Api()).roles)
                if not argv or any(isinstance(item, list) for item in others[0]):
                    calls = [
                        item if isinstance(item, list) and not argv else [item] for item in others[0][:32]
                    ]
            for one in calls:
                self.call_name(function.name, one, {}, None)

    def search_path(self, name: Any, value: Any) -> None:
        """Where modules are looked for from now on: not in a folder that anybody writes to."""
        if not isinstance(name, Ref):
            return
        found = [
            part
            for item in (value if isinstance(value, list) else [value])
            for part in (item if isinstance(item, list) else [item])
        ]
        if name.name == "sys.path" and any(
            (text_of(part) or "").startswith(("/tmp", "/var/tmp", "/dev/shm")) for part in found
        ):
            self.flags.add("dynamic_code")
        elif name.name in ("sys.meta_path", "sys.path_hooks"):
            self.flags.add("reflection")

    def _own_program(self, value: Any) -> str | None:
        """The path of a program of the project that was there before, if `value` is its text."""
        path = value.text if isinstance(value, Made) and value.name == "file.read" else None
        return path if path is not None and _own(path) and path not in self.made else None

    def _loads_own(self, name: str, args: list[Any], keywords: dict[str, Any]) -> bool:
        """Whether a deserialiser is told to read data only, or reads a file of the project that was there before."""
        if name == "torch.load" and "weights_only" in keywords:
            return keywords["weights_only"] is True
        source = args[0] if args else None
        path = (
            source.text if isinstance(source, Made) and (source.name == "open" or is_path(source)) else source
        )
        if (
            not isinstance(path, str)
            or not _own(path)
            or (path in self.made and "pickle.dump" not in self.calls)
        ):
            return False
        self.loaded = True
        return True

    def role(self, role: str, value: Any, name: str, keywords: dict[str, Any]) -> None:
        """Hand on an argument whose meaning is known: a command, path, URL, or program text."""
        folder = keywords.get("cwd")
        where = f"cd {shlex.quote(folder)} && " if isinstance(folder, str) else ""
        if role == "argv" and isinstance(value, list):
            words = [text_of(word) for word in value if not isinstance(word, list)]
            if words and words[0]:
                known = ["$_" if word is None or word == "…" else shlex.quote(word) for word in words]
                self.nest("shell", where + " ".join(known), f"python:{name}")
            elif words:
                self.opaque.append("dynamic_command")
            return
        text = text_of(value)
        if role == "argv":
            if keywords.get("shell") is True:
                self.flags.add("shell")
            role = "shell"
        if role == "shell":
            if text:
                self.nest("shell", where + text.replace("…", "$_"), f"python:{name}")
            elif "dynamic_command" not in self.opaque:
                self.opaque.append("dynamic_command")
        elif role == "python":
            if text and exact(value):
                self.nest("python", text, f"python:{name}")
            elif program := self._own_program(value):
                self.flags.add("process")
                self.nest("shell", f"python {shlex.quote(program)}", f"python:{name}")
            elif not (name == "compile" and value is UNKNOWN):
                self.opaque.append("dynamic_code")
                if isinstance(value, (Ref, Made)) and _from_network(value.name):
                    self.flags.add("remote_code")
        elif role.startswith("path.") and text:
            self.touch(text, role, name)
        elif role == "url" and text:
            self.nest("url", text, f"python:{name}")

    def touch(self, path: str, role: str, name: str) -> None:
        self.flags |= places.flags(path, role)
        if "://" in path:
            self.flags.add("network")
            self.nest("url", path, f"python:{name}")
        elif "…" not in path[:2] and len(path) < 4_096:
            self.nest("path", path, f"{role.rpartition('.')[2]}:python:{name}")

    def open_file(self, args: list[Any], keywords: dict[str, Any]) -> Any:
        self.calls["open"] = None
        mode = args[1] if len(args) > 1 else keywords.get("mode", "r")
        path = text_of(args[0]) if args else text_of(keywords.get("file"))
        writing = not isinstance(mode, str) or any(letter in mode for letter in "wax+")
        if isinstance(mode, str) and mode == "r":
            writing = False
        if writing and isinstance(mode, str):
            self.flags.add("file_write")
            if path and args and exact(args[0]) and _own(path):
                self.made.add(path)
        else:
            self.flags.add("file_read")
        if path:
            self.touch(path, "path.write" if writing else "path.read", "open")
        return Made("open", path)

    def get_attribute(self, args: list[Any]) -> Any:
        if len(args) < 2:
            return UNKNOWN
        owner, name = args[0], args[1]
        if isinstance(name, str):
            if name in apis.REFLECTION:
                self.flags.add("reflection")
            if isinstance(owner, (Ref, Made)):
                found = f"{owner.name}.{name}".removeprefix("builtins.").removeprefix("__builtins__.")
                if _lookup(found) is not None and isinstance(owner, Ref) and owner.name in self.imports:
                    self.flags.add("reflection")
                return Ref(found)
            return UNKNOWN
        if isinstance(owner, Ref) and (
            owner.name in self.imports or owner.name.startswith(("__builtins__", "builtins"))
        ):
            self.flags |= {"reflection", "dynamic_code"}
        return UNKNOWN


def _lookup(name: str) -> apis.Api | None:
    found = apis.APIS.get(name)
    if found is None and "." in name:
        # np.random.x is not np.x: only `module.Class.method` of a known class is looked up by its tail
        found = apis.APIS.get(name.removeprefix("six.moves."))
    return found


def _own(path: str) -> bool:
    """Whether a path stays in the folder that the program is run in."""
    return path[:1] not in "/~\\…" and ".." not in path and ":" not in path


def _namespace(value: Any) -> bool:
    """Whether it holds the names of a module, or the modules."""
    if isinstance(value, Made):
        return value.name in ("globals", "locals", "vars")
    return isinstance(value, Ref) and value.name.endswith(("__dict__", "__builtins__", "sys.modules"))


def _module_of(namespace: Any) -> str | None:
    name: str | None = namespace.text if isinstance(namespace, Made) else namespace.name
    return name.removesuffix(".__dict__") if name else None


def is_path(value: Any) -> bool:
    return isinstance(value, Made) and value.name == "pathlib.Path"


def _safe_loader(node: ast.Call | None) -> bool:
    if node is None:
        return False
    loaders = [*node.args[1:], *[k.value for k in node.keywords if k.arg == "Loader"]]
    return any("Safe" in ast.unparse(loader) or "Base" in ast.unparse(loader) for loader in loaders)


def _from_network(name: str) -> bool:
    """Whether a value with this dotted name came from a call that fetches something."""
    while name:
        found = apis.APIS.get(name)
        if found is not None:
            return "network" in found.flags
        name = name.rpartition(".")[0]
    return False
