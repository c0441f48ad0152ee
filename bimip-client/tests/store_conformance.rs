//! Both stores keep the contract, and the embedded one says what is wrong with a folder that is none of its own.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::fs;

use bimip_client::store::conformance::{CASES, Subject, case};
use bimip_client::store::{Change, Scan};
use bimip_client::{Client, DiskStore, MemoryStore, StartError, Store, StoreError};
use bimip_proto::{Device, DeviceName, UserId};
use tempfile::TempDir;

// MISSION L3 A6
#[test]
fn memory() {
    CASES.iter().for_each(|name| case(name, &Subject::new(MemoryStore::new)));
}

// MISSION L3 A6
#[test]
fn disk() {
    let folders = RefCell::new(Vec::new());
    let open = || {
        let folder = TempDir::new().unwrap();
        let store = DiskStore::open(folder.path()).unwrap();
        folders.borrow_mut().push(folder);
        store
    };
    let reopen = |store: DiskStore| {
        let folder = store.path().parent().unwrap().to_owned();
        drop(store);
        DiskStore::open(folder).unwrap()
    };
    let subject = Subject::new(open).reopening(reopen);
    CASES.iter().for_each(|name| case(name, &subject));
}

#[test]
fn a_folder_has_one_owner() {
    let folder = TempDir::new().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    let error = DiskStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    drop(store);
    DiskStore::open(folder.path()).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_left_as_it_is() {
    let whole = TempDir::new().unwrap();
    let store = DiskStore::open(whole.path()).unwrap();
    store.commit(&[Change { key: vec![1], value: Some(vec![7; 9_000]) }]).unwrap();
    let file = store.path().to_owned();
    drop(store);
    let good = fs::read(&file).unwrap();
    let mut torn = good.clone();
    torn.truncate(good.len() / 3);
    let mut other = good.clone();
    other[..16].fill(0x5a);
    for bad in [b"a letter to a friend".to_vec(), torn, other] {
        fs::write(&file, &bad).unwrap();
        let error = DiskStore::open(whole.path()).unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains("device.redb"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), bad);
    }
    fs::write(&file, good).unwrap();
    assert_eq!(DiskStore::open(whole.path()).unwrap().get(&[1]).unwrap(), Some(vec![7; 9_000]));
}

#[cfg(unix)]
#[test]
fn others_may_not_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let parent = TempDir::new().unwrap();
    let open_to_all = parent.path().join("open");
    fs::create_dir(&open_to_all).unwrap();
    fs::set_permissions(&open_to_all, fs::Permissions::from_mode(0o755)).unwrap();
    for folder in [open_to_all, parent.path().join("new/device")] {
        let store = DiskStore::open(&folder).unwrap();
        let mode = fs::metadata(store.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    let mode = fs::metadata(parent.path().join("new/device")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn a_crash_while_a_store_is_made_leaves_none() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("device.redb.new"), b"half of a store").unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(store.get(b"a").unwrap(), None);
}

async fn start(store: impl Store, name: &str) -> Result<(), StartError> {
    let device = Device::new(UserId::new(name).unwrap(), DeviceName::new("phone").unwrap());
    let nowhere = || std::future::pending::<std::io::Result<bimip_client::Socket>>();
    Client::builder(device).store(store).connect(nowhere).start().await.map(drop)
}

/// Everything in a store.
fn contents(store: &impl Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    store.scan(&Scan { from: vec![0], until: vec![255], backwards: false, limit: usize::MAX }).unwrap()
}

#[tokio::test]
async fn a_store_of_another_format_or_device_is_refused_and_left_as_it_is() {
    let store = MemoryStore::new();
    start(store.clone(), "alice").await.unwrap();
    let error = start(store.clone(), "bob").await.unwrap_err();
    assert!(error.to_string().contains("belongs to alice/phone"), "{error}");

    let put = |key: &[u8], value: &[u8]| Change { key: key.to_vec(), value: Some(value.to_vec()) };
    store.commit(&[put(b"mformat", &7_u32.to_be_bytes())]).unwrap();
    let before = contents(&store);
    let error = start(store.clone(), "alice").await.unwrap_err();
    assert!(matches!(error, StartError::Store(StoreError::Format { found: 7, .. })), "{error}");
    assert_eq!(contents(&store), before);

    let strange = MemoryStore::new();
    strange.commit(&[put(b"a table of somebody else", b"")]).unwrap();
    let error = start(strange.clone(), "alice").await.unwrap_err();
    assert!(matches!(error, StartError::Store(StoreError::Unreadable { .. })), "{error}");
    assert_eq!(contents(&strange).len(), 1);

    let draft = MemoryStore::new();
    start(draft.clone(), "alice").await.unwrap();
    draft.commit(&[put(&[b'o', 0, 0, 0, 0, 0, 0, 0, 9], b"\xff\xff")]).unwrap();
    let before = contents(&draft);
    let error = start(draft.clone(), "alice").await.unwrap_err();
    assert!(error.to_string().contains("a draft"), "{error}");
    assert_eq!(contents(&draft), before, "what cannot be read is not deleted");
}
