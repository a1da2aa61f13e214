"""Messages made from `proto/` at run time: no generated code to keep in step."""

import functools
from importlib import resources

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from kit.paths import DESCRIPTORS, PROTO


def compile_descriptors():
    """Writes the descriptor set that every client of the suite reads."""
    DESCRIPTORS.parent.mkdir(parents=True, exist_ok=True)
    well_known = resources.files("grpc_tools") / "_proto"
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    code = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTO}",
            f"--proto_path={well_known}",
            f"--descriptor_set_out={DESCRIPTORS}",
            "--include_imports",
            *files,
        ]
    )
    if code != 0:
        raise RuntimeError("the files of proto/ do not compile; protoc says above why")


def load_pool(path):
    """The descriptors of a set as a pool."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file:
        pool.Add(file)
    return pool


@functools.cache
def _pool():
    return load_pool(DESCRIPTORS)


@functools.cache
def message(name):
    """The class of a message, by its full name."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))
