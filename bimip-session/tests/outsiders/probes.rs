//! Every way to name something: for each kind of packet what it says of a thing.

use bimip_proto::{
    Act, Address, Ask, Awareness, Body, ClientPacket, ClientRef, Device, DeviceName, Draft, Emoji, GroupAct,
    GroupCommand, GroupId, GroupProfile, Head, HistoryPlace, Location, LogOut, MayPost, MessageRef, PageFrom,
    Presence, Query, Reach, React, Revise, Role, Seq, Signal, Status, Talk, TalkAct, Track, UnixMs, UserId,
};
use bytes::Bytes;

use super::super::harness::user;
use super::graph::{Thing, USERS, own_group};

/// Names packets as it goes.
pub struct Names(pub u32);

impl Names {
    fn next(&mut self) -> ClientRef {
        self.0 += 1;
        ClientRef::new(&format!("p{}", self.0)).unwrap()
    }
}

/// What `me` says about a thing with packets of one kind.
///
/// # Panics
/// Where nobody has thought of it yet what a kind can name.
pub fn probes(kind: &str, thing: &Thing, me: &Device, names: &mut Names) -> Vec<ClientPacket> {
    let to = address(thing);
    match kind {
        // They name nothing of others: a push token, an offset and a token of one's own, a name of one's own.
        // What a user keeps of others is stored with the user, whoever they name.
        "PushToken" | "Dispose" | "SetVisible" | "Token" | "Unfit" | "Ping" | "Bye" | "User" => Vec::new(),
        "SignIn" => match thing {
            Thing::User(user) => vec![ClientPacket::SignIn {
                user: Some(user.clone()),
                device: Some(me.name.clone()),
                token: Bytes::from_static(b"token"),
            }],
            _ => Vec::new(),
        },
        "LogOut" => match thing {
            Thing::User(user) => {
                let theirs = DeviceName::new(&format!("{user}-phone")).unwrap();
                vec![ClientPacket::LogOut(LogOut::Device(Some(theirs)))]
            }
            _ => Vec::new(),
        },
        "Send" => to.map(|to| send(names.next(), to)).into_iter().collect(),
        "Talk" => to.map(|to| talks(&me.user, &to)).unwrap_or_default(),
        "Delivered" => refs(thing).into_iter().map(|it| ClientPacket::Delivered(vec![it])).collect(),
        "Mark" => {
            let all = [Status::Delivered, Status::Read, Status::Played, Status::Forwarded];
            let mark = |message: MessageRef| {
                all.map(|status| ClientPacket::Mark { message: message.clone(), status })
            };
            refs(thing).into_iter().flat_map(mark).collect()
        }
        "Revise" => {
            let mut all = Vec::new();
            for message in refs(thing) {
                for body in [Some(Body::text("mine now")), None] {
                    let revise = Revise { client_ref: names.next(), message: message.clone(), body };
                    all.push(ClientPacket::Revise(revise));
                }
            }
            all
        }
        "Group" => commands(thing, me, names),
        "React" => {
            let react = |message: MessageRef, on, client_ref| {
                let emoji = Emoji::new("+1").unwrap();
                ClientPacket::React(React { client_ref, message, emoji, on })
            };
            let both = |message: MessageRef| [true, false].map(|on| (message.clone(), on));
            let all = refs(thing).into_iter().flat_map(both);
            all.map(|(message, on)| react(message, on, names.next())).collect()
        }
        "Join" => group(thing).map(ClientPacket::Join).into_iter().collect(),
        "Leave" => group(thing).map(ClientPacket::Leave).into_iter().collect(),
        "Aware" => {
            let passing = Presence::ALL.into_iter().filter(|it| it.reach() == Reach::Peer);
            let aware = |presence| {
                let awareness =
                    Awareness { id: None, to: to.clone(), presence, location: None, ttl_s: 0, at: None };
                ClientPacket::Aware(awareness)
            };
            if to.is_some() { passing.map(aware).collect() } else { Vec::new() }
        }
        "Signal" => {
            let Some(to) = to else { return Vec::new() };
            let signal = |act| {
                let id = Some(names.next());
                ClientPacket::Signal(Signal { id, to: to.clone(), act, at: None })
            };
            Act::ALL.into_iter().map(signal).collect()
        }
        "Track" => {
            let Some(to) = to else { return Vec::new() };
            let location = Location::new(52.5, 13.4, None).unwrap();
            vec![ClientPacket::Track(Track { id: Some(names.next()), to, location, at: None })]
        }
        "Query" => {
            let asks = Ask::KINDS.iter().flat_map(|kind| asks(kind, thing, &me.user));
            asks.map(|ask| ClientPacket::Query(Query { id: names.next(), ask })).collect()
        }
        other => panic!("what of others can a packet of kind {other} name? Say it here."),
    }
}

