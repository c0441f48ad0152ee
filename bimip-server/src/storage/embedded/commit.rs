//! From tickets to answers: decided and written as one batch, or one after the other once a row could not be read.

use bimip_session::ledger::{Committed, Failed, Failure, Settlement, Ticket, settle};
use fjall::PersistMode;

use super::EmbeddedStorage;
use super::engine::Engine;
use super::memo::Memo;
use super::rows::Rows;
use super::view::BatchView;
use super::writer::{Tally, Writer};
use crate::storage::StorageError;

/// The answer to a ticket.
pub(super) type Answer = Result<Committed, Failed>;

impl EmbeddedStorage {
    /// Decides the batch as a whole, and writes it with one sync.
    fn together(&mut self, batch: Vec<Ticket>) -> Vec<Answer> {
        match carry_out(&self.engine, &mut self.memo, self.tally, batch, PersistMode::SyncData) {
            Step::Written(settlement, tally) => {
                self.prove(tally);
                settlement.committed().into_iter().map(Ok).collect()
            }
            Step::Undecided(failed, error) => {
                tracing::error!(%error, "a batch could not be decided; from now on each of its parts is by itself");
                self.careful = true;
                failed.into_iter().map(Err).collect()
            }
            Step::Broken(settlement, error) => {
                let failure = self.fail(&error);
                settlement.failed(failure).into_iter().map(Err).collect()
            }
        }
    }

    /// Decides each ticket by itself, so that a row that cannot be read is the business of those who need it. Still
    /// one sync for all: what is written before it is seen by the tickets that follow, and by nobody else.
    fn one_by_one(&mut self, batch: Vec<Ticket>) -> Vec<Answer> {
        let (mut tally, mut tickets) = (self.tally, batch.into_iter());
        let mut decided: Vec<Result<Settlement, Failed>> = Vec::with_capacity(tickets.len());
        let mut broken = None;
        for ticket in tickets.by_ref() {
            match carry_out(&self.engine, &mut self.memo, tally, vec![ticket], PersistMode::Buffer) {
                Step::Written(settlement, next) => {
                    tally = next;
                    decided.push(Ok(settlement));
                }
                Step::Undecided(failed, error) => {
                    tracing::error!(%error, "a command could not be decided");
                    decided.extend(failed.into_iter().map(Err));
                }
                Step::Broken(settlement, error) => {
                    decided.push(Ok(settlement));
                    broken = Some(error);
                    break;
                }
            }
        }
        let synced = match broken {
            Some(error) => Err(error),
            None if tally == self.tally => Ok(()),
            None => self.engine.db.persist(PersistMode::SyncData).map_err(StorageError::from),
        };
        let mut answers = Vec::with_capacity(decided.len() + tickets.len());
        match synced {
            Ok(()) => {
                self.prove(tally);
                for decided in decided {
                    match decided {
                        Ok(settlement) => answers.extend(settlement.committed().into_iter().map(Ok)),
                        Err(failed) => answers.push(Err(failed)),
                    }
                }
            }
            Err(error) => {
                let failure = self.fail(&error);
                for decided in decided {
                    match decided {
                        Ok(settlement) => answers.extend(settlement.failed(failure).into_iter().map(Err)),
                        Err(failed) => answers.push(Err(failed)),
                    }
                }
                answers.extend(tickets.map(|ticket| Err(ticket.failed(failure))));
            }
        }
        answers
    }

    /// Answers a batch, in order.
    pub(super) fn decide(&mut self, batch: Vec<Ticket>) -> Vec<Answer> {
        if self.careful { self.one_by_one(batch) } else { self.together(batch) }
    }
}

/// How far a batch came.
enum Step {
    /// All the way; the tally is the one before where nothing had to be written.
    Written(Settlement, Tally),
    /// Nothing of it was written, and the next may be.
    Undecided(Vec<Failed>, StorageError),
    /// The engine could not write it, or not to its end.
    Broken(Settlement, StorageError),
}

/// Decides a batch and writes it.
fn carry_out(
    engine: &Engine,
    memo: &mut Memo,
    tally: Tally,
    batch: Vec<Ticket>,
    durability: PersistMode,
) -> Step {
    let view = BatchView::new(Rows::now(engine), memo, tally.sequence);
    let settlement = match settle(batch, &view) {
        Ok(settlement) => settlement,
        Err((failed, error)) => return Step::Undecided(failed, error),
    };
    let writes = settlement.writes();
    if writes.is_empty() {
        return Step::Written(settlement, tally);
    }
    let (rows, memo) = view.into_parts();
    let mut writer = Writer::new(rows, memo, tally, writes.len());
    if let Err(error) = writes.iter().try_for_each(|write| writer.add(write)) {
        writer.forget();
        return Step::Undecided(settlement.failed(Failure::Unavailable), error);
    }
    match writer.commit(durability) {
        Ok(tally) => Step::Written(settlement, tally),
        Err(error) => Step::Broken(settlement, error),
    }
}
