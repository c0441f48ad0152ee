//! The power goes: what was not synced is gone. And a control that must lose: a server whose syncs are lies.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use crate::args::Args;
use crate::book::Book;
use crate::clients::Clients;
use crate::image::{self, Image};
use crate::people::PEOPLE;
use crate::report::{Report, is_told};
use crate::seed::Chance;
use crate::server::Program;
use crate::trace::Tracer;
use crate::{kill9, store, story};

const IMAGE_MIB: u64 = 768;
const CONTROL_MIB: u64 = 256;
/// Every so many loops the store is read without the server.
const LOOK_EVERY: u64 = 5;
/// Loops of the control, for as many as ten times of the proof.
const CONTROLS: std::ops::RangeInclusive<u64> = 3..=20;

/// Whether it ran: it needs the right to mount.
pub(crate) enum Ran {
    Yes,
    No,
}

pub(crate) async fn run(args: &Args) -> Result<Ran, String> {
    let folder = args.folder("powercut")?;
    if let Some(lack) = image::lacking(&folder) {
        println!(
            "powercut: SKIPPED, NOT PROVEN: that acknowledged messages survive a power cut.\n  \
             It mounts a file system from a file and shuts it down: {lack}\n  \
             Run it as root on a Linux with loop devices and e2fsprogs: sudo -E cargo xtask powercut {}",
            args.loops
        );
        return Ok(Ran::No);
    }
    let tracer = Tracer::find()?;
    println!("powercut: {} loops, seed {}, on ext4 in {}", args.loops, args.seed, folder.display());
    let mut report = Report::default();
    let mut image = Image::new(&folder, "disk", IMAGE_MIB)?;
    let program = Program::new(&args.server, &folder.join("server.log"));
    let told = loops(args, &program, &mut image, &mut report).await;
    println!("{report}");
    if let Err(error) = told {
        let kept = image.keep();
        return Err(format!(
            "{error}\nthe file system is kept in {}; run again with --seed {}",
            kept.display(),
            args.seed
        ));
    }
    drop(image);
    control(args, &folder, &tracer).await?;
    let _ = std::fs::remove_dir_all(&folder);
    Ok(Ran::Yes)
}

async fn loops(args: &Args, program: &Program, image: &mut Image, report: &mut Report) -> Result<(), String> {
    let data = image.mount.join("data");
    let book = Rc::new(RefCell::new(Book::default()));
    let mut looked = vec![0; PEOPLE];
    for at in 1..=args.loops {
        let mut chance = Chance::new(args.seed.wrapping_mul(0x1_0000_0001).wrapping_add(at));
        let running = program.start(&data)?;
        if at > 1 {
            report.opened_in.push(running.opened_in);
        }
        let opened_in = running.opened_in;
        let clients = Clients::start(&book, chance.clone(), running.address);
        story::drain(&clients).await;
        story::note(&book, report)?;
        let time = Duration::from_millis(chance.between(50, 900));
        story::load(&clients, time).await;
        // Only what was read before the cut begins counts: a sync that races with it may say yes.
        book.borrow_mut().frozen = true;
        image.cut()?;
        running.kill()?;
        story::end(clients).await?;
        image.power_on()?;
        report.loops = at;
        if at.is_multiple_of(LOOK_EVERY) || at == args.loops {
            looked = store::compare(&data, &mut book.borrow_mut(), &looked)?;
            report.looked_into += 1;
        }
        story::note(&book, report)?;
        if is_told(at, args.loops) {
            let (ms, acked, open) = (time.as_millis(), report.acked, opened_in.as_secs_f64());
            println!(
                "  loop {at}/{}: opened in {open:.3} s, cut after {ms} ms, {acked} acked so far",
                args.loops
            );
        }
    }
    let rows = kill9::finish(program, &data, &book, args.seed, report).await?;
    println!("  at the end every mailbox was read again by a new device, and from the files: {rows} rows");
    Ok(())
}

/// The same server on a system that says it synced and did not. If it loses nothing, the cut cuts nothing, and
/// all of the above proves nothing.
async fn control(args: &Args, folder: &Path, tracer: &Tracer) -> Result<(), String> {
    let loops = (args.loops / 10).clamp(*CONTROLS.start(), *CONTROLS.end());
    let (mut failed, mut all_acked, mut all_lost) = (0, 0, 0);
    for at in 1..=loops {
        let mut image = Image::new(folder, "control", CONTROL_MIB)?;
        let mut program = Program::new(&args.server, &folder.join("control.log"));
        program.wrapper = tracer.without_sync();
        let (acked, lost) = without_sync(args.seed + at, &program, &mut image).await?;
        all_acked += acked;
        all_lost += lost;
        failed += u64::from(acked > 0 && lost > 0);
    }
    println!(
        "control without sync: {failed} of {loops} loops lost acked messages, {all_lost} of {all_acked}"
    );
    if failed == loops {
        return Ok(());
    }
    Err("the harness proves nothing: a server that does not sync must lose messages every time".to_owned())
}

/// How many messages were acked, and how many of them were lost.
async fn without_sync(seed: u64, program: &Program, image: &mut Image) -> Result<(u64, u64), String> {
    let data = image.mount.join("data");
    let book = Rc::new(RefCell::new(Book::default()));
    let mut chance = Chance::new(seed);
    let running = program.start(&data)?;
    // The empty store is to survive: it is the messages that are to be lost.
    image.sync()?;
    let clients = Clients::start(&book, chance.clone(), running.address);
    story::load(&clients, Duration::from_millis(chance.between(300, 900))).await;
    book.borrow_mut().frozen = true;
    image.cut()?;
    running.kill()?;
    story::end(clients).await?;
    image.power_on()?;
    let acked = book.borrow().acked;
    // What is read now goes into a book of its own, where nothing is known yet.
    let lost = match store::count(&data) {
        Ok(there) => acked.saturating_sub(there),
        Err(_) => acked,
    };
    Ok((acked, lost))
}
