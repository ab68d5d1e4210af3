"""Row 21: no comparison that ends at the first difference touches a key.

What the functions that look at a presented key call is read from the machine code.  How long they take is measured by
test-label-key-time."""
import os
import re
import subprocess

import rig

LEAKY = re.compile(r'(mem|str|strn|strcase|strncase|b)cmp|slice_(eq|is|ieq|starts)|memmem|strstr')
# Every function that sees the text of a key or a digest of one, and what it must compare with.
WATCHED = {
    'label_key.c': {'key_find': 'sodium_memcmp', 'digest_of': None},
    'nigh_local_key.c': {'local_key_is': 'sodium_memcmp'},
    'nigh_accept.c': {'key_ok': None, 'presented_key': None, 'accept_key': None},
}


def calls(path, function):
    """What a function calls, after inlining; None: it was inlined itself."""
    whole = subprocess.run(['objdump', '-dr', '--no-show-raw-insn', path], capture_output=True, text=True, check=True).stdout
    _, found, code = whole.partition(f'<{function}>:\n')
    if not found:
        return None
    code = code.split('\n\n')[0]
    return set(re.findall(r'R_X86_64_(?:PLT32|PC32|GOTPCRELX?)\s+([A-Za-z_]\w*)', code)) | set(re.findall(r'R_AARCH64_(?:CALL|JUMP)26\s+(\w+)', code))


def planted(folder):
    source, path = os.path.join(folder, 'x.c'), os.path.join(folder, 'x.o')
    with open(source, 'w') as f:
        f.write('#include <string.h>\nint key_find(const char *a, const char *b) { return memcmp(a, b, strlen(a)); }\n')
    subprocess.run(['cc', '-O2', '-fno-builtin', '-c', source, '-o', path], check=True)
    return path


def run(tap):
    got = calls(planted(rig.temp_dir()), 'key_find')
    tap.tell(any(LEAKY.fullmatch(c) for c in got), 'control: a planted memcmp is seen', got)
    folder = os.path.join(rig.BUILD, 'libnigh.a.p')
    for name, functions in WATCHED.items():
        path = os.path.join(folder, 'src_' + name + '.o')
        if not os.path.exists(path):
            tap.tell(False, f'{name} is built', path)
            continue
        seen = 0
        for function, wants in functions.items():
            got = calls(path, function)
            if got is None:  # its caller is watched
                continue
            seen += 1
            leaks = {c for c in got if LEAKY.fullmatch(c)}
            # The scheme of a header is no secret.
            leaks -= {'strncasecmp'} if name == 'nigh_accept.c' else set()
            tap.tell(not leaks and (not wants or wants in got), f'{name}: {function} compares in constant time', got)
        tap.tell(seen > 0, f'{name}: {seen} functions were looked at')
