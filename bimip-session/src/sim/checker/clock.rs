//! The wall clock ends no session: grants run out by the clock that does not jump (I16).

use std::collections::BTreeMap;

use bimip_proto::{CloseReason, ServerPacket};

use super::findings::Findings;
use crate::server::ConnId;

#[derive(Debug, Default)]
pub(super) struct Clock {
    due_ms: BTreeMap<ConnId, u64>,
}

impl Clock {
    pub(super) fn granted(&mut self, conn: ConnId, due_ms: u64) {
        self.due_ms.insert(conn, due_ms);
    }

    pub(super) fn says(&self, findings: &mut Findings, now_ms: u64, conn: ConnId, packet: &ServerPacket) {
        if !matches!(packet, ServerPacket::Bye(CloseReason::Expired)) {
            return;
        }
        let due_ms = self.due_ms.get(&conn);
        findings.check(due_ms.is_some_and(|due_ms| *due_ms <= now_ms), || {
            format!("I16: {conn} is told that it expired at {now_ms} ms, granted until {due_ms:?}")
        });
    }

    pub(super) fn jumps(&self, findings: &mut Findings, what_ended: Option<&str>) {
        findings.check(what_ended.is_none(), || {
            format!("I16: the wall clock jumped, and {} ended", what_ended.unwrap_or_default())
        });
    }
}
