//! The greatest sizes a peer may send, one constant each, with the reason. Units last in the names.

/// Any id but a client reference. The longest seen in the field are device names (Android build fingerprints,
/// under 200 bytes).
pub const ID_BYTES: usize = 256;
/// A client reference. A UUID takes 36; the rest is room for prefixes.
pub const CLIENT_REF_BYTES: usize = 128;
/// Any frame of any dialect. Also the web socket frame limit of the browser clients we serve.
pub const FRAME_BYTES: usize = 512 * 1024;
/// A frame of the msgpack dialect: an image inline, with room; its voice frames are under 1 KiB.
pub const WALKIE_FRAME_BYTES: usize = 256 * 1024;
/// A piece of live audio. 60 ms of Opus are under 400 bytes; what is larger is not live audio, and a flood of
/// it would starve the talks beside it.
pub const AUDIO_BYTES: usize = 4 * 1024;
/// A frame before sign-in: a token and a device name fit with room.
pub const STRANGER_FRAME_BYTES: usize = 4 * 1024;
/// A message body; the rest of a frame is envelope.
pub const BODY_BYTES: usize = FRAME_BYTES - 4 * 1024;
/// Nesting of any structured value in a frame. Real frames nest 2 deep.
pub const DEPTH: usize = 32;
/// Time from the opening of a connection to its sign-in.
pub const SIGN_IN_MS: u64 = 5_000;
/// Bad frames until a connection is closed; one is forgiven each [`STRIKE_FORGIVEN_MS`].
pub const STRIKES: u32 = 20;
/// See [`STRIKES`]: a client with a bad frame a day must not be closed on its twentieth day.
pub const STRIKE_FORGIVEN_MS: u64 = 60_000;
/// Messages in one receipt row: a burst of deliveries becomes a few rows instead of hundreds.
pub const RECEIPT_MESSAGES: usize = 64;
/// Message ids in one `Delivered` of the msgpack dialect; the window bounds how many can be open at all.
pub const DELIVERED_IDS: usize = 256;
/// Rows sent to one device and not yet disposed of.
pub const WINDOW_ROWS: u32 = 256;
/// Bytes of bodies sent to one device and not yet disposed of; one row always fits.
pub const WINDOW_BYTES: u64 = 1024 * 1024;
/// How long a client that commits message by message may leave a full window without its first commit. An app that
/// stores what it gets needs less than a second for each; one that never commits waits so long once a session.
pub const COMMIT_PATIENCE_MS: u64 = 10_000;
/// Drafts and marks of one connection whose commit has not been answered yet; what comes beyond that waits.
pub const COMMITS_PER_CONNECTION: u32 = 1_024;
/// Tickets of one core that storage has not answered yet.
pub const COMMITS_IN_FLIGHT: u32 = 16_384;
/// What the tickets of one connection weigh that storage has not answered yet: sixteen of the largest messages, or
/// thousands of ordinary ones.
pub const COMMIT_BYTES_PER_CONNECTION: u64 = 8 * 1024 * 1024;
/// What the tickets of one core weigh that storage has not answered yet, with what their proofs bring back: a quarter of a
/// second of a disk that writes 256 MiB in one. More would only wait longer.
pub const COMMIT_BYTES_IN_FLIGHT: u64 = 64 * 1024 * 1024;
/// Waiting packets of one connection at which its socket is read no more.
pub const PAUSE_PACKETS: usize = 64;
/// Bytes of waiting packets of one connection at which its socket is read no more: what one read brings.
pub const PAUSE_BYTES: u64 = 64 * 1024;
/// Waiting packets of one connection. What was read before the pause was heard of still comes; beyond this a
/// packet is refused as busy.
pub const HELD_PACKETS: usize = 32_768;
/// Bytes of waiting packets of one connection: the pause, and all that can be on its way from the socket by then
/// ([`INBOX_BYTES`]) twice over. Beyond this a packet is refused as busy.
pub const HELD_BYTES_PER_CONNECTION: u64 = 16 * 1024 * 1024;
/// Bytes of waiting packets of one core; beyond this a packet is refused as busy. From half of it on, whoever has
/// something waiting is read no more: hundreds of connections bring two more reads of 64 KiB each, and none of it is
/// refused. What there is no word to refuse it with may wait up to twice as much; then its connection ends.
pub const HELD_BYTES: u64 = 128 * 1024 * 1024;
/// How long the drafts after one that was refused as busy are refused, too, if that one does not come again: they may have
/// been on their way already, and would be stored before it. Many times what a client is told to wait.
pub const IN_TURN_MS: u64 = 30_000;
/// Bytes that were read from sockets and that the core has not seen yet. Many reads of 16 KiB, and few of the largest
/// frames; when it is full, sockets are read no more.
pub const INBOX_BYTES: u32 = 8 * 1024 * 1024;
/// How long a client reference is remembered at least: as long as the message, and never less than this.
pub const DEDUP_DAYS: u32 = 7;
/// A talk is ended here; the field's clients stop at 60 s of their own accord.
pub const TALK_MS: u64 = 90_000;
/// A talk that was started and never ended is forgotten here, after [`TALK_MS`] and some grace.
pub const TALK_FORGOTTEN_MS: u64 = 95_000;
/// The recording of one talk. 90 s of a piece of 400 bytes every 60 ms are 600 KB; the rest is room for better sound.
pub const SOUND_BYTES: u64 = 2 * 1024 * 1024;
/// All recordings of one core that are not stored yet: about a thousand talks of half a minute in ordinary quality.
pub const SOUNDS_BYTES: u64 = 128 * 1024 * 1024;
/// The talker waits this long for the recording to be stored; then the talk is acknowledged without its sound. The
/// field's clients give up after 10 s.
pub const SOUND_KEEP_MS: u64 = 5_000;
/// Talks running in one core; above it a start is denied as busy.
pub const TALKS: usize = 65_536;
/// Silence after which somebody else may take the floor of a group. The field's clients send a piece every 60 ms.
pub const FLOOR_IDLE_MS: u64 = 3_000;
/// Members of one group.
pub const GROUP_MEMBERS: u32 = 100_000;
/// Members up to which a message to a group is a row in the mailbox of each: so many rows in one commit. A larger group
/// has a feed, from which the mailboxes of those are filled who are here. With more of them connected the members of a group
/// are not told of each other's presence through it: everybody told of everybody is the square of their number.
pub const ROW_MEMBERS: u32 = 256;
/// The title of a group: what fits a line of a list, in any script.
pub const GROUP_TITLE_BYTES: usize = 255;
/// What a group is about: a paragraph. It is part of every change of the group that its members are told.
pub const GROUP_ABOUT_BYTES: usize = 1_000;
/// Users that one command lets into a group: as many as groups of ordinary size have.
pub const GROUP_ADD_USERS: usize = 256;
/// Users who are not let into one group any more. Above it somebody has to be let in again first.
pub const GROUP_BANNED: u32 = 1_024;
/// Groups that one user is in: a session learns all of them when it begins.
pub const GROUPS_PER_USER: usize = 256;
/// Members up to which a group's author gets a receipt of every member. Above that the first of each kind is told,
/// or a message to a thousand would come back as a thousand rows.
pub const RECEIPT_MEMBERS: u32 = 32;
/// Times that a user came into a group and left it again that are remembered, of those with messages in between.
/// What was received in an earlier stay can be marked no more.
pub const STAYS: usize = 8;
/// A push token with the name of its service. The longest in the field, web push subscriptions, are under 1 KiB.
pub const PUSH_TOKEN_BYTES: usize = 4 * 1024;
/// Devices of one user that have a push token.
pub const PUSH_TOKENS: usize = 64;
/// Tokens of one user that are revoked and have not run out yet. Above it a revocation is refused; logging out the
/// account revokes them all with one date.
pub const REVOKED_TOKENS: usize = 256;
/// Devices of one user that are logged out each with its own date. Above it the oldest date becomes the account's,
/// which revokes more and never less.
pub const REVOKED_DEVICES: usize = 256;
/// Users whose presence is told, and who are told, for having a conversation of two with a user. Those of the groups
/// come on top.
pub const CONTACTS: usize = 1_024;
/// Presences in one packet at the beginning of a session, and in one answer about who is here.
pub const AROUND: usize = 64;
/// How long it holds that somebody is online, if it is not said again.
pub const PRESENCE_TTL_S: u32 = 120;
/// How often it is said again that somebody is online: twice in [`PRESENCE_TTL_S`].
pub const PRESENCE_REFRESH_MS: u64 = 60_000;
/// The longest that a presence may be said to hold.
pub const PRESENCE_TTL_MAX_S: u32 = 24 * 60 * 60;
/// Messages or presences in one frame that carries several.
pub const BATCH_PARTS: usize = 256;
/// Rows of one answer about what is stored. Two screens of messages; a client that wants more asks again.
pub const PAGE_ROWS: u32 = 100;
/// Members of a group, present and former, that are looked at for one page of who is in it: a read of some tenths of a
/// millisecond. Where so many in a row have left a page comes back short, and says where to go on.
pub const PAGE_MEMBERSHIPS: usize = 1_024;
/// Bytes of bodies in one answer about what is stored; one row always fits. With the longest names a hundred rows take
/// 300 KiB beside them, so that an answer fits a frame.
pub const PAGE_BYTES: u64 = 200 * 1024;
/// Questions about what is stored of one connection that are not answered yet; one more is refused as busy. Each may be
/// answered by a frame of [`FRAME_BYTES`], so this bounds what waits to be written.
pub const QUERIES_IN_FLIGHT: usize = 8;
/// Unread messages of one conversation that are looked at for deleted ones when they are counted: each costs two reads.
/// Apps say "99+".
pub const UNREAD_MESSAGES: usize = 100;
/// Recipients in one answer about how far a message got. With the longest names and all devices they take 300 KiB.
pub const STATUS_USERS: u32 = 50;
/// Devices of a recipient that such an answer names of those that ever stored something, and once more of those that are
/// connected. Few people have more; an app that takes a new name at every start would have hundreds.
pub const STATUS_DEVICES: usize = 8;
/// Members of a group, present and former, that are looked at for one such answer. Each costs two small reads, so that it
/// takes some milliseconds; of a larger group it says "at least".
pub const STATUS_MEMBERS: usize = 1_024;
/// Rows of mailboxes that are looked at for one such answer: a row is found by halving, but for users of large groups,
/// whose mailboxes are not in the order of the log.
pub const STATUS_ROWS: u32 = 4_096;
/// Devices of which a core remembers when they went. Of more the ones that went last: 2 MiB with names of ordinary length.
pub const DEPARTED_DEVICES: usize = 16_384;
/// How often a core that is not alone with its store asks it about each user who is connected: so long a wake-up that
/// was lost may go unnoticed. A hundred thousand users cost a few thousand small reads a second.
pub const POLL_MS: u64 = 30_000;
/// How far the clocks of cores over one store may be apart: of sessions of one device that began on two of them, one is
/// the newer only if it began so much later. Synchronised clocks are apart by less than a tenth of it.
pub const CLOCK_SKEW_MS: u64 = 1_000;
/// What one wake-up to other cores names: with the longest ids under 200 KiB, far below what message brokers carry.
pub const WAKE_SUBJECTS: usize = 256;
/// A reaction: an emoji of several code points, or a shortcode such as `:party_parrot:`.
pub const EMOJI_BYTES: usize = 64;
/// Emojis with which one user has reacted to one message: more is a game.
pub const REACTIONS_PER_USER: usize = 8;
/// Different emojis beside one message. Above it a new one is refused; those that are there may be used by anybody.
pub const REACTION_KINDS: usize = 32;
/// Users whose names are told for each emoji beside a message: for "ann, bob, carol and 12 others".
pub const REACTION_USERS: usize = 3;
/// Emojis beside all messages of one answer about what is stored; those of one message always fit. Each takes more memory
/// than bytes, and a reader must not be made to give away much for little.
pub const PAGE_REACTIONS: usize = 256;
/// Code points of the text of a message whose kind is said. What is longer is a file.
pub const CONTENT_TEXT_CHARS: usize = 10_000;
/// Attachments of one message: two rows of pictures.
pub const ATTACHMENTS: usize = 16;
/// Where an attachment is fetched. Signed addresses of object stores have under 1 KiB.
pub const ATTACHMENT_URL_BYTES: usize = 2_048;
/// The name of an attached file: what file systems take.
pub const ATTACHMENT_NAME_BYTES: usize = 255;
/// The media type of an attachment: both halves as long as they may be registered.
pub const ATTACHMENT_MIME_BYTES: usize = 127;
/// Users that one message mentions. Whoever means more means everybody.
pub const MENTIONS: usize = 64;
/// A password. More than anybody types, and what a password manager makes.
pub const PASSWORD_BYTES: usize = 1_024;
/// The shortest password of a new account: what NIST's guidelines ask for at least.
pub const PASSWORD_MIN_BYTES: usize = 8;
/// The body of a request with a password: the longest names and two passwords, with their escapes.
pub const ACCOUNT_BODY_BYTES: usize = 4 * 1024;
/// Passwords that are hashed at once: each takes 19 MiB and a processor.
pub const HASHES_AT_ONCE: usize = 4;
/// Passwords that wait to be hashed: with [`HASHES_AT_ONCE`] some seconds of work. One more is refused as busy.
pub const HASHES_WAITING: usize = 64;
/// Tokens that one session showed, to be revoked with it. Refreshed every hour, that is more than half a day; of more, the
/// first and the latest count.
pub const SHOWN_TOKENS: usize = 16;
/// How long drafts that were refused for now wait for the answer to another one before their client connects anew. A server
/// that is well answers within a second, and one that is not gets no herd of clients for a bad half minute.
pub const HELD_BACK_MS: u64 = 30_000;
/// A user's display name, and somebody's own name for another user: what fits a line of a list, in any script.
pub const USER_NAME_BYTES: usize = 255;
/// What a user says about themselves: a paragraph.
pub const USER_ABOUT_BYTES: usize = 1_000;
/// Where a user's picture is. Browsers and proxies take URIs of about this length everywhere.
pub const AVATAR_BYTES: usize = 2_048;
/// Entries of one address book. A telephone keeps a few hundred; a company's directory is not kept here.
pub const SAVED_USERS: u32 = 5_000;
/// Users whom one user has blocked. A session knows all of them, and each change of them reads them.
pub const BLOCKED_USERS: usize = 1_024;
/// Devices of one user that are listed: what one answer holds. Of more, those are listed that were seen last.
pub const LISTED_DEVICES: usize = 100;
/// How long it may take until it is written down when somebody was seen. Who comes and goes shares a commit with others
/// meanwhile; what was not written yet is lost in a crash.
pub const SEEN_MS: u64 = 5_000;
/// Devices that were seen and are written down in one commit.
pub const SEEN_DEVICES: usize = 256;
