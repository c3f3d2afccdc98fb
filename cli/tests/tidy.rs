//! What each place may touch and how files are kept, as rules that a machine can hold.
//! Who may depend on which crate is in `.cargo/deny.toml`; the rest of that table is here.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines that a Rust file may have without its tests.
const FILE_LINES_MAX: usize = 300;

/// A place (prefix of a path), what its code must not name, and why.
/// A lower-case name is a crate or a path in one, another a word.
const PLACES: &[(&str, &[&str], &str)] = &[
    (
        "market/",
        &["tokio", "rdkafka", "sqlx", "axum", "kube", "reqwest", "runtime", "std::fs", "std::net"],
        "market is pure: the words, and nothing that reaches out",
    ),
    ("market/", &["async", "std::env", "SystemTime", "Instant"], "market asks nobody, no clock"),
    ("runtime/", &["market", "worker", "api", "rdkafka", "sqlx"], "runtime knows no domain word"),
    (
        "worker/src/source",
        &["rdkafka", "sqlx", "crate::topic", "crate::window", "crate::store"],
        "a source turns what a venue says into ticks, and knows nobody downstream",
    ),
    (
        "worker/src/source/live/sequencer",
        PURE,
        "what is emitted is a function of what came and when: time is an argument, no I/O",
    ),
    (
        "worker/src/topic",
        &["sqlx", "crate::source", "crate::window", "crate::store"],
        "a topic carries bytes in and out of partitions",
    ),
    ("worker/src/window", PURE, "windows turn records into effects: time is an argument, no I/O"),
    ("worker/src/checkpoint", PURE, "a checkpoint is bytes: time is an argument, no I/O"),
    ("worker/src/store", &["rdkafka"], "a store commits effects, wherever the records came from"),
    ("worker/src/publish", &["rdkafka", "sqlx"], "publishing comes after the commit"),
    ("worker/", &["axum", "kube", "api"], "workers serve nobody and never talk to Kubernetes"),
    ("api/src/routes", &["sqlx"], "SQL is in api/src/store"),
    ("api/src/store", &["axum"], "a store knows nothing of HTTP"),
    ("api/src/feed", &["axum", "sqlx"], "a feed knows neither HTTP nor SQL"),
    ("api/", &["rdkafka", "worker", "kube"], "api reads the store and the feed, nothing else"),
    (
        "operator/",
        &["rdkafka", "sqlx", "redis", "worker", "api"],
        "the operator speaks to Kubernetes and to the status of its pods, nothing else",
    ),
    ("cli/", &["rdkafka", "sqlx", "axum"], "commands go through worker and api"),
];

const PURE: &[&str] = &[
    "async",
    "tokio",
    "std::fs",
    "std::net",
    "rdkafka",
    "sqlx",
    "runtime",
    "SystemTime",
    "Instant",
];

#[test]
fn places_touch_only_what_is_theirs() {
    let mut broken = Vec::new();
    for file in files("rs").iter().filter(|file| !file.is_test()) {
        let code = code_without_tests(&file.text);
        for (place, forbidden, why) in PLACES.iter().filter(|rule| file.path.starts_with(rule.0)) {
            let found = forbidden.iter().filter(|name| names(&code, name));
            broken.extend(
                found.map(|name| format!("{}: {place} must not use `{name}`: {why}", file.path)),
            );
        }
    }
    assert_none(&broken);
}

#[test]
fn rust_files_stay_small_and_name_their_modules() {
    let mut broken = Vec::new();
    for file in files("rs") {
        let path = &file.path;
        let lines = code_without_tests(&file.text).lines().count();
        if path.ends_with("/mod.rs") {
            broken.push(format!("{path}: a module is a file of its own name, never mod.rs"));
        }
        if !file.is_test() && lines > FILE_LINES_MAX {
            broken.push(format!("{path}: {lines} lines without tests; {FILE_LINES_MAX} at most"));
        }
        if file.text.contains(concat!("[al", "low(")) {
            broken.push(format!("{path}: write #[expect(…, reason = \"…\")] instead of allow"));
        }
    }
    assert_none(&broken);
}

