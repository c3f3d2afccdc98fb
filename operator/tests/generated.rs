//! What is made from the code and kept in the repository is what the code makes.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::path::Path;

use operator::crd::{self, page};

/// Writes what is not as it should be, and fails then: the second run passes.
fn ensure_file_contents(path: &str, contents: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::fs::read_to_string(&path).is_ok_and(|found| found == contents) {
        return;
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, contents).unwrap();
    panic!("{} was not fresh; it is now, commit it", path.display());
}

#[test]
fn the_definition_in_the_repository_is_what_the_types_say() {
    let yaml = serde_norway::to_string(&crd::crd()).unwrap();
    let head = "# Made from the types in `market` and `operator` by a test; do not edit.\n";
    ensure_file_contents("crds/cryptopipelines.yaml", &format!("{head}{yaml}"));
}

#[test]
fn the_reference_page_is_what_the_doc_comments_say() {
    ensure_file_contents("docs/reference/cryptopipeline.md", &page::page());
}
