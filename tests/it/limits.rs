//! The page of limits is true: every bound in the code is on it, with its value, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// `MAX_…` constants of the code as `MODULE::NAME`, with the text of their values.
pub fn in_code() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut found = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let module = file.strip_prefix(&root).unwrap().with_extension("");
        let module = module.to_str().unwrap().trim_end_matches("/mod").replace('/', "::");
        for line in text.split("mod tests {").next().unwrap().lines() {
            let Some((_, rest)) = line.split_once("const MAX_") else { continue };
            let Some((name, value)) = rest.split_once(':') else { continue };
            let value = value.split_once('=').unwrap().1.trim().trim_end_matches(';');
            found.insert(format!("{module}::MAX_{name}"), value.to_owned());
        }
    }
    found
}

/// The page.
pub fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/limits.md")).unwrap()
}

/// What the text of a constant comes to: a number, a product, a number that is shifted, or sums of these.
pub fn evaluated(value: &str) -> u64 {
    let value = value.trim_matches(['(', ')']);
    let of = |by: &str, apply: fn(u64, u64) -> u64| {
        value.split_once(by).map(|(a, b)| apply(evaluated(a.trim()), evaluated(b.trim())))
    };
    let compound = of(" + ", |a, b| a + b).or_else(|| of(" << ", |a, b| a << b)).or_else(|| of(" * ", |a, b| a * b));
    compound.unwrap_or_else(|| value.replace('_', "").parse().unwrap_or_else(|_| panic!("{value}")))
}

/// Rows of the table of constants in the page: name and value in their first two columns.
fn on_page() -> BTreeMap<String, String> {
    let page = page();
    let cells = |l: &str| l.split('|').map(|c| c.trim().trim_matches('`').to_owned()).collect::<Vec<_>>();
    let rows = page.lines().filter(|l| l.starts_with("| `")).map(cells);
    let mut found = BTreeMap::new();
    for row in rows {
        let again = found.insert(row.get(1).unwrap().clone(), row.get(2).unwrap().clone());
        assert_eq!(again, None, "{row:?} is on the page twice");
    }
    found
}

#[test]
fn the_page_names_every_bound() {
    let (page, code) = (on_page(), in_code());
    let mut wrong = Vec::new();
    for (name, value) in &code {
        match page.get(name) {
            None => wrong.push(format!("no row: | `{name}` | `{value}` | of what | when it is reached |")),
            Some(told) if told != value => wrong.push(format!("`{name}` is `{value}`, the page says `{told}`")),
            Some(_) => {}
        }
    }
    let gone = page.keys().filter(|name| !code.contains_key(*name));
    wrong.extend(gone.map(|name| format!("`{name}` is on the page and no longer in the code")));
    assert!(wrong.is_empty(), "docs/limits.md:\n{}", wrong.join("\n"));
}
