"""included.py NAME FILE OUT.h: #define NAME, the path of a file that .incbin takes in; its check sum beside it, so that the
header changes when the file does."""
import pathlib
import sys
import zlib

name, file, out = sys.argv[1:]
path = pathlib.Path(file).resolve()
pathlib.Path(out).write_text(f'#define {name} "{path}" /* {zlib.crc32(path.read_bytes()):08x} */\n')
