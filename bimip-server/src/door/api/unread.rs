//! What of a body nobody read: a connection is good for another request only behind it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use bimip_proto::limits;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::timeout;

/// How long the rest may take to come.
const MOST_WAIT: Duration = Duration::from_secs(1);
/// How much is read for nothing: who sends a little too much is told so, and not cut off in the middle of it.
const MOST_BYTES: usize = 2 * limits::FRAME_BYTES;

/// The body of a request, which reads it through this.
#[derive(Clone)]
pub(super) struct Unread(Arc<Mutex<BodyDataStream>>);

impl Unread {
    /// `None` for a request without a body.
    pub(super) fn of(request: &mut Request) -> Option<Self> {
        if request.body().is_end_stream() {
            return None;
        }
        let body = std::mem::take(request.body_mut());
        let unread = Self(Arc::new(Mutex::new(body.into_data_stream())));
        *request.body_mut() = Body::from_stream(unread.clone().frames());
        Some(unread)
    }

    fn frames(self) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
        stream::poll_fn(move |cx| self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(cx))
    }

    /// HT-REQ-3: reads what is left, and says whether it came to an end.
    pub(super) async fn ends(self) -> bool {
        let mut frames = self.frames();
        let rest = async {
            let mut bytes = 0;
            while let Some(frame) = frames.next().await {
                let Ok(frame) = frame else { return false };
                bytes += frame.len();
                if bytes > MOST_BYTES {
                    return false;
                }
            }
            true
        };
        timeout(MOST_WAIT, rest).await.unwrap_or(false)
    }
}
