//! The contract of a storage backend, against both backends of this crate.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::cell::RefCell;
use std::path::Path;

use bimip_server::storage::conformance::{CASES, Subject, case};
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::embedded::verify::{Heard, verify};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::storage::{Storage, StorageError};
use tempfile::TempDir;

fn memory(name: &str) {
    case(name, &Subject::new(MemoryStorage::new));
}

/// Whatever happened to it, a store that says what it was told is whole. One that is still open is looked at later.
fn is_whole(directory: &Path) {
    let mut findings = Vec::new();
    let looked = verify(directory, |heard| {
        if let Heard::Finding(finding) = heard {
            findings.push(finding.to_string());
        }
    });
    match looked {
        Ok(_) => assert!(findings.is_empty(), "{findings:#?}"),
        Err(StorageError::InUse) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Reopening is a clean close at some times, and at others what is left when a process ends without one.
fn embedded(name: &str) {
    let directory: RefCell<Option<TempDir>> = RefCell::new(None);
    let times = RefCell::new(0);
    let open = || {
        let fresh = tempfile::tempdir().unwrap();
        let store = EmbeddedStorage::open(fresh.path()).unwrap();
        if let Some(before) = directory.replace(Some(fresh)) {
            is_whole(before.path());
        }
        store
    };
    let reopen = |store: EmbeddedStorage| {
        *times.borrow_mut() += 1;
        if *times.borrow() % 2 == 0 {
            store.close().unwrap();
        } else {
            drop(store);
        }
        is_whole(directory.borrow().as_ref().unwrap().path());
        EmbeddedStorage::open(directory.borrow().as_ref().unwrap().path()).unwrap()
    };
    case(name, &Subject::new(open).reopening(reopen));
    is_whole(directory.borrow().as_ref().unwrap().path());
}

macro_rules! conformance {
    ($($name:ident)+) => {
        mod memory {
            $(
                // MISSION L3
                #[test]
                fn $name() {
                    super::memory(stringify!($name));
                }
            )+
        }

        mod embedded {
            $(
                // MISSION L3
                #[test]
                fn $name() {
                    super::embedded(stringify!($name));
                }
            )+
        }

        #[test]
        fn no_case_is_left_out() {
            assert_eq!(CASES, [$(stringify!($name)),+]);
        }
    };
}

conformance! {
    a_send_is_in_both_mailboxes
    a_message_to_oneself_has_one_row
    a_resend_is_stored_once
    another_body_under_a_name_is_refused
    names_belong_to_devices
    a_batch_sees_its_own_tickets
    seqs_are_dense_and_stamps_rise
    a_stamp_for_nobody_is_given_once
    answers_are_in_order
    bodies_come_back_as_sent
    a_mark_is_told_once
    receipts_share_rows
    a_mark_of_a_stranger_is_refused
    every_message_is_found_by_its_alias
    every_message_is_found_by_its_place
    a_page_is_bounded
    pages_join_without_a_gap
    a_cursor_never_goes_back
    an_unknown_user_has_an_empty_mailbox
    readers_see_what_is_proven_and_no_more
    readers_keep_up_with_a_writer
    a_reader_finds_messages_by_name
    a_large_group_fills_the_mailboxes_of_those_who_are_here
    a_feed_is_for_members_as_long_as_they_are
    a_group_message_is_in_every_mailbox
    who_left_a_group_gets_no_more_of_it
    a_batch_sees_who_comes_and_goes
    groups_survive_reopening
    a_large_group_tells_authors_once
    what_is_decided_survives_reopening
    who_is_logged_out_stays_out
    revoked_tokens_are_bounded
    push_tokens_are_replaced_and_bounded
    contacts_are_made_once_and_for_both
    contacts_are_bounded
    a_revision_is_in_the_mailboxes_of_its_message
    a_deletion_stands_in_the_place_of_its_message
    a_batch_sees_its_own_revisions
    pages_of_history_meet_while_messages_come
    what_is_found_survives_reopening
    a_stranger_finds_nothing
    a_question_finds_what_is_proven_and_no_more
    roles_and_names_of_groups_survive_reopening
    who_was_put_out_stays_out
    a_batch_sees_who_manages_what
    pages_of_members_meet_while_they_come_and_go
    reactions_are_rows_and_are_counted
    a_batch_sees_its_own_reactions
    a_deletion_takes_the_reactions_along
    reactions_come_by_the_feed
    times_of_marks_survive_reopening
    everybody_it_went_to_is_told_of_once
    a_stranger_is_told_of_no_message
    what_users_keep_survives_reopening
    a_batch_sees_who_blocks_whom
    who_was_seen_survives_reopening
    everything_survives_reopening
    numbers_go_on_after_reopening
    after_a_failure_nothing_is_taken
    it_agrees_with_the_model
}
