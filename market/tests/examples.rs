//! Every file under `examples/` is a pipeline for the target that it is meant for.

use std::collections::BTreeMap;
use std::path::Path;

use market::pipeline::Pipeline;
use market::rules::{self, Target};

#[test]
fn every_example_is_valid_for_its_targets() {
    let mut targets = BTreeMap::from([
        ("archive-binance.yaml", &[Target::Local][..]),
        ("archive-kraken.yaml", &[Target::Local]),
        ("cluster-full.yaml", &[Target::Local, Target::Cluster]),
        ("demo.yaml", &[Target::Local]),
        ("majors.yaml", &[Target::Local, Target::Cluster]),
        ("servers.yaml", &[Target::Local]),
        ("smallest.yaml", &[Target::Local]),
    ]);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let pipeline =
            Pipeline::from_yaml(&text).unwrap_or_else(|found| panic!("{name}: {found:?}"));
        let targets = targets.remove(name).unwrap_or_else(|| panic!("{name} has no target here"));
        for target in targets {
            assert_eq!(rules::check(&pipeline, *target), [], "{name} for {target:?}");
        }
    }
    assert!(targets.is_empty(), "no such example: {targets:?}");
}

#[test]
fn smallest_example_has_six_lines() {
    assert_eq!(include_str!("../../examples/smallest.yaml").lines().count(), 6);
}
