//! A file system in a file, whose power can be cut.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a file system may be busy with the files of a process that was just killed.
const UNMOUNTS_IN: Duration = Duration::from_secs(10);

/// An ext4 file system, mounted. Unmounted and removed with this value.
#[derive(Debug)]
pub(crate) struct Image {
    file: PathBuf,
    pub(crate) mount: PathBuf,
    mounted: bool,
    kept: bool,
}

/// What this machine lacks for it; `None` when nothing.
pub(crate) fn lacking(folder: &Path) -> Option<String> {
    let probe = Image::new(folder, "probe", 8);
    probe.err()
}

impl Image {
    pub(crate) fn new(folder: &Path, name: &str, mib: u64) -> Result<Self, String> {
        let (file, mount) = (folder.join(format!("{name}.img")), folder.join(name));
        let io = |error: std::io::Error| format!("cannot make {}: {error}", file.display());
        fs::create_dir_all(&mount).map_err(io)?;
        // A file of holes: only what is written takes room.
        File::create(&file).and_then(|it| it.set_len(mib * 1024 * 1024)).map_err(io)?;
        let mut image = Self { file, mount, mounted: false, kept: false };
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image.file))?;
        image.mount()?;
        Ok(image)
    }

    fn mount(&mut self) -> Result<(), String> {
        run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(&self.file).arg(&self.mount))?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<(), String> {
        let until = Instant::now() + UNMOUNTS_IN;
        loop {
            match run(Command::new("umount").arg(&self.mount)) {
                Ok(()) => break,
                Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => return Err(error),
            }
        }
        self.mounted = false;
        // Its loop device goes with the file system. Should that live on somewhere, as in another mount namespace,
        // mounting would give back the dead one.
        while self.has_device()? {
            if Instant::now() > until {
                return Err(format!(
                    "{} is still in use, though it is not mounted here",
                    self.file.display()
                ));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn has_device(&self) -> Result<bool, String> {
        let mut losetup = Command::new("losetup");
        let listed = losetup.arg("--associated").arg(&self.file).stdin(Stdio::null()).output();
        let listed = listed.map_err(|error| format!("cannot run losetup: {error}"))?;
        Ok(!listed.stdout.is_empty())
    }

    /// Cuts the power: from here on nothing reaches the disk, and what only the kernel's memory has is gone.
    pub(crate) fn cut(&self) -> Result<(), String> {
        let root =
            File::open(&self.mount).map_err(|error| format!("cannot open the file system: {error}"))?;
        shut_down(&root).map_err(|error| format!("cannot cut the power (EXT4_IOC_SHUTDOWN): {error}"))
    }

    /// Power is back: the file system is what its own journal makes of it.
    pub(crate) fn power_on(&mut self) -> Result<(), String> {
        self.unmount()?;
        self.mount()
    }

    /// Everything written so far becomes durable.
    pub(crate) fn sync(&self) -> Result<(), String> {
        run(Command::new("sync").arg("--file-system").arg(&self.mount))
    }

    /// Leaves the file for somebody to look at.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.file.clone()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = self.unmount()
        {
            eprintln!("{} stays mounted: {error}", self.mount.display());
            return;
        }
        if !self.kept {
            let _ = fs::remove_file(&self.file);
        }
        let _ = fs::remove_dir(&self.mount);
    }
}

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: the file system stops at once, without writing out
/// its own journal.
#[expect(unsafe_code, reason = "no safe wrapper of this ioctl exists in a crate that is here already")]
fn shut_down(root: &File) -> std::io::Result<()> {
    const EXT4_IOC_SHUTDOWN: libc::Ioctl = 0x8004_587d;
    const NO_LOG_FLUSH: u32 = 2;
    let flags = NO_LOG_FLUSH;
    // SAFETY: the descriptor is open for the length of the call, and the kernel reads one u32 at the address.
    let done = unsafe { libc::ioctl(root.as_raw_fd(), EXT4_IOC_SHUTDOWN, &raw const flags) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Runs it silently; what it says is the error.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done =
        command.stdin(Stdio::null()).output().map_err(|error| format!("cannot run {name}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&done.stderr).trim()))
}
