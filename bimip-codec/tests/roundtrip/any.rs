//! What each dialect can say, as generators.

mod groups;
mod live;
mod users;

use std::sync::Arc;

use bimip_codec::{Codec, Dialect};
use bimip_proto::{
    Address, Alias, AliasKind, Ask, Body, BodyKind, Channel, ClientPacket, ClientRef, CloseReason,
    ConversationId, ConversationState, Device, DeviceName, DeviceState, DeviceStatus, Draft, Emoji, Entry,
    Fault, FaultKind, Floor, Form, Found, GroupAct, GroupChange, GroupCommand, GroupId, GroupNews,
    GroupProfile, Head, HistoryMessage, HistoryPlace, Marks, MayPost, Message, MessageId, MessageRef,
    MessageStatus, Names, NotYet, Noted, Offset, PageFrom, Ping, PushToken, Query, React, Reaction,
    ReactionCount, ReactionSummary, Receipt, RecipientStatus, Reject, Revise, Revision, Role, Row, Seal, Seq,
    ServerPacket, Status, StatusCounts, Talk, TalkAct, UnixMs, UserId, Welcome, Window, limits,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

fn user() -> impl Strategy<Value = UserId> {
    prop_oneof!["[a-z_é]{1,12}", "[1-9][0-9]{0,11}"].prop_map(|text| UserId::new(&text).unwrap())
}

fn name() -> impl Strategy<Value = DeviceName> {
    "[a-zA-Z0-9/:. ]{1,20}".prop_map(|text| DeviceName::new(&text).unwrap())
}

fn client_ref() -> impl Strategy<Value = ClientRef> {
    "\\PC{1,20}".prop_map(|text| ClientRef::new(&text).unwrap())
}

fn group() -> impl Strategy<Value = GroupId> {
    prop_oneof!["[a-zA-Z_:% é-]{1,12}", "[1-9][0-9]{0,11}"].prop_map(|text| GroupId::new(&text).unwrap())
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        3 => user().prop_map(Address::User),
        2 => group().prop_map(Address::Group),
    ]
}

fn device() -> impl Strategy<Value = Device> {
    (user(), name()).prop_map(|(user, name)| Device::new(user, name))
}

fn time() -> impl Strategy<Value = UnixMs> {
    (1..=1_u64 << 53).prop_map(UnixMs)
}

fn reject() -> impl Strategy<Value = Reject> {
    prop::sample::select(vec![
        Reject::Conflict,
        Reject::Deleted,
        Reject::Role,
        Reject::Taken,
        Reject::Blocked,
        Reject::NotYourself,
        Reject::NoSuchMessage,
        Reject::TooLarge,
        Reject::Unsupported,
        Reject::Busy,
        Reject::NotMember,
        Reject::Full,
        Reject::BadToken,
        Reject::Unavailable,
    ])
}

fn retry() -> impl Strategy<Value = Option<u32>> {
    option::of(1..u32::MAX)
}

/// One msgpack value that means something to a reader: not nil, not false, not empty.
fn value() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        (1..u64::MAX).prop_map(rmpv::Value::from),
        (i64::MIN..0).prop_map(rmpv::Value::from),
        "\\PC{1,40}".prop_map(rmpv::Value::from),
        vec(any::<u8>(), 1..400).prop_map(rmpv::Value::from),
    ]
    .prop_map(|value| packed(&value))
}

fn packed(value: &rmpv::Value) -> Bytes {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes.into()
}

fn optional_value() -> impl Strategy<Value = Bytes> {
    prop_oneof![3 => value(), 1 => Just(Bytes::new())]
}

fn label() -> impl Strategy<Value = Option<Bytes>> {
    option::of("[a-z0-9-]{1,10}".prop_map(Bytes::from))
}

fn act() -> impl Strategy<Value = TalkAct> {
    prop_oneof![
        (label(), optional_value()).prop_map(|(label, payload)| TalkAct::Start { label, payload }),
        (label(), value()).prop_map(|(label, payload)| TalkAct::Audio { label, payload }),
    ]
}

/// A JSON object that is not what a plain text is wrapped in.
fn json_object() -> impl Strategy<Value = String> {
    ("[a-z]{1,5}", "[^\"\\\\\\p{C}]{0,10}", any::<u64>()).prop_map(|(key, text, number)| {
        let key = format!("k{key}");
        format!("{{\"{key}\":\"{text}\",\"big\":{number}00000000000000000000,\"deep\":[{{}},[1.50]]}}")
    })
}

