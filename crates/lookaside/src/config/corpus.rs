//! The fuzz target's corpus, on the ordinary toolchain.

use std::{fs, path::Path};

#[expect(unreachable_pub, reason = "it is public for the fuzz target")]
#[path = "../../../../fuzz/src/targets/config.rs"]
mod target;

#[test]
fn every_input_of_the_corpus_is_refused_with_a_message_or_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        // Shown when it fails.
        println!("{}", path.display());
        target::run(&fs::read(&path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0);
}
