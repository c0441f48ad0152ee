//! The disk fails under the whole server: the real binary, with a tracer that answers its system calls, and a
//! real file system that is full.
//!
//! In each story clients of both dialects write until the store fails. Then no draft that is sent may be
//! acknowledged, those that can be refused are refused as something that may pass, and after a start on a sound
//! disk everything acked is there and what was refused is taken, once.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::args::Args;
use crate::book::Book;
use crate::clients::Clients;
use crate::image::{self, Image};
use crate::kill9;
use crate::report::Report;
use crate::seed::Chance;
use crate::server::{Program, Running};
use crate::story;
use crate::trace::Tracer;

/// The store fails within this time, or the fault did not reach it.
const FAILS_IN: Duration = Duration::from_secs(30);
/// Load before something is broken.
const BEFORE: Duration = Duration::from_millis(150);
/// How long writers go on after that, to see whether anything is acked.
const GOES_ON: Duration = Duration::from_millis(300);
/// Commits, or writes, that succeed before the fault.
const GOOD: u64 = 40;
/// The least that the engine's first journals and tables need, and little more.
const FULL_MIB: u64 = 64;
const GONE_MIB: u64 = 256;
/// What is left free of it.
const ROOM_KIB: u64 = 2_048;

/// A way in which a disk fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The journal's sync fails, once and for ever.
    Sync,
    /// The journal's sync fails once, and then says yes again: fsyncgate.
    SyncOnce,
    /// Writing to the journal fails.
    Write(&'static str),
}

impl Fault {
    const ALL: [Self; 4] = [Self::Sync, Self::SyncOnce, Self::Write("EIO"), Self::Write("ENOSPC")];

    fn words(self) -> String {
        match self {
            Self::Sync => "EIO of every fdatasync".to_owned(),
            Self::SyncOnce => "EIO of one fdatasync, then success".to_owned(),
            Self::Write(error) => format!("{error} of writes to the journal"),
        }
    }

    fn wrapper(self, tracer: &Tracer, data: &Path) -> Vec<String> {
        let journal = data.join("store/engine/0.jnl");
        match self {
            Self::Sync => tracer.failing("fdatasync", "EIO", &format!("{GOOD}+"), None),
            Self::SyncOnce => tracer.failing("fdatasync", "EIO", &GOOD.to_string(), None),
            Self::Write(error) => tracer.failing("write", error, &format!("{GOOD}+"), Some(&journal)),
        }
    }
}

// MISSION L3
pub(crate) async fn run(args: &Args) -> Result<(), String> {
    let folder = args.folder("faults")?;
    let tracer = Tracer::find()?;
    println!("faults: seed {}, in {}", args.seed, folder.display());
    for (at, fault) in Fault::ALL.into_iter().enumerate() {
        let data = folder.join(format!("data{at}"));
        let sound = Program::new(&args.server, &folder.join("server.log"));
        // The store is made on a sound disk: it is what happens later that is told here.
        sound.start(&data)?.stop()?;
        let mut failing = sound.clone();
        failing.wrapper = fault.wrapper(&tracer, &data);
        let told = tell(args.seed, &failing, &sound, &data, |_| Ok(()), || Ok(())).await;
        print(&fault.words(), told).map_err(|error| kept(&error, &folder))?;
    }
    mounted(args, &folder).await.map_err(|error| kept(&error, &folder))?;
    let _ = fs::remove_dir_all(&folder);
    Ok(())
}