fn plain_text() -> impl Strategy<Value = String> {
    "[^{\"]{0,40}"
}

fn body(kind: BodyKind) -> BoxedStrategy<Body> {
    let text = plain_text().prop_map(|text| (Form::Text, Bytes::from(text)));
    let json = json_object().prop_map(|json| (Form::Json, Bytes::from(json)));
    let image = vec(any::<u8>(), 0..100)
        .prop_filter("not JSON", |bytes| !bytes.starts_with(b"{"))
        .prop_map(|bytes| (Form::Opaque, bytes.into()));
    let content = match kind {
        BodyKind::Image => Union::new([text.boxed(), json.boxed(), image.boxed()]),
        _ => Union::new([text.boxed(), json.boxed()]),
    };
    content.prop_map(move |(form, bytes)| Body { kind, form, bytes, seal: None }).boxed()
}

fn talkative_body() -> impl Strategy<Value = Body> {
    prop_oneof![body(BodyKind::Text), body(BodyKind::Image), body(BodyKind::Interactive)]
}

fn alias() -> impl Strategy<Value = Alias> {
    let kind = prop_oneof![
        any::<u32>().prop_map(|duration_ms| AliasKind::Talk { duration_ms }),
        Just(AliasKind::Text),
        Just(AliasKind::Image),
        Just(AliasKind::Interactive),
    ];
    (any::<bool>(), kind, user(), user(), time()).prop_map(|(group, kind, to, from, stamp)| {
        let channel = if group { Channel::Group } else { Channel::Private };
        Alias::new(channel, kind, to.shared(), from.shared(), stamp)
    })
}

fn message_id() -> impl Strategy<Value = MessageId> {
    (1..u32::MAX, 1..u64::MAX).prop_map(|(epoch, sequence)| MessageId::new(epoch, sequence))
}

fn reference() -> impl Strategy<Value = MessageRef> {
    prop_oneof![message_id().prop_map(MessageRef::Id), alias().prop_map(MessageRef::Alias)]
}

pub(crate) fn voiceping_client(me: &Device) -> impl Strategy<Value = ClientPacket> + use<> {
    let from = me.user.clone();
    let act = prop_oneof![3 => act(), 1 => Just(TalkAct::Stop)];
    prop_oneof![
        (address(), talkative_body()).prop_map(|(to, body)| {
            ClientPacket::Send(Draft { client_ref: None, to, client_time: None, body })
        }),
        (address(), act).prop_map(move |(to, act)| ClientPacket::Talk(Talk { from: from.clone(), to, act })),
        option::of(vec(any::<u8>(), 1..50).prop_map(Bytes::from))
            .prop_map(|token| ClientPacket::PushToken(PushToken { id: None, service: String::new(), token })),
        vec(reference(), 1..5).prop_map(ClientPacket::Delivered),
        reference().prop_map(|message| ClientPacket::Mark { message, status: Status::Read }),
        optional_value().prop_map(|id| ClientPacket::Ping(Ping { id })),
        group().prop_map(ClientPacket::Join),
        group().prop_map(ClientPacket::Leave),
    ]
}

/// A head as a client of the msgpack dialect can know it.
fn walkie_head(kind: BodyKind) -> impl Strategy<Value = Head> {
    (user(), address(), time()).prop_map(move |(from, to, at)| Head {
        id: MessageId::NONE,
        from: Device::new(from, DeviceName::new("voiceping").unwrap()),
        to,
        client_ref: None,
        client_time: None,
        at,
        stamp: at,
        seq: Seq(0),
        kind,
    })
}

fn row(prev: u64, offset: u64, entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row { prev: Offset(prev), offset: Offset(offset), entry: Arc::new(entry) })
}

