//! The programs are in `src/bin`. This library is empty but for the front page of the project, whose example runs
//! with the tests.

/// The front page.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;
