//! The format of log records, held still.

use super::*;

use bimip_proto::{
    Emoji, GroupChange, GroupNews, GroupProfile, MayPost, Reaction, Role, Saved, UserChange, UserNews,
    UserProfile,
};

/// Numbers that look random and are the same every time (`splitmix64`).
struct Dice(u64);

impl Dice {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).unwrap()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }

    /// Mostly short, now and then around a length that takes one byte more.
    fn text(&mut self, max: usize) -> String {
        let letters = ["a", "_", "é", "✓", "🦀", "Z", "0"];
        let length = [1, 3, 20, 127, 128, max][self.below(6)].min(max);
        let mut text = String::new();
        while text.len() + 4 <= length.max(4) {
            text.push_str(letters[self.below(letters.len())]);
        }
        text
    }

    fn user(&mut self) -> UserId {
        UserId::new(&self.text(256)).unwrap()
    }

    fn device(&mut self) -> Device {
        Device::new(self.user(), DeviceName::new(&self.text(256)).unwrap())
    }

    fn client_ref(&mut self) -> ClientRef {
        ClientRef::new(&self.text(128)).unwrap()
    }

    fn id(&mut self) -> MessageId {
        let epoch = [0, 1, u32::MAX][self.below(3)];
        MessageId::new(epoch, self.number())
    }

    fn kind(&mut self) -> BodyKind {
        let duration_ms = [0, 1, u32::MAX][self.below(3)];
        let voice = BodyKind::Voice { duration_ms };
        let kinds = [BodyKind::Text, BodyKind::Image, BodyKind::Interactive, voice, BodyKind::Notification];
        let media =
            [BodyKind::Video, BodyKind::Audio, BodyKind::VoiceNote, BodyKind::CircleVideo, BodyKind::Sticker];
        if self.below(2) == 0 { kinds[self.below(5)] } else { media[self.below(5)] }
    }

    fn message(&mut self) -> Message {
        let to = match self.below(2) {
            0 => Address::User(self.user()),
            _ => Address::Group(GroupId::new(&self.text(256)).unwrap()),
        };
        let head = Head {
            id: self.id(),
            from: self.device(),
            to,
            client_ref: self.maybe(Self::client_ref),
            client_time: self.maybe(|dice| UnixMs(dice.number())),
            at: UnixMs(self.number()),
            stamp: UnixMs(self.number()),
            seq: Seq(self.number()),
            kind: self.kind(),
        };
        let length = [0, 1, 127, 128, 16_383, 16_384, 100_000][self.below(7)];
        let fill = self.number().to_le_bytes()[0];
        let seal = self.maybe(|dice| Seal {
            encryption_type: dice.text(30),
            encrypted: String::new(),
            signature: dice.text(20_000),
        });
        let form = [Form::Text, Form::Json, Form::Opaque, Form::Content][self.below(4)];
        Message { head, body: Body { kind: self.kind(), form, bytes: vec![fill; length].into(), seal } }
    }

    fn alias(&mut self) -> Alias {
        let duration_ms = [0, u32::MAX][self.below(2)];
        let talk = AliasKind::Talk { duration_ms };
        let kind = [AliasKind::Text, AliasKind::Image, AliasKind::Interactive, talk][self.below(4)];
        let channel = [Channel::Group, Channel::Private][self.below(2)];
        let (to, from) = (self.text(256).into(), self.text(256).into());
        let mut alias = Alias::new(channel, kind, to, from, UnixMs(self.number()));
        if self.below(2) == 0 {
            alias.parties = Parties::Joined(self.text(513).into());
        }
        alias
    }

    fn change(&mut self) -> GroupChange {
        let users: Vec<UserId> = (0..[0, 1, 3, 130][self.below(4)]).map(|_| self.user()).collect();
        let user = self.user();
        let role = [Role::Member, Role::Admin, Role::Owner][self.below(3)];
        let what = match self.below(11) {
            0 => GroupNews::Created(users),
            1 => GroupNews::Edited,
            2 => GroupNews::Deleted,
            3 => GroupNews::Added(users),
            4 => GroupNews::Removed(user),
            5 => GroupNews::Role { user, role },
            6 => GroupNews::Banned(user),
            7 => GroupNews::Unbanned(user),
            8 => GroupNews::Joined,
            9 => GroupNews::Left { heir: None },
            _ => GroupNews::Left { heir: Some(user) },
        };
        let profile = GroupProfile { title: self.text(255).into(), about: self.text(1_000).into() };
        GroupChange {
            group: GroupId::new(&self.text(256)).unwrap(),
            edition: [0, 1, u32::MAX][self.below(3)],
            by: self.device(),
            client_ref: self.maybe(Self::client_ref),
            at: UnixMs(self.number()),
            what,
            profile: profile.into(),
            open: self.below(2) == 0,
            post: [MayPost::Everyone, MayPost::Admins][self.below(2)],
            members: [0, 1, u32::MAX][self.below(3)],
        }
    }

    fn user_change(&mut self) -> UserChange {
        let (user, name) = (self.user(), self.text(255).into());
        let what = match self.below(6) {
            0 => {
                let (about, avatar) = (self.text(1_000).into(), self.text(2_048).into());
                UserNews::Profile(UserProfile { name, about, avatar }.into())
            }
            1 => UserNews::Saved(Saved { user, name }),
            2 => UserNews::Forgotten(user),
            3 => UserNews::Blocked(user),
            4 => UserNews::Unblocked(user),
            _ => UserNews::DeviceRemoved(self.device().name),
        };
        UserChange {
            by: self.device(),
            client_ref: self.client_ref(),
            at: UnixMs(self.number()),
            edition: [0, 1, u32::MAX][self.below(3)],
            what,
        }
    }

    fn entry(&mut self) -> Entry {
        if self.below(2) == 0 {
            return Entry::Message(self.message());
        }
        let statuses = [Status::Sent, Status::Delivered, Status::Read, Status::Played, Status::Forwarded];
        let names = |dice: &mut Self| Names {
            id: dice.id(),
            alias: dice.maybe(Self::alias),
            client_ref: dice.maybe(Self::client_ref),
        };
        if self.below(4) == 0 {
            return Entry::Group(self.change());
        }
        if self.below(4) == 0 {
            let head = self.message().head;
            return Entry::Reacted(Reaction {
                message: names(self),
                conversation: head.conversation(),
                seq: head.seq,
                edition: [0, 1, u32::MAX][self.below(3)],
                by: head.from,
                client_ref: self.client_ref(),
                at: head.at,
                emoji: Emoji::new(&self.text(64)).unwrap(),
                on: self.below(2) == 0,
                count: [0, 1, u32::MAX][self.below(3)],
            });
        }
        if self.below(4) == 0 {
            return Entry::User(self.user_change());
        }
        if self.below(3) == 0 {
            let Message { head, body } = self.message();
            return Entry::Revised(Revision {
                message: names(self),
                conversation: head.conversation(),
                seq: head.seq,
                edition: [1, 2, u32::MAX][self.below(3)],
                by: head.from,
                client_ref: self.client_ref(),
                at: head.at,
                body: self.maybe(|_| body),
            });
        }
        let messages = (0..[0, 1, 2, 64, 130][self.below(5)]).map(|_| names(self)).collect();
        let (by, status) = (self.device(), statuses[self.below(5)]);
        Entry::Receipt(Receipt { by, status, at: UnixMs(self.number()), messages })
    }
}

