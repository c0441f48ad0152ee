//! Threads that must not be in the way of the commit thread: their work is never waited for by anybody.

use std::io;
use std::panic::resume_unwind;
use std::thread;

/// By how much the background steps back when there are fewer processors than threads that want one: to a third of
/// what another thread gets. Much less, and what it holds a lock for would take longer than without.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Runs this in a thread that has stepped back; so have all threads that it starts, since they take after it.
pub(super) fn behind<T: Send>(run: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let behind = thread::Builder::new().spawn_scoped(scope, || {
            step_back();
            run()
        })?;
        behind.join().map_err(|panic| resume_unwind(panic))
    })
}

/// The calling thread alone, on Linux. Elsewhere it would be the whole process, and stays as it is.
pub(super) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::debug!(%error, "a thread of the background keeps the priority of the others");
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn priority() -> i32 {
        rustix::process::nice(0).unwrap()
    }

    #[test]
    fn what_is_started_behind_stays_behind_and_nobody_else() {
        let before = priority();
        let started = behind(|| thread::spawn(priority).join().unwrap()).unwrap();
        assert_eq!(started, (before + NICER).min(19));
        assert_eq!(priority(), before);
    }
}
