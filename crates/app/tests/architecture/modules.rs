//! Who knows whom among the files of a crate.
//!
//! An arrow goes to the file that defines what is named: what a module passes on (`pub use`) is looked up where it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::paths::{Named, named};

/// A module by its path; the crate itself is the empty one.
type Module = Vec<String>;

struct Source {
    file: String,
    named: Named,
}

/// The arrows between the files of a crate: who knows, and who is known.
pub(crate) fn arrows(src: &Path) -> BTreeSet<(String, String)> {
    let sources = sources(src);
    let mut arrows = BTreeSet::new();
    for (module, source) in &sources {
        let mut known = BTreeSet::new();
        for (path, name) in &source.named.uses {
            let Some(path) = absolute(&sources, module, path) else { continue };
            // A module that is brought in counts by what is then named of it.
            if name == "*" || !sources.contains_key(&path) {
                known.extend(defined(&sources, &path, 0));
            }
        }
        for path in &source.named.paths {
            known.extend(absolute(&sources, module, path).and_then(|path| defined(&sources, &path, 0)));
        }
        let from = &source.file;
        arrows.extend(known.into_iter().filter(|to| to != from).map(|to| (from.clone(), to)));
    }
    arrows
}

/// Groups of files of which each knows each other, directly or by others; the largest first.
pub(crate) fn circles(src: &Path) -> Vec<Vec<String>> {
    let mut reached: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in arrows(src) {
        reached.entry(from).or_default().insert(to);
    }
    // Who reaches whom, by as many steps as there are.
    loop {
        let mut grew = false;
        for file in reached.keys().cloned().collect::<Vec<_>>() {
            let further: BTreeSet<String> =
                reached[&file].iter().filter_map(|next| reached.get(next)).flatten().cloned().collect();
            let known = reached.entry(file).or_default();
            let before = known.len();
            known.extend(further);
            grew |= known.len() > before;
        }
        if !grew {
            break;
        }
    }
    let leads = |from: &String, to: &String| reached.get(from).is_some_and(|all| all.contains(to));
    let groups: BTreeSet<Vec<String>> = reached
        .keys()
        .map(|file| reached.keys().filter(|other| leads(file, other) && leads(other, file)).cloned().collect())
        .filter(|group: &Vec<String>| group.len() > 1)
        .collect();
    let mut groups: Vec<Vec<String>> = groups.into_iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

fn sources(src: &Path) -> BTreeMap<Module, Source> {
    let mut sources = BTreeMap::new();
    read(src, src, &mut sources);
    let for_tests: Vec<Module> = sources
        .iter()
        .flat_map(|(module, source)| {
            source.named.for_tests.iter().map(|name| module.iter().chain([name]).cloned().collect::<Module>())
        })
        .collect();
    sources.retain(|module, _| !for_tests.iter().any(|tests| module.starts_with(tests)));
    sources
}

fn read(src: &Path, folder: &Path, sources: &mut BTreeMap<Module, Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(src, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.strip_prefix(src).expect("inside").to_str().expect("a name").to_owned();
            let mut module: Module = file.trim_end_matches(".rs").split('/').map(ToOwned::to_owned).collect();
            if matches!(module.last().map(String::as_str), Some("lib" | "main" | "mod")) {
                module.pop();
            }
            let named = named(&std::fs::read_to_string(&path).expect("a source"));
            sources.insert(module, Source { file, named });
        }
    }
}

/// The path from the crate on; `None` for one that leads out of it.
fn absolute(sources: &BTreeMap<Module, Source>, from: &Module, path: &[String]) -> Option<Module> {
    let (mut module, mut rest) = (from.clone(), path);
    match rest.first()?.as_str() {
        "crate" => {
            module.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                module.pop()?;
                rest = &rest[1..];
            }
        }
        first => {
            let child: Module = module.iter().chain([&first.to_owned()]).cloned().collect();
            if !sources.contains_key(&child) {
                // A module that was brought in, or something of another crate.
                let brought = &sources[from].named.uses;
                let (path, _) = brought.iter().find(|(path, name)| name == first && path.first() != Some(name))?;
                module = absolute(sources, from, path)?;
                rest = &rest[1..];
            }
        }
    }
    module.extend(rest.iter().cloned());
    Some(module)
}

/// The file that defines what a path leads to.
fn defined(sources: &BTreeMap<Module, Source>, path: &[String], depth: usize) -> Option<String> {
    let known = (0..=path.len()).rev().find(|length| sources.contains_key(&path[..*length]))?;
    let source = &sources[&path[..known]];
    let here = || Some(source.file.clone());
    let Some(name) = path.get(known) else { return here() };
    // Whoever passes things on in a circle does not compile.
    if depth > 8 || source.named.defines.contains(name) {
        return here();
    }
    let module: Module = path[..known].to_vec();
    for (brought, as_name) in &source.named.uses {
        let Some(mut target) = absolute(sources, &module, brought) else { continue };
        if as_name == name {
            target.extend(path[known + 1..].iter().cloned());
            return defined(sources, &target, depth + 1);
        }
        let passes_on = as_name == "*" && sources.get(&target).is_some_and(|all| all.named.defines.contains(name));
        if passes_on {
            return sources.get(&target).map(|all| all.file.clone());
        }
    }
    here()
}

#[test]
fn a_circle_is_found_through_what_others_pass_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write("lib.rs", "mod a; mod b; mod c; mod d; pub use a::A;");
    write("a.rs", "use crate::b::B; pub struct A;");
    write("b/mod.rs", "mod inner; pub use inner::B;");
    write("b/inner.rs", "use crate::c; pub struct B; fn f() { c::g() }");
    write("c.rs", "use crate::d::D; pub fn g() {}");
    write("d.rs", "pub struct D; impl D { fn of(_: super::A) {} }");
    assert_eq!(circles(folder.path()), [["a.rs", "b/inner.rs", "c.rs", "d.rs"]]);
    write("d.rs", "pub struct D; #[cfg(test)] mod tests { use super::super::A; }");
    assert_eq!(circles(folder.path()), Vec::<Vec<String>>::new());
}