fn asks(kind: &str, thing: &Thing, me: &UserId) -> Vec<Ask> {
    let of = address(thing);
    match (kind, thing) {
        ("History", Thing::Message(head)) => around(head),
        ("Conversation", Thing::Message(head)) => vec![Ask::Conversation(head.to.clone())],
        ("History", _) => {
            let Some(of) = of else { return Vec::new() };
            let from = [PageFrom::Latest, PageFrom::Before(Seq(9)), PageFrom::After(Seq(0))];
            from.map(|from| Ask::History { of: of.clone(), from: from.map(Into::into), limit: 5 }).to_vec()
        }
        ("Conversation", _) => of.map(Ask::Conversation).into_iter().collect(),
        ("Conversations", Thing::Message(head)) => {
            let from = [PageFrom::Before(head.id), PageFrom::After(head.id)];
            from.map(|from| Ask::Conversations { from, limit: 3 }).to_vec()
        }
        ("Conversations", _) => vec![Ask::Conversations { from: PageFrom::Latest, limit: 0 }],
        ("Status", _) => {
            let ask = |message| Ask::Status { message, after: None, limit: 0 };
            refs(thing).into_iter().map(ask).collect()
        }
        ("Profile", Thing::User(user)) => vec![Ask::Profile(user.clone())],
        ("AddressBook", Thing::User(user)) => vec![Ask::AddressBook { after: Some(user.clone()), limit: 0 }],
        ("Blocked", Thing::User(user)) => vec![Ask::Blocked { after: Some(user.clone()), limit: 0 }],
        ("Group", Thing::Message(head)) => match &head.to {
            Address::Group(group) => vec![Ask::Group(group.clone())],
            _ => Vec::new(),
        },
        ("Group", Thing::Group(group)) => vec![Ask::Group(group.clone())],
        ("Group", Thing::User(_)) => vec![Ask::Group(own_group(me))],
        ("Members", Thing::Message(head)) => match &head.to {
            Address::Group(group) => vec![members(group, None)],
            _ => Vec::new(),
        },
        ("Members", Thing::Group(group)) => vec![members(group, None), members(group, Some(me))],
        // Where in the store's order somebody is whom a group does not know, its members do not find out.
        ("Members", Thing::User(user)) => {
            vec![members(&own_group(me), Some(user))]
        }
        ("Around", Thing::User(user)) => {
            [None, Some(user.clone())].map(|after| Ask::Around { after }).to_vec()
        }
        ("Around", _) => vec![Ask::Around { after: None }],
        // They are about users, or about nobody else.
        ("Profile" | "AddressBook" | "Blocked" | "Devices", _) => Vec::new(),
        (other, _) => panic!("what of others can a question of kind {other} name? Say it here."),
    }
}

/// By its id in every conversation with somebody; and by its place and its id in a group, which may be one's own, around what
/// was said before one came or after one left.
fn around(head: &Head) -> Vec<Ask> {
    let id = HistoryPlace::Id(head.id);
    let mut all: Vec<(Address, PageFrom<HistoryPlace>)> = Vec::new();
    for of in USERS.iter().map(|name| Address::User(user(name))).chain([head.to.clone()]) {
        all.extend([PageFrom::Before(id), PageFrom::After(id)].map(|from| (of.clone(), from)));
    }
    if let Address::Group(_) = head.to {
        let from = [PageFrom::Before(Seq(head.seq.0 + 1)), PageFrom::After(Seq(head.seq.0 - 1))];
        all.extend(from.map(|from| (head.to.clone(), from.map(HistoryPlace::Seq))));
    }
    all.into_iter().map(|(of, from)| Ask::History { of, from, limit: 3 }).collect()
}

