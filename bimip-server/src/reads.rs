//! The reader threads: pages and attachments, read beside the commits and never on the node's task.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use bimip_proto::{Device, UserId};
use bimip_session::server::{ConnId, Input, Page, ReadPage};

use crate::counts::Counts;
use crate::post::Post;
use crate::storage::Reader;

/// Threads that read. More than processors, since they wait for disks; few, since each may hold a page.
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
}

/// The node's end. The queue has no bound of its own: the core has at most one question open for each connection and
/// one for each user who is connected.
#[derive(Debug)]
pub(crate) struct Reads(Sender<Question>);

impl Reads {
    pub(crate) fn ask(&self, question: Question) {
        if self.0.send(question).is_err() {
            tracing::error!("no reader thread is left; connections wait in vain");
        }
    }
}

/// Starts the threads. They end when the node's end is dropped and every question is answered.
pub(crate) fn spawn<R: Reader>(
    reader: &R,
    post: &Post,
    counts: &Arc<Counts>,
) -> io::Result<(Reads, Vec<JoinHandle<()>>)> {
    let (questions, asked) = channel();
    let asked = Arc::new(Mutex::new(asked));
    let mut threads = Vec::with_capacity(THREADS);
    for number in 1..=THREADS {
        let (reader, asked, post) = (reader.clone(), Arc::clone(&asked), post.clone());
        let counts = Arc::clone(counts);
        let name = format!("bimip-read-{number}");
        threads.push(thread::Builder::new().name(name).spawn(move || run(&reader, &asked, &post, &counts))?);
    }
    Ok((Reads(questions), threads))
}

fn run<R: Reader>(reader: &R, asked: &Mutex<Receiver<Question>>, post: &Post, counts: &Counts) {
    while let Some(question) = next(asked) {
        let answer = answer(reader, question);
        // Nobody asks again at once: a page is asked for with the next row or disposal, a place with the next sign-in.
        if matches!(
            &answer,
            Input::Page(Page { rows: None, .. }) | Input::Attached(_, None) | Input::Contacts(_, None)
        ) {
            counts.unread.one();
        }
        post.send_blocking(vec![answer]);
    }
}

/// One thread waits in the queue, the others for their turn to wait.
fn next(asked: &Mutex<Receiver<Question>>) -> Option<Question> {
    asked.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn answer<R: Reader>(reader: &R, question: Question) -> Input {
    match question {
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
    }
}
