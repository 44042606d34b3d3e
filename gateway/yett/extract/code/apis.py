"""What the functions of Python's standard library and of common packages do: data for the analyser of Python.

A name is looked up whole, then by its longest known prefix. Roles say what an argument is: `path.read`,
`path.write`, `path.delete`, `shell` (a command line), `argv` (a list or a command line), `url`, `sql`, `python`.
Sources: the Python 3.13 library reference and the packages' own documentation.
"""

from __future__ import annotations

from typing import NamedTuple

from yett.extract.words import words


class Api(NamedTuple):
    """Flags that a call sets, and the roles of its arguments by position or name."""

    flags: tuple[str, ...] = ()
    roles: tuple[tuple[int | str, str], ...] = ()


def _table(*rows: tuple[str, str, tuple[tuple[int | str, str], ...]]) -> dict[str, Api]:
    found = {}
    for names, flags, roles in rows:
        for name in names.split():
            found[name] = Api(tuple(flags.split()), roles)
    return found


_SHELL = ((0, "shell"), ("command", "shell"), ("cmd", "shell"))
_ARGV = ((0, "argv"), ("args", "argv"))
_READ = ((0, "path.read"), ("path", "path.read"), ("file", "path.read"), ("filename", "path.read"))
_WRITE = ((0, "path.write"), ("path", "path.write"), ("file", "path.write"), ("filename", "path.write"))
_DELETE = ((0, "path.delete"), ("path", "path.delete"))
_MOVE = ((0, "path.delete"), (1, "path.write"), ("src", "path.delete"), ("dst", "path.write"))
_COPY = ((0, "path.read"), (1, "path.write"), ("src", "path.read"), ("dst", "path.write"))
_LINK = ((0, "path.read"), (1, "path.write"))
_URL = ((0, "url"), ("url", "url"))
_URL1 = ((1, "url"), ("url", "url"))
_CODE = ((0, "python"), ("source", "python"))

