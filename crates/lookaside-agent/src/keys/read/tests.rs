use super::*;

const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQ==";
const TWO: &str = "AgICAgICAgICAgICAgICAg==";

/// What is read of files with these contents and permissions.
fn read_of(files: &[(&[u8], u32)]) -> (Read, tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let files = files.iter().zip(1..).map(|((content, mode), n)| {
        let path = dir.path().join(format!("{n}.key"));
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
        path
    });
    let paths: Vec<_> = files.collect();
    (read(&paths), dir)
}

#[test]
fn the_first_key_of_the_first_file_signs() {
    let first = format!("# made in May\n{ONE}\n");
    let (read, _dir) = read_of(&[(first.as_bytes(), 0o600), (TWO.as_bytes(), 0o400)]);
    let ring = read.ring.unwrap();
    let expected = [[1; 16], [2; 16]].map(|secret| Key::new(&secret).unwrap());
    assert_eq!(ring.keys(), expected);
    assert_eq!(read.exposed, []);
}

#[test]
fn a_file_that_is_none_with_keys_is_named_with_what_was_expected() {
    let long = "x".repeat(20_000);
    for (content, part) in [
        (&b""[..], "no key in it"),
        (b"# nothing\n", "no key in it"),
        (b"\xff\xfe\x00", "no text"),
        (long.as_bytes(), "longer than 16384 bytes"),
        (b"\nAQEB\n", "line 2: the key has 3 bytes"),
        (b"00112233445566778899aabbccddeeff\n", "hexadecimal"),
    ] {
        let (read, dir) = read_of(&[(ONE.as_bytes(), 0o600), (content, 0o600)]);
        let error = read.ring.unwrap_err().to_string();
        let path = dir.path().join("2.key");
        for part in [part, path.to_str().unwrap(), "openssl rand -base64 32"] {
            assert!(error.contains(part), "{part:?} in {error}");
        }
    }
}

#[test]
fn a_missing_file_a_directory_and_the_same_key_twice_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.key");
    let error = read(&[missing]).ring.unwrap_err().to_string();
    assert!(
        error.contains("missing.key") && error.contains("No such file"),
        "{error}"
    );
    let error = read(&[dir.path().to_owned()]).ring.unwrap_err().to_string();
    assert!(error.contains("no regular file"), "{error}");
    let (read, _dir) = read_of(&[(ONE.as_bytes(), 0o600), (ONE.as_bytes(), 0o600)]);
    let error = read.ring.unwrap_err().to_string();
    assert!(error.contains("key 2 is the same as key 1"), "{error}");
}

#[test]
fn a_file_that_others_can_read_or_write_is_used_and_told() {
    for (mode, whose) in [
        (0o640, "its group"),
        (0o620, "its group"),
        (0o604, "everybody"),
        (0o602, "everybody"),
        (0o644, "everybody"),
    ] {
        let (read, dir) = read_of(&[(ONE.as_bytes(), mode)]);
        assert!(read.ring.is_ok());
        let [exposed] = <[_; 1]>::try_from(read.exposed).unwrap();
        let text = exposed.to_string();
        let path = dir.path().join("1.key");
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        assert!(text.contains(&format!("{mode:04o}")), "{text}");
        assert!(text.contains(whose), "{text}");
    }
}
