//! What `cargo metadata` says, as far as the checks need it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::shell::{self, Shell, Stop};

#[derive(Debug)]
pub(crate) struct Metadata {
    /// By package id.
    packages: BTreeMap<String, Package>,
    members: Vec<String>,
    /// Package id to the package ids it needs, by any kind of edge.
    edges: BTreeMap<String, Vec<String>>,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    pub(crate) rust_version: Option<String>,
    /// False for `publish = false`.
    pub(crate) published: bool,
    /// What its manifest names: normal, dev and build.
    pub(crate) direct: BTreeSet<String>,
}

pub(crate) fn read(shell: &Shell) -> Result<Metadata, Stop> {
    let text = shell::read(shell.cargo(&["metadata", "--format-version", "1", "--all-features"]))?;
    parse(&text).ok_or_else(|| Stop::new("`cargo metadata` has another format than I know."))
}

fn parse(text: &str) -> Option<Metadata> {
    let json: Value = serde_json::from_str(text).ok()?;
    let packages = json["packages"].as_array()?.iter().map(package).collect::<Option<_>>()?;
    let nodes = json["resolve"]["nodes"].as_array()?;
    let edges = nodes.iter().map(|node| Some((string(&node["id"])?, strings(&node["dependencies"])?)));
    Some(Metadata {
        packages,
        members: strings(&json["workspace_members"])?,
        edges: edges.collect::<Option<_>>()?,
    })
}

fn package(json: &Value) -> Option<(String, Package)> {
    let direct = json["dependencies"].as_array()?.iter().map(|dependency| string(&dependency["name"]));
    let package = Package {
        name: string(&json["name"])?,
        version: string(&json["version"])?,
        licence: string(&json["license"]),
        rust_version: string(&json["rust_version"]),
        published: json["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
        direct: direct.collect::<Option<_>>()?,
    };
    Some((string(&json["id"])?, package))
}

fn string(json: &Value) -> Option<String> {
    json.as_str().map(str::to_owned)
}

fn strings(json: &Value) -> Option<Vec<String>> {
    json.as_array()?.iter().map(string).collect()
}

impl Metadata {
    /// The crates of this workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().filter_map(|id| self.packages.get(id))
    }

    /// Everything that is not ours.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|(id, _)| !self.members.contains(id)).map(|(_, package)| package)
    }

    /// Whether member `from` reaches member `to` over edges of any kind.
    pub(crate) fn reaches(&self, from: &str, to: &str) -> bool {
        let id_of =
            |name| self.members.iter().find(|id| self.packages.get(*id).is_some_and(|p| p.name == name));
        let (Some(from), Some(to)) = (id_of(from), id_of(to)) else { return false };
        let mut seen = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            for next in self.edges.get(id).into_iter().flatten() {
                if next == to {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two members, one foreign crate: `app` needs `core` for its tests, `core` needs `bytes`.
    pub(in crate::check) fn small() -> Metadata {
        let text = r#"{
            "packages": [
                {"id": "1", "name": "app", "version": "0.1.0", "license": "MIT", "publish": [],
                 "dependencies": [{"name": "core", "kind": "dev"}]},
                {"id": "2", "name": "core", "version": "0.1.0", "license": "MIT", "publish": null,
                 "rust_version": "1.88", "dependencies": [{"name": "bytes", "kind": null}]},
                {"id": "3", "name": "bytes", "version": "1.2.3", "license": "ISC", "publish": null,
                 "dependencies": []}
            ],
            "workspace_members": ["1", "2"],
            "resolve": {"nodes": [
                {"id": "1", "dependencies": ["2"]}, {"id": "2", "dependencies": ["3"]},
                {"id": "3", "dependencies": []}
            ]}
        }"#;
        parse(text).unwrap()
    }

    #[test]
    fn members_and_foreign_packages_are_told_apart() {
        let metadata = small();
        let members: Vec<_> = metadata.members().map(|p| (p.name.as_str(), p.published)).collect();
        assert_eq!(members, [("app", false), ("core", true)]);
        assert_eq!(metadata.foreign().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["bytes"]);
    }

    #[test]
    fn a_dev_dependency_is_an_edge_too() {
        let metadata = small();
        assert!(metadata.reaches("app", "core"));
        assert!(!metadata.reaches("core", "app"));
    }
}
