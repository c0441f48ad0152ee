//! What a planted bug is.

/// One bug: a change of a few characters in `bimip-session/src` that a developer could make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bug {
    pub(super) name: &'static str,
    /// What is wrong, in one line.
    pub(super) wrong: &'static str,
    /// The rules of docs/protocol that it breaks.
    pub(super) breaks: &'static str,
    pub(super) edits: &'static [Edit],
    pub(super) finder: Finder,
    /// Written down before anything was run, by somebody who had not read the checkers.
    pub(super) blind: bool,
}

/// A text of a source file, found there exactly once, and what stands there instead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edit {
    /// Below `bimip-session/src`.
    pub(super) file: &'static str,
    pub(super) find: &'static str,
    pub(super) put: &'static str,
}

/// Who has to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finder {
    /// The simulator, within the seeds that were asked for.
    Simulator,
    /// A test that drives a machine by hand. The reason is why no world shows it.
    Tests(&'static str),
}

impl Bug {
    pub(super) const fn new(
        name: &'static str,
        wrong: &'static str,
        breaks: &'static str,
        edits: &'static [Edit],
    ) -> Self {
        Self { name, wrong, breaks, edits, finder: Finder::Simulator, blind: false }
    }

    pub(super) const fn blind(mut self) -> Self {
        self.blind = true;
        self
    }

    /// No world shows it, for this reason; the tests do.
    pub(super) const fn by_tests(mut self, why: &'static str) -> Self {
        self.finder = Finder::Tests(why);
        self
    }
}

pub(super) const fn edit(file: &'static str, find: &'static str, put: &'static str) -> Edit {
    Edit { file, find, put }
}
