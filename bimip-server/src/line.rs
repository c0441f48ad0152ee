//! A virtual connection: the core has one, and there is no socket behind it.
//!
//! What a request of HTTP asks is said on one, and what it is answered is made of what the core gives it. It ends when it
//! is dropped.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bimip_codec::Shared;
use bimip_proto::{Caps, ClientPacket, CloseReason, Said, ServerPacket};
use bimip_session::ledger::Outgoing;
use bimip_session::server::{ConnId, Grant, Input};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use crate::connection::{Context, LetGo};
use crate::outbox::{Out, Outbox};
use crate::post::ToNode;
use crate::server::{Place, Server};

/// What a line takes in the inbox beside what is said.
const LINE_BYTES: usize = 512;

/// One virtual connection, of somebody who is signed in.
pub(crate) struct Line {
    conn: ConnId,
    context: Arc<Context>,
    outbox: LetGo,
    /// What was taken and not handed out yet, the last first.
    taken: Vec<Out>,
    /// What is answered when the next thing is asked for: then all before it is on its way.
    asked: Option<u64>,
    ended: Option<CloseReason>,
    _place: Place,
}

/// What a line hands out.
#[derive(Debug)]
pub(crate) enum Told {
    /// A packet, with what was made of it for others who get the same. The goodbye, too.
    Packet(Outgoing, Option<Arc<Shared>>),
    /// The core wants a sign of life. Asking for the next thing is one.
    Alive,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("conn", &self.conn).finish_non_exhaustive()
    }
}

/// There is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// There is no place for another connection, or the server is stopping.
    Full,
    /// The connection ended for this reason.
    Ended(CloseReason),
    /// It did not come in time. What was said may be carried out all the same.
    Late,
}

impl Server {
    /// Opens a line and says the first things on it. `bytes` is about what they take in memory.
    ///
    /// # Errors
    /// [`NoAnswer::Full`], with nothing said.
    pub(crate) async fn line(
        &self,
        grant: Grant,
        caps: Caps,
        said: Vec<Said>,
        bytes: usize,
    ) -> Result<Line, NoAnswer> {
        let place = self.place().ok_or(NoAnswer::Full)?;
        let conn = ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed));
        let outbox = Outbox::new(self.context.outbox_room());
        let line = Line {
            conn,
            context: Arc::clone(&self.context),
            outbox: LetGo(Arc::clone(&outbox)),
            taken: Vec::new(),
            asked: None,
            ended: None,
            _place: place,
        };
        let room = self.context.room.take(bytes + LINE_BYTES).await;
        let inputs = vec![Input::Opened { conn, caps, grant: Some(grant) }, Input::Packets(conn, said)];
        let opening = ToNode::Line { conn, outbox, inputs, room };
        self.context.node.send(opening).await.map_err(|_| NoAnswer::Full)?;
        Ok(line)
    }

    /// Says one thing and waits for its answer; `None` where it has none.
    ///
    /// # Errors
    /// [`NoAnswer`]. Saying it again under the same name does it once.
    pub(crate) async fn call(
        &self,
        grant: Grant,
        said: Said,
        bytes: usize,
    ) -> Result<Option<Outgoing>, NoAnswer> {
        // It goes when it is answered.
        let said = vec![said, ClientPacket::Bye.into()];
        let asked = async {
            let mut line = self.line(grant, Caps::CALL, said, bytes).await?;
            match line.next().await {
                Some(answer) => Ok(Some(answer)),
                None => match line.ended.take() {
                    Some(CloseReason::Bye) => Ok(None),
                    reason => Err(NoAnswer::Ended(reason.unwrap_or(CloseReason::GoingAway))),
                },
            }
        };
        timeout(self.config().call_wait, asked).await.unwrap_or(Err(NoAnswer::Late))
    }
}

impl Line {
    /// The next packet, until the core says goodbye. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        loop {
            match self.told().await? {
                Told::Packet(outgoing, _) if matches!(outgoing.packet(), ServerPacket::Bye(_)) => {}
                Told::Packet(outgoing, _) => return Some(outgoing),
                Told::Alive => {}
            }
        }
    }

    /// The next thing that the core says, until it has closed the line. Cancel safe.
    pub(crate) async fn told(&mut self) -> Option<Told> {
        loop {
            if let Some(question) = self.asked {
                let answer = ToNode::Inputs(vec![Input::Barrier(self.conn, question)]);
                // A node that is gone has closed the outbox, too.
                let _ = self.context.node.send(answer).await;
                self.asked = None;
            }
            match self.taken.pop() {
                Some(Out::Packet(outgoing)) => return Some(self.packet(outgoing, None)),
                Some(Out::Shared(outgoing, shared)) => return Some(self.packet(outgoing, Some(shared))),
                Some(Out::Replay(outgoing, _)) => return Some(self.packet(outgoing, None)),
                Some(Out::Barrier(0)) => {
                    self.asked = Some(0);
                    return Some(Told::Alive);
                }
                Some(Out::Barrier(question)) => {
                    self.asked = Some(question);
                    // Whoever gathers what is ready hands it on before it is asked again.
                    tokio::task::yield_now().await;
                }
                Some(Out::Close(reason)) => self.ended = Some(reason),
                // There is no socket that could be read less from.
                Some(Out::SignedIn(_) | Out::Pause | Out::Resume) => {}
                None => {
                    self.taken = self.outbox.0.take().await?;
                    self.taken.reverse();
                }
            }
        }
    }

    fn packet(&mut self, outgoing: Outgoing, shared: Option<Arc<Shared>>) -> Told {
        if let ServerPacket::Bye(reason) = outgoing.packet() {
            self.ended = Some(reason.clone());
        }
        Told::Packet(outgoing, shared)
    }

    /// Says something more.
    pub(crate) async fn say(&self, packet: ClientPacket) {
        let inputs = vec![Input::Packets(self.conn, vec![packet.into()])];
        let _ = self.context.node.send(ToNode::Inputs(inputs)).await;
    }

    /// Why it ended, once it has.
    pub(crate) const fn ended(&self) -> Option<&CloseReason> {
        self.ended.as_ref()
    }
}