fn members(group: &GroupId, after: Option<&UserId>) -> Ask {
    Ask::Members { group: group.clone(), after: after.cloned(), limit: 2 }
}

/// About a group, or about a user in a group of one's own.
fn commands(thing: &Thing, me: &Device, names: &mut Names) -> Vec<ClientPacket> {
    let (group, user) = match thing {
        Thing::Message(_) => return Vec::new(),
        Thing::Group(group) => (group.clone(), me.user.clone()),
        Thing::User(user) => (own_group(&me.user), user.clone()),
    };
    let acts = GroupAct::KINDS.iter().filter_map(|kind| act(kind, thing, &user));
    let mut command = |act| GroupCommand { client_ref: names.next(), group: group.clone(), act };
    acts.map(|act| ClientPacket::Group(command(act))).collect()
}

fn act(kind: &str, thing: &Thing, user: &UserId) -> Option<GroupAct> {
    let about_users = matches!(thing, Thing::User(_));
    let act = match kind {
        "Create" if !about_users => GroupAct::Create {
            profile: GroupProfile::default(),
            open: true,
            post: MayPost::Everyone,
            members: Vec::new(),
        },
        "Edit" if !about_users => {
            GroupAct::Edit { title: Some("mine".into()), about: None, open: Some(true), post: None }
        }
        "Delete" if !about_users => GroupAct::Delete,
        "Create" | "Edit" | "Delete" => return None,
        "Add" => GroupAct::Add(vec![user.clone()]),
        "Remove" => GroupAct::Remove(user.clone()),
        "SetRole" => GroupAct::SetRole { user: user.clone(), role: Role::Owner },
        "Ban" => GroupAct::Ban(user.clone()),
        "Unban" => GroupAct::Unban(user.clone()),
        other => panic!("what of others can a command of kind {other} name? Say it here."),
    };
    Some(act)
}

fn send(client_ref: ClientRef, to: Address) -> ClientPacket {
    // Some dialects name a message by its time, too.
    let client_time = Some(UnixMs(1));
    ClientPacket::Send(Draft { client_ref: Some(client_ref), to, client_time, body: Body::text("hello") })
}

fn talks(me: &UserId, to: &Address) -> Vec<ClientPacket> {
    let acts = [
        TalkAct::Start { label: None, payload: Bytes::new() },
        TalkAct::Audio { label: None, payload: Bytes::from_static(&[0xc4, 1, 7]) },
        TalkAct::Stop,
    ];
    acts.map(|act| ClientPacket::Talk(Talk { from: me.clone(), to: to.clone(), act })).to_vec()
}

fn address(thing: &Thing) -> Option<Address> {
    match thing {
        Thing::Message(_) => None,
        Thing::Group(group) => Some(Address::Group(group.clone())),
        Thing::User(user) => Some(Address::User(user.clone())),
    }
}

fn group(thing: &Thing) -> Option<GroupId> {
    match thing {
        Thing::Group(group) => Some(group.clone()),
        _ => None,
    }
}

/// By its id, by its alias, and by its place.
fn refs(thing: &Thing) -> Vec<MessageRef> {
    match thing {
        Thing::Message(head) => every_name(head),
        _ => Vec::new(),
    }
}

fn every_name(head: &Head) -> Vec<MessageRef> {
    let place = MessageRef::Place { conversation: head.conversation(), seq: head.seq };
    vec![MessageRef::Id(head.id), MessageRef::Alias(head.alias()), place]
}

/// Whom a packet is for, who therefore hears it: anybody may write to anybody, and let anybody into a group of their own.
pub fn addressed<'p>(packet: &'p ClientPacket, me: &Device) -> Option<&'p UserId> {
    let to = match packet {
        ClientPacket::Send(it) => &it.to,
        ClientPacket::Talk(it) => &it.to,
        ClientPacket::Signal(it) => &it.to,
        ClientPacket::Track(it) => &it.to,
        ClientPacket::Aware(it) => it.to.as_ref()?,
        ClientPacket::Group(command) if command.group == own_group(&me.user) => {
            return match &command.act {
                GroupAct::Add(users) => users.first(),
                act => act.subject(),
            };
        }
        _ => return None,
    };
    match to {
        Address::User(user) => Some(user),
        _ => None,
    }
}
