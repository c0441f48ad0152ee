//! The reader threads: pages and attachments, read beside the commits and never on the node's task.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};

use bimip_proto::{Device, UserId};
use bimip_session::ledger::Standing;
use bimip_session::server::{Answered, ConnId, Input, Lookup, Page, ReadPage};

use tokio::sync::oneshot;

use crate::counts::Counts;
use crate::lanes::{Lanes, Place};
use crate::post::Post;
use crate::storage::Reader;

/// Threads that read. More than processors, since they wait for disks; few, since each may hold a page. One of them takes
/// no questions about what is stored: those may be many and long, and deliveries and sign-ins wait for none of them.
const THREADS: usize = 4;

/// What a reader thread is asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// Where does this device stand?
    Attach(ConnId, Device),
    /// With whom does this user have a conversation of two?
    Contacts(UserId),
    /// What comes next in this mailbox?
    Page(ReadPage),
    /// What is stored there?
    Query(Lookup),
    /// What did this user decide about their account? For a door, which waits for it without the core.
    Standing(UserId, oneshot::Sender<Arc<Standing>>),
}

impl Question {
    /// Somebody may wait for a message, or for being let in.
    const fn is_urgent(&self) -> bool {
        !matches!(self, Self::Query(_))
    }
}

/// The node's end. The queues have no bound of their own: the core has at most two questions open for each connection and
/// one for each user who is connected, and a door one for each socket with a good token that knocks at it.
#[derive(Debug)]
pub(crate) struct Reads(Arc<Lanes<Question>>);

impl Reads {
    pub(crate) fn ask(&self, question: Question) {
        let urgent = question.is_urgent();
        if !self.0.push(question, urgent) {
            tracing::error!("no reader thread is left; connections wait in vain");
        }
    }

    /// What doors ask. It does not keep the threads alive.
    pub(crate) fn standings(&self) -> Standings {
        Standings(Arc::downgrade(&self.0))
    }
}

impl Drop for Reads {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The doors' end.
#[derive(Debug, Default)]
pub(crate) struct Standings(Weak<Lanes<Question>>);

impl Standings {
    /// How a user stands, or `None` when the store cannot be read, or the node is gone.
    pub(crate) async fn of(&self, user: &UserId) -> Option<Arc<Standing>> {
        let (answer, asked) = oneshot::channel();
        self.0.upgrade()?.push(Question::Standing(user.clone(), answer), true).then_some(())?;
        asked.await.ok()
    }
}

/// Starts the threads. They end when the node's end is dropped and every question is answered.
pub(crate) fn spawn<R: Reader>(
    reader: &R,
    post: &Post,
    counts: &Arc<Counts>,
) -> io::Result<(Reads, Vec<JoinHandle<()>>)> {
    let reads = Reads(Arc::new(Lanes::new(THREADS)));
    let mut threads = Vec::with_capacity(THREADS);
    for number in 0..THREADS {
        let (reader, lanes, post) = (reader.clone(), Arc::clone(&reads.0), post.clone());
        let counts = Arc::clone(counts);
        let name = format!("bimip-read-{}", number + 1);
        let run = move || run(&reader, &lanes.place(number), &post, &counts);
        threads.push(thread::Builder::new().name(name).spawn(run)?);
    }
    Ok((reads, threads))
}

fn run<R: Reader>(reader: &R, asked: &Place<'_, Question>, post: &Post, counts: &Counts) {
    while let Some(question) = asked.next() {
        let Some(answer) = answer(reader, question, counts) else { continue };
        // Nobody asks again at once: a page is asked for with the next row or disposal, a place with the next sign-in.
        if matches!(
            &answer,
            Input::Page(Page { rows: None, .. })
                | Input::Attached(_, None)
                | Input::Contacts(_, None)
                | Input::Answered(Answered { found: None, .. })
        ) {
            counts.unread.one();
        }
        post.send_blocking(vec![answer]);
    }
}

/// What the node is to hear; a door hears its own answer.
fn answer<R: Reader>(reader: &R, question: Question, counts: &Counts) -> Option<Input> {
    Some(match question {
        Question::Standing(user, answer) => {
            match reader.standing(&user) {
                // Whoever knocked may be gone.
                Ok(standing) => drop(answer.send(standing)),
                Err(error) => {
                    counts.unread.one();
                    tracing::error!(%error, %user, "what a user decided could not be read");
                }
            }
            return None;
        }
        Question::Query(lookup) => Input::Answered(reader.look_up(&lookup)),
        Question::Page(request) => Input::Page(reader.page(&request)),
        Question::Attach(conn, device) => {
            let attachment = reader.attach(&device);
            if let Err(error) = &attachment {
                tracing::error!(%error, %conn, "a device's place could not be read");
            }
            Input::Attached(conn, attachment.ok())
        }
        Question::Contacts(user) => {
            let contacts = reader.contacts(&user);
            if let Err(error) = &contacts {
                tracing::error!(%error, %user, "the contacts of a user could not be read");
            }
            Input::Contacts(user, contacts.ok())
        }
    })
}
