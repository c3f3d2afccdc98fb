use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[test]
fn the_page_of_metrics_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    ensure_file_contents(&path, &page().unwrap());
}

/// Writes the file and fails when it held something else.
#[track_caller]
pub(crate) fn ensure_file_contents(path: &Path, contents: &str) {
    if std::fs::read_to_string(path).is_ok_and(|found| found == contents) {
        return;
    }
    std::fs::write(path, contents).unwrap();
    panic!("{} was not what the code says; it is written anew, commit it", path.display());
}

#[test]
fn names_are_unique_and_end_in_total_exactly_where_they_only_grow() {
    let [aggregator, producer, both] = page::described().unwrap();
    let mut names = BTreeSet::new();
    for description in aggregator.iter().chain(&producer).chain(&both) {
        let name = description.name();
        assert_eq!(name.ends_with("_total"), description.kind == "counter", "{name}");
        assert!(names.insert(name), "{}", description.name());
    }
}
