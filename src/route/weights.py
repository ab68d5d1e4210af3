"""weights.py ROUTER.bin OUT.h: the router's weights as C.  The file: the line "nigh-router 1\n", then six
numbers on a line (bias and scale of either head, mean and deviation of the score), then pairs of int8."""
import struct
import sys


def main(path, out):
    with open(path, 'rb') as f:
        if f.readline() != b'nigh-router 1\n':
            sys.exit(f'{path}: not a file of router weights')
        numbers = [float(word) for word in f.readline().split()]
        raw = f.read()
    if len(numbers) != 6 or len(raw) != 2 * 16384:
        sys.exit(f'{path}: {len(numbers)} numbers and {len(raw)} bytes')
    names = ['bias_weak', 'scale_weak', 'bias_strong', 'scale_strong', 'mean', 'sd']
    pairs = ['{%d,%d}' % pair for pair in struct.iter_unpack('bb', raw)]
    with open(out, 'w') as f:
        f.write('/* Made from data/router.bin by src/route/weights.py. */\n')
        for name, number in zip(names, numbers):
            f.write(f'static const double router_{name} = {number!r};\n')
        f.write('static const struct pair router_weights[WEIGHTS_BUCKETS] = {\n')
        for i in range(0, len(pairs), 12):
            f.write(','.join(pairs[i:i + 12]) + ',\n')
        f.write('};\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
