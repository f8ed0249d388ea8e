"""Makes a tiny model out of a model: tiny-model.py SOURCE.gguf TARGET.gguf

The tokenizer and the chat template are those of the source, an ordinary model of architecture
`llama`. The weights are random and few, so that a run is quick even under valgrind; what it says
makes no sense.
"""

import array
import random
import struct
import sys

WIDTH, INNER, HEADS, HEADS_KV = 64, 128, 4, 2
HEAD = WIDTH // HEADS
UINT32, STRING, ARRAY = 4, 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
F32, ALIGNMENT = 0, 32

SMALLER = {
    "general.file_type": F32,
    "llama.block_count": 1,
    "llama.embedding_length": WIDTH,
    "llama.feed_forward_length": INNER,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": HEADS_KV,
    "llama.rope.dimension_count": HEAD,
}


class Source:
    """The metadata of a GGUF file, as the bytes that they are."""

    def __init__(self, data):
        self.data, self.at = data, 0
        if self.take(4) != b"GGUF":
            sys.exit("the source is not a GGUF file")
        self.version, _, count = struct.unpack("<IQQ", self.take(20))
        self.pairs = [self.pair() for _ in range(count)]

    def take(self, size):
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self):
        return self.take(self.number("<Q"))

    def skip(self, kind):
        """Goes over a value; returns its length if it is an array."""
        if kind == STRING:
            self.string()
        elif kind == ARRAY:
            inner, count = self.number("<I"), self.number("<Q")
            for _ in range(count):
                self.skip(inner)
            return count
        else:
            self.take(SIZES[kind])
        return None

    def pair(self):
        start = self.at
        key = self.string().decode()
        kind = self.number("<I")
        length = self.skip(kind)
        return key, self.data[start : self.at], length


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def shapes(vocabulary):
    yield "token_embd.weight", [WIDTH, vocabulary]
    yield "output_norm.weight", [WIDTH]
    for name, shape in {
        "attn_norm": [WIDTH],
        "attn_q": [WIDTH, WIDTH],
        "attn_k": [WIDTH, HEADS_KV * HEAD],
        "attn_v": [WIDTH, HEADS_KV * HEAD],
        "attn_output": [WIDTH, WIDTH],
        "ffn_norm": [WIDTH],
        "ffn_gate": [WIDTH, INNER],
        "ffn_up": [WIDTH, INNER],
        "ffn_down": [INNER, WIDTH],
    }.items():
        yield f"blk.0.{name}.weight", shape


def weights(shape, chance):
    if len(shape) == 1:
        return array.array("f", [1.0] * shape[0])
    return array.array("f", (chance.uniform(-0.2, 0.2) for _ in range(shape[0] * shape[1])))


def main(source, target):
    with open(source, "rb") as file:
        source = Source(file.read())
    vocabulary = next(length for key, _, length in source.pairs if key == "tokenizer.ggml.tokens")
    pairs = [raw for key, raw, _ in source.pairs if key not in SMALLER]
    pairs += [text(key) + struct.pack("<II", UINT32, value) for key, value in SMALLER.items()]
    tensors = list(shapes(vocabulary))
    chance, infos, offset, data = random.Random(1), b"", 0, []
    for name, shape in tensors:
        numbers = weights(shape, chance).tobytes()
        padding = -len(numbers) % ALIGNMENT
        dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        infos += text(name) + dimensions + struct.pack("<IQ", F32, offset)
        offset += len(numbers) + padding
        data.append(numbers + bytes(padding))
    head = b"GGUF" + struct.pack("<IQQ", source.version, len(tensors), len(pairs))
    head += b"".join(pairs) + infos
    with open(target, "wb") as file:
        file.write(head + bytes(-len(head) % ALIGNMENT) + b"".join(data))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