/// File systems that are really full, and really gone.
async fn mounted(args: &Args, folder: &Path) -> Result<(), String> {
    if let Some(lack) = image::lacking(folder) {
        println!(
            "  a full file system, and one that is gone: SKIPPED, NOT PROVEN; it mounts one from a file: {lack}\n  \
             Run it as root: sudo -E cargo xtask faults"
        );
        return Ok(());
    }
    let program = Program::new(&args.server, &folder.join("server.log"));
    let image = Image::new(folder, "small", FULL_MIB)?;
    let (data, filler) = (image.mount.join("data"), image.mount.join("filler"));
    let told = tell(args.seed, &program, &program, &data, |_| fill(&filler), || remove(&filler)).await;
    print("a full file system", told)?;
    drop(image);

    let image = RefCell::new(Image::new(folder, "gone", GONE_MIB)?);
    let data = image.borrow().mount.join("data");
    let cut = |book: &RefCell<Book>| {
        // A sync that races with the cut may say yes: what is acked from here on is not held against it.
        book.borrow_mut().frozen = true;
        image.borrow().cut()
    };
    let power_on = || image.borrow_mut().power_on();
    let told = tell(args.seed, &program, &program, &data, cut, power_on).await;
    print("a file system that is gone (EIO of everything)", told)
}

/// One story. `breaks` is called in the middle of the load, `mends` before the server is started again.
async fn tell(
    seed: u64,
    failing: &Program,
    sound: &Program,
    data: &Path,
    breaks: impl FnOnce(&RefCell<Book>) -> Result<(), String>,
    mends: impl FnOnce() -> Result<(), String>,
) -> Result<String, String> {
    let book = Rc::new(RefCell::new(Book::default()));
    let mut report = Report::default();
    let mut running = failing.start(data)?;
    let clients = Clients::start(&book, Chance::new(seed), running.address);
    story::load(&clients, BEFORE).await;
    breaks(&book)?;
    fails(&clients, &mut running).await?;
    let acked = book.borrow().acked;
    let until = Instant::now() + GOES_ON;
    while Instant::now() < until && running.has_ended().is_none() {
        clients.load(true); // every refusal turns it off
        sleep(Duration::from_millis(5)).await;
    }
    let ended = running.has_ended();
    running.kill()?;
    story::end(clients).await?;
    let refusals = book.borrow().refusals;
    story::note(&book, &mut report)?;
    match ended {
        None if refusals == 0 => return Err("nobody was refused in words".to_owned()),
        Some(status) if status.success() => return Err("the server ended as if all were well".to_owned()),
        _ => {}
    }
    mends()?;
    kill9::finish(sound, data, &book, seed, &mut report).await?;
    let after = report.acked - acked;
    let ended = ended.map(|status| format!(", the server ended with {status}")).unwrap_or_default();
    Ok(format!(
        "{acked} acked before, {refusals} refusals, no late ack{ended}; {after} sent again and taken once"
    ))
}

/// Waits for the first refusal.
async fn fails(clients: &Clients, running: &mut Running) -> Result<(), String> {
    let until = Instant::now() + FAILS_IN;
    while !clients.crowd.book.borrow().refused {
        if Instant::now() > until {
            return Err("the fault did not reach the server".to_owned());
        }
        if running.has_ended().is_some() && clients.gone() > 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Leaves next to nothing free.
fn fill(filler: &Path) -> Result<(), String> {
    let cannot = |error| format!("cannot write {}: {error}", filler.display());
    let mut file = File::create(filler).map_err(cannot)?;
    let block = vec![0xa5; 64 * 1024];
    let mut written = 0_u64;
    while file.write_all(&block).is_ok() {
        written += block.len() as u64;
    }
    // What is given back here is all that the server has.
    file.set_len(written.saturating_sub(ROOM_KIB * 1024)).and_then(|()| file.sync_all()).map_err(cannot)
}

fn remove(filler: &PathBuf) -> Result<(), String> {
    fs::remove_file(filler).map_err(|error| format!("cannot remove {}: {error}", filler.display()))
}

fn print(fault: &str, told: Result<String, String>) -> Result<(), String> {
    match told {
        Ok(words) => {
            println!("  {fault}: {words}");
            Ok(())
        }
        Err(error) => Err(format!("{fault}: {error}")),
    }
}

fn kept(error: &str, folder: &Path) -> String {
    format!("{error}\nwhat there is of it is kept in {}", folder.display())
}
