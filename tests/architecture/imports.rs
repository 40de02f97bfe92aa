//! Which source file uses which, read from the code: every `use` and every path from `crate` or `super`,
//! followed through re-exports to the file that has the item.
//!
//! A re-export alone does not count as a use. It counts if the same file also names the re-exported item.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's path from the crate's root.
type Module = Vec<String>;

/// The modules of a crate, each a file, with their code.
pub struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    path: String,
    /// The code outside of `use` declarations.
    body: String,
    imports: Vec<Import>,
}

/// One name that a `use` declaration brings into scope.
struct Import {
    path: Module,
    name: String,
    is_public: bool,
}

impl Crate {
    /// Reads these files, whose paths are relative to `root`.
    pub fn read(root: &Path, files: &[PathBuf], production: impl Fn(&Path) -> String) -> Self {
        let mut read = BTreeMap::new();
        for file in files {
            let relative = file.strip_prefix(root).expect("a file of the crate");
            let mut module: Module = relative
                .with_extension("")
                .iter()
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            if module
                .last()
                .is_some_and(|name| name == "mod" || name == "lib")
            {
                module.pop();
            }
            let (imports, body) = split(&production(file), &module);
            let path = relative.to_string_lossy().replace('\\', "/");
            read.insert(
                module,
                File {
                    path,
                    body,
                    imports,
                },
            );
        }
        Crate { files: read }
    }

    /// Each file with the files that it uses.
    pub fn uses(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut uses = BTreeMap::new();
        for (module, file) in &self.files {
            let imported = file
                .imports
                .iter()
                .filter(|import| !import.is_public || names(&file.body, &import.name))
                .map(|import| import.path.clone());
            let paths = imported.chain(inline_paths(&file.body, module));
            let mut used: BTreeSet<_> = paths.filter_map(|path| self.resolve(path)).collect();
            used.remove(&file.path);
            uses.insert(file.path.clone(), used);
        }
        uses
    }

    /// The file that has the item at `path`; `None` if that is not part of the crate.
    fn resolve(&self, path: Module) -> Option<String> {
        let mut module = Module::new();
        for (at, segment) in path.iter().enumerate() {
            let mut child = module.clone();
            child.push(segment.clone());
            if self.files.contains_key(&child) {
                module = child;
                continue;
            }
            let file = self.files.get(&module)?;
            let import = file.imports.iter().find(|import| import.name == *segment);
            return match import {
                Some(import) if import.path != path => {
                    let rest = path[at + 1..].iter().cloned();
                    self.resolve(import.path.iter().cloned().chain(rest).collect())
                }
                _ => Some(file.path.clone()),
            };
        }
        self.files.get(&module).map(|file| file.path.clone())
    }
}

/// The imports of a module's code, and the code without them.
fn split(code: &str, module: &[String]) -> (Vec<Import>, String) {
    let (mut imports, mut body) = (Vec::new(), String::new());
    let mut open: Option<(bool, String)> = None;
    for line in code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
    {
        let text = line.trim();
        if open.is_none() {
            let is_public = text.starts_with("pub");
            match text.split_once("use ") {
                Some((before, rest)) if before.is_empty() || is_visibility(before) => {
                    open = Some((is_public, rest.to_owned()));
                }
                _ => {
                    body += line;
                    body.push('\n');
                    continue;
                }
            }
        } else if let Some((_, declaration)) = &mut open {
            declaration.push_str(text);
        }
        if let Some((is_public, declaration)) = open.take_if(|(_, text)| text.ends_with(';')) {
            let tree = declaration.trim_end_matches(';');
            expand(&[], tree, &mut |path, name| {
                let path = absolute(path, module);
                imports.push(Import {
                    path,
                    name,
                    is_public,
                });
            });
        }
    }
    (imports, body)
}

fn is_visibility(before: &str) -> bool {
    before == "pub " || (before.starts_with("pub(") && before.ends_with(") "))
}

/// Every path of a `use` tree, with the name that it brings into scope.
fn expand(prefix: &[String], tree: &str, found: &mut impl FnMut(Module, String)) {
    if let Some((head, group)) = tree.split_once('{') {
        let mut prefix = prefix.to_vec();
        prefix.extend(segments(head));
        let group = group.strip_suffix('}').expect("a closed group");
        let (mut depth, mut start) = (0, 0);
        for (at, sign) in group.char_indices().chain([(group.len(), ',')]) {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !group[start..at].trim().is_empty() {
                        expand(&prefix, group[start..at].trim(), found);
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.to_owned())),
        None => (tree, None),
    };
    let mut full = prefix.to_vec();
    full.extend(segments(path).filter(|segment| segment != "self" && segment != "*"));
    let name = alias.or_else(|| full.last().cloned()).unwrap_or_default();
    found(full, name);
}

fn segments(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split("::")
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
}

/// A path as it would start at the crate's root. A path that starts with a name is taken to start at a child
/// module.
fn absolute(path: Module, module: &[String]) -> Module {
    match path.first().map(String::as_str) {
        Some("crate") => path[1..].to_vec(),
        Some("super") => {
            let up = path
                .iter()
                .take_while(|segment| *segment == "super")
                .count();
            let base = &module[..module.len().saturating_sub(up)];
            base.iter().chain(&path[up..]).cloned().collect()
        }
        _ => module.iter().cloned().chain(path).collect(),
    }
}

/// The paths from `crate` or `super` in the code itself.
fn inline_paths(body: &str, module: &[String]) -> Vec<Module> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = body.split(|c: char| !is_path(c));
    words
        .filter(|word| word.starts_with("crate::") || word.starts_with("super::"))
        .map(|word| absolute(segments(word).collect(), module))
        .collect()
}

fn names(body: &str, name: &str) -> bool {
    let mut words = body.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == name)
}

/// The files that depend on themselves through others, each group sorted.
pub fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reachable: BTreeMap<&String, BTreeSet<&String>> = uses
        .keys()
        .map(|file| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![file]);
            while let Some(file) = next.pop() {
                next.extend(uses[file].iter().filter(|used| seen.insert(*used)));
            }
            (file, seen)
        })
        .collect();
    let mut circles = BTreeSet::new();
    for (file, seen) in &reachable {
        let circle = seen
            .iter()
            .filter(|other| reachable[**other].contains(file));
        let circle: Vec<String> = circle.map(|other| (*other).clone()).collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[test]
fn a_circle_is_found_through_re_exports_groups_and_children() {
    let code = |file: &Path| {
        let code = match file.to_str().expect("a name") {
            "lib.rs" => "mod a;\nmod b;\n",
            "a/mod.rs" => "pub use inner::{Deep, Other};\nmod inner;\n",
            "a/inner.rs" => "use crate::b::{\n    One,\n    two::{self, Two},\n};\n",
            "b.rs" => "// crate::a::Deep in a comment\nfn f() { crate::a::Deep::new(); }\n",
            _ => "use super::One;\n",
        };
        code.to_owned()
    };
    let files = ["lib.rs", "a/mod.rs", "a/inner.rs", "b.rs", "b/two.rs"].map(PathBuf::from);
    let uses = Crate::read(Path::new(""), &files, code).uses();
    assert!(uses["lib.rs"].is_empty() && uses["a/mod.rs"].is_empty());
    assert_eq!(uses["b/two.rs"].iter().collect::<Vec<_>>(), ["b.rs"]);
    assert_eq!(circles(&uses), [["a/inner.rs", "b.rs", "b/two.rs"]]);
}
