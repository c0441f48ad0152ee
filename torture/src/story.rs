//! What happens in every life of the server, whatever ends it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::book::{Book, Wrong};
use crate::clients::Clients;
use crate::people::Who;
use crate::report::Report;

/// Nothing that is bound to happen takes this long, even when everything waits for one disk.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has happened.
const GLANCE: Duration = Duration::from_millis(3);

/// Waits until all clients have what is theirs. What does not come while nothing else comes either is lost.
pub(crate) async fn drain(clients: &Clients) {
    await_quiet(clients, "everything is answered and read", |clients| clients.is_quiet()).await;
    clients.crowd.book.borrow_mut().give_up();
}

/// The same for the devices that read everything again.
pub(crate) async fn audit(clients: &mut Clients) {
    clients.audit();
    await_quiet(clients, "new devices have the whole mailbox", |clients| clients.is_audited()).await;
}

/// Waits for as long as anything is heard.
async fn await_quiet(clients: &Clients, what: &str, done: impl Fn(&Clients) -> bool) {
    let (mut heard, mut since) = (0, Instant::now());
    while !done(clients) {
        let events = clients.crowd.book.borrow().events;
        if events != heard {
            (heard, since) = (events, Instant::now());
        }
        let gone = clients.gone();
        if since.elapsed() > PATIENCE || gone > 0 {
            let why = if gone > 0 { "a connection was closed" } else { "nothing more was heard" };
            let unacked: Vec<usize> = {
                let book = clients.crowd.book.borrow();
                Who::all().filter(|who| !who.is_walkie()).map(|who| book.unacked(who).len()).collect()
            };
            let words = format!("{why} before {what}; without an ack: {unacked:?}");
            return clients.crowd.book.borrow_mut().wrong(Wrong::Other, words);
        }
        sleep(GLANCE).await;
    }
}

/// New drafts for so long.
pub(crate) async fn load(clients: &Clients, time: Duration) {
    clients.load(true);
    sleep(time).await;
}

/// Until the connections of a server that is gone are gone too.
pub(crate) async fn end(clients: Clients) -> Result<(), String> {
    clients.end(PATIENCE).await
}

/// Notes what the book says by now; an error when it says that something is wrong.
pub(crate) fn note(book: &Rc<RefCell<Book>>, report: &mut Report) -> Result<(), String> {
    let book = book.borrow();
    report.acked = book.acked;
    report.resent = book.resent;
    report.wrongs = [Wrong::Lost, Wrong::Doubled, Wrong::Disordered, Wrong::Other].map(|it| book.wrongs(it));
    if book.is_clean() { Ok(()) } else { Err(book.words.join("\n  ")) }
}