APIS: dict[str, Api] = _table(
    ("os.system os.popen os.popen2 os.popen3 os.popen4 popen2.popen2 commands.getoutput commands.getstatusoutput pexpect.run pexpect.spawn "
     "subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_shell asyncio.subprocess.create_subprocess_shell pty.spawn "
     "pip.main pip._internal.main IPython.get_ipython.system IPython.get_ipython.getoutput invoke.run fabric.api.local fabric.api.run plumbum.cmd sh.bash sh.sh win32api.WinExec",
     "process shell", _SHELL),
    ("platform.popen distutils.spawn.spawn setuptools._distutils.spawn.spawn invoke.Context.run webbrowser.get pip._internal.cli.main.main "
     "docker.from_env.containers.run docker.DockerClient.containers.run docker.from_env.containers.create", "process", _ARGV),
    ("_posixsubprocess.fork_exec", "process", ()),
    ("subprocess.run subprocess.call subprocess.Popen subprocess.check_call subprocess.check_output subprocess.popen", "process", _ARGV),
    ("asyncio.create_subprocess_exec asyncio.subprocess.create_subprocess_exec os.execl os.execle os.execlp os.execlpe os.spawnl "
     "os.spawnle os.spawnlp os.spawnlpe os.startfile", "process", ((0, "argv"), ("*", "argv"))),
    ("os.execv os.execve os.execvp os.execvpe os.posix_spawn os.posix_spawnp", "process", ((1, "argv"),)),
    ("os.spawnv os.spawnve os.spawnvp os.spawnvpe", "process", ((2, "argv"),)),
    ("os.fork os.forkpty pty.fork", "process fork", ()),
    ("os.kill os.killpg signal.pthread_kill psutil.Process.kill psutil.Process.terminate", "kill", ()),
    ("os.abort os._exit os.reboot", "kill", ()),
    ("os.setuid os.setgid os.seteuid os.setegid os.setreuid os.setregid os.setresuid os.setgroups os.chroot os.initgroups os.setns os.unshare",
     "privilege", ()),
    ("os.remove os.unlink os.rmdir os.removedirs shutil.rmtree pathlib.Path.unlink pathlib.Path.rmdir send2trash.send2trash", "file_delete", _DELETE),
    ("os.rename os.renames os.replace shutil.move", "file_write", _MOVE),
    ("shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.copymode shutil.copystat distutils.file_util.copy_file distutils.dir_util.copy_tree", "file_write", _COPY),
    ("os.symlink os.link", "file_write", _LINK),
    ("os.chmod os.chown os.lchown os.lchmod os.fchmod os.chflags os.setxattr shutil.chown", "file_mode", _WRITE),
    ("os.truncate os.ftruncate os.mkfifo os.mknod os.utime", "file_write", _WRITE),
    ("os.mkdir os.makedirs", "file_write", _WRITE),
    ("os.listdir os.scandir os.walk os.stat os.lstat glob.glob glob.iglob os.readlink pathlib.Path.glob pathlib.Path.iterdir", "", _READ),
    ("pandas.read_csv pandas.read_excel pandas.read_json pandas.read_table numpy.loadtxt numpy.genfromtxt linecache.getline linecache.getlines "
     "fileinput.input configparser.ConfigParser.read dotenv.load_dotenv dotenv.dotenv_values mmap.mmap", "file_read", _READ),
    ("shutil.make_archive tarfile.open zipfile.ZipFile gzip.open bz2.open lzma.open", "", _READ),
    ("shutil.unpack_archive tarfile.TarFile.extractall zipfile.ZipFile.extractall", "file_write", _READ),
    ("pwd.getpwall pwd.getpwnam spwd.getspall spwd.getspnam grp.getgrall", "sensitive_read", ()),
    ("getpass.getpass keyring.get_password keyring.get_credential win32crypt.CryptUnprotectData secretstorage.get_default_collection browser_cookie3.load "
     "browser_cookie3.chrome browser_cookie3.firefox", "sensitive_read", ()),
    ("requests.get requests.post requests.put requests.delete requests.head requests.patch requests.options httpx.get httpx.post httpx.put httpx.delete "
     "httpx.stream urllib.request.urlopen urllib.request.urlretrieve urllib.request.Request urllib2.urlopen urllib2.Request urllib.urlopen urllib.urlretrieve "
     "urllib3.request wget.download websocket.create_connection websockets.connect feedparser.parse "
     "pandas.read_html", "network", _URL),
    ("requests.request httpx.request http.client.HTTPConnection.request", "network", _URL1),
    ("socket.socket socket.create_connection socket.create_server socket.gethostbyname socket.getaddrinfo socket.socketpair socketserver.TCPServer socketserver.UDPServer "
     "http.server.HTTPServer http.server.ThreadingHTTPServer http.client.HTTPConnection http.client.HTTPSConnection ftplib.FTP ftplib.FTP_TLS smtplib.SMTP smtplib.SMTP_SSL "
     "telnetlib.Telnet poplib.POP3 imaplib.IMAP4 imaplib.IMAP4_SSL nntplib.NNTP paramiko.SSHClient paramiko.Transport asyncio.open_connection "
     "asyncio.start_server xmlrpc.client.ServerProxy dns.resolver.resolve dns.resolver.query scapy.all.send scapy.all.sr1 scapy.all.sniff impacket "
     "aiohttp.ClientSession requests.Session requests.session httpx.Client httpx.AsyncClient urllib3.PoolManager urllib3.HTTPConnectionPool boto3.client boto3.resource "
     "pysftp.Connection webbrowser.open http.server.test logging.handlers.HTTPHandler logging.handlers.SMTPHandler logging.handlers.SocketHandler", "network", ()),
    ("socket.gethostname socket.getfqdn socket.inet_aton socket.inet_ntoa socket.htons socket.ntohs socket.inet_pton", "", ()),
    ("pickle.load pickle.loads pickle.Unpickler cPickle.load cPickle.loads _pickle.loads marshal.load marshal.loads shelve.open dill.load dill.loads "
     "cloudpickle.load cloudpickle.loads jsonpickle.decode yaml.unsafe_load yaml.unsafe_load_all yaml.full_load joblib.load torch.load pandas.read_pickle "
     "numpy.lib.format.read_array sklearn.externals.joblib.load keras.models.load_model tensorflow.keras.models.load_model", "deserialise", ()),
    ("eval exec builtins.eval builtins.exec code.InteractiveInterpreter.runsource code.InteractiveInterpreter.runcode code.interact "
     "timeit.timeit timeit.repeat timeit.Timer cProfile.run cProfile.runctx profile.run pdb.run trace.Trace.run doctest.testsource "
     "asteval.Interpreter numexpr.evaluate pandas.eval sympy.sympify bdb.Bdb.run pdb.Pdb.run trace.Trace.runctx numpy.testing.runstring "
     "tkinter.Tcl.eval", "dynamic_code", _CODE),
    ("compile builtins.compile codeop.compile_command", "dynamic_code", _CODE),
    ("runpy.run_path runpy.run_module imp.load_source imp.load_module imp.load_compiled importlib.util.spec_from_file_location "
     "importlib.machinery.SourceFileLoader importlib.machinery.ExtensionFileLoader imp.load_dynamic zipimport.zipimporter execfile importlib.reload",
     "dynamic_code", ((0, "path.read"), (1, "path.read"))),
    ("types.CodeType types.FunctionType marshal.dumps.exec", "dynamic_code reflection", ()),
    ("ctypes.CDLL ctypes.cdll.LoadLibrary ctypes.WinDLL ctypes.windll ctypes.PyDLL ctypes.pythonapi ctypes.cast ctypes.memmove ctypes.memset ctypes.string_at "
     "ctypes.CFUNCTYPE ctypes.POINTER cffi.FFI ctypes.dlopen ctypes.util.find_library ctypes.create_string_buffer llvmlite.binding "
     "numpy.ctypeslib.load_library numpy.f2py.compile", "native", ()),
    ("gc.get_objects gc.get_referrers inspect.currentframe sys._getframe inspect.stack sys.settrace sys.setprofile sys.addaudithook threading.settrace "
     "sys.meta_path.insert sys.meta_path.append sys.path_hooks.insert sys.path_hooks.append sys.modules.clear", "reflection", ()),
    ("os.getenv os.environ.get os.environ.copy os.environ.items os.getenvb", "env_read", ()),
    ("os.putenv os.unsetenv os.environ.update os.environ.setdefault", "env_write", ()),
    ("winreg.SetValue winreg.SetValueEx winreg.CreateKey winreg.CreateKeyEx winreg.DeleteKey _winreg.SetValueEx crontab.CronTab", "persist", ()),
    ("pynput.keyboard.Listener pynput.mouse.Listener keyboard.hook keyboard.on_press keyboard.record keyboard.read_event pyautogui.screenshot PIL.ImageGrab.grab "
     "mss.mss pyperclip.paste cv2.VideoCapture sounddevice.rec pyaudio.PyAudio win32clipboard.GetClipboardData", "surveillance", ()),
    ("resource.setrlimit os.nice os.sched_setaffinity sys.setrecursionlimit", "", ()),
    ("sqlite3.connect aiosqlite.connect", "database", ((0, "path.read"), ("database", "path.read"))),
    ("psycopg2.connect psycopg.connect pymysql.connect MySQLdb.connect mysql.connector.connect pyodbc.connect cx_Oracle.connect oracledb.connect "
     "asyncpg.connect sqlalchemy.create_engine", "database", ()),
    ("cryptography.fernet.Fernet.encrypt Crypto.Cipher.AES.new pyAesCrypt.encryptFile", "encryption", ()),
    ("base64.b64decode base64.b32decode base64.b16decode base64.b85decode base64.a85decode base64.decodebytes base64.urlsafe_b64decode binascii.unhexlify "
     "binascii.a2b_base64 codecs.decode zlib.decompress lzma.decompress bz2.decompress gzip.decompress bytes.fromhex", "decode", ()),
)  # fmt: skip