#[test]
fn modules_say_what_they_are_for_where_they_are_declared() {
    let mut broken = Vec::new();
    for file in files("rs").iter().filter(|file| file.path.ends_with("/lib.rs")) {
        let mut above = "";
        for line in file.text.lines().map(str::trim) {
            let is_module = line.ends_with(';') && line.split(' ').any(|word| word == "mod");
            if is_module && line != "mod tests;" && !above.starts_with("///") {
                broken.push(format!("{}: `{line}` needs a doc line above it", file.path));
            }
            if !line.starts_with("#[") {
                above = line;
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn files_name_no_machine() {
    let private = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("arti", "factory")];
    let mut broken = Vec::new();
    for file in files("") {
        let found = private.iter().filter(|name| file.text.contains(*name));
        broken.extend(found.map(|name| format!("{}: `{name}` is of one machine", file.path)));
    }
    assert_none(&broken);
}

#[test]
fn links_in_documents_lead_to_files() {
    let mut broken = Vec::new();
    for file in files("md") {
        let folder = root().join(&file.path).parent().expect("a file is in a folder").to_owned();
        // What is in backticks is no link.
        let prose: String = file.text.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().expect("split gives at least one part");
            if !target.contains("://") && !folder.join(target).exists() {
                broken.push(format!("{}: there is no file at the link `{link}`", file.path));
            }
        }
    }
    assert_none(&broken);
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "{} rules broken:\n{}", broken.len(), broken.join("\n"));
}

/// A text file of the repository; its path is relative to the root.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_test(&self) -> bool {
        ["/tests/", "/tests.rs", "/examples/"].iter().any(|part| self.path.contains(part))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("cli is in the workspace").to_owned()
}

/// Every text file that ends so, without what is built or downloaded.
fn files(extension: &str) -> Vec<File> {
    let skipped = [".git", "target", "node_modules", "corpus"];
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folders of the repository can be read") {
            let path = entry.expect("folders of the repository can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if skipped.contains(&name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(extension) {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let path = path.strip_prefix(root()).expect("the walk begins at the root");
                found.push(File { path: path.display().to_string(), text });
            }
        }
    }
    assert!(
        !found.is_empty(),
        "no file ends with \"{extension}\": the walk looks in a wrong place"
    );
    found
}

/// The code above `mod tests`, without comments, with each `use` on one line and in full.
fn code_without_tests(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().expect("split gives at least one part");
    let mut code = String::new();
    let mut import = String::new();
    for line in text.lines() {
        let line = line.split("// ").next().expect("split gives at least one part").trim_end();
        let starts = line.trim_start().trim_start_matches("pub ").starts_with("use ");
        if import.is_empty() && !starts {
            code.push_str(if line.trim_start().starts_with("//") { "" } else { line });
            code.push('\n');
            continue;
        }
        import.push_str(line.trim().trim_start_matches("pub ").trim_start_matches("use "));
        if let Some(tree) = import.strip_suffix(';') {
            expand("", tree, &mut code);
            import.clear();
        }
    }
    code
}

/// Writes `a::{b, c::d}` as the lines `a::b::` and `a::c::d::`.
fn expand(prefix: &str, tree: &str, code: &mut String) {
    let Some((head, group)) = tree.split_once('{') else {
        code.push_str(&format!("{prefix}{}::\n", tree.trim()));
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                if !group[start..at].trim().is_empty() {
                    expand(&prefix, &group[start..at], code);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Whether code names a crate, a path, or (capitalized, and `async`) a word.
fn names(code: &str, name: &str) -> bool {
    let is_word = name == "async" || name.starts_with(char::is_uppercase);
    let in_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        match is_word {
            true => !before.ends_with(in_name) && !after.starts_with(in_name),
            false => {
                !before.ends_with(|letter| in_name(letter) || letter == ':')
                    && after.starts_with("::")
            }
        }
    })
}

#[test]
fn the_rules_see_grouped_imports_and_paths_but_not_comments() {
    let code = code_without_tests(
        "// tokio::spawn\npub use std::{\n    fs::{self, File},\n    io,\n};\n\
         fn f() { a::tokio::b(); sqlx::query(); }\n#[cfg(test)]\nmod tests { use axum::x; }",
    );
    for (name, expected) in
        [("std::fs", true), ("sqlx", true), ("File", true), ("tokio", false), ("axum", false)]
    {
        assert_eq!(names(&code, name), expected, "{name} in:\n{code}");
    }
}
