//! Forging an acknowledgement does not compile, for the reasons written down here.

// MISSION L2
#[test]
#[cfg_attr(miri, ignore = "it starts the compiler")]
fn acknowledgements_cannot_be_forged() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/forged/*.rs");
}