fn encoded(entry: &Entry) -> Vec<u8> {
    let mut record = Vec::new();
    encode(entry, &mut record).unwrap();
    record
}

#[test]
fn every_entry_reads_back_as_it_was_written() {
    let mut dice = Dice(1);
    for _ in 0..3_000 {
        let entry = dice.entry();
        let record = encoded(&entry);
        let read = decode(&record).unwrap();
        // As text too: an alias whose parties are known apart equals one whose are not.
        assert_eq!(read, entry);
        assert_eq!(format!("{read:?}"), format!("{entry:?}"));
    }
}

#[test]
fn no_record_is_read_from_part_of_one_or_more_than_one() {
    let mut dice = Dice(2);
    for _ in 0..60 {
        let mut record = encoded(&dice.entry());
        let step = 1 + record.len() / 200;
        for cut in (0..record.len()).step_by(step) {
            assert_eq!(decode(&record[..cut]), Err(Garbage), "cut at {cut} of {}", record.len());
        }
        record.push(0);
        assert_eq!(decode(&record), Err(Garbage), "something left over");
    }
}

/// The checksum keeps garbage away from the decoder; should it not, there is an answer all the same.
#[test]
fn garbage_is_answered_and_what_is_read_is_written_the_same() {
    let mut dice = Dice(3);
    for _ in 0..3_000 {
        let mut record = encoded(&dice.entry());
        if record.len() > 2_000 {
            continue;
        }
        for _ in 0..4 {
            let at = dice.below(record.len());
            record[at] = dice.number().to_le_bytes()[0];
            if let Ok(entry) = decode(&record) {
                assert_eq!(encoded(&entry), record, "one entry has one record");
            }
        }
        let noise: Vec<u8> = (0..dice.below(60)).map(|_| dice.number().to_le_bytes()[0]).collect();
        assert!(decode(&noise).is_err());
    }
    let endless = [RECEIPT, 1, b'u', 1, b'd', 3, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(decode(&endless), Err(Garbage), "a count of names that are not there");
}

fn device(user: &str, name: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new(name).unwrap())
}

