//! What it was measured on, and what a process has used.
#![allow(unsafe_code, reason = "limits, ticks and signals of the operating system have no safe call in std")]

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Cores, processor, system.
pub(crate) fn line() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or(0) / 1024 / 1024;
    format!("{cores} cores, {model}, {memory} GiB, {}", std::env::consts::OS)
}

/// The directory that cargo builds into: the one above this program's profile.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let exe = std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
    let target = exe.parent().and_then(Path::parent);
    target.map(Path::to_owned).ok_or_else(|| "this program is not in a target directory".to_owned())
}

/// The type of the file system that a path is on.
pub(crate) fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let longest = mounts.filter(|(at, _)| path.starts_with(at)).max_by_key(|(at, _)| at.len());
    longest.map_or("unknown", |(_, kind)| kind).to_owned()
}

/// A number of KiB in a file of `Name:   123 kB` lines.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// In user mode.
    pub(crate) user_s: f64,
    /// In the kernel, on its behalf.
    pub(crate) system_s: f64,
    /// Memory now, in bytes.
    pub(crate) rss: u64,
    /// The most it ever was.
    pub(crate) rss_peak: u64,
    /// Bytes that it made the disk write.
    pub(crate) written: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The second field is the program's name, in parentheses, and may hold anything.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let mut ticks = after.split_whitespace().skip(11).map(|ticks| ticks.parse().unwrap_or(0.0));
        let mut seconds = || ticks.next().unwrap_or(0.0) / ticks_per_second();
        let (user_s, system_s) = (seconds(), seconds());
        let status = format!("/proc/{pid}/status");
        let kib = |name| field(&status, name).unwrap_or(0) * 1024;
        let written = field(&format!("/proc/{pid}/io"), "write_bytes").unwrap_or(0);
        Self { user_s, system_s, rss: kib("VmRSS"), rss_peak: kib("VmHWM"), written }
    }

    pub(crate) fn cpu_s(&self) -> f64 {
        self.user_s + self.system_s
    }
}

fn ticks_per_second() -> f64 {
    // SAFETY: asks for a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}

/// Time that this thread has run, in ns: what others do on the machine does not count.
pub(crate) fn thread_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is a value of this function, written by the call.
    let _ = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let part = |part| u64::try_from(part).unwrap_or_default();
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}

/// Lets this process, and the children that it starts, open as many files as the system allows.
pub(crate) fn raise_open_files() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is a value of this function, written by the first call and read by the second.
    let result = unsafe {
        match libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) {
            0 => {
                limit.rlim_cur = limit.rlim_max;
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit)
            }
            failed => failed,
        }
    };
    if result == 0 { Ok(limit.rlim_cur) } else { Err(io::Error::last_os_error()) }
}

/// Puts the files in a directory out of the system's memory, so that they have to be read from the disk again. What is
/// not written yet is written first.
pub(crate) fn forget_files(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            forget_files(&path)?;
            continue;
        }
        let file = fs::File::open(&path)?;
        file.sync_all()?;
        // SAFETY: the descriptor is that of a file that stays open until after the call.
        let result = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
        if result != 0 {
            return Err(io::Error::from_raw_os_error(result));
        }
    }
    Ok(())
}

/// What the files in a directory take on the disk, in bytes.
pub(crate) fn disk_bytes(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        bytes += if path.is_dir() { disk_bytes(&path)? } else { fs::metadata(&path)?.blocks() * 512 };
    }
    Ok(bytes)
}

/// Asks a child of this process to end.
pub(crate) fn terminate(child: &std::process::Child) {
    if let Ok(pid) = libc::pid_t::try_from(child.id()) {
        // SAFETY: sends a signal, to a child that has not been waited for and so still owns its number.
        let _ = unsafe { libc::kill(pid, libc::SIGTERM) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::of(std::process::id());
        assert!(usage.rss > 0 && usage.rss_peak >= usage.rss, "{usage:?}");
        assert_eq!(Usage::of(0).rss, 0);
        assert_ne!(file_system(Path::new("/proc/self/status")), "unknown");
    }
}