pub(crate) fn voiceping_server() -> impl Strategy<Value = ServerPacket> {
    let message = |kind| {
        (walkie_head(kind), body(kind))
            .prop_map(|(head, body)| row(0, 0, Entry::Message(Message { head, body })))
            .boxed()
    };
    let voice = any::<u32>().prop_flat_map(|duration_ms| walkie_head(BodyKind::Voice { duration_ms }));
    let recorded = voice.clone().prop_map(|head| {
        let body = Body { kind: head.kind, form: Form::Opaque, bytes: Bytes::new(), seal: None };
        row(0, 0, Entry::Message(Message { head, body }))
    });
    let accepted = prop_oneof![
        walkie_head(BodyKind::Text),
        walkie_head(BodyKind::Image),
        walkie_head(BodyKind::Interactive)
    ]
    .prop_map(|head| ServerPacket::Accepted { client_ref: None, head, offset: Offset::ZERO });
    let status = prop::sample::select(vec![Status::Delivered, Status::Read]);
    let receipt = (user(), status, alias()).prop_map(|(by, status, alias)| {
        let names = Names { id: MessageId::NONE, alias: Some(alias), client_ref: None };
        let by = Device::new(by, DeviceName::new("voiceping").unwrap());
        row(0, 0, Entry::Receipt(Receipt { by, status, at: UnixMs(0), messages: vec![names] }))
    });
    // From a group the payload comes back as a string, so it is one here.
    let granted = prop_oneof![
        (user().prop_map(Address::User), value()),
        (group().prop_map(Address::Group), "\\PC{1,40}".prop_map(|text| packed(&text.into()))),
    ];
    let granted = (granted, label())
        .prop_map(|((to, payload), label)| ServerPacket::Floor(Floor::Granted { to, label, payload }));
    let barred = group().prop_map(|group| {
        ServerPacket::Noted(Noted::Barred { group, reason: Reject::NotMember, retry_after_ms: None })
    });
    let denied = (address(), any::<bool>()).prop_map(|(to, busy)| {
        let reason = if busy { Reject::Busy } else { Reject::Unsupported };
        ServerPacket::Floor(Floor::Denied { to, reason })
    });
    prop_oneof![
        message(BodyKind::Text),
        message(BodyKind::Image),
        message(BodyKind::Interactive),
        recorded,
        accepted,
        voice.prop_map(|head| ServerPacket::Floor(Floor::Ended { head })),
        granted,
        denied,
        barred,
        receipt,
        (user(), address(), act()).prop_map(|(from, to, act)| ServerPacket::Talk(Talk { from, to, act })),
        optional_value().prop_map(|id| ServerPacket::Pong { ping: Ping { id }, at: UnixMs(0) }),
        name().prop_map(|by| ServerPacket::Bye(CloseReason::Replaced { by: Some(by) })),
    ]
}

fn seal() -> impl Strategy<Value = Option<Seal>> {
    option::of(("[a-z]{1,5}", ".{0,5}", ".{0,5}").prop_map(|(encryption_type, encrypted, signature)| Seal {
        encryption_type,
        encrypted,
        signature,
    }))
}

/// Payloads are opaque.
fn opaque() -> impl Strategy<Value = Body> {
    let kind = prop::sample::select(vec![BodyKind::Text, BodyKind::Notification]);
    (kind, vec(any::<u8>(), 0..200), seal()).prop_map(|(kind, bytes, seal)| Body {
        kind,
        form: Form::Opaque,
        bytes: bytes.into(),
        seal,
    })
}

/// Content of a kind that is said.
fn content() -> impl Strategy<Value = Body> {
    let json = |kind| match kind {
        BodyKind::CircleVideo => r#"{"attachments":[{"url":"/c","kind":"circle_video"}]}"#,
        BodyKind::Sticker => r#"{"attachments":[{"url":"/s","kind":"sticker"}],"message_id":"kept"}"#,
        BodyKind::VoiceNote => r#"{"attachments":[{"url":"/v","kind":"voice","duration_ms":3120}]}"#,
        _ => r#"{"text":"hello @ann","mentions":[{"user_id":"ann","offset":6,"length":4}]}"#,
    };
    (prop::sample::select(BodyKind::WITH_CONTENT.to_vec()), seal()).prop_map(move |(kind, seal)| Body {
        kind,
        form: Form::Content,
        bytes: json(kind).into(),
        seal,
    })
}

/// Whatever a message says.
fn says() -> impl Strategy<Value = Body> {
    prop_oneof![opaque(), content()]
}

/// What a message says after it was revised.
fn revised() -> impl Strategy<Value = Option<Body>> {
    option::of(prop_oneof![opaque().prop_map(|body| Body { kind: BodyKind::Text, ..body }), content()])
}

fn conversation() -> impl Strategy<Value = ConversationId> {
    prop_oneof![
        (user(), user()).prop_map(|(one, other)| ConversationId::direct(one, other)),
        group().prop_map(ConversationId::Group),
    ]
}