impl Drop for Line {
    /// The core learns of it at once: whoever comes back takes no place of one that is gone, and is not here meanwhile.
    fn drop(&mut self) {
        // What was answered has usually said goodbye in the same breath.
        let closes = |out: &Out| matches!(out, Out::Close(_));
        if self.ended.is_some() || self.taken.iter().any(closes) {
            return;
        }
        let closed = ToNode::Inputs(vec![Input::Closed(self.conn)]);
        if let Err(TrySendError::Full(closed)) = self.context.node.try_send(closed)
            && let Ok(runtime) = Handle::try_current()
        {
            let node = self.context.node.clone();
            runtime.spawn(async move { node.send(closed).await });
        }
    }
}

/// How long a call waits for its answer when nothing is said about it: longer than the store may hang before it is given up.
pub(crate) const CALL_WAIT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use bimip_proto::{
        Address, Ask, Body, ClientRef, Device, DeviceName, Draft, Found, Offset, PageFrom, Query, Reject,
        UserId,
    };

    use futures_util::FutureExt;

    use super::*;
    use crate::auth::OpenAuth;
    use crate::storage::memory::MemoryStorage;

    fn server() -> Server {
        Server::builder().storage(MemoryStorage::new()).authenticate(OpenAuth).start().unwrap()
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn ann() -> Grant {
        Grant::new(Device::new(user("ann"), DeviceName::new("http").unwrap()))
    }

    fn named(name: &str) -> ClientRef {
        ClientRef::new(name).unwrap()
    }

    fn draft(name: &str) -> Said {
        let to = Address::User(user("bob"));
        let body = Body::text("hello");
        ClientPacket::Send(Draft { client_ref: Some(named(name)), to, client_time: None, body }).into()
    }

    #[tokio::test]
    async fn a_call_is_answered_and_goes() {
        let server = server();
        let first = server.call(ann(), draft("a"), 5).await.unwrap().unwrap();
        let again = server.call(ann(), draft("a"), 5).await.unwrap().unwrap();
        assert!(matches!(first.packet(), ServerPacket::Accepted { .. }));
        assert_eq!(first.packet(), again.packet(), "the first result stands");

        let ask = Ask::History { of: Address::User(user("bob")), from: PageFrom::Latest, limit: 9 };
        let asked = ClientPacket::Query(Query { id: named("q"), ask });
        let answer = server.call(ann(), asked.into(), 0).await.unwrap().unwrap();
        let ServerPacket::Answer { found: Found::History { messages, .. }, .. } = answer.packet() else {
            panic!("{answer:?}");
        };
        assert_eq!(messages.len(), 1);

        let report = server.report().await.unwrap();
        assert_eq!((report.connections, report.counter("calls"), report.counter("repeats")), (0, 3, 1));
        server.shutdown().await;
        assert_eq!(server.call(ann(), draft("b"), 5).await.unwrap_err(), NoAnswer::Full);
    }

    #[tokio::test]
    async fn what_has_no_answer_ends_with_none_and_what_no_stream_was_given_is_not_stored() {
        let server = server();
        let bye = server.call(ann(), ClientPacket::Bye.into(), 0).await.unwrap();
        assert!(bye.is_none());
        let stored = server.call(ann(), ClientPacket::Dispose(Offset(7)).into(), 0).await.unwrap().unwrap();
        assert!(
            matches!(stored.packet(), ServerPacket::Declined { reason: Reject::NoStream, .. }),
            "{stored:?}"
        );
        server.shutdown().await;
    }

    // GR-STRM-2
    #[tokio::test]
    async fn what_was_handed_out_arrived_once_the_next_thing_is_asked_for() {
        let server = server();
        let bob = Grant::new(Device::new(user("bob"), DeviceName::new("grpc").unwrap()));
        // Who is here is beside the point.
        let caps = Caps { presence: false, ..Caps::EVENTS };
        let mut reads = server.line(bob, caps, Vec::new(), 0).await.unwrap();
        let mut hears = server.line(ann(), caps, Vec::new(), 0).await.unwrap();
        server.call(ann(), draft("a"), 5).await.unwrap();
        while !matches!(reads.next().await.unwrap().packet(), ServerPacket::Deliver(_)) {}
        let told = async |hears: &mut Line| {
            while !matches!(hears.next().await.unwrap().packet(), ServerPacket::Deliver(_)) {}
        };
        assert!(told(&mut hears).now_or_never().is_none(), "it may still be on its way");
        tokio::select! {
            () = told(&mut hears) => {}
            _ = reads.next() => panic!("there is nothing more for bob"),
        }
        drop(reads);
        while server.report().await.unwrap().connections > 1 {
            tokio::task::yield_now().await;
        }
    }
}
