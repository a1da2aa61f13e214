"""What the interoperability cases stand on: processes, etcd, DNS, clients."""