fn revision() -> impl Strategy<Value = Revision> {
    let names = (message_id(), option::of(client_ref())).prop_map(|(id, client_ref)| Names {
        id,
        alias: None,
        client_ref,
    });
    let numbers = (any::<u64>(), any::<u32>(), time());
    (names, conversation(), numbers, device(), client_ref(), revised()).prop_map(
        |(message, conversation, (seq, edition, at), by, client_ref, body)| Revision {
            message,
            conversation,
            seq: Seq(seq),
            edition,
            by,
            client_ref,
            at,
            body,
        },
    )
}

fn emoji() -> impl Strategy<Value = Emoji> {
    "\\PC{1,12}".prop_map(|text| Emoji::new(&text).unwrap())
}

fn react() -> impl Strategy<Value = React> {
    (client_ref(), reference(), emoji(), any::<bool>()).prop_map(|(client_ref, message, emoji, on)| React {
        client_ref,
        message,
        emoji,
        on,
    })
}

fn reaction() -> impl Strategy<Value = Reaction> {
    let numbers = (any::<u64>(), any::<[u32; 2]>(), time());
    (revision(), numbers, emoji(), any::<bool>()).prop_map(|(revision, numbers, emoji, on)| {
        let (seq, [edition, count], at) = numbers;
        Reaction {
            message: revision.message,
            conversation: revision.conversation,
            seq: Seq(seq),
            edition,
            by: revision.by,
            client_ref: revision.client_ref,
            at,
            emoji,
            on,
            count,
        }
    })
}

fn reactions() -> impl Strategy<Value = ReactionSummary> {
    let count = (emoji(), 1..u32::MAX, any::<bool>(), vec(user(), 0..=limits::REACTION_USERS))
        .prop_map(|(emoji, count, mine, users)| ReactionCount { emoji, count, mine, users });
    (any::<u32>(), vec(count, 0..4)).prop_map(|(edition, counts)| ReactionSummary { edition, counts })
}

