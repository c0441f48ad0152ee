//! What becomes of accounts and their tokens, over both stores.

use std::collections::BTreeMap;
use std::time::Duration;

use bimip_codec::Dialect;
use bytes::Bytes;

use super::*;
use crate::auth::{Authenticator, SignIn};

const WORDS: &str = "a password of hers";

fn accounts(store: impl AccountStore) -> Arc<Accounts> {
    let secret = Secret::new("a word that is long enough to be a secret").unwrap();
    Arc::new(Accounts::new(store, secret, Policy::default()).unwrap().open_registration(true))
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

async fn is_let_in(accounts: &Arc<Accounts>, token: &str) -> bool {
    let mut sign_in = SignIn::new(Bytes::copy_from_slice(token.as_bytes()));
    sign_in.dialect = Some(Dialect::Scheme);
    accounts.authenticator().unwrap().authenticate(sign_in).await.is_ok()
}

// MISSION A12
// SI-ACC-1, SI-ACC-2, SI-ACC-3
#[tokio::test]
async fn who_registers_comes_in_by_the_password_and_by_no_other() {
    let accounts = accounts(MemoryAccounts::default());
    let ann = Credentials::new("ann", WORDS);
    let pass = accounts.register(None, &ann).await.unwrap();
    assert!(is_let_in(&accounts, &pass.token).await);
    assert!(pass.expires > now() && pass.refresh_until > Some(pass.expires));
    assert_eq!(accounts.register(None, &ann).await.unwrap_err(), Refusal::Taken);
    let again = accounts.log_in(None, &ann).await.unwrap();
    assert!(is_let_in(&accounts, &again.token).await);
    let no = [("ann", "another password"), ("bob", WORDS), ("a/b", WORDS), ("", "")];
    for (name, words) in no {
        let refused = accounts.log_in(None, &Credentials::new(name, words)).await;
        assert_eq!(refused.unwrap_err(), Refusal::BadCredentials, "{name}");
    }
    assert_eq!(accounts.register(None, &Credentials::new("a/b", WORDS)).await.unwrap_err(), Refusal::BadName);
    let short = accounts.register(None, &Credentials::new("bob", "short")).await.unwrap_err();
    assert_eq!(short, Refusal::BadPassword(NotAPassword::TooShort));
    let counts: BTreeMap<String, u64> = accounts.counters().into_iter().collect();
    assert_eq!((counts["accounts_registered"], counts["account_logins"]), (1, 1));
    assert_eq!((counts["account_logins_failed"], counts["account_tokens_refused"]), (4, 0));
}

// SI-ACC-1
#[tokio::test]
async fn nobody_registers_unless_told() {
    let secret = Secret::new("a word that is long enough to be a secret").unwrap();
    let accounts = Accounts::new(MemoryAccounts::default(), secret, Policy::default()).unwrap();
    let refused = accounts.register(None, &Credentials::new("ann", WORDS)).await;
    assert_eq!(refused.unwrap_err(), Refusal::Closed);
}

// MISSION A12
// SI-ACC-6, SI-ACC-7
#[tokio::test]
async fn another_password_voids_the_tokens_of_the_one_before_and_not_its_own() {
    let accounts = accounts(MemoryAccounts::default());
    let ann = Credentials::new("ann", WORDS);
    let old = accounts.register(None, &ann).await.unwrap();
    let wrong =
        accounts.change_password(None, &Credentials::new("ann", "wrong password"), "new password").await;
    assert_eq!(wrong.unwrap_err(), Refusal::BadCredentials);
    assert!(accounts.unsettled().await.is_empty());
    let mut tokens = vec![old.token];
    let mut words = WORDS.to_owned();
    // Again and again within one second, of which a token has only the number.
    for number in 0..3 {
        let next = format!("password number {number}");
        let pass = accounts.change_password(None, &Credentials::new("ann", &words), &next).await.unwrap();
        for old in &tokens {
            assert!(!is_let_in(&accounts, old).await, "{number}");
        }
        assert!(is_let_in(&accounts, &pass.token).await, "{number}");
        tokens.push(pass.token);
        words = next;
    }
    let unsettled = accounts.unsettled().await;
    let [(whom, upto)] = &unsettled[..] else { panic!("{unsettled:?}") };
    assert_eq!(*whom, user("ann"));
    accounts.settled(whom.clone(), UnixMs(upto.0 - 1)).await;
    assert_eq!(accounts.unsettled().await.len(), 1, "not far enough");
    accounts.settled(whom.clone(), *upto).await;
    assert!(accounts.unsettled().await.is_empty());
    assert_eq!(accounts.log_in(None, &ann).await.unwrap_err(), Refusal::BadCredentials);
}

// MISSION A12
// SI-ACC-5
#[tokio::test]
async fn guessing_is_slow_and_says_how_slow() {
    let accounts = accounts(MemoryAccounts::default());
    let address = Some("192.0.2.1".parse().unwrap());
    for _ in 0..5 {
        let refused = accounts.log_in(address, &Credentials::new("ann", "guess")).await.unwrap_err();
        assert_eq!(refused, Refusal::BadCredentials);
    }
    match accounts.log_in(address, &Credentials::new("ann", "guess")).await.unwrap_err() {
        Refusal::TooMany { retry_after_ms } => assert!((1..=30_000).contains(&retry_after_ms)),
        other => panic!("{other}"),
    }
}

/// The one check of a hash is done for everybody, or the time of the answer would say who has an account.
// SI-ACC-3
#[tokio::test]
async fn an_account_that_is_not_there_takes_as_long_as_one_that_is() {
    let accounts = accounts(MemoryAccounts::default());
    accounts.register(None, &Credentials::new("ann", WORDS)).await.unwrap();
    let mut took = [Duration::ZERO; 2];
    for _ in 0..3 {
        for (name, took) in ["ann", "nobody"].into_iter().zip(&mut took) {
            let begin = Instant::now();
            let refused = accounts.log_in(None, &Credentials::new(name, "wrong words")).await;
            assert_eq!(refused.unwrap_err(), Refusal::BadCredentials);
            *took += begin.elapsed();
            accounts.attempts().succeeded(Instant::now(), None, name);
        }
    }
    let [known, unknown] = took.map(|took| took.as_secs_f64());
    assert!((known / unknown) < 3.0 && (unknown / known) < 3.0, "{known} and {unknown}");
}

/// What every store of accounts has to do.
fn conforms(store: &dyn AccountStore) {
    let hash = || "$argon2id$made up".to_owned();
    let make = |at: u64| {
        move |before: Option<Account>| match before {
            None => Ok(Account::new(user("ann"), hash(), UnixMs(at))),
            Some(_) => Err(ChangeError::Refused(Refusal::Taken)),
        }
    };
    assert_eq!(store.get(&user("ann")).unwrap(), None);
    let made = store.change(&user("ann"), &mut make(1_000)).unwrap();
    assert_eq!(store.get(&user("ann")).unwrap(), Some(made.clone()));
    assert!(matches!(
        store.change(&user("ann"), &mut make(2_000)),
        Err(ChangeError::Refused(Refusal::Taken))
    ));
    assert_eq!(store.get(&user("ann")).unwrap(), Some(made), "nothing is changed");
    assert!(store.unsettled().unwrap().is_empty(), "nobody had come in before");

    let changed =
        |at: u64| move |before: Option<Account>| Ok(before.unwrap().with_password(hash(), UnixMs(at)));
    store.change(&user("ann"), &mut changed(3_000)).unwrap();
    store.change(&user("ann"), &mut changed(2_500)).unwrap();
    assert_eq!(store.unsettled().unwrap(), [(user("ann"), UnixMs(4_000))], "dates never go back");
    store.settled(&user("ann"), UnixMs(3_999)).unwrap();
    assert_eq!(store.unsettled().unwrap().len(), 1);
    store.settled(&user("ann"), UnixMs(4_000)).unwrap();
    store.settled(&user("nobody"), UnixMs(3_000)).unwrap();
    assert!(store.unsettled().unwrap().is_empty());

    let long = "ü/".replace('/', "x").repeat(80);
    for name in ["zoë", "A B", long.as_str()] {
        let mut make = |_: Option<Account>| Ok(Account::new(user(name), hash(), UnixMs(1)));
        store.change(&user(name), &mut make).unwrap();
    }
    let names: Vec<String> =
        store.list().unwrap().into_iter().map(|it| it.user.as_str().to_owned()).collect();
    assert_eq!(names, ["A B", "ann", "zoë", long.as_str()]);
    let mut gone = |before: Option<Account>| Ok(before.unwrap().without(UnixMs(5_000)));
    let gone = store.change(&user("ann"), &mut gone).unwrap();
    assert!(gone.removed && gone.hash.is_empty() && !gone.is_good());
    assert_eq!(store.unsettled().unwrap(), [(user("ann"), UnixMs(5_000))]);
}

// SI-ACC-6, SI-ACC-7
#[test]
fn every_store_of_accounts_does_the_same() {
    conforms(&MemoryAccounts::default());
    let folder = tempfile::tempdir().unwrap();
    conforms(&FolderAccounts::open(folder.path()).unwrap());
    // And it is there for the next one.
    let again = FolderAccounts::open(folder.path()).unwrap();
    assert_eq!(again.list().unwrap().len(), 4);
    assert!(again.get(&user("ann")).unwrap().unwrap().removed);
}

/// A command line and a server, or two of either: what one writes is not lost to the other.
// SI-ACC-8
#[test]
fn a_folder_is_changed_by_several_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderAccounts::open(folder.path()).unwrap();
    store.change(&user("ann"), &mut |_| Ok(Account::new(user("ann"), String::new(), UnixMs(0)))).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let store = FolderAccounts::open(folder.path()).unwrap();
                for _ in 0..25 {
                    let mut longer = |before: Option<Account>| {
                        let before = before.unwrap();
                        let hash = format!("{}x", before.hash);
                        Ok(before.with_password(hash, UnixMs(1)))
                    };
                    store.change(&user("ann"), &mut longer).unwrap();
                }
            });
        }
    });
    assert_eq!(store.get(&user("ann")).unwrap().unwrap().hash.len(), 100);
}

// SI-ACC-8
#[test]
fn a_damaged_account_is_an_error_and_no_account() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderAccounts::open(folder.path()).unwrap();
    let mut make = |_: Option<Account>| Ok(Account::new(user("ann"), "secret".to_owned(), UnixMs(0)));
    store.change(&user("ann"), &mut make).unwrap();
    let file = walk(folder.path()).into_iter().find(|path| path.extension().is_some()).unwrap();
    let good = std::fs::read_to_string(&file).unwrap();
    let bad = [
        good.replace("\"ann\"", "\"bob\""),
        good.replace("\"format\":1", "\"format\":2"),
        good[..good.len() / 2].to_owned(),
        "x".repeat(20_000),
        String::new(),
    ];
    for bad in bad {
        std::fs::write(&file, bad).unwrap();
        let error = store.get(&user("ann")).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(store.change(&user("ann"), &mut make).is_err(), "and it is not written over");
    }
}

#[cfg(unix)]
#[test]
fn others_on_the_machine_read_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts");
    let store = FolderAccounts::open(&path).unwrap();
    store.change(&user("ann"), &mut |_| Ok(Account::new(user("ann"), String::new(), UnixMs(0)))).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    for file in walk(&path) {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
