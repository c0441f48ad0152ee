//! The marks in the sources: a comment `MISSION V3`, or `MISSION V3 B2`, above a test or inside it.
//!
//! A mark that belongs to no test (at the top of a file, or in a macro) stands for the whole file.

use std::fmt;

use super::table::is_id;
use crate::check;
use crate::shell::{self, Shell, Stop};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: String,
    path: String,
    line: usize,
    /// The test; none where the mark stands for the whole file.
    test: Option<String>,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)?;
        self.test.iter().try_for_each(|test| write!(f, " `{test}`"))
    }
}

impl Mark {
    /// Whether it marks the test of this full name.
    pub(super) fn is_on(&self, name: &str) -> bool {
        let last = name.rsplit("::").next().unwrap_or(name);
        self.test.as_deref().is_none_or(|test| test == last) && self.is_in_file_of(name)
    }

    fn is_in_file_of(&self, name: &str) -> bool {
        let words: Vec<&str> = name.split("::").collect();
        if words[0].contains('/') {
            return self.path == words[0]; // interop/test_x.py::test_y
        }
        let Some(inside) = self.path.strip_prefix(words[0]).and_then(|rest| rest.strip_prefix('/')) else {
            return false;
        };
        match inside.strip_prefix("tests/") {
            // A test crate: tests/<file>.rs, or modules below tests/<file>/ or tests/common/.
            Some(file) => {
                let stem = words.get(1).copied().unwrap_or_default();
                file.strip_suffix(".rs") == Some(stem) || file.contains('/')
            }
            // A module: its path is the beginning of the test's name.
            None => {
                let module = inside.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::");
                let rest = words[1..].join("::");
                ["lib", "main"].contains(&module.as_str()) || rest.starts_with(&format!("{module}::"))
            }
        }
    }

    /// Whether one of a row's tests is the one it marks.
    pub(super) fn is_answered_by(&self, tests: &[String]) -> bool {
        tests.iter().any(|name| self.is_on(name))
    }
}

/// All marks of the repository. Those in the sources of this command are examples.
pub(super) fn collect(shell: &Shell) -> Result<Vec<Mark>, Stop> {
    let mut marks = Vec::new();
    for path in check::tracked_files(shell)? {
        let is_source = path.extension().is_some_and(|extension| extension == "rs" || extension == "py");
        let whole = shell.path(&path);
        let is_example = path.starts_with("xtask/src/mission") || path.ends_with("xtask/src/mission.rs");
        if is_source && !is_example && whole.is_file() {
            marks.extend(in_file(&path.display().to_string(), &shell::read_file(&whole)?));
        }
    }
    Ok(marks)
}

pub(super) fn in_file(path: &str, text: &str) -> Vec<Mark> {
    let lines: Vec<&str> = text.lines().collect();
    let mut marks = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let test = test_at(&lines, index);
        for id in ids(line) {
            marks.push(Mark {
                id: id.to_owned(),
                path: path.to_owned(),
                line: index + 1,
                test: test.clone(),
            });
        }
    }
    marks
}

/// The ids after the word MISSION in a comment.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    let comment = line.trim_start();
    let is_comment = comment.starts_with("//") || comment.starts_with('#') && !comment.starts_with("#[");
    let rest = comment.split_once("MISSION ").filter(|_| is_comment).map_or("", |(_, rest)| rest);
    let words = rest.split([' ', ',']).filter(|word| !word.is_empty());
    words.map(|word| word.trim_end_matches(['.', ':', ';', ')'])).take_while(|word| is_id(word))
}

/// The function that a comment stands above (with nothing but comments and attributes between), or in.
pub(crate) fn test_at(lines: &[&str], index: usize) -> Option<String> {
    if lines[index].trim_start().starts_with("//!") {
        return None;
    }
    let below = below_lead(&lines[index..])?;
    if let Some(name) = function(below) {
        return named(name);
    }
    let depth = indent(lines[index]);
    let above = lines[..index].iter().rev().filter(|line| !line.trim().is_empty() && indent(line) < depth);
    above.map(|line| function(line)).find_map(|name| name).and_then(named)
}

/// A macro's test has no name to read: its marks stand for the file.
fn named(name: &str) -> Option<String> {
    (!name.starts_with('$')).then(|| name.to_owned())
}

/// The first line that is no comment, attribute or decorator, nor inside one that runs over several lines.
fn below_lead<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let mut depth = 0_i32;
    for line in lines {
        let text = line.trim();
        let is_comment = text.starts_with("//") || text.starts_with("# ");
        let is_lead = is_comment || text.starts_with("#[") || text.starts_with('@');
        if !is_lead && depth == 0 {
            return Some(line);
        }
        if !is_comment {
            depth +=
                text.chars().map(|c| i32::from("([".contains(c)) - i32::from(")]".contains(c))).sum::<i32>();
        }
    }
    None
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let mut words = line.trim_start();
    for modifier in ["pub ", "pub(super) ", "pub(crate) ", "async "] {
        words = words.strip_prefix(modifier).unwrap_or(words);
    }
    let rest = words.strip_prefix("fn ").or_else(|| words.strip_prefix("def "))?;
    rest.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(String, Option<String>)> {
        in_file(path, text).into_iter().map(|mark| (mark.id, mark.test)).collect()
    }

    #[test]
    fn a_mark_belongs_to_the_function_below_or_around_it() {
        let text = "//! MISSION L1\n\
                    // MISSION V3, B2: why\n#[tokio::test]\nasync fn first() {\n    let a = 1;\n\n\
                    \x20   // MISSION V4\n    check();\n}\n\n\
                    let text = \"MISSION V9\";\n";
        let expected = [("L1", None), ("V3", Some("first")), ("B2", Some("first")), ("V4", Some("first"))];
        let expected: Vec<_> = expected.map(|(id, test)| (id.to_owned(), test.map(str::to_owned))).into();
        assert_eq!(found("a/tests/b.rs", text), expected);
        assert_eq!(
            found("a/tests/b.rs", "// MISSION L3\n#[test]\nfn $name() {}\n"),
            [("L3".to_owned(), None)]
        );
    }

    #[test]
    fn python_has_marks_too() {
        let text = "# MISSION V2\n@pytest.mark.parametrize(\n    \"a\", [\n        1,\n    ]\n)\nasync def test_talk(a):\n    # MISSION V1\n    pass\n";
        let expected = ["V2", "V1"].map(|id| (id.to_owned(), Some("test_talk".to_owned())));
        assert_eq!(found("interop/test_a.py", text), expected);
    }

    #[test]
    fn a_mark_is_on_the_test_of_its_own_file_only() {
        let mark = &in_file("codec/tests/vectors.rs", "// MISSION V3\nfn text() {}\n")[0];
        assert!(mark.is_on("codec::vectors::text") && mark.is_on("codec::vectors::module::text"));
        assert!(!mark.is_on("codec::vectors::other") && !mark.is_on("codec::flows::text"));
        assert!(!mark.is_on("session::vectors::text"));
        let mark = &in_file("codec/src/scheme/wire.rs", "    /// MISSION B1\n    fn text() {}\n")[0];
        assert!(mark.is_on("codec::scheme::wire::tests::text"));
        assert!(!mark.is_on("codec::scheme::other::tests::text"));
        let whole = &in_file("codec/tests/vectors.rs", "//! MISSION V3\n\nfn text() {}\n")[0];
        assert!(whole.is_on("codec::vectors::text") && whole.is_on("codec::vectors::other"));
        assert!(!whole.is_on("codec::flows::text"));
    }
}