APIS |= {
    f"{client}.{method}": Api(("network",), _URL if method not in ("request", "stream") else _URL1)
    for client in (
        "requests.Session", "requests.session", "httpx.Client", "httpx.AsyncClient", "aiohttp.ClientSession", "urllib3.PoolManager",
    )
    for method in ("get", "post", "put", "patch", "delete", "head", "options", "request", "stream")
}  # fmt: skip
LOADS_FILE = frozenset(
    (
        "pickle.load", "pickle.Unpickler", "dill.load", "cloudpickle.load", "joblib.load", "torch.load", "pandas.read_pickle",
        "keras.models.load_model", "tensorflow.keras.models.load_model",
    )
)  # fmt: skip
"""Deserialisers that read a file: of the project's own they read what the project wrote."""

SAME = {"posix": "os", "nt": "os", "_io": "io", "_socket": "socket", "_pickle": "pickle", "_ctypes": "ctypes"}
"""What a module is a part or another name of."""
LEAKED = words("os sys subprocess builtins shutil socket importlib ctypes posix io")
"""Modules that other modules have among their names."""
LOOKUPS = words(
    "pydoc.locate pkgutil.resolve_name django.utils.module_loading.import_string werkzeug.utils.import_string"
)
"""They return what a string names."""
WORKERS = words(
    "threading.Thread multiprocessing.Process threading.Timer concurrent.futures.ThreadPoolExecutor"
)
NEUTRAL = words("isinstance issubclass hasattr callable type id print repr str help")
"""They do not call what they are given."""

