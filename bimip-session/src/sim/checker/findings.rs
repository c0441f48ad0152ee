//! Where violations are collected.

/// After so many the world is broken enough: more would only cost memory.
const MOST: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<String>,
}

impl Findings {
    pub(super) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.list.len() < MOST {
            self.list.push(what());
        }
    }

    pub(super) fn list(&self) -> &[String] {
        &self.list
    }
}