fn page_from<P: core::fmt::Debug + Clone>(
    place: impl Strategy<Value = P> + Clone,
) -> impl Strategy<Value = PageFrom<P>> {
    prop_oneof![
        Just(PageFrom::Latest),
        place.clone().prop_map(PageFrom::Before),
        place.prop_map(PageFrom::After),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let id = (1..u32::MAX, 1..u64::MAX).prop_map(|(epoch, sequence)| MessageId::new(epoch, sequence));
    let seq = any::<u64>().prop_map(|seq| HistoryPlace::Seq(Seq(seq)));
    let place = prop_oneof![seq, id.clone().prop_map(HistoryPlace::Id)];
    let ask = prop_oneof![
        (address(), page_from(place), any::<u32>()).prop_map(|(of, from, limit)| Ask::History {
            of,
            from,
            limit
        }),
        address().prop_map(Ask::Conversation),
        (page_from(id), any::<u32>()).prop_map(|(from, limit)| Ask::Conversations { from, limit }),
        (reference(), option::of(user()), any::<u32>()).prop_map(|(message, after, limit)| Ask::Status {
            message,
            after,
            limit
        }),
        users::ask(),
        groups::ask(),
        option::of(user()).prop_map(|after| Ask::Around { after }),
    ];
    (client_ref(), ask).prop_map(|(id, ask)| Query { id, ask })
}

fn history_message() -> impl Strategy<Value = HistoryMessage> {
    let body = prop_oneof![opaque().prop_map(|body| Body { kind: BodyKind::Text, ..body }), content()];
    (scheme_head(BodyKind::Text), body, any::<u32>(), any::<bool>(), any::<u8>(), reactions()).prop_map(
        |(head, body, edition, deleted, marks, reactions)| {
            let head = Head { kind: body.kind, ..head };
            let gone = Body { bytes: Bytes::new(), ..body.clone() };
            let message = Message { head, body: if deleted { gone } else { body } };
            HistoryMessage { message, edition, deleted, marks: Marks::from_bits(marks), reactions }
        },
    )
}

fn some_time() -> impl Strategy<Value = Option<UnixMs>> {
    option::of((1..u64::MAX >> 1).prop_map(UnixMs))
}

fn device_status() -> impl Strategy<Value = DeviceStatus> {
    let state = prop_oneof![
        Just(DeviceState::Acknowledged),
        some_time().prop_map(|at| DeviceState::Sent { at }),
        any::<u64>().prop_map(|rows_before| DeviceState::Next { rows_before }),
        any::<u64>().prop_map(|rows_before| DeviceState::WindowFull { rows_before }),
        Just(DeviceState::NoWords),
        (1..u64::MAX >> 1).prop_map(|at| DeviceState::LoggedOut { at: UnixMs(at) }),
        some_time().prop_map(|since| DeviceState::Offline { since }),
        Just(DeviceState::Elsewhere),
        Just(DeviceState::Unknown),
    ];
    (device(), state, some_time()).prop_map(|(device, state, connected_at)| DeviceStatus {
        name: device.name,
        state,
        connected_at,
    })
}

fn recipient_status() -> impl Strategy<Value = RecipientStatus> {
    let why = prop_oneof![
        Just(None),
        Just(Some(NotYet::Deleted)),
        Just(Some(NotYet::LeftGroup)),
        Just(Some(NotYet::NotFilled)),
        Just(Some(NotYet::NeverConnected)),
        Just(Some(NotYet::Untold)),
    ];
    let said = (any::<u8>(), some_time(), some_time());
    (user(), option::of(1..u64::MAX), said, why, option::of(vec(device_status(), 0..3)), any::<bool>())
        .prop_map(|(user, row, (marks, delivered_at, read_at), why, devices, more_devices)| RecipientStatus {
            user,
            row: row.map(Offset),
            marks: Marks::from_bits(marks),
            delivered_at,
            read_at,
            why,
            devices,
            more_devices,
        })
}

fn message_status() -> impl Strategy<Value = MessageStatus> {
    let counts = (any::<[u32; 3]>(), any::<bool>(), some_time(), some_time()).prop_map(
        |([recipients, delivered, read], exact, first_delivered_at, first_read_at)| StatusCounts {
            recipients,
            delivered,
            read,
            exact,
            first_delivered_at,
            first_read_at,
        },
    );
    (scheme_head(BodyKind::Text), any::<bool>(), counts, vec(recipient_status(), 0..4), any::<bool>())
        .prop_map(|(head, deleted, counts, recipients, more)| MessageStatus {
            id: head.id,
            client_ref: head.client_ref,
            from: head.from,
            to: head.to,
            seq: head.seq,
            at: head.at,
            deleted,
            counts,
            recipients,
            more,
        })
}

fn answer() -> impl Strategy<Value = ServerPacket> {
    let state = (history_message(), any::<[u64; 3]>(), vec(any::<u64>(), 0..4), any::<bool>()).prop_map(
        |(last, [messages, read, unread], deleted, exact)| ConversationState {
            last,
            messages,
            read: Seq(read),
            unread,
            deleted: deleted.into_iter().map(Seq).collect(),
            exact,
        },
    );
    let found = prop_oneof![
        (vec(history_message(), 0..4), any::<bool>())
            .prop_map(|(messages, more)| Found::History { messages, more }),
        (vec(state, 0..4), any::<bool>())
            .prop_map(|(conversations, more)| Found::Conversations { conversations, more }),
        option::of(message_status().prop_map(Box::new)).prop_map(Found::Status),
        users::found(),
        groups::found(),
        (vec(live::aware(), 0..4), any::<bool>()).prop_map(|(around, more)| Found::Around {
            around,
            more,
            contacts: Vec::new()
        }),
    ];
    prop_oneof![
        (client_ref(), found).prop_map(|(id, found)| ServerPacket::Answer { id, found }),
        (client_ref(), reject(), retry()).prop_map(|(id, reason, retry_after_ms)| ServerPacket::Unanswered {
            id,
            reason,
            retry_after_ms
        }),
    ]
}

fn fine_status() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![Status::Read, Status::Played, Status::Forwarded])
}

