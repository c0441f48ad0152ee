//! Log-outs that whoever keeps the accounts has asked for, until the message store has them.

use std::sync::Arc;
use std::time::Duration;

use bimip_proto::{UnixMs, UserId};
use bimip_session::server::Input;
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::post::Post;
use crate::reads::Standings;

/// How often to look for what another process has changed.
const LOOK: Duration = Duration::from_secs(1);
/// How often while something is under way.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Carries them out, until the server has stopped (`over`). The doors refuse the tokens meanwhile; this ends the sessions
/// that they opened. What a crash interrupts is done by the next process.
pub(crate) async fn run(
    accounts: Arc<Accounts>,
    post: Post,
    standings: Standings,
    over: impl Future<Output = ()>,
) {
    let mut over = std::pin::pin!(over);
    loop {
        let open = carry_out(&accounts, &post, &standings).await;
        let pause = if open { LOOK_AGAIN } else { LOOK };
        tokio::select! {
            () = &mut over => return,
            // Woken or not, there may be something.
            _ = timeout(pause, accounts.changed()) => {}
        }
    }
}

/// Whether something is still open.
async fn carry_out(accounts: &Accounts, post: &Post, standings: &Standings) -> bool {
    let mut open = false;
    for (user, upto) in accounts.unsettled().await {
        if is_done(standings, &user, upto).await {
            accounts.settled(user, upto).await;
        } else {
            post.send(vec![Input::LogOut(user, upto)]).await;
            open = true;
        }
    }
    open
}

async fn is_done(standings: &Standings, user: &UserId, upto: UnixMs) -> bool {
    standings.of(user).await.is_some_and(|standing| standing.revoked_before >= upto)
}
