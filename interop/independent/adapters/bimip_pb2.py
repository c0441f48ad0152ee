"""Not generated: the classes of proto.py, with as much of a descriptor as tests ask for."""

from types import SimpleNamespace

from proto import pb

for _class in pb.values():
    _class.DESCRIPTOR = SimpleNamespace(fields_by_name=_class._fields)
globals().update(pb)
