use std::fs::{self, Permissions};
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey};

use super::*;
use crate::clock::{Clock, SystemClock};

const NOW: Timestamp = Timestamp::from_micros(1_466_706_609_115_000);

fn load(dir: &Path) -> UserStore {
    UserStore::load(dir, Settings::default()).unwrap()
}

fn with_password<'a>(name: &'a str, password: &'a str) -> NewUser<'a> {
    NewUser {
        name,
        password: Some(password),
        ..NewUser::default()
    }
}

fn key() -> PublicKey {
    let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
    key.public_key().clone()
}

#[test]
fn users_survive_a_restart_and_secrets_show_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let users = load(dir.path());
    let (hers, other) = (key(), key());
    let keys = [hers.to_openssh().unwrap() + " alice@host\n"];
    users.add(&with_password("root", "pw one"), NOW).unwrap();
    let alice = NewUser {
        name: "alice",
        authorized_keys: &keys,
        ..NewUser::default()
    };
    users.add(&alice, NOW).unwrap();
    for users in [&users, &load(dir.path())] {
        let names: Vec<_> = users.list().iter().map(|u| u.name.clone()).collect();
        assert_eq!(names, ["alice", "root"]);
        assert_eq!(
            users.get("root").unwrap().groups,
            [ADMIN_GROUP],
            "the first user"
        );
        assert!(users.get("alice").unwrap().groups.is_empty());
        assert!(users.verify_password("root", "pw one").is_some());
        assert!(users.verify_key("alice", &hers).is_some());
        let refused = [
            users.verify_password("root", "pw two"),
            users.verify_password("root", ""),
            users.verify_password("alice", "nobody"),
            users.verify_password("stranger", "nobody"),
            users.verify_key("alice", &other),
            users.verify_key("root", &hers),
            users.verify_key("stranger", &hers),
        ];
        assert!(refused.iter().all(Option::is_none));
        assert!(!format!("{:?}", users.list()).contains("argon2"));
    }
    let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
    assert!(!text.contains("pw one"));
    assert_eq!(
        fs::metadata(dir.path().join(FILE)).unwrap().mode() & 0o777,
        0o600
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        users: NonZeroUsize::new(2).unwrap(),
        keys_per_user: NonZeroUsize::MIN,
        ..Settings::default()
    };
    let users = UserStore::load(dir.path(), settings).unwrap();
    users.add(&with_password("a", "x"), NOW).unwrap();
    let before = fs::read(dir.path().join(FILE)).unwrap();
    let refuse = |new: NewUser<'_>| users.add(&new, NOW).unwrap_err();
    assert_eq!(
        refuse(with_password("a", "y")),
        AuthError::Exists("a".to_owned())
    );
    assert!(matches!(
        refuse(with_password("-b", "y")),
        AuthError::Name { .. }
    ));
    assert!(matches!(
        refuse(with_password("b", "")),
        AuthError::Password(_)
    ));
    let bare = NewUser {
        name: "b",
        ..NewUser::default()
    };
    assert_eq!(refuse(bare), AuthError::NoCredential("b".to_owned()));
    let keys = [key().to_openssh().unwrap(), key().to_openssh().unwrap()];
    let two_keys = NewUser {
        authorized_keys: &keys,
        ..bare
    };
    assert!(matches!(
        refuse(two_keys),
        AuthError::Limit {
            setting: "keys-per-user",
            ..
        }
    ));
    let groups = ["no/group".to_owned()];
    let odd_group = NewUser {
        groups: &groups,
        ..with_password("b", "y")
    };
    assert!(matches!(
        refuse(odd_group),
        AuthError::Name { what: "group", .. }
    ));
    assert_eq!(
        users.remove("b").unwrap_err(),
        AuthError::Unknown("b".to_owned())
    );
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
    let groups = ["ops".to_owned()];
    users
        .add(
            &NewUser {
                groups: &groups,
                ..with_password("b", "y")
            },
            NOW,
        )
        .unwrap();
    assert!(matches!(
        refuse(with_password("c", "y")),
        AuthError::Limit {
            setting: "users",
            ..
        }
    ));
    users.remove("a").unwrap();
    assert!(load(dir.path()).get("a").is_none());
}

#[test]
fn a_disk_that_refuses_leaves_the_users_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let users = load(&gone);
    fs::remove_dir(&gone).unwrap();
    assert!(matches!(
        users.add(&with_password("a", "x"), NOW),
        Err(AuthError::File { .. })
    ));
    assert!(users.list().is_empty());
}

#[test]
fn a_file_open_to_others_or_broken_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path()).add(&with_password("a", "x"), NOW).unwrap();
    let path = dir.path().join(FILE);
    let good = fs::read_to_string(&path).unwrap();
    let broken = |text: &str, mode: u32| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = UserStore::load(dir.path(), Settings::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(FILE), "{error}");
        error
    };
    assert!(broken(&good, 0o640).contains("chmod 600"));
    assert!(broken(&good.replace("\"version\": 1", "\"version\": 2"), 0o600).contains("version 2"));
    assert!(broken(&good.replace("$argon2id", "$argon2d"), 0o600).contains("argon2id"));
    assert!(broken(&good.replace("\"a\"", "\"a b\""), 0o600).contains("not a valid user name"));
    broken(&good[..good.len() / 2], 0o600);
    broken("", 0o600);
}

#[test]
fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let dir = tempfile::tempdir().unwrap();
    let users = load(dir.path());
    users.add(&with_password("a", "x"), NOW).unwrap();
    let clock = SystemClock::new();
    let time = |name: &str, password: &str| -> Duration {
        // The fastest of several: the machine is shared.
        (0..5)
            .map(|_| {
                let begun = clock.mono();
                assert!(users.verify_password(name, password).is_none());
                clock.mono() - begun
            })
            .min()
            .unwrap()
    };
    let wrong = time("a", "y");
    for (name, password) in [("b", "y"), ("b", ""), ("a", ""), ("a", &"y".repeat(5000))] {
        let taken = time(name, password);
        assert!(
            taken * 3 > wrong && taken < wrong * 3,
            "{name}: {taken:?}, {wrong:?}"
        );
    }
}

#[test]
fn checks_at_the_same_time_all_end() {
    let dir = tempfile::tempdir().unwrap();
    let users = load(dir.path());
    users.add(&with_password("a", "x"), NOW).unwrap();
    std::thread::scope(|scope| {
        for n in 0..6 {
            let users = &users;
            scope.spawn(move || {
                let right = n % 2 == 0;
                let password = if right { "x" } else { "y" };
                assert_eq!(users.verify_password("a", password).is_some(), right);
            });
        }
    });
}

#[test]
fn groups_are_changed_for_good_and_nothing_else_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let users = load(dir.path());
    users.add(&with_password("root", "pw one"), NOW).unwrap();
    let groups = ["ops".to_owned(), "x.y".to_owned()];
    users.set_groups("root", &groups).unwrap();
    for users in [&users, &load(dir.path())] {
        assert_eq!(users.get("root").unwrap().groups, groups);
        assert!(users.verify_password("root", "pw one").is_some());
    }
    assert!(matches!(
        users.set_groups("root", &["-x".to_owned()]),
        Err(AuthError::Name { .. })
    ));
    assert!(matches!(
        users.set_groups("stranger", &[]),
        Err(AuthError::Unknown(_))
    ));
    users.set_groups("root", &[]).unwrap();
    assert!(users.get("root").unwrap().groups.is_empty());
}