pub(crate) fn scheme_client() -> impl Strategy<Value = ClientPacket> {
    prop_oneof![
        (option::of(user()), option::of(name()), "[a-zA-Z0-9._-]{0,40}")
            .prop_map(|(user, device, token)| { ClientPacket::SignIn { user, device, token: token.into() } }),
        (client_ref(), address(), option::of(time()), says()).prop_map(|(id, to, client_time, body)| {
            ClientPacket::Send(Draft { client_ref: Some(id), to, client_time, body })
        }),
        any::<u64>().prop_map(|upto| ClientPacket::Dispose(Offset(upto))),
        reference().prop_map(|message| ClientPacket::Delivered(vec![message])),
        (reference(), fine_status()).prop_map(|(message, status)| ClientPacket::Mark { message, status }),
        (client_ref(), reference(), revised())
            .prop_map(|(client_ref, message, body)| Revise { client_ref, message, body })
            .prop_map(ClientPacket::Revise),
        query().prop_map(ClientPacket::Query),
        react().prop_map(ClientPacket::React),
        "\\PC{0,20}".prop_map(|id| ClientPacket::Ping(Ping { id: id.into() })),
        Just(ClientPacket::Bye),
        (client_ref(), group(), act_of_group())
            .prop_map(|(client_ref, group, act)| GroupCommand { client_ref, group, act })
            .prop_map(ClientPacket::Group),
        group().prop_map(ClientPacket::Join),
        group().prop_map(ClientPacket::Leave),
        users::client(),
        live::client(),
    ]
}

fn may_post() -> impl Strategy<Value = MayPost> {
    prop_oneof![Just(MayPost::Everyone), Just(MayPost::Admins)]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Member), Just(Role::Admin), Just(Role::Owner)]
}

fn words() -> impl Strategy<Value = Arc<str>> {
    "\\PC{0,12}".prop_map(Into::into)
}

fn profile() -> impl Strategy<Value = GroupProfile> {
    (words(), words()).prop_map(|(title, about)| GroupProfile { title, about })
}

fn act_of_group() -> impl Strategy<Value = GroupAct> {
    prop_oneof![
        (profile(), any::<bool>(), may_post(), vec(user(), 0..4))
            .prop_map(|(profile, open, post, members)| { GroupAct::Create { profile, open, post, members } }),
        (option::of(words()), option::of(words()), option::of(any::<bool>()), option::of(may_post()))
            .prop_map(|(title, about, open, post)| GroupAct::Edit { title, about, open, post }),
        Just(GroupAct::Delete),
        vec(user(), 0..4).prop_map(GroupAct::Add),
        user().prop_map(GroupAct::Remove),
        (user(), role()).prop_map(|(user, role)| GroupAct::SetRole { user, role }),
        user().prop_map(GroupAct::Ban),
        user().prop_map(GroupAct::Unban),
    ]
}

fn change() -> impl Strategy<Value = GroupChange> {
    let what = prop_oneof![
        vec(user(), 0..4).prop_map(GroupNews::Created),
        Just(GroupNews::Edited),
        Just(GroupNews::Deleted),
        vec(user(), 0..4).prop_map(GroupNews::Added),
        user().prop_map(GroupNews::Removed),
        (user(), role()).prop_map(|(user, role)| GroupNews::Role { user, role }),
        user().prop_map(GroupNews::Banned),
        user().prop_map(GroupNews::Unbanned),
        Just(GroupNews::Joined),
        option::of(user()).prop_map(|heir| GroupNews::Left { heir }),
    ];
    let who = (group(), device(), option::of(client_ref()));
    let after = (profile(), any::<bool>(), may_post(), any::<u32>());
    (who, (any::<u32>(), time()), what, after).prop_map(
        |((group, by, client_ref), (edition, at), what, (profile, open, post, members))| GroupChange {
            group,
            edition,
            by,
            client_ref,
            at,
            what,
            profile: Arc::new(profile),
            open,
            post,
            members,
        },
    )
}

fn scheme_head(kind: BodyKind) -> impl Strategy<Value = Head> {
    let times = (time(), option::of(time())).prop_filter("told apart", |(at, client)| Some(*at) != *client);
    (message_id(), device(), address(), option::of(client_ref()), times, any::<u64>()).prop_map(
        move |(id, from, to, client_ref, (at, client_time), seq)| Head {
            id,
            from,
            to,
            client_ref,
            client_time,
            at,
            stamp: at,
            seq: Seq(seq),
            kind,
        },
    )
}

fn names() -> impl Strategy<Value = Names> {
    let named = prop_oneof![
        message_id().prop_map(|id| (id, None)),
        alias().prop_map(|alias| (MessageId::NONE, Some(alias)))
    ];
    (named, option::of(client_ref())).prop_map(|((id, alias), client_ref)| Names { id, alias, client_ref })
}

