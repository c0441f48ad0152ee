"""A small protobuf (proto3) reader and writer, driven by the text of a .proto file."""

import pathlib
import re
import struct

VARINT, I64, LEN, I32 = 0, 1, 2, 5
INTS = {"int32", "int64", "uint32", "uint64", "bool", "sint32", "sint64"}
WIRE = {
    **{t: VARINT for t in INTS},
    "double": I64,
    "fixed64": I64,
    "sfixed64": I64,
    "float": I32,
    "fixed32": I32,
    "sfixed32": I32,
    "string": LEN,
    "bytes": LEN,
}
PACK = {"double": "<d", "float": "<f", "fixed64": "<Q", "sfixed64": "<q", "fixed32": "<I", "sfixed32": "<i"}


class DecodeError(ValueError):
    pass


class Field:
    def __init__(self, name, kind, number, optional=False, repeated=False, oneof=None):
        self.name, self.kind, self.number = name, kind, number
        self.optional, self.repeated, self.oneof = optional, repeated, oneof
        self.is_message = kind not in WIRE

    def zero(self):
        if self.kind == "string":
            return ""
        if self.kind == "bytes":
            return b""
        return 0.0 if self.kind in ("double", "float") else False if self.kind == "bool" else 0


def parse(text):
    """name -> {field name: Field}; understands what proto3 files of plain messages hold."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    out, stack = {}, []
    for token in re.finditer(
        r"message\s+(\w+)\s*\{|oneof\s+(\w+)\s*\{|\}|"
        r"(optional\s+|repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;",
        text,
    ):
        message, oneof, label, kind, name, number = token.groups()
        if message:
            stack.append(("message", message))
            out[message] = {}
        elif oneof:
            stack.append(("oneof", oneof))
        elif token.group() == "}":
            stack.pop()
        elif stack:
            where = [n for k, n in stack if k == "message"][-1]
            label = (label or "").strip()
            out[where][name] = Field(
                name,
                kind,
                int(number),
                label == "optional",
                label == "repeated",
                stack[-1][1] if stack[-1][0] == "oneof" else None,
            )
    return out


def put_varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def get_varint(data, at):
    n = shift = 0
    while True:
        if at >= len(data):
            raise DecodeError("cut off")
        b = data[at]
        at += 1
        n |= (b & 0x7F) << shift
        if not b & 0x80:
            return n & ((1 << 64) - 1), at
        shift += 7
        if shift > 63:
            raise DecodeError("varint too long")


def raw_fields(data):
    """(number, wire type, value) of everything in a message: also for looking at frames by hand."""
    at = 0
    while at < len(data):
        key, at = get_varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise DecodeError("field 0")
        if wire == VARINT:
            value, at = get_varint(data, at)
        elif wire in (I64, I32):
            size = 8 if wire == I64 else 4
            value, at = data[at : at + size], at + size
        elif wire == LEN:
            size, at = get_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise DecodeError(f"wire type {wire}")
        if at > len(data):
            raise DecodeError("cut off")
        yield number, wire, value


class Message:
    """A message of the schema; fields are attributes, absent ones read as zero or empty."""

    _fields = {}
    _schema = None
    _name = ""

    def __init__(self, **values):
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_parent", None)
        for name, value in values.items():
            if value is not None:
                setattr(self, name, value)

    def __getattr__(self, name):
        field = self._fields.get(name)
        if field is None:
            raise AttributeError(f"{self._name} has no field {name}")
        if name in self._values:
            return self._values[name]
        if field.repeated:
            return self._values.setdefault(name, [])
        if field.is_message:  # a child that joins its parent when it is written to
            child = self._schema[field.kind]()
            object.__setattr__(child, "_parent", (self, name))
            return child
        return field.zero()

    def __setattr__(self, name, value):
        field = self._fields.get(name)
        if field is None:
            raise AttributeError(f"{self._name} has no field {name}")
        if field.kind == "bytes" and isinstance(value, str):
            value = value.encode()
        if isinstance(value, dict) and field.is_message:
            value = self._schema[field.kind](**value)
        if field.oneof:
            for other in self._fields.values():
                if other.oneof == field.oneof:
                    self._values.pop(other.name, None)
        self._values[name] = value
        self._join()

    def _join(self):
        if self._parent:
            parent, name = self._parent
            object.__setattr__(self, "_parent", None)
            setattr(parent, name, self)

    def SetInParent(self):
        self._join()

    def CopyFrom(self, other):
        self._values.clear()
        self._merge(other.SerializeToString())
        self._join()

    def HasField(self, name):
        return name in self._values

    def WhichOneof(self, oneof):
        for name, field in self._fields.items():
            if field.oneof == oneof and name in self._values:
                return name
        return None

    def SerializeToString(self):
        out = bytearray()
        for name, field in sorted(self._fields.items(), key=lambda item: item[1].number):
            if name not in self._values:
                continue
            value = self._values[name]
            values = value if field.repeated else [value]
            for one in values:
                if (
                    not (field.repeated or field.optional or field.oneof or field.is_message)
                    and one == field.zero()
                ):
                    continue
                out += self._put(field, one)
        return bytes(out)

    @staticmethod
    def _put(field, value):
        if field.is_message:
            body = value.SerializeToString()
            return put_varint(field.number << 3 | LEN) + put_varint(len(body)) + body
        wire = WIRE[field.kind]
        head = put_varint(field.number << 3 | wire)
        if wire == LEN:
            body = value.encode() if field.kind == "string" else bytes(value)
            return head + put_varint(len(body)) + body
        if wire == VARINT:
            if field.kind in ("sint32", "sint64"):
                value = value << 1 ^ value >> 63
            return head + put_varint(int(value))
        return head + struct.pack(PACK[field.kind], value)

    def _merge(self, data):
        by_number = {f.number: f for f in self._fields.values()}
        for number, wire, raw in raw_fields(data):
            field = by_number.get(number)
            if field is None:
                continue  # unknown fields are skipped (BM-FRAME-1)
            want = LEN if field.is_message else WIRE[field.kind]
            if wire != want:
                if field.repeated and wire == LEN and want == VARINT:
                    at = 0
                    while at < len(raw):
                        n, at = get_varint(raw, at)
                        getattr(self, field.name).append(self._get(field, n))
                continue
            if field.is_message:
                child = self._schema[field.kind]()
                if not field.repeated and field.name in self._values:
                    child = self._values[field.name]
                child._merge(raw)
                value = child
            else:
                value = self._get(field, raw)
            if field.repeated:
                getattr(self, field.name).append(value)
            else:
                setattr(self, field.name, value)

    @staticmethod
    def _get(field, raw):
        kind = field.kind
        if kind == "string":
            try:
                return bytes(raw).decode()
            except UnicodeDecodeError as e:
                raise DecodeError(f"{field.name}: {e}")
        if kind == "bytes":
            return bytes(raw)
        if kind in PACK:
            return struct.unpack(PACK[kind], raw)[0]
        if kind == "bool":
            return bool(raw)
        if kind in ("sint32", "sint64"):
            return raw >> 1 ^ -(raw & 1)
        bits = 32 if kind.endswith("32") else 64
        raw &= (1 << bits) - 1
        if kind.startswith("int") and raw >> bits - 1:
            raw -= 1 << bits
        return raw

    @classmethod
    def FromString(cls, data):
        out = cls()
        out._merge(data)
        return out

    def ParseFromString(self, data):
        self._values.clear()
        self._merge(data)

    def to_dict(self):
        plain = lambda v: v.to_dict() if isinstance(v, Message) else v
        return {
            n: [plain(v) for v in value] if isinstance(value, list) else plain(value)
            for n, value in self._values.items()
            if value != []
        }

    def __eq__(self, other):
        return (
            isinstance(other, Message)
            and self._name == other._name
            and self.SerializeToString() == other.SerializeToString()
        )

    __hash__ = None

    def __repr__(self):
        return f"{self._name}({self.to_dict()})"


class Schema(dict):
    """name -> class, from a .proto file."""

    def __init__(self, text):
        super().__init__()
        for name, fields in parse(text).items():
            self[name] = type(name, (Message,), {"_fields": fields, "_schema": self, "_name": name})

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name)


SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "bimip-proto/proto/bimip/v1/bimip.proto"
pb = Schema(SCHEMA.read_text())


def scheme(field, body=None, route=None, **values):
    """A MessageScheme with the payload `field`; its route is the payload's tag unless another is asked for."""
    tag = pb.MessageScheme._fields[field].number
    out = pb.MessageScheme(route=tag if route is None else route)
    kind = pb.MessageScheme._fields[field].kind
    setattr(out, field, body if body is not None else pb[kind](**values))
    return out
