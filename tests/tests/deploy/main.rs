//! What is in `deploy/`, the Dockerfile and docker-compose.yml refers to what there is: flags of
//! the binary, files, ports, labels, keys.

mod command_line;
mod compose;
mod dockerfile;
mod kubernetes;
mod manifest;
mod systemd;
