//! The index is whole: every upstream test has one of ours or a reason, and every one of
//! ours is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// How many tests each upstream class has. (August 2026; C++ is gRPC's core, and with it
/// Python, Ruby, PHP and C#.)
const UPSTREAM: [(&str, &str, usize); 11] = [
    ("cpp", "grpclb_end2end_test", 33),
    ("go", "grpclb_config_test.go", 2),
    ("go", "grpclb_test.go", 19),
    ("go", "grpclb_util_test.go", 3),
    ("java", "CachedSubchannelPoolTest", 4),
    ("java", "GrpclbLoadBalancerProviderTest", 15),
    ("java", "GrpclbLoadBalancerTest", 39),
    ("java", "GrpclbNameResolverTest", 8),
    ("java", "SecretGrpclbNameResolverProviderTest", 9),
    ("java", "TokenAttachingTracerFactoryTest", 3),
    // What no upstream test tries.
    ("-", "uncovered", 18),
];

/// One line of the index.
struct Row {
    language: String,
    class: String,
    upstream: String,
    /// Ours: modules of this package's conformance test, or a file from the root.
    ours: Vec<String>,
    note: String,
}

fn rows() -> Vec<Row> {
    let text = include_str!("index.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let [language, class, upstream, ours, note] = fields[..] else {
                panic!("five fields, not {}: {line:?}", fields.len());
            };
            let ours = ours.split(' ').filter(|ours| *ours != "-");
            Row {
                language: language.to_owned(),
                class: class.to_owned(),
                upstream: upstream.to_owned(),
                ours: ours.map(str::to_owned).collect(),
                note: note.to_owned(),
            }
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn conformance() -> PathBuf {
    root().join("tests/tests/conformance")
}

/// The functions of a source file that are tests.
fn tests_of(source: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines() {
        let line = line.trim();
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ")
            && std::mem::take(&mut is_test)
        {
            let name = rest.split('(').next().expect("a name");
            tests.insert(name.to_owned());
        }
    }
    tests
}

/// All tests in this directory, as the index names them.
fn ours() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec![conformance()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let module = path.strip_prefix(conformance()).expect("inside");
            let module = module.to_str().expect("UTF-8").replace('/', "::");
            if let Some(module) = module.strip_suffix(".rs").filter(|name| *name != "index") {
                let source = fs::read_to_string(&path).expect("a source");
                let named = |test| format!("{module}::{test}");
                found.extend(tests_of(&source).into_iter().map(named));
            }
        }
    }
    found
}

#[test]
fn no_upstream_test_is_missing_and_none_is_there_twice() {
    let mut counts = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for row in rows() {
        let class = (row.language, row.class);
        assert!(
            seen.insert((class.clone(), row.upstream.clone())),
            "{} is there twice",
            row.upstream
        );
        *counts.entry(class).or_insert(0) += 1;
    }
    let expected = UPSTREAM.map(|(language, class, n)| ((language.into(), class.into()), n));
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn every_upstream_test_has_one_of_ours_that_exists_or_a_reason() {
    let here = ours();
    for row in rows() {
        let upstream = &row.upstream;
        assert!(
            !row.ours.is_empty() || row.note.len() > 20,
            "{upstream} has neither a test nor a reason"
        );
        for ours in &row.ours {
            let exists = match ours.rsplit_once("::") {
                Some((file, test)) if file.contains('/') => {
                    let source = fs::read_to_string(root().join(file));
                    source.is_ok_and(|source| tests_of(&source).contains(test))
                }
                _ => here.contains(ours),
            };
            assert!(exists, "{upstream}: {ours} does not exist");
        }
    }
}

#[test]
fn every_test_of_ours_is_in_the_index() {
    let named: BTreeSet<_> = rows().into_iter().flat_map(|row| row.ours).collect();
    let missing: Vec<_> = ours()
        .into_iter()
        .filter(|test| !named.contains(test))
        .collect();
    assert!(missing.is_empty(), "not in index.tsv: {missing:#?}");
}