fn noted() -> impl Strategy<Value = Noted> {
    let status = prop_oneof![fine_status(), Just(Status::Delivered)];
    prop_oneof![
        any::<u64>().prop_map(|upto| Noted::Disposed(Offset(upto))),
        reference().prop_map(|message| Noted::Delivered(vec![message])),
        (reference(), fine_status()).prop_map(|(message, status)| Noted::Marked { message, status }),
        (reference(), status, reject(), retry()).prop_map(|(message, status, reason, retry_after_ms)| {
            Noted::Refused { message, status, reason, retry_after_ms }
        }),
        (client_ref(), any::<u32>(), any::<u64>()).prop_map(|(client_ref, edition, offset)| {
            Noted::Revised { client_ref, edition, offset: Offset(offset) }
        }),
        (client_ref(), reject(), retry()).prop_map(|(client_ref, reason, retry_after_ms)| {
            Noted::Unrevised { client_ref, reason, retry_after_ms }
        }),
        (client_ref(), any::<u32>(), any::<u64>()).prop_map(|(client_ref, edition, offset)| {
            Noted::Grouped { client_ref, edition, offset: Offset(offset) }
        }),
        (client_ref(), reject(), retry()).prop_map(|(client_ref, reason, retry_after_ms)| {
            Noted::Ungrouped { client_ref, reason, retry_after_ms }
        }),
        (client_ref(), any::<[u32; 2]>(), any::<u64>()).prop_map(|(client_ref, [edition, count], offset)| {
            Noted::Reacted { client_ref, edition, count, offset: Offset(offset) }
        }),
        (client_ref(), reject(), retry()).prop_map(|(client_ref, reason, retry_after_ms)| {
            Noted::Unreacted { client_ref, reason, retry_after_ms }
        }),
        group().prop_map(Noted::Joined),
        group().prop_map(Noted::Left),
        (group(), reject(), retry()).prop_map(|(group, reason, retry_after_ms)| Noted::Barred {
            group,
            reason,
            retry_after_ms
        }),
    ]
}

fn welcome() -> impl Strategy<Value = Welcome> {
    (any::<u32>(), any::<[u64; 4]>(), any::<[u32; 3]>(), time()).prop_map(
        |(
            epoch,
            [resume_from, first, head, connection_id],
            [rows, heartbeat_ms, dedup_days],
            server_time,
        )| {
            Welcome {
                epoch,
                resume_from: Offset(resume_from),
                first: Offset(first),
                head: Offset(head),
                window: Window { rows, ..Window::default() },
                heartbeat_ms,
                server_time,
                connection_id,
                dedup_days,
            }
        },
    )
}

pub(crate) fn scheme_server() -> impl Strategy<Value = ServerPacket> {
    let accepted = (scheme_head(BodyKind::Text), user(), any::<u64>()).prop_map(|(head, to, offset)| {
        let client_ref = head.client_ref.clone();
        let head = Head { to: Address::User(to), client_time: None, seq: Seq(0), ..head };
        ServerPacket::Accepted { client_ref, head, offset: Offset(offset) }
    });
    let message = says().prop_flat_map(|body| {
        (scheme_head(body.kind), any::<u64>(), any::<u64>()).prop_map(move |(head, prev, offset)| {
            row(prev, offset, Entry::Message(Message { head, body: body.clone() }))
        })
    });
    let status = prop_oneof![fine_status(), Just(Status::Delivered)];
    let receipt = (
        device(),
        status,
        time(),
        prop_oneof![vec(names(), 0..4), vec(names(), limits::RECEIPT_MESSAGES)],
        any::<u64>(),
        any::<u64>(),
    )
        .prop_map(|(by, status, at, messages, prev, offset)| {
            row(prev, offset, Entry::Receipt(Receipt { by, status, at, messages }))
        });
    let fault = (prop::sample::select(FaultKind::ALL.to_vec()), 0..40_u32, "[a-z ]{0,20}x").prop_map(
        |(kind, origin, details)| ServerPacket::Fault(Fault { kind, origin, details: details.into() }),
    );
    let bye = prop::sample::select(vec![
        CloseReason::Bye,
        CloseReason::Refused,
        CloseReason::SignInTimeout,
        CloseReason::Replaced { by: None },
        CloseReason::Expired,
        CloseReason::Revoked,
        CloseReason::LoggedOut,
        CloseReason::TooLong,
        CloseReason::Strikes,
        CloseReason::Idle,
        CloseReason::Slow,
        CloseReason::GoingAway,
        CloseReason::Unavailable,
    ]);
    prop_oneof![
        welcome().prop_map(ServerPacket::Welcome),
        accepted,
        (option::of(client_ref()), reject(), retry()).prop_map(|(client_ref, reason, retry_after_ms)| {
            ServerPacket::Rejected { client_ref, to: None, reason, retry_after_ms }
        }),
        noted().prop_map(ServerPacket::Noted),
        message,
        receipt,
        (change(), any::<u64>(), any::<u64>()).prop_map(|(change, prev, offset)| row(
            prev,
            offset,
            Entry::Group(change)
        )),
        (revision(), any::<u64>(), any::<u64>()).prop_map(|(revision, prev, offset)| row(
            prev,
            offset,
            Entry::Revised(revision)
        )),
        (reaction(), any::<u64>(), any::<u64>()).prop_map(|(reaction, prev, offset)| row(
            prev,
            offset,
            Entry::Reacted(reaction)
        )),
        ("\\PC{0,20}", time()).prop_map(|(id, at)| ServerPacket::Pong { ping: Ping { id: id.into() }, at }),
        answer(),
        fault,
        bye.prop_map(ServerPacket::Bye),
        users::server(),
        live::server(),
    ]
}

