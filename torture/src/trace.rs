//! The system-call tracer, which can also answer system calls itself: a disk that lies or fails, under the very
//! binary that is shipped.

use std::path::Path;
use std::process::{Command, Stdio};

/// A `strace` that works here.
#[derive(Debug)]
pub(crate) struct Tracer;

impl Tracer {
    pub(crate) fn find() -> Result<Self, String> {
        let mut probe = Command::new("strace");
        probe.args(["-f", "-qq", "-o", "/dev/null", "true"]);
        let works = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        match works {
            Ok(status) if status.success() => Ok(Self),
            Ok(_) => Err("strace is here and may not trace; run this where ptrace is allowed".to_owned()),
            Err(error) => {
                Err(format!("strace is missing ({error}); install it, as in `apt-get install strace`"))
            }
        }
    }

    /// Every sync is answered with success and does not take place. The tracer is a child of what it traces, so
    /// that the server is the process that gets killed.
    #[expect(clippy::unused_self, reason = "only who has found one may use it")]
    pub(crate) fn without_sync(&self) -> Vec<String> {
        const SYNCS: &str = "fdatasync,fsync,sync,syncfs,sync_file_range,msync";
        wrapper(&[&format!("trace={SYNCS}"), &format!("inject={SYNCS}:retval=0")], None)
    }

    /// These calls (on this path, if one is given) fail with this error, `when` it is their turn: `40` is the
    /// fortieth of a thread, `40+` all from there on.
    #[expect(clippy::unused_self, reason = "only who has found one may use it")]
    pub(crate) fn failing(&self, call: &str, error: &str, when: &str, path: Option<&Path>) -> Vec<String> {
        wrapper(&[&format!("trace={call}"), &format!("inject={call}:error={error}:when={when}")], path)
    }
}

fn wrapper(expressions: &[&str], path: Option<&Path>) -> Vec<String> {
    let mut words: Vec<String> =
        ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"].map(str::to_owned).into();
    for expression in expressions {
        words.extend(["-e".to_owned(), (*expression).to_owned()]);
    }
    if let Some(path) = path {
        words.extend(["-P".to_owned(), path.display().to_string()]);
    }
    words.push("--".to_owned());
    words
}