METHODS: dict[str, Api] = _table(
    ("unlink rmdir", "file_delete", (("self", "path.delete"),)),
    ("write_text write_bytes touch", "file_write", (("self", "path.write"),)),
    ("read_text read_bytes", "file_read", (("self", "path.read"),)),
    ("symlink_to hardlink_to link_to", "file_write", (("self", "path.write"), (0, "path.read"))),
    ("rename replace", "file_write", (("self", "path.delete"), (0, "path.write"))),
    ("chmod lchmod", "file_mode", (("self", "path.write"),)),
    ("mkdir", "file_write", (("self", "path.write"),)),
    ("iterdir glob rglob", "", (("self", "path.read"),)),
)  # fmt: skip
"""Methods of a `pathlib.Path`."""

SQL_METHODS = frozenset(
    (
        "execute",
        "executemany",
        "executescript",
        "read_sql",
        "read_sql_query",
        "raw",
        "exec_driver_sql",
        "query",
    )
)
SECRET_METHODS = frozenset(
    (
        "list_secret_for_all_namespaces", "list_namespaced_secret", "read_namespaced_secret", "get_secret_value",
        "batch_get_secret_value", "access_secret_version", "list_secrets", "get_parameters_by_path", "get_frozen_credentials", "get_session_token",
    )
)  # fmt: skip
"""Methods of clusters' and clouds' clients that hand out what is kept secret."""
NETWORK_METHODS = frozenset(
    (
        "urlopen",
        "sendto",
        "connect",
        "connect_ex",
        "sendmail",
        "send_message",
        "storbinary",
        "retrbinary",
        "urlretrieve",
        "exec_command",
    )
)
REFLECTION = frozenset(
    (
        "__subclasses__", "__globals__", "__mro__", "__bases__", "__base__", "__builtins__", "__code__", "__closure__", "__reduce__", "__reduce_ex__",
        "__getattribute__", "__loader__", "__spec__", "f_globals", "f_locals", "f_builtins", "f_back", "gi_frame", "cr_frame", "tb_frame",
        "co_code", "co_consts", "__func__", "__self__", "__init_subclass__", "__class_getitem__", "__import__",
    )
)  # fmt: skip
"""Attributes that lead out of a sandbox. `__class__`, `__dict__` and `__name__` are everyday."""

NETWORK_MODULES = words(
    "socket requests httpx aiohttp urllib3 ftplib smtplib telnetlib paramiko websocket websockets scapy impacket pysftp dns nmap shodan twisted"
)