/// Somebody who is given a packet among others.
#[derive(Debug)]
pub(crate) struct Reader {
    device: Device,
    dialect: Dialect,
    numbers: bool,
    prev: u64,
    offset: u64,
}

pub(crate) fn reader() -> impl Strategy<Value = Reader> {
    let dialect = prop::sample::select(Dialect::ALL.to_vec());
    (device(), dialect, any::<bool>(), any::<u64>(), any::<u64>()).prop_map(
        |(device, dialect, numbers, prev, offset)| Reader { device, dialect, numbers, prev, offset },
    )
}

impl Reader {
    /// Their connection.
    pub(crate) fn codec(&self) -> Codec {
        let mut codec = Codec::new(self.dialect);
        codec.signed_in(&self.device);
        if self.numbers && self.dialect == Dialect::VoicePing {
            // Joining group 18 tells that this client writes numbers.
            codec.decode_client(Bytes::from_static(b"\x94\x00\x0f\x07\x12"), &mut Vec::new()).unwrap();
        }
        codec
    }

    /// The packet at its place in their mailbox.
    pub(crate) fn place(&self, packet: &ServerPacket) -> ServerPacket {
        match packet {
            ServerPacket::Deliver(at) => ServerPacket::Deliver(Row {
                prev: Offset(self.prev),
                offset: Offset(self.offset),
                entry: Arc::clone(&at.entry),
            }),
            other => other.clone(),
        }
    }
}

/// Bytes that begin like a frame, so that the parts behind the beginning are reached.
pub(crate) fn frame_like() -> impl Strategy<Value = Vec<u8>> {
    let slot = prop_oneof![
        3 => value().prop_map(|bytes| bytes.to_vec()),
        1 => vec(any::<u8>(), 1..8),
        1 => Just(vec![0xc0]),
        1 => Just(vec![0xd4, 0, 0]),
    ];
    (0..2_u8, 0..32_u8, vec(slot, 1..5)).prop_map(|(channel, kind, slots)| {
        let elements = 2 + u8::try_from(slots.len()).unwrap();
        let mut bytes = vec![0x90 | elements, channel, kind];
        bytes.extend(slots.concat());
        bytes
    })
}

/// A change to a valid frame.
#[derive(Debug, Clone)]
pub(crate) struct Damage {
    at: prop::sample::Index,
    how: u8,
    byte: u8,
}

pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    (any::<prop::sample::Index>(), 0..4_u8, any::<u8>()).prop_map(|(at, how, byte)| Damage { at, how, byte })
}

impl Damage {
    pub(crate) fn apply(&self, frame: &Bytes) -> Bytes {
        let mut bytes = frame.to_vec();
        if bytes.is_empty() {
            return frame.clone();
        }
        let at = self.at.index(bytes.len());
        match self.how {
            0 => bytes[at] = self.byte,
            1 => bytes.truncate(at),
            2 => bytes.insert(at, self.byte),
            _ => {
                bytes.remove(at);
            }
        }
        bytes.into()
    }
}