/// What stores in the field hold. A failure here is a new format, which needs a new number.
#[test]
fn format_1_never_changes() {
    let mut head = Head {
        id: MessageId::new(0x0102_0304, 0x05),
        from: device("alice", "phone"),
        to: Address::User(UserId::new("bob").unwrap()),
        client_ref: None,
        client_time: None,
        at: UnixMs(0x10),
        stamp: UnixMs(0x11),
        seq: Seq(0x12),
        kind: BodyKind::Text,
    };
    let mut golden = vec![(
        Entry::Message(Message { head: head.clone(), body: Body::text("hi") }),
        "01 00 01020304 0000000000000005 05616c696365 0570686f6e65 03626f62 \
         0000000000000010 0000000000000011 0000000000000012 01 01 01 026869",
    )];
    let seal = Seal { encryption_type: "x".into(), encrypted: String::new(), signature: "s".into() };
    head.to = Address::Group(GroupId::new("g").unwrap());
    head.client_ref = ClientRef::new("r1").ok();
    head.client_time = Some(UnixMs(0x13));
    head.kind = BodyKind::Voice { duration_ms: 0x0203 };
    let body = Body { kind: head.kind, form: Form::Opaque, bytes: vec![7; 200].into(), seal: Some(seal) };
    let long = format!(
        "01 0f 01020304 0000000000000005 05616c696365 0570686f6e65 0167 027231 0000000000000013 \
         0000000000000010 0000000000000011 0000000000000012 0400000203 0400000203 03 c801 {} 0178 00 0173",
        "07".repeat(200)
    );
    golden.push((Entry::Message(Message { head, body }), &long));
    for (kind, form, two) in [
        (BodyKind::Image, Form::Text, "02 02 01"),
        (BodyKind::Interactive, Form::Json, "03 03 02"),
        (BodyKind::Notification, Form::Json, "05 05 02"),
        (BodyKind::Video, Form::Content, "06 06 04"),
        (BodyKind::Audio, Form::Content, "07 07 04"),
        (BodyKind::VoiceNote, Form::Content, "08 08 04"),
        (BodyKind::CircleVideo, Form::Content, "09 09 04"),
        (BodyKind::Sticker, Form::Content, "0a 0a 04"),
    ] {
        let Entry::Message(mut message) = golden[0].0.clone() else { unreachable!() };
        message.head.kind = kind;
        message.body = Body { kind, form, ..Body::text("") };
        let text = golden[0].1.replace("01 01 01 026869", &format!("{two} 00"));
        golden.push((Entry::Message(message), text.leak()));
    }

    let split = Alias::new(Channel::Private, AliasKind::Text, "bob".into(), "alice".into(), UnixMs(0x14));
    let mut joined =
        Alias::new(Channel::Group, AliasKind::Talk { duration_ms: 9 }, "".into(), "".into(), UnixMs(0x15));
    joined.parties = Parties::Joined("b_a".into());
    let id = |sequence| MessageId::new(1, sequence);
    let messages = vec![
        Names { id: id(2), alias: None, client_ref: None },
        Names { id: id(3), alias: Some(split), client_ref: ClientRef::new("r1").ok() },
        Names { id: id(4), alias: Some(joined), client_ref: None },
    ];
    let receipt = Receipt { by: device("bob", "1"), status: Status::Read, at: UnixMs(0x16), messages };
    golden.push((
        Entry::Receipt(receipt),
        "02 03626f62 0131 03 0000000000000016 03 \
         00 00000001 0000000000000002 \
         03 00000001 0000000000000003 027231 01 0000000000000014 03626f62 05616c696365 \
         0e 00000001 0000000000000004 0400000009 0000000000000015 03625f61",
    ));
    let reaction = Reaction {
        message: Names { id: id(2), alias: None, client_ref: ClientRef::new("r1").ok() },
        conversation: "d:alice:bob".parse().unwrap(),
        seq: Seq(0x12),
        edition: 0x0304,
        by: device("bob", "1"),
        client_ref: ClientRef::new("r2").unwrap(),
        at: UnixMs(0x16),
        emoji: Emoji::new("+1").unwrap(),
        on: true,
        count: 5,
    };
    golden.push((
        Entry::Reacted(reaction),
        "05 01 01 00000001 0000000000000002 027231 0b643a616c6963653a626f62 0000000000000012 00000304 \
         03626f62 0131 027232 0000000000000016 022b31 00000005",
    ));
    let changed = |what| {
        let client_ref = ClientRef::new("r1").unwrap();
        Entry::User(UserChange { by: device("bob", "1"), client_ref, at: UnixMs(0x17), edition: 2, what })
    };
    let bob = || UserId::new("bob").unwrap();
    let profile = UserProfile { name: "Bob".into(), about: "".into(), avatar: "x:y".into() };
    for (what, hex) in [
        (UserNews::Profile(profile.into()), "01 03426f62 00 03783a79"),
        (UserNews::Saved(Saved { user: bob(), name: "B".into() }), "02 03626f62 0142"),
        (UserNews::Forgotten(bob()), "03 03626f62"),
        (UserNews::Blocked(bob()), "04 03626f62"),
        (UserNews::Unblocked(bob()), "05 03626f62"),
        (UserNews::DeviceRemoved(device("bob", "1").name), "06 0131"),
    ] {
        let hex = format!("06 00000002 03626f62 0131 027231 0000000000000017 {hex}");
        golden.push((changed(what), hex.leak()));
    }
    for (entry, hex) in golden {
        let record: String = encoded(&entry).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(record, hex.replace(' ', ""), "{entry:?}");
    }
}
