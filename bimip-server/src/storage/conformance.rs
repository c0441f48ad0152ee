//! The contract of a storage backend as a test suite.
//!
//! ```
//! use bimip_server::storage::conformance::{self, Subject};
//! use bimip_server::storage::memory::MemoryStorage;
//!
//! conformance::suite(&Subject::new(MemoryStorage::new));
//! ```
//!
//! Only a [`ServerCore`](bimip_session::server::ServerCore) makes tickets, so the suite drives one by hand:
//! clients say things, the tickets are committed when a case says so, and what the clients hear is compared with
//! what they should. Every case is also a function of its own ([`CASES`]), so that a test can have its name, and
//! panics where the backend breaks its word.

mod accounts;
mod differential;
mod faults;
mod feeds;
mod groups;
mod managed;
mod queries;
mod reactions;
mod reading;
mod receipts;
mod recovery;
mod revisions;
mod sending;
mod statuses;
mod users;
mod world;

use std::fmt;

pub use self::faults::Faulty;

use super::Storage;

/// How to make the store under test.
pub struct Subject<'a, S> {
    open: Box<dyn Fn() -> S + 'a>,
    reopen: Option<Box<dyn Fn(S) -> S + 'a>>,
}

impl<'a, S: Storage> Subject<'a, S> {
    /// A backend that keeps nothing when it is closed. `open` gives an empty store every time.
    pub fn new(open: impl Fn() -> S + 'a) -> Self {
        Self { open: Box::new(open), reopen: None }
    }

    /// A backend that does. `reopen` gets the store that was opened last, ends it in whatever way the test is
    /// about, and opens it again.
    #[must_use]
    pub fn reopening(mut self, reopen: impl Fn(S) -> S + 'a) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    fn open(&self) -> S {
        (self.open)()
    }
}

impl<S> fmt::Debug for Subject<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("reopens", &self.reopen.is_some()).finish_non_exhaustive()
    }
}

/// Runs every case.
///
/// # Panics
/// Where the backend breaks its contract, in the words of the case.
pub fn suite<S: Storage>(subject: &Subject<'_, S>) {
    for name in CASES {
        case(name, subject);
    }
}

macro_rules! cases {
    ($($module:ident: $($name:ident),+;)+) => {
        /// The names of all cases.
        pub const CASES: &[&str] = &[$($(stringify!($name),)+)+];

        /// Runs one case, by its name.
        ///
        /// # Panics
        /// Where the backend breaks its contract, and when there is no such case.
        pub fn case<S: Storage>(name: &str, subject: &Subject<'_, S>) {
            match name {
                $($(stringify!($name) => $module::$name(subject),)+)+
                _ => panic!("there is no case {name}"),
            }
        }
    };
}

cases! {
    sending: a_send_is_in_both_mailboxes, a_message_to_oneself_has_one_row, a_resend_is_stored_once,
        another_body_under_a_name_is_refused, names_belong_to_devices, a_batch_sees_its_own_tickets,
        seqs_are_dense_and_stamps_rise, a_stamp_for_nobody_is_given_once, answers_are_in_order,
        bodies_come_back_as_sent;
    receipts: a_mark_is_told_once, receipts_share_rows, a_mark_of_a_stranger_is_refused,
        every_message_is_found_by_its_alias,
        every_message_is_found_by_its_place;
    reading: a_page_is_bounded, pages_join_without_a_gap, a_cursor_never_goes_back,
        an_unknown_user_has_an_empty_mailbox, readers_see_what_is_proven_and_no_more,
        readers_keep_up_with_a_writer, a_reader_finds_messages_by_name;
    feeds: a_large_group_fills_the_mailboxes_of_those_who_are_here, a_feed_is_for_members_as_long_as_they_are;
    groups: a_group_message_is_in_every_mailbox, who_left_a_group_gets_no_more_of_it,
        a_batch_sees_who_comes_and_goes, groups_survive_reopening, a_large_group_tells_authors_once;
    accounts: what_is_decided_survives_reopening, who_is_logged_out_stays_out, revoked_tokens_are_bounded,
        push_tokens_are_replaced_and_bounded, contacts_are_made_once_and_for_both, contacts_are_bounded;
    revisions: a_revision_is_in_the_mailboxes_of_its_message, a_deletion_stands_in_the_place_of_its_message,
        a_batch_sees_its_own_revisions;
    queries: pages_of_history_meet_while_messages_come, what_is_found_survives_reopening,
        a_stranger_finds_nothing, a_question_finds_what_is_proven_and_no_more;
    managed: roles_and_names_of_groups_survive_reopening, who_was_put_out_stays_out,
        a_batch_sees_who_manages_what, pages_of_members_meet_while_they_come_and_go;
    reactions: reactions_are_rows_and_are_counted, a_batch_sees_its_own_reactions,
        a_deletion_takes_the_reactions_along, reactions_come_by_the_feed;
    statuses: times_of_marks_survive_reopening, everybody_it_went_to_is_told_of_once,
        a_stranger_is_told_of_no_message;
    users: what_users_keep_survives_reopening, a_batch_sees_who_blocks_whom,
        who_was_seen_survives_reopening;
    recovery: everything_survives_reopening, numbers_go_on_after_reopening;
    faults: after_a_failure_nothing_is_taken;
    differential: it_agrees_with_the_model;
}
