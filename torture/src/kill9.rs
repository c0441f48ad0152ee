//! The process ends in the middle of anything; the machine lives on.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use crate::args::Args;
use crate::book::Book;
use crate::clients::Clients;
use crate::people::{PEOPLE, Who};
use crate::report::{Report, is_told};
use crate::seed::Chance;
use crate::server::{self, Program};
use crate::{store, story};

/// One in so many lives ends while the store is being opened.
const EARLY_ONE_IN: u64 = 6;
/// Every so many loops the store is read without the server.
const LOOK_EVERY: u64 = 5;

// MISSION L3
pub(crate) async fn run(args: &Args) -> Result<(), String> {
    let folder = args.folder("kill9")?;
    let data = folder.join("data");
    println!("kill9: {} loops, seed {}, data in {}", args.loops, args.seed, data.display());
    let program = Program::new(&args.server, &folder.join("server.log"));
    let mut report = Report::default();
    let told = loops(args, &program, &data, &mut report).await;
    println!("{report}");
    match told {
        Ok(()) => {
            // Nobody needs a store in which everything was found.
            let _ = fs::remove_dir_all(&folder);
            Ok(())
        }
        Err(error) => Err(format!(
            "{error}\nthe data is kept in {}; run again with --seed {}",
            folder.display(),
            args.seed
        )),
    }
}

async fn loops(
    args: &Args,
    program: &Program,
    data: &std::path::Path,
    report: &mut Report,
) -> Result<(), String> {
    let book = Rc::new(RefCell::new(Book::default()));
    let mut looked = vec![0; PEOPLE];
    for at in 1..=args.loops {
        let mut chance = Chance::new(args.seed.wrapping_mul(0x1_0000_0001).wrapping_add(at));
        if at > 1 && chance.one_in(EARLY_ONE_IN) {
            let after = Duration::from_millis(chance.between(1, 250));
            let mut child = program.spawn(data)?;
            sleep(after).await;
            child.kill().map_err(|error| format!("cannot kill the server: {error}"))?;
            server::wait(&mut child)?;
            report.while_opening += 1;
        }
        let running = program.start(data)?;
        if at > 1 {
            report.opened_in.push(running.opened_in);
        }
        let opened_in = running.opened_in;
        let clients = Clients::start(&book, chance.clone(), running.address);
        story::drain(&clients).await;
        story::note(&book, report)?;
        let time = Duration::from_millis(chance.between(50, 900));
        story::load(&clients, time).await;
        running.kill()?;
        story::end(clients).await?;
        report.loops = at;
        if at.is_multiple_of(LOOK_EVERY) || at == args.loops {
            looked = store::compare(data, &mut book.borrow_mut(), &looked)?;
            report.looked_into += 1;
        }
        story::note(&book, report)?;
        if is_told(at, args.loops) {
            let (ms, acked, open) = (time.as_millis(), report.acked, opened_in.as_secs_f64());
            println!(
                "  loop {at}/{}: opened in {open:.3} s, killed after {ms} ms, {acked} acked so far",
                args.loops
            );
        }
    }
    let rows = finish(program, data, &book, args.seed, report).await?;
    println!("  at the end every mailbox was read again by a new device, and from the files: {rows} rows");
    Ok(())
}

/// Everything once more: by new devices, by a good end, and from the files. Gives how many rows that were.
pub(crate) async fn finish(
    program: &Program,
    data: &std::path::Path,
    book: &Rc<RefCell<Book>>,
    seed: u64,
    report: &mut Report,
) -> Result<u64, String> {
    let running = program.start(data)?;
    report.opened_in.push(running.opened_in);
    let mut clients = Clients::start(book, Chance::new(seed), running.address);
    story::drain(&clients).await;
    story::audit(&mut clients).await;
    running.stop()?;
    story::end(clients).await?;
    store::compare(data, &mut book.borrow_mut(), &[])?;
    report.looked_into += 1;
    book.borrow_mut().last_look();
    story::note(book, report)?;
    Ok(Who::all().map(|who| book.borrow().rows_of(who)).sum())
}
